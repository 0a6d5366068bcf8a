#include "src/sqlite/opening.h"

#include <string>

namespace onelane::sqlite {

Status rewrite_log(Connection& writer, LogSync& log) {
  std::string ignored;
  int code = writer.run_own("BEGIN IMMEDIATE", ignored);
  if (code != SQLITE_OK) return writer.failure(code, Place::control, "BEGIN").cause;
  Status status = log.rewrite();
  code = writer.run_own("ROLLBACK", ignored);
  if (status.ok() && code != SQLITE_OK) {
    status = writer.failure(code, Place::control, "ROLLBACK").cause;
  }
  return status;
}

Status sync_all(Connection& writer, LogSync& log, const Files& files) {
  const int code = writer.sync_file(SQLITE_FCNTL_FILE_POINTER);
  if (code != SQLITE_OK) return sync_failure(code, "the database's sync").cause;
  const Reply synced = log.sync();
  return synced.ok() ? files.sync_directory() : synced.cause;
}

}  // namespace onelane::sqlite
