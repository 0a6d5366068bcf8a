// What a Disk keeps of a file; guarded by the disk's mutex.
#pragma once

#include <sqlite3.h>

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

namespace onelane::test {

class DiskHandle;

struct DiskFile {
  std::uint32_t number = 0;
  std::vector<std::byte> content;
  std::uint64_t errors = 0;  // failed syncs: each is told once to each who had the file open
  std::uint32_t openers = 0;

  // The locks on the database's file.
  std::uint32_t readers = 0;  // of SHARED and above
  const DiskHandle* reserved = nullptr;
  const DiskHandle* pending = nullptr;  // or exclusive

  // Shared memory, gone with the last who has it mapped.
  struct LogLock {
    std::uint32_t readers = 0;
    const DiskHandle* writer = nullptr;
  };
  std::vector<std::unique_ptr<std::byte[]>> regions;
  std::array<LogLock, SQLITE_SHM_NLOCK> log_locks{};
  std::uint32_t mappers = 0;
};

}  // namespace onelane::test
