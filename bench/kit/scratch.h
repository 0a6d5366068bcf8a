// A private directory for a run's databases, removed with all in it when the run is over.
#pragma once

#include <filesystem>

namespace onelane::bench {

class Scratch {
 public:
  // Below `parent`; if that is empty, below TMPDIR, or /tmp. Throws RunError.
  explicit Scratch(const std::filesystem::path& parent = {});
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch();

  const std::filesystem::path& path() const noexcept { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace onelane::bench
