// The lock that makes a journal its database's only one: a POSIX lock (fcntl) of a byte of the
// database file itself, just behind those that SQLite locks.
//
// It belongs to the file, so no other name, hard link or bind mount leads around it; and to the
// process, so it ends with it, and no forked child inherits it. A second journal of this process,
// which such a lock would let in, is refused by a registry.
//
// POSIX locks have one trap: closing any descriptor of a file drops all locks that the process has
// on it, SQLite's included. So
//   - our descriptor is closed only when nobody can lose a lock by it (Registry::retire);
//   - if the program opens and closes the database's file besides SQLite, our lock goes with
//     SQLite's, and its absence tells (held). SQLite would go on as if it had them: another process
//     that closes the database then takes itself for the last, and deletes the log under us.
#pragma once

#include <string>

#include "onelane/status.h"
#include "src/base/process.h"
#include "src/sqlite/descriptor.h"

namespace onelane::sqlite {

class DatabaseLock {
 public:
  // Of a file that was opened for writing as `path`. Errors: already_open, forked, storage.
  static Result<DatabaseLock> take(FileDescriptor file, FileId id, std::string path);
  DatabaseLock(DatabaseLock&& other) noexcept;
  DatabaseLock& operator=(DatabaseLock&&) = delete;
  ~DatabaseLock();

  // Whether a journal of this process has the file, or, where this is a forked child, one of its
  // parent's had it: asked before the file is opened, which could not be undone without a close.
  static Status free(FileId id, const std::string& path);
  // A descriptor of the file that an earlier lock left; else none.
  static FileDescriptor left_by_earlier(FileId id) noexcept;
  // Closes a descriptor of a database's file, at once or when nobody can lose a lock by it.
  static void retire(FileDescriptor file, FileId id) noexcept;

  // Takes the lock anew. SQLite's unlock is of the whole file when it gives up its last lock, as it
  // does between transactions of a database that is not in WAL mode yet.
  Status retake() const;
  // Whether no descriptor but the lock's leads to the file now, this process's others included;
  // also false where the file system cannot tell.
  bool open_nowhere_else() const noexcept;
  // ok, or how it was lost. Any thread.
  Status held() const;
  FileId id() const noexcept { return id_; }

 private:
  DatabaseLock(FileDescriptor file, FileId id, std::string path) noexcept;

  FileDescriptor file_;
  FileId id_;
  pid_t process_;
  std::string path_;
};

}  // namespace onelane::sqlite
