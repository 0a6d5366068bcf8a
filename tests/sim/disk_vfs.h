// Puts a Disk where SQLite looks for files: a VFS, by default the one that onelane and everybody
// else in the program opens databases with, and the C library's fsync of directories.
#pragma once

#include <memory>
#include <string>

#include "tests/sim/disk.h"

namespace onelane::test {

class DiskVfs {
 public:
  enum class Use : std::uint8_t { by_default, by_name };

  explicit DiskVfs(const std::string& name, Use use);
  ~DiskVfs();
  DiskVfs(const DiskVfs&) = delete;
  DiskVfs& operator=(const DiskVfs&) = delete;

  // Where files are opened from now on; those that are open stay where they are.
  void mount(std::shared_ptr<Disk> disk);
  std::shared_ptr<Disk> mounted() const;
  const char* name() const noexcept;
  // Whose handles those are that it opens.
  Process process() const noexcept;
  // Whether this thread is in a call that is the disk's, for those who fail allocations: the disk's
  // own must not fail.
  static bool inside() noexcept;

  class Core;  // what the callbacks see

 private:
  std::unique_ptr<Core> core_;
};

}  // namespace onelane::test
