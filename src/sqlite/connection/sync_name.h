// Gives failed syncs a code of their own. SQLite passes on a VFS's code from COMMIT and from a
// checkpoint, where it could be any call's. The unix VFS has a code for failed syncs alone, but
// another may report a full disk or some I/O error; and it may do so once only.
//
// A SyncName stands in for a file's methods: whatever its xSync fails with is SQLITE_IOERR_FSYNC.
#pragma once

#include <sqlite3.h>

namespace onelane::inline v0::sqlite {

// The methods that the file's VFS has; the rest is null.
sqlite3_io_methods methods_of(const sqlite3_file& file) noexcept;

class SyncName {
 public:
  // The file must stay open until this has ended, and is then as it was.
  explicit SyncName(sqlite3_file* file) noexcept;
  ~SyncName();
  SyncName(const SyncName&) = delete;
  SyncName& operator=(const SyncName&) = delete;

  // The code for an xSync that answered this one.
  static int of(int code) noexcept;

 private:
  static int sync(sqlite3_file* file, int flags);

  sqlite3_io_methods methods_;  // first: the file leads here
  const sqlite3_io_methods* const real_;
  sqlite3_file* const file_;
};

}  // namespace onelane::inline v0::sqlite
