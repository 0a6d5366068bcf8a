// The locks that a connection takes in the log's index ("-shm"), as locks of a descriptor of our
// own. SQLite's belong to the process, and all of them are dropped when the program closes any
// descriptor of that file. Another process can then write to the same place of the WAL in the midst
// of a transaction, and one of the two commits is lost. It can also take the index for unused and
// truncate it, under the memory that is mapped here. Both kinds keep each other out, other
// connections of this process included.
//
// What they mean: https://sqlite.org/walformat.html#locks. Where the connection's VFS is not
// SQLite's own, they are left to it.
//
// A file's methods can be replaced once, so this class also gives the database's failed syncs their
// code (sync_name.h), and tells of each write to its file.
#pragma once

#include <sqlite3.h>

#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "src/sqlite/connection/connection.h"
#include "src/sqlite/connection/files.h"

namespace onelane::inline v0::sqlite {

class IndexLocks {
 public:
  // For a connection that has the log open, outside a transaction; it must outlive this. Errors:
  // storage.
  static Result<std::unique_ptr<IndexLocks>> install(Connection& connection, const Files& files);
  // Outside a transaction. From here on the locks are SQLite's again.
  ~IndexLocks();
  IndexLocks(const IndexLocks&) = delete;
  IndexLocks& operator=(const IndexLocks&) = delete;

  // Called whenever the write lock is about to be given up; null: nobody is told. Must not throw.
  void before_unlock(std::function<void()> tell) noexcept { tell_ = std::move(tell); }
  // Called after each write of so many bytes to the database's file that succeeded; its code is the
  // write's. Must not throw.
  void after_write(std::function<int(int)> tell) noexcept { tell_written_ = std::move(tell); }

 private:
  explicit IndexLocks(sqlite3_file* database) noexcept;
  static const IndexLocks& of(sqlite3_file* file) noexcept;
  static int lock(sqlite3_file* file, int first, int count, int flags);
  static int write(sqlite3_file* file, const void* data, int bytes, sqlite3_int64 at);
  static int sync(sqlite3_file* file, int flags);
  int lock_byte(int first, int count, int flags) const noexcept;

  struct Methods {
    sqlite3_io_methods methods;  // first: the file leads here
    const IndexLocks* locks;
  };

  Methods methods_;
  const sqlite3_io_methods* const real_;
  sqlite3_file* const file_;
  std::optional<IndexDescriptor> index_;  // none: they are the VFS's
  std::function<void()> tell_;
  std::function<int(int)> tell_written_;
};

}  // namespace onelane::inline v0::sqlite
