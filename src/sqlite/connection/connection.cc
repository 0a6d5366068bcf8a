#include "src/sqlite/connection/connection.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <limits>
#include <system_error>

#include "src/base/memory.h"

namespace onelane::inline v0::sqlite {

namespace {

// How long opening waits for a lock that somebody else holds. A daemon that starts beside a running
// tool should neither fail nor hang because of it.
constexpr int kOpenWaitMs = 5'000;

constexpr int kOpenFlags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_NOFOLLOW |
                           SQLITE_OPEN_EXRESCODE | SQLITE_OPEN_NOMUTEX;  // calls never overlap

// The fields of the database's header that say its format, and their values that are known.
constexpr int kHeaderBytes = 100;
constexpr char kMagic[] = "SQLite format 3";  // and its end
constexpr std::size_t kWriteFormatAt = 18;
constexpr std::size_t kReadFormatAt = 19;
constexpr std::size_t kSchemaFormatEnd = 47;  // the last of four bytes
constexpr int kFormatMax = 2;
constexpr int kSchemaFormatMax = 4;

// "PRAGMA user_version=" and 32 bits signed.
constexpr std::size_t kTouchChars = 40;

// More is above SQLite's limit on SQL in any case.
int length(std::string_view sql) noexcept {
  return static_cast<int>(std::min<std::size_t>(sql.size(), std::numeric_limits<int>::max()));
}

Reply refused(std::string_view message) {
  return reply_of(Fault::record, Effect::undone, message, SQLITE_ERROR);
}

}  // namespace

Result<std::unique_ptr<Connection>> Connection::open(const std::string& path,
                                                     const JournalOptions& options) {
  std::unique_ptr<Connection> connection(new Connection);
  const bool padded = options.synchronous == Synchronous::paranoid;
  if (Status status = padded ? connection->connect_padded(path) : connection->connect(path);
      !status.ok()) {
    return status;
  }
  if (Status status = connection->check_format(); !status.ok()) return status;
  sqlite3_busy_timeout(connection->db_, kOpenWaitMs);
  // A build may have exclusive as its default, in which a connection keeps its locks, and its WAL's
  // index to itself. Before anything reads the database: from then on the WAL's index is where it
  // is.
  if (Status status = connection->set("locking_mode", "NORMAL", "normal"); !status.ok()) {
    return status;
  }
  if (Status status = padded ? connection->check_pages() : Status(); !status.ok()) return status;
  if (Status status = connection->configure(options); !status.ok()) return status;
  return connection;
}

Connection::~Connection() { close_as_is(); }

// Without powersafe overwrite SQLite pads its commits. It is set by a URI only, before the file is
// open. So this is the one place that makes a URI, from a path with all special characters escaped.
Status Connection::connect_padded(const std::string& path) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string uri = "file:";
  for (const char c : path) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || c == '/') {
      uri += c;
    } else {
      uri += {'%', kDigits[byte >> 4], kDigits[byte & 0xf]};
    }
  }
  Status status = connect(uri + "?psow=0", SQLITE_OPEN_URI);
  int powersafe = -1;  // asks
  if (status.ok()) {
    sqlite3_file_control(db_, "main", SQLITE_FCNTL_POWERSAFE_OVERWRITE, &powersafe);
  }
  if (!status.ok() || powersafe == 0) return status;
  return {Errc::storage, "SQLite's VFS does not give up powersafe overwrite, as paranoid needs"};
}

// A checkpoint that writes a page may ruin what shares its sector, and only the WAL could restore
// that.
Status Connection::check_pages() {
  std::string ignored;
  // It reads the database, so that a journal found beside it is undone first.
  const int code = run_own("PRAGMA schema_version", ignored);
  if (code != SQLITE_OK) return failed_pragma(code, "schema_version");
  const Result<std::size_t> page = page_bytes();
  if (!page) return page.status();
  sqlite3_file* const file = database_file();
  const auto sector = static_cast<std::size_t>(std::max(0, file->pMethods->xSectorSize(file)));
  if (*page >= sector) return {};
  return {Errc::invalid_argument,
          "its pages of " + std::to_string(*page) + " bytes are smaller than the sectors of " +
              std::to_string(sector) +
              ", which paranoid cannot write without risk to their neighbours; PRAGMA "
              "journal_mode=DELETE, page_size=" +
              std::to_string(sector) + " and VACUUM make them larger"};
}

// SQLite reports such a file as no database, as read-only, or with an error that could be a mistake
// of ours. A file that it cannot read at all it names itself.
Status Connection::check_format() {
  std::array<unsigned char, kHeaderBytes> header{};
  sqlite3_file* const file = database_file();
  if (file->pMethods->xRead(file, header.data(), kHeaderBytes, 0) != SQLITE_OK) return {};
  if (std::memcmp(header.data(), kMagic, sizeof kMagic) != 0) return {};
  const int format = std::max(header[kWriteFormatAt], header[kReadFormatAt]);
  const int schema_format = header[kSchemaFormatEnd];
  if (format <= kFormatMax && schema_format <= kSchemaFormatMax) return {};
  return {Errc::storage, std::string("the database is of a newer format than SQLite ") +
                             sqlite3_libversion() + " can write: file format " +
                             std::to_string(format) + ", schema format " +
                             std::to_string(schema_format)};
}

Status Connection::connect(const std::string& path, int more_flags) {
  const int code = sqlite3_open_v2(path.c_str(), &db_, kOpenFlags | more_flags, nullptr);
  if (db_ == nullptr) return {Errc::storage, "out of memory", SQLITE_NOMEM};
  return code == SQLITE_OK ? Status() : failure(code, Place::control).cause;
}

Status Connection::configure(const JournalOptions& options) {
  sqlite3_limit(db_, SQLITE_LIMIT_ATTACHED, 0);  // a commit over several files is not atomic
  // Strings in double quotes are left as SQLite has them: the setting would hold for the triggers
  // and views of other people's schemas, too, and they would fail.
  // SQL cannot write to SQLite's internal tables. The schema stays trusted: full-text tables fed by
  // triggers need it, and no function with a side effect is registered here that it could misuse.
  sqlite3_db_config(db_, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  guard_.install(db_);
  sqlite3_wal_autocheckpoint(db_, 0);  // passes are the log keeper's; see commit_watch.h

  const std::string keys = options.foreign_keys ? "1" : "0";
  Status status = set("foreign_keys", keys, keys);
  // A page that is written to the WAL before COMMIT, and once more after ROLLBACK TO, can leave
  // frames that no recovery gets past. All later commits are then lost (tests: CacheSpill).
  if (status.ok()) status = set("cache_spill", "0", "0");
  // A statement's journal and what it sorts stay in memory, so a full or missing directory for
  // temporary files fails no statement. SQLite built with TEMP_STORE=0 ignores it.
  if (status.ok()) status = set("temp_store", "2", "2");
  if (!status.ok()) return status;
  // A mapped file turns a read error into a signal. A build without mmap answers with no row.
  std::string ignored;
  const int code = run_own("PRAGMA mmap_size=0", ignored);
  return code == SQLITE_OK ? Status() : failure(code, Place::control, "PRAGMA mmap_size").cause;
}

// Changing the journal mode writes, by way of a rollback journal. At less than full, a journal that
// a power cut tore can pass for whole, since its checksums are of samples.
Status Connection::enter_wal(const JournalOptions& options) {
  const std::string level = options.synchronous == Synchronous::normal ? "1" : "2";
  Status status = set("synchronous", "2", "2");
  if (status.ok()) status = set_journal_mode("wal");
  if (status.ok()) status = set("synchronous", level, level);
  // After a burst the first commit of a restarted WAL truncates the file to this.
  const std::string limit = std::to_string(options.wal_limit_bytes);
  return status.ok() ? set("journal_size_limit", limit, limit) : status;
}

// After a switch to WAL that failed half-way, SQLite believes in the old mode until it reads the
// file.
Status Connection::leave_wal() {
  wait_no_more();
  std::string ignored;
  const int code = run_own("SELECT count(*) FROM sqlite_schema", ignored);
  return code == SQLITE_OK ? set_journal_mode("delete") : failure(code, Place::control).cause;
}

Result<std::string> Connection::journal_mode() {
  std::string mode;
  const int code = run_own("PRAGMA journal_mode", mode);
  return code == SQLITE_OK ? Result<std::string>(mode) : failed_pragma(code, "journal_mode");
}

// Leaves the pragma out of the message: that the file is no database is not its doing.
Status Connection::failed_pragma(int code, const std::string& pragma) {
  const bool none = (code & 0xff) == SQLITE_NOTADB;
  return failure(code, Place::control, none ? "" : "PRAGMA " + pragma).cause;
}

Status Connection::set(const std::string& pragma, const std::string& value,
                       const std::string& expected) {
  const Guard::Armed armed(guard_);  // journal_mode commits its change
  std::string answer;
  int code = run_own("PRAGMA " + pragma + "=" + value, answer);
  if (code == SQLITE_OK) code = run_own("PRAGMA " + pragma, answer);
  if (code != SQLITE_OK) return failed_pragma(code, pragma);
  if (answer == expected) return {};
  return {Errc::storage,
          "PRAGMA " + pragma + " stays '" + answer + "', " + expected + " is needed"};
}

Reply Connection::prepare_next(std::string_view& sql, Keep keep, Prepared& statement) {
  statement.reset();
  if (sql.empty()) return {};
  sqlite3_stmt* raw = nullptr;
  const char* rest = nullptr;
  const auto prepare = [&] {
    return sqlite3_prepare_v3(db_, sql.data(), length(sql), static_cast<unsigned>(keep), &raw,
                              &rest);
  };
  int code = prepare();
  if (may_be_stale(code)) {
    read_schema_anew();
    code = prepare();
  }
  statement.reset(raw);
  if (code != SQLITE_OK) return failure(code, Place::statement);
  sql.remove_prefix(static_cast<std::size_t>(rest - sql.data()));
  return {};
}

Reply Connection::prepare(std::string_view sql, Keep keep, Prepared& statement) {
  if (sql.find('\0') != std::string_view::npos) return refused("the SQL has a NUL byte in it");
  std::string_view rest = sql;
  if (Reply reply = prepare_next(rest, keep, statement); !reply.ok()) return reply;
  if (statement == nullptr) return refused("there is no SQL statement");
  Prepared second;
  const Reply reply = prepare_next(rest, Keep::briefly, second);
  if (reply.ok() && second == nullptr) return {};
  statement.reset();
  return refused("there is more than one SQL statement");
}

int Connection::prepare_own(std::string_view sql, Keep keep, Prepared& statement) {
  const Guard::Lifted lifted(guard_);
  sqlite3_stmt* raw = nullptr;
  const int code =
      sqlite3_prepare_v3(db_, sql.data(), length(sql), static_cast<unsigned>(keep), &raw, nullptr);
  statement.reset(raw);
  return code;
}

int Connection::step_own(sqlite3_stmt* statement) {
  const Guard::Lifted lifted(guard_);
  const int code = sqlite3_step(statement);
  sqlite3_reset(statement);
  return code == SQLITE_DONE ? SQLITE_OK : code;
}

int Connection::commit_own(sqlite3_stmt* commit) {
  const Guard::Armed armed(guard_);
  return step_own(commit);
}

int Connection::run_own(std::string_view sql, std::string& first_column) {
  Prepared statement;
  int code = prepare_own(sql, Keep::briefly, statement);
  if (code != SQLITE_OK) return code;
  const Guard::Lifted lifted(guard_);
  while ((code = sqlite3_step(statement.get())) == SQLITE_ROW) {
    const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement.get(), 0));
    first_column = text == nullptr ? "" : text;
  }
  return code == SQLITE_DONE ? SQLITE_OK : code;
}

// Any query compares the number of the remembered schema with the database's.
void Connection::read_schema_anew() {
  std::string ignored;
  (void)run_own("SELECT 1 FROM sqlite_schema LIMIT 1", ignored);
}

// user_version lies in the header, so setting it to what it is rewrites the first page.
int Connection::touch() {
  std::string version;
  const int code = run_own("PRAGMA user_version", version);
  if (code != SQLITE_OK) return code;
  std::array<char, kTouchChars> sql{};  // not a string: a probe should need no memory of ours
  std::snprintf(sql.data(), sql.size(), "PRAGMA user_version=%s", version.c_str());
  return run_own(sql.data(), version);
}

sqlite3_stmt* Connection::busy_statement() const noexcept {
  sqlite3_stmt* each = sqlite3_next_stmt(db_, nullptr);
  while (each != nullptr && sqlite3_stmt_busy(each) == 0) each = sqlite3_next_stmt(db_, each);
  return each;
}

void Connection::reset_all() noexcept {
  for (sqlite3_stmt* each = sqlite3_next_stmt(db_, nullptr); each != nullptr;
       each = sqlite3_next_stmt(db_, each)) {
    sqlite3_reset(each);
  }
}

int Connection::sync_file(int which) {
  sqlite3_file* file = nullptr;
  const int code = sqlite3_file_control(db_, "main", which, &file);
  if (code != SQLITE_OK || file == nullptr || file->pMethods == nullptr) return code;
  return file->pMethods->xSync(file, SQLITE_SYNC_NORMAL);
}

sqlite3_file* Connection::database_file() const noexcept {
  sqlite3_file* file = nullptr;
  sqlite3_file_control(db_, "main", SQLITE_FCNTL_FILE_POINTER, &file);
  return file;
}

// A query opens the log; before that the pointer leads to the rollback journal.
Result<sqlite3_file*> Connection::log_file() {
  std::string ignored;
  sqlite3_file* file = nullptr;
  int code = run_own("SELECT count(*) FROM sqlite_schema", ignored);
  if (code == SQLITE_OK) {
    code = sqlite3_file_control(db_, "main", SQLITE_FCNTL_JOURNAL_POINTER, &file);
  }
  if (code != SQLITE_OK) return failure(code, Place::control, "opening the log").cause;
  if (file != nullptr && file->pMethods != nullptr) return file;
  return Status(Errc::storage,
                "SQLite does not give its log's file, so commits cannot be made durable");
}

Result<std::size_t> Connection::page_bytes() {
  std::string answer;
  const int code = run_own("PRAGMA page_size", answer);
  if (code != SQLITE_OK) return failure(code, Place::control, "PRAGMA page_size").cause;
  std::size_t bytes = 0;
  std::from_chars(answer.data(), answer.data() + answer.size(), bytes);
  return bytes;
}

// The system's error where SQLite's message leaves it out, 0 if there is none. SQLite does not
// remember it for COMMIT, but the file that could not be written does.
int Connection::system_error(int code) const noexcept {
  const int primary = code & 0xff;
  if (primary != SQLITE_IOERR && primary != SQLITE_CANTOPEN) return 0;
  if (code != SQLITE_IOERR_WRITE) return sqlite3_system_errno(db_);
  int error = 0;
  for (const int which : {SQLITE_FCNTL_JOURNAL_POINTER, SQLITE_FCNTL_FILE_POINTER}) {
    sqlite3_file* file = nullptr;
    sqlite3_file_control(db_, "main", which, &file);
    if (error != 0 || file == nullptr || file->pMethods == nullptr) continue;
    (void)file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &error);
  }
  return error != 0 ? error : sqlite3_system_errno(db_);
}

bool Connection::no_room(int code) const noexcept {
  const int error = system_error(code);
  return (code & 0xff) == SQLITE_FULL || error == ENOSPC || error == EDQUOT;
}

Reply Connection::failure(int code, Place place, std::string_view what) noexcept {
  Reply reply;
  const bool refused = !guard_.refusal().empty();
  if (refused) code = SQLITE_AUTH;
  reply.fault = fault_of(code, place);
  reply.effect = in_transaction() ? Effect::undone : Effect::ended;
  reply.cause = base::worded(errc_of(reply.fault), code, [&] {
    if (refused) return std::string(guard_.refusal());
    const std::string before = what.empty() ? std::string() : std::string(what) + ": ";
    const int reason = system_error(code);
    const std::string after = reason == 0 ? "" : ": " + std::generic_category().message(reason);
    return before + sqlite3_errmsg(db_) + after;
  });
  guard_.forget_refusal();
  return reply;
}

// If this is the database's last connection, SQLite checkpoints by itself, under a lock that keeps
// all others out.
Status Connection::close_healthy() {
  const int code = sqlite3_close(db_);
  if (code != SQLITE_OK) return failure(code, Place::control, "closing").cause;
  db_ = nullptr;
  return {};
}

void Connection::close_as_is() noexcept {
  if (db_ == nullptr) return;
  sqlite3_db_config(db_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  sqlite3_close_v2(db_);
  db_ = nullptr;
}

}  // namespace onelane::inline v0::sqlite
