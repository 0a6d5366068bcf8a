// A directory of its own for a test, removed with all that is in it.
#pragma once

#include <filesystem>
#include <string>

namespace onelane::test {

class TempDirectory {
 public:
  TempDirectory();
  ~TempDirectory();
  TempDirectory(const TempDirectory&) = delete;
  TempDirectory& operator=(const TempDirectory&) = delete;

  const std::filesystem::path& path() const noexcept { return path_; }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;  // absolute, without links
};

}  // namespace onelane::test
