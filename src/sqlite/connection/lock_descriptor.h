// A descriptor that has locks: it knows whose it is, and when it may be closed.
#pragma once

#include <unistd.h>

#include <string>
#include <utility>

#include "onelane/status.h"
#include "src/sqlite/connection/descriptor.h"
#include "src/sqlite/connection/file_lock.h"

namespace onelane::inline v0::sqlite {

// That the file at this path could not be locked, with the reason in words: Errc::storage.
Status cannot_lock(const std::string& path, int error);

// A descriptor by which a file is locked. It is closed when no lock of this process can go with it,
// and at once in a forked child, which would share what belongs to the descriptor.
class LockDescriptor {
 public:
  // `locked` are the bytes of the file that SQLite or a journal locks.
  LockDescriptor(FileDescriptor file, FileId id, LockBytes locked) noexcept
      : file_(std::move(file)), id_(id), locked_(locked), process_(::getpid()) {}
  LockDescriptor(LockDescriptor&&) noexcept = default;
  LockDescriptor& operator=(LockDescriptor&&) = delete;
  ~LockDescriptor();

  // From here on a child that is forked has no part in it.
  void keep_from_children() const;
  // F_RDLCK, F_WRLCK or F_UNLCK by F_OFD_SETLK or F_SETLK. False, and errno, if not.
  bool lock(int command, int type, LockBytes bytes) const noexcept;
  // Whether it still leads to the file: if the program has closed it, its number may be another's.
  bool leads_there() const noexcept { return id_of(file_.get()) == id_; }
  // Whether it is open, and this process's: what a parent has locked is not its child's to unlock.
  bool ours() const noexcept { return file_.open() && process_ == ::getpid(); }
  int get() const noexcept { return file_.get(); }
  FileId id() const noexcept { return id_; }
  pid_t process() const noexcept { return process_; }

 private:
  FileDescriptor file_;
  FileId id_;
  LockBytes locked_;
  pid_t process_;
};

}  // namespace onelane::inline v0::sqlite
