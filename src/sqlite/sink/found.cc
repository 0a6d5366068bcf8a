#include "src/sqlite/sink/found.h"

#include <new>

#include "src/sqlite/connection/own_transaction.h"
#include "src/sqlite/connection/schema.h"
#include "src/sqlite/sink/watermark_table.h"

namespace onelane::inline v0::sqlite {

namespace {

// The answer, or "" if there is none.
std::string answer(Connection& connection, const char* sql) {
  std::string first;
  return connection.run_own(sql, first) == SQLITE_OK ? first : std::string();
}

// In the open transaction.
Status try_all(Connection& writer, const JournalOptions& options) {
  Status status = try_schema(writer, options.schema);
  if (!status.ok() || options.watermark_table.empty()) return status;
  return WatermarkTable::rehearse(writer, options.watermark_table);
}

// With its journal in memory, as its pages are: no file is made for it.
Status rehearse(Connection& writer, const JournalOptions& options) {
  Status status = writer.set_journal_mode("memory");
  if (status.ok()) {
    status = own_transaction(writer, [&] { return try_all(writer, options); });
  }
  const Status back = writer.set_journal_mode("delete");  // the switch needs one that can be synced
  return status.ok() ? back : status;
}

// Whether nothing was committed to it but the switch to WAL, which makes the first page.
bool is_bare(Connection& connection) {
  const std::string pages = answer(connection, "PRAGMA page_count");
  return (pages == "0" || pages == "1") &&
         answer(connection, "SELECT count(*) FROM sqlite_schema") == "0";
}

}  // namespace

Result<Found> Found::look(Connection& writer, const Files& files, const JournalOptions& options) {
  const Result<std::string> mode = writer.journal_mode();
  if (!mode) return mode.status();
  const Found found(*mode == "wal", !files.log_is_empty());
  const Status status = found.in_wal_mode_ ? Status() : rehearse(writer, options);
  return status.ok() ? Result<Found>(found) : status;
}

void Found::note_content(Connection& writer) {
  if (is_bare(writer)) version_ = answer(writer, "PRAGMA data_version");
}

// For a file that this opening has made: whether nobody else has committed to it.
bool Found::has_only_ours(Connection& writer) const {
  if (is_bare(writer)) return true;
  return !version_.empty() && version_ == answer(writer, "PRAGMA data_version");
}

void Found::put_back(Connection& writer, Files& files) const noexcept {
  try {
    put_mode_back(writer, files);
  } catch (const std::bad_alloc&) {  // then it stays
  }
  writer.close_as_is();
}

void Found::put_mode_back(Connection& writer, Files& files) const {
  std::string ignored;
  if (writer.in_transaction()) (void)writer.run_own("ROLLBACK", ignored);
  files.let_go();
  if (in_wal_mode_) {
    // SQLite checkpoints the WAL and removes it when it closes the last connection. A WAL that was
    // found stays as it was.
    if (!has_log_) (void)writer.close_healthy();
    return;
  }
  if (!files.lock_again()) return;  // another journal has come
  const bool ours = files.made() && has_only_ours(writer);
  if (!writer.leave_wal().ok() || !ours) return;
  writer.close_as_is();
  files.remove_made();
}

}  // namespace onelane::inline v0::sqlite
