// A connection, the write connection above all: how it is opened and set, how SQL is prepared and
// stepped on it, and how an answer of SQLite becomes a Reply. Not thread-safe; calls may come from
// different threads, one after another.
#pragma once

#include <sqlite3.h>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "onelane/options.h"
#include "onelane/sink.h"
#include "src/sqlite/connection/fault.h"
#include "src/sqlite/connection/guard.h"

namespace onelane::inline v0::sqlite {

struct FinalizeStatement {
  void operator()(sqlite3_stmt* statement) const noexcept { sqlite3_finalize(statement); }
};
using Prepared = std::unique_ptr<sqlite3_stmt, FinalizeStatement>;

// For a statement that is kept, or prepared for one use.
enum class Keep : unsigned { briefly = 0, long_time = SQLITE_PREPARE_PERSISTENT };

class Connection {
 public:
  // Opens an existing file by its absolute path, sets and reads back all settings but those of
  // enter_wal(). Waits a while for others' locks, until wait_no_more().
  static Result<std::unique_ptr<Connection>> open(const std::string& path,
                                                  const JournalOptions& options);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // The journal mode in SQLite's lower case: as the database has it, or to be had from now on.
  Result<std::string> journal_mode();
  Status set_journal_mode(const std::string& mode) { return set("journal_mode", mode, mode); }
  // WAL mode, and what of the settings goes with it.
  Status enter_wal(const JournalOptions& options);
  // Fails at once if anybody else has the database open in it.
  Status leave_wal();

  sqlite3* handle() const noexcept { return db_; }
  bool in_transaction() const noexcept { return sqlite3_get_autocommit(db_) == 0; }
  // From here on a lock that somebody else holds is reported at once: the committer waits by
  // itself.
  void wait_no_more() noexcept { sqlite3_busy_timeout(db_, 0); }

  // SQL that is not ours, under the guard. prepare_next takes one statement off the front, and
  // leaves null where only blanks and comments are left; prepare wants one statement in all. What
  // fails on the schema as the connection remembers it is tried once more on the one that is.
  Reply prepare_next(std::string_view& sql, Keep keep, Prepared& statement);
  Reply prepare(std::string_view sql, Keep keep, Prepared& statement);

  // SQL of our own, with the guard lifted; a commit is armed. The codes are SQLite's, SQLITE_OK at
  // the end of the statement.
  int prepare_own(std::string_view sql, Keep keep, Prepared& statement);
  int step_own(sqlite3_stmt* statement);
  int commit_own(sqlite3_stmt* commit);
  int run_own(std::string_view sql, std::string& first_column);
  // Looks whether somebody else has changed the schema, and reads it anew if so.
  void read_schema_anew();
  // Whether a failure to prepare can come of the schema as the connection remembers it.
  static bool may_be_stale(int code) noexcept {
    return (code & 0xff) == SQLITE_ERROR || code == SQLITE_SCHEMA;
  }
  // Writes a page without changing a value, in the transaction that is open.
  int touch();

  // Of all statements: one that is being stepped, or null; and each as if not stepped.
  sqlite3_stmt* busy_statement() const noexcept;
  void reset_all() noexcept;

  // Syncs the file that SQLITE_FCNTL_FILE_POINTER or _JOURNAL_POINTER leads to on this connection;
  // the latter is the log once a query has opened it.
  int sync_file(int which);
  sqlite3_file* database_file() const noexcept;
  // The log's, which stays open as long as the connection does.
  Result<sqlite3_file*> log_file();
  Result<std::size_t> page_bytes();

  // What a code that SQLite has just returned means, with its message; effect is undone or ended,
  // as the connection says.
  Reply failure(int code, Place place, std::string_view what = {}) noexcept;
  // For a failure that nobody is told of.
  void forget_refusal() noexcept { guard_.forget_refusal(); }

  // Whether the call that has just failed with this code found no room to write to: a full disk, or
  // a quota that is used up, which SQLite calls an I/O error.
  bool no_room(int code) const noexcept;

  // Both after every statement was finalised. Healthy: copies the log back if nobody else has the
  // database open, so that the file is complete by itself; else leaves the files as they are.
  Status close_healthy();
  void close_as_is() noexcept;

 private:
  Connection() = default;
  Status connect(const std::string& path, int more_flags = 0);
  Status connect_padded(const std::string& path);
  Status check_format();
  Status check_pages();
  Status configure(const JournalOptions& options);
  int system_error(int code) const noexcept;
  Status failed_pragma(int code, const std::string& pragma);
  Status set(const std::string& pragma, const std::string& value, const std::string& expected);

  Guard guard_;
  sqlite3* db_ = nullptr;
};

}  // namespace onelane::inline v0::sqlite
