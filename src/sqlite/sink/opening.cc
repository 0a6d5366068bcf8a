#include "src/sqlite/sink/opening.h"

#include <string>

#include "src/sqlite/connection/own_transaction.h"
#include "src/sqlite/log/readers.h"

namespace onelane::inline v0::sqlite {

namespace {

// How long the opening waits for a reader of the WAL, and how often it looks.
constexpr int kReaderWaitMs = 5'000;
constexpr int kReaderPauseMs = 20;

Status commit_touch(Connection& writer) {
  int code = writer.touch();
  if (code == SQLITE_OK) code = commit_own_transaction(writer);
  return code == SQLITE_OK ? Status() : writer.failure(code, Place::commit, "COMMIT").cause;
}

Status read_by_others(const WalLog& log) {
  return {
      Errc::locked,
      "an earlier process left a log, which paranoid has to begin anew, and a reader keeps it: " +
          in_words(log.readers()),
      SQLITE_BUSY};
}

Status rewrite_log(Connection& writer, LogSync& log) {
  return own_transaction(writer, [&log] { return log.rewrite(); });
}

// In two transactions, since one that began before the checkpoint reads the WAL itself. What others
// commit between the two the next round checkpoints.
Status checkpoint_and_restart(Connection& writer, WalLog& log) {
  for (int waited_ms = 0; waited_ms <= kReaderWaitMs; waited_ms += kReaderPauseMs) {
    if (waited_ms > 0) sqlite3_sleep(kReaderPauseMs);
    bool copied = false;
    bool begun = false;
    Status status = own_transaction(writer, [&] {
      const LogPass pass = log.close_in();
      copied = pass.ok() && pass.copied == pass.bytes;
      return pass.fault == Fault::busy ? Status() : pass.cause;  // somebody else's pass
    });
    if (status.ok() && copied) {
      status = own_transaction(writer, [&] {
        begun = log.unread();
        return begun ? commit_touch(writer) : Status();
      });
    }
    if (!status.ok() || begun) return status;
  }
  return read_by_others(log);
}

}  // namespace

Status secure_found_log(Connection& writer, LogSync& sync, WalLog& log, Padding padding) {
  const Result<bool> found = sync.has_bytes();
  if (!found || !*found) return found.status();
  return padding == Padding::none ? rewrite_log(writer, sync) : checkpoint_and_restart(writer, log);
}

Reply sync_all(Connection& writer, LogSync& log, const Files& files) {
  const int code = writer.sync_file(SQLITE_FCNTL_FILE_POINTER);
  if (code != SQLITE_OK) return sync_failure(code, "the database's sync");
  Reply reply = log.sync();
  if (!reply.ok()) return reply;
  reply.cause = files.sync_directory();
  if (!reply.cause.ok()) reply.fault = Fault::environment;
  return reply;
}

Status write_once(Connection& writer, WalLog& log) {
  if (log.state().commits != 0) return {};
  Status status = own_transaction(writer, [&writer] { return commit_touch(writer); });
  if (!writer.no_room(status.sqlite_code())) return status;
  log.note_full();
  return {};
}

Result<bool> check_format(Connection& writer, const WalIndex& index) {
  const Result<sqlite3_file*> log = writer.log_file();
  if (!log) return log.status();
  const Result<std::size_t> page_bytes = writer.page_bytes();
  if (!page_bytes) return page_bytes.status();
  Result<bool> known = false;
  const Status status = own_transaction(writer, [&] {
    known = index.describes(*log, *page_bytes);
    return known.status();
  });
  return status.ok() ? known : Result<bool>(status);
}

}  // namespace onelane::inline v0::sqlite
