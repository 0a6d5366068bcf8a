// What this process has locked, and the descriptors that it has locked it by. One for the process;
// any thread.
//
// POSIX locks have one trap: closing any descriptor of a file drops all locks that the process has
// on it, SQLite's included. So a descriptor is closed only when nobody can lose a lock by it, and
// is parked until then.
#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "onelane/status.h"
#include "src/base/process.h"
#include "src/sqlite/connection/descriptor.h"
#include "src/sqlite/connection/file_lock.h"

namespace onelane::inline v0::sqlite {

class LockRegistry {
 public:
  // Never destroyed: a static journal may be closed after it would be.
  static LockRegistry& get() {
    static LockRegistry* const one = make();
    return *one;
  }

  // ok if neither a journal of this process has the file, nor, in a forked child, one of its
  // parent's had it. Errors: already_open, forked.
  Status free(FileId id, const std::string& path);
  // That a journal has it from now on, until remove(). Makes room for its descriptors, so that
  // retire() needs no memory. Errors: as free().
  Status add(FileId id, const std::string& path);
  void remove(FileId id) noexcept;
  // A descriptor of the file that could not be closed yet; else none.
  FileDescriptor parked(FileId id) noexcept;
  // Closes a descriptor, at once or when no lock of this process on these bytes can go with it.
  void retire(FileDescriptor file, FileId id, LockBytes bytes) noexcept;
  // A descriptor that is to be closed in each child that is forked, until forget().
  void keep_from_children(int fd, FileId id);
  void forget(int fd) noexcept;

 private:
  struct Held {
    FileId id;
    base::ForkWitness owner;
  };
  struct Parked {
    FileId id;
    LockBytes bytes;
    FileDescriptor file;
  };

  struct Inheritable {
    int fd;
    FileId id;
  };

  static LockRegistry* make();
  Status free_now(FileId id, const std::string& path) const;
  void close_inherited() noexcept;
  void park(FileDescriptor file, FileId id, LockBytes bytes) noexcept;
  void sweep() noexcept;
  bool close_unused(FileDescriptor& file, LockBytes bytes) noexcept;

  std::mutex mutex_;
  std::vector<Held> held_;
  std::vector<Parked> parked_;
  std::vector<Inheritable> inheritable_;
};

}  // namespace onelane::inline v0::sqlite
