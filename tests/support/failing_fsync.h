// Counts and fails fsync() on directories, for the whole test program: its own fsync takes the
// place of the C library's. SQLite syncs files by fdatasync or through its VFS (see faulty_vfs.h).
#pragma once

#include <cstdint>

namespace onelane::test {

// While it lives, an fsync of a directory returns -1 with errno EIO.
class FailingDirectorySync {
 public:
  FailingDirectorySync();
  ~FailingDirectorySync();
  FailingDirectorySync(const FailingDirectorySync&) = delete;
  FailingDirectorySync& operator=(const FailingDirectorySync&) = delete;
};

// Of the whole program, failed ones included.
std::uint64_t directory_syncs() noexcept;

}  // namespace onelane::test
