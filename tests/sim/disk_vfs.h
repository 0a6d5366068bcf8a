// Makes SQLite use a Disk, by a VFS and by replacing the C library's fsync of directories. By
// default it is the VFS with which onelane and all others in the program open databases.
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

  // The disk on which files are opened from now on. Open files stay on theirs.
  void mount(std::shared_ptr<Disk> disk);
  std::shared_ptr<Disk> mounted() const;
  const char* name() const noexcept;
  // The process that the handles opened here belong to.
  Process process() const noexcept;
  // Whether this thread is in a call of the disk's. Tests that fail allocations ask, since those of
  // the disk must not fail.
  static bool inside() noexcept;

  class Core;  // what the callbacks see

 private:
  std::unique_ptr<Core> core_;
};

}  // namespace onelane::test
