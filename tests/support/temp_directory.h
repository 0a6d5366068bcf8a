// A directory of its own for a test, removed with all that is in it.
#pragma once

#include <filesystem>
#include <string>

namespace onelane::test {

class TempDirectory {
 public:
  // `in_memory`: where syncs cost nothing, if the system has such a place.
  enum class Where { on_disk, in_memory };

  explicit TempDirectory(Where where = Where::on_disk);
  ~TempDirectory();
  TempDirectory(const TempDirectory&) = delete;
  TempDirectory& operator=(const TempDirectory&) = delete;

  const std::filesystem::path& path() const noexcept { return path_; }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;  // absolute, without links
};

}  // namespace onelane::test
