#include "src/sqlite/log_sync.h"

#include <string>
#include <utility>

namespace onelane::sqlite {

Result<std::unique_ptr<LogSync>> LogSync::open(std::unique_ptr<Connection> connection, Fuse& fuse) {
  std::unique_ptr<LogSync> log(new LogSync(std::move(connection), fuse));
  if (Status status = log->open_log(); !status.ok()) return status;
  return log;
}

// A query opens the log; before that the pointer leads to the rollback journal.
Status LogSync::open_log() {
  std::string ignored;
  int code = connection_->run_own("SELECT count(*) FROM sqlite_schema", ignored);
  if (code == SQLITE_OK) {
    code = sqlite3_file_control(connection_->handle(), "main", SQLITE_FCNTL_JOURNAL_POINTER, &log_);
  }
  if (code != SQLITE_OK) return connection_->failure(code, Place::control, "opening the log").cause;
  if (log_ != nullptr && log_->pMethods != nullptr) return {};
  return {Errc::storage, "SQLite does not give its log's file, so commits cannot be made durable"};
}

// The fuse is asked again afterwards: somebody else's sync may have failed meanwhile, and may have
// been the one that was told.
Reply LogSync::sync() {
  if (fuse_.blown()) return fuse_.why();
  const int code = log_->pMethods->xSync(log_, SQLITE_SYNC_NORMAL);
  if (code != SQLITE_OK) fuse_.blow(sync_failure(code, "the log's sync"));
  return fuse_.blown() ? fuse_.why() : Reply();
}

}  // namespace onelane::sqlite
