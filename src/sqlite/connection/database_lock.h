// The lock that makes a journal its database's only one: a POSIX lock (fcntl) of a byte of the
// database file itself, just behind those that SQLite locks.
//
// It belongs to the file, so no other name, hard link or bind mount leads around it; and to the
// process, so it ends with it, and no forked child inherits it. A second journal of this process,
// which such a lock would let in, is refused by a registry.
//
// If the program opens and closes the database's file besides SQLite, our lock goes with SQLite's
// (lock_registry.h says why), which goes on as if it had them. Another process that closes the
// database would take itself for the last, and delete the log under us. So nobody can have the file
// for itself (bar_exclusive), by a lock that belongs to our descriptor; and what was lost is taken
// again (keep).
#pragma once

#include <string>
#include <utility>

#include "onelane/status.h"
#include "src/sqlite/connection/descriptor.h"
#include "src/sqlite/connection/lock_descriptor.h"

namespace onelane::inline v0::sqlite {

class DatabaseLock {
 public:
  // Locks a file that was opened for writing as `path`. Errors: already_open, forked, storage.
  static Result<DatabaseLock> take(FileDescriptor file, FileId id, std::string path);
  DatabaseLock(DatabaseLock&&) noexcept = default;
  DatabaseLock& operator=(DatabaseLock&&) = delete;
  ~DatabaseLock();

  // Whether neither a journal of this process has the file, nor, in a forked child, one of its
  // parent's had it. Asked before the file is opened, since a close could drop locks.
  static Status free(FileId id, const std::string& path);
  // A descriptor of the file that an earlier lock left; else none.
  static FileDescriptor left_by_earlier(FileId id) noexcept;
  // Closes a descriptor of a database's file, at once or when nobody can lose a lock by it.
  static void retire(FileDescriptor file, FileId id) noexcept;

  // Takes the lock again. SQLite's unlock is of the whole file when it gives up its last lock, as
  // it does between transactions of a database that is not in WAL mode yet.
  Status retake() const;
  // From here on no connection, neither of this process nor of another, gets SQLite's EXCLUSIVE
  // lock of the database file, without which SQLite neither deletes nor truncates a WAL file, nor
  // leaves WAL mode. To be called while SQLite has the database open in WAL mode.
  Status bar_exclusive() const;
  void allow_exclusive() const noexcept;
  // ok, once the process has all its locks again, SQLite's shared one included; else what became of
  // them. After bar_exclusive(), while SQLite has the database open. Any thread.
  Status keep() const;
  // Whether no descriptor but the lock's leads to the file now, this process's others included;
  // also false where the file system cannot tell.
  bool open_nowhere_else() const noexcept;
  FileId id() const noexcept { return file_.id(); }

 private:
  DatabaseLock(LockDescriptor file, std::string path) noexcept
      : file_(std::move(file)), path_(std::move(path)) {}

  LockDescriptor file_;
  std::string path_;
};

}  // namespace onelane::inline v0::sqlite
