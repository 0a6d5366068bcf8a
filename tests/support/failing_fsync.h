// Counts and replaces fsync() on directories, for the whole test program: its own fsync takes the
// place of the C library's. SQLite syncs files by fdatasync or through its VFS (see faulty_vfs.h).
#pragma once

#include <cstdint>
#include <functional>

namespace onelane::test {

// While it lives, an fsync of a directory does this instead, which gives 0 or an errno. One at a
// time; it is called from any thread.
class InsteadOfDirectorySync {
 public:
  explicit InsteadOfDirectorySync(std::function<int()> deed);
  ~InsteadOfDirectorySync();
  InsteadOfDirectorySync(const InsteadOfDirectorySync&) = delete;
  InsteadOfDirectorySync& operator=(const InsteadOfDirectorySync&) = delete;

 private:
  const std::function<int()> deed_;
};

// While it lives, an fsync of a directory returns -1 with errno EIO.
class FailingDirectorySync : InsteadOfDirectorySync {
 public:
  FailingDirectorySync();
};

// Of the whole program, failed ones included.
std::uint64_t directory_syncs() noexcept;

}  // namespace onelane::test
