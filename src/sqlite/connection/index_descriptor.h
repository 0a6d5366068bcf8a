// The locks in the log's index ("-shm"), by a descriptor of our own. What is locked when is in
// log/index_locks.h.
#pragma once

#include <string>
#include <utility>

#include "onelane/status.h"
#include "src/sqlite/connection/descriptor.h"
#include "src/sqlite/connection/lock_descriptor.h"

namespace onelane::inline v0::sqlite {

// A descriptor of the log's index ("-shm"), whose locks are those of nobody else: neither the
// process's, nor a forked child's. As long as it lives, the index is in use.
class IndexDescriptor {
 public:
  // Of the file that SQLite has open; the path is for messages. Errors: storage.
  static Result<IndexDescriptor> take(FileDescriptor file, const std::string& path);
  IndexDescriptor(IndexDescriptor&&) noexcept = default;
  IndexDescriptor& operator=(IndexDescriptor&&) = delete;
  ~IndexDescriptor();

  // Of SQLite's locks there, by number: F_RDLCK, F_WRLCK or F_UNLCK. False, and errno, if not.
  bool lock(int type, int first, int count) const noexcept;

 private:
  explicit IndexDescriptor(LockDescriptor file) noexcept : file_(std::move(file)) {}

  LockDescriptor file_;
};

}  // namespace onelane::inline v0::sqlite
