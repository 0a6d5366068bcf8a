// One opening of a file on a Disk, as SQLite's VFS wants it: reading and writing, the locks of the
// rollback journal, and the shared memory and lock table of the log. Each opener stands for a
// process of its own. One thread at a time, beside other handles of the same file.
#pragma once

#include <sqlite3.h>

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "tests/sim/disk.h"

namespace onelane::test {

class DiskHandle {
 public:
  // The file is made if there is none.
  DiskHandle(std::shared_ptr<Disk> disk, const std::string& name, VfsFile kind);
  ~DiskHandle();
  DiskHandle(const DiskHandle&) = delete;
  DiskHandle& operator=(const DiskHandle&) = delete;

  Disk& disk() const noexcept { return *disk_; }
  VfsFile kind() const noexcept { return kind_; }

  int read(std::span<std::byte> to, std::uint64_t at);
  // Whether there is room on the disk for the file to reach so far.
  bool fits(std::uint64_t end) const;
  void write(std::span<const std::byte> bytes, std::uint64_t at);
  void truncate(std::uint64_t size);
  std::uint64_t size() const;
  int sync();
  int failed_sync(int code);

  int lock(int level);
  void unlock(int level);
  bool reserved() const;

  volatile void* shared(std::size_t region, std::size_t size, bool extend);
  int shm_lock(unsigned mask, int flags);
  void shm_unmap();

  bool powersafe = true;  // what SQLite is told, whatever the disk does: so does the unix VFS

 private:
  bool lies() const;
  void append_sync(Deed deed, std::size_t covered);

  const std::shared_ptr<Disk> disk_;
  std::shared_ptr<DiskFile> file_;
  const VfsFile kind_;
  bool made_ = false;
  std::uint32_t opener_ = 0;  // of this file, from 0
  int level_ = SQLITE_LOCK_NONE;
  std::uint64_t errors_seen_ = 0;
  bool directory_synced_ = false;
  bool mapped_ = false;
  unsigned shared_locks_ = 0;
  unsigned exclusive_locks_ = 0;
};

}  // namespace onelane::test
