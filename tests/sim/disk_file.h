// What a Disk keeps of a file; guarded by the disk's mutex.
#pragma once

#include <sqlite3.h>

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

namespace onelane::test {

class DiskHandle;

// A log's index, and the locks beside it.
struct SharedMemory {
  struct Lock {
    std::uint32_t readers = 0;
    const DiskHandle* writer = nullptr;
  };
  std::vector<std::unique_ptr<std::byte[]>> regions;
  std::array<Lock, SQLITE_SHM_NLOCK> locks{};
};

struct DiskFile {
  std::uint32_t number = 0;
  std::vector<std::byte> content;
  std::uint64_t errors = 0;  // failed syncs: each is reported once to each handle open then
  std::uint32_t openers = 0;
  std::vector<DiskHandle*> handles;  // that are open; each knows its lock

  // The content of the file "-shm". Once that file is unlinked, the next user gets a new one. Freed
  // with the last handle that has it mapped.
  std::weak_ptr<SharedMemory> shared;
};

}  // namespace onelane::test
