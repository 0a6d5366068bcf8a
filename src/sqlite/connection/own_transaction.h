// A transaction of our own, beside those that the sink runs units in.
#pragma once

#include <string>
#include <utility>

#include "onelane/status.h"
#include "src/sqlite/connection/connection.h"

namespace onelane::inline v0::sqlite {

// Runs `work` in a transaction that has the write lock, and rolls back what it did not commit.
// Gives the status of the work, or else why the transaction could not begin or end.
template <class Work>
Status own_transaction(Connection& connection, const Work& work) {
  std::string ignored;
  int code = connection.run_own("BEGIN IMMEDIATE", ignored);
  if (code != SQLITE_OK) return connection.failure(code, Place::control, "BEGIN").cause;
  Status status = work();
  code = connection.in_transaction() ? connection.run_own("ROLLBACK", ignored) : SQLITE_OK;
  if (status.ok() && code != SQLITE_OK) {
    status = connection.failure(code, Place::control, "ROLLBACK").cause;
  }
  return status;
}

// Commits it, last in `work`. The code is SQLite's.
inline int commit_own_transaction(Connection& connection) {
  Prepared commit;
  const int code = connection.prepare_own("COMMIT", Keep::briefly, commit);
  return code == SQLITE_OK ? connection.commit_own(commit.get()) : code;
}

}  // namespace onelane::inline v0::sqlite
