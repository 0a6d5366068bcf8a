// One opening of a file on a Disk, as SQLite's VFS wants it: reading and writing, the locks of the
// rollback journal, and the shared memory and lock table of the log. Each belongs to a process,
// which matters where POSIX takes a process's locks away (Disk::drop_locks) and where a process
// goes on with shared memory that was unlinked. One thread at a time, beside other handles of the
// same file.
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

struct SharedMemory;

class DiskHandle {
 public:
  // The file is made if there is none.
  DiskHandle(std::shared_ptr<Disk> disk, const std::string& name, VfsFile kind,
             Process process = nullptr);
  ~DiskHandle();
  DiskHandle(const DiskHandle&) = delete;
  DiskHandle& operator=(const DiskHandle&) = delete;

  Disk& disk() const noexcept { return *disk_; }
  VfsFile kind() const noexcept { return kind_; }

  int read(std::span<std::byte> to, std::uint64_t at);
  // SQLITE_OK if there is room on the disk for the file to reach this far.
  int make_room(std::uint64_t end);
  // Of the last write that found no room; 0: none, or SQLite's code says it.
  int last_errno() const noexcept { return last_errno_; }
  void write(std::span<const std::byte> bytes, std::uint64_t at);
  void truncate(std::uint64_t size);
  std::uint64_t size() const;
  // Whether its name leads to another file by now, or to none.
  bool moved() const;
  int sync();
  int failed_sync(int code);

  int lock(int level);
  void unlock(int level);
  bool reserved() const;

  volatile void* shared(std::size_t region, std::size_t size, bool extend);
  int shm_lock(unsigned mask, int flags);
  // With `unlinks` the last of its process to unmap it takes its name away.
  void shm_unmap(bool unlinks);

  bool powersafe = true;  // what SQLite is told, whatever the disk does: so does the unix VFS

 private:
  bool lies() const;
  void append_sync(Deed deed, std::size_t covered);
  bool others_hold(int level, bool regained = false) const;
  bool others_share() const;
  void map_shared();

  friend class Disk;

  const std::shared_ptr<Disk> disk_;
  const std::string name_;
  std::shared_ptr<DiskFile> file_;
  const VfsFile kind_;
  const Process process_;
  bool made_ = false;
  std::uint32_t opener_ = 0;  // of this file, from 0
  int level_ = SQLITE_LOCK_NONE;
  bool lock_lost_ = false;  // what its process takes for its lock is none for other processes
  std::uint64_t errors_seen_ = 0;
  int last_errno_ = 0;
  bool directory_synced_ = false;
  std::shared_ptr<SharedMemory> shared_;
  unsigned shared_locks_ = 0;
  unsigned exclusive_locks_ = 0;
};

}  // namespace onelane::test
