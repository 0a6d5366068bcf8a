#include "src/sqlite/sqlite_sink.h"

#include <limits>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "src/base/check.h"
#include "src/model/row.h"
#include "src/sqlite/bind.h"
#include "src/sqlite/commit_watch.h"
#include "src/sqlite/connection.h"
#include "src/sqlite/files.h"
#include "src/sqlite/frame_gather.h"
#include "src/sqlite/fuse.h"
#include "src/sqlite/log_sync.h"
#include "src/sqlite/opening.h"
#include "src/sqlite/registered.h"
#include "src/sqlite/schema.h"
#include "src/sqlite/step_row.h"
#include "src/sqlite/wal_index.h"
#include "src/sqlite/wal_log.h"
#include "src/sqlite/watermark.h"

namespace onelane::sqlite {

namespace {

// Stands in last_insert_rowid for "nothing inserted". A row with this very id is reported without.
constexpr std::int64_t kNoRowid = std::numeric_limits<std::int64_t>::min();

constexpr std::size_t kStatementsMax = std::numeric_limits<decltype(Statement::index)>::max();

class SqliteSink final : public Sink {
 public:
  SqliteSink(Files files, std::unique_ptr<Connection> connection, const JournalOptions& options)
      : files_(std::move(files)),
        connection_(std::move(connection)),
        synchronous_(options.synchronous),
        foreign_keys_(options.foreign_keys) {
    watch_.install(connection_->handle());
  }

  Status start(const JournalOptions& options);

  Status add_statement(const StatementSpec& spec) override;
  Reply begin() override;
  Reply apply(Statement statement, std::span<const std::byte> row) override;
  Reply verify() override;
  std::size_t apply_each(std::span<Application> records, Reply& failed) override;
  Reply savepoint() override { return control(savepoint_, "SAVEPOINT"); }
  Reply release() override { return kept_if_failed(control(release_, "RELEASE")); }
  Reply rollback_to() override;
  Reply execute(std::string_view sql, std::span<const std::byte> row,
                const RowVisitor& visit) override;
  void end_step() override { cached_.clear(); }
  Reply mark(std::uint64_t commit) override;
  std::uint64_t epoch() const override { return watermark_ == nullptr ? 0 : watermark_->epoch(); }
  Result<std::uint64_t> commits_of(std::uint64_t epoch) override;
  Reply commit() override;
  Reply rollback() override;
  Reply probe() override;
  bool begins_log_anew() const override { return !commit_is_durable() && index_->wholly_copied(); }
  Log* log() noexcept override { return log_.get(); }
  CommitSync* commit_sync() noexcept override {
    return commit_is_durable() ? nullptr : sync_.get();
  }
  bool commit_is_durable() const override { return synchronous_ != Synchronous::normal; }
  Status close(bool healthy) override;

 private:
  Status prepare_control();
  Status open_beside(const JournalOptions& options);
  Status open_watermark(const JournalOptions& options);
  Status copy_all_back();
  Reply find_or_prepare(std::string_view sql, sqlite3_stmt*& found, Prepared& own);
  bool apply(Application& record, Reply& failed);
  bool run(sqlite3_stmt* statement, const RowVisitor* visit, std::uint64_t& changes, Reply& failed);
  Reply failed_step(int code, std::int64_t changes_before);
  Reply control(const Prepared& statement, const char* name);
  Reply outside_transaction() const;
  Reply noted(Reply reply);
  static Reply kept_if_failed(Reply reply) noexcept;
  void forget_statements() noexcept;

  std::optional<Files> files_;  // the lock goes last
  CommitWatch watch_;
  Fuse fuse_;
  std::unique_ptr<Connection> connection_;
  std::unique_ptr<FrameGather> gather_;
  std::unique_ptr<WalIndex> index_;
  std::unique_ptr<WalLog> log_;
  std::unique_ptr<LogSync> sync_;
  std::unique_ptr<Watermark> watermark_;  // null: none is kept
  const Synchronous synchronous_;
  const bool foreign_keys_;
  Prepared begin_, commit_, rollback_, savepoint_, release_, rollback_to_;
  std::vector<Registered> registered_;
  std::unordered_map<std::string, std::size_t> index_of_sql_;
  std::unordered_map<std::string, Prepared> cached_;  // of the step that runs
};

template <class T>
Status keep(Result<std::unique_ptr<T>> made, std::unique_ptr<T>& where) {
  if (!made) return made.status();
  where = *std::move(made);
  return {};
}

Status SqliteSink::start(const JournalOptions& options) {
  const bool pads = options.synchronous == Synchronous::paranoid;
  const Padding padding = pads ? Padding::to_sector : Padding::none;
  Status status = open_beside(options);
  if (status.ok()) status = secure_found_log(*connection_, *sync_, *log_, padding);
  if (status.ok()) status = sync_all(*connection_, *sync_, *files_);
  if (status.ok()) status = run_schema(*connection_, options.schema);
  if (status.ok()) status = write_once(*connection_, *log_);
  if (status.ok() && !options.watermark_table.empty()) status = open_watermark(options);
  if (status.ok()) status = prepare_control();
  if (status.ok()) status = keep(FrameGather::install(*connection_), gather_);
  if (status.ok()) status = keep(WalIndex::of(*connection_), index_);
  connection_->wait_no_more();
  return status;
}

// The connections beside the write connection: opened before anything is written, and kept. Their
// close copies nothing back, whatever the reason for it: only passes that are meant to be do.
Status SqliteSink::open_beside(const JournalOptions& options) {
  Result<std::unique_ptr<Connection>> for_sync = Connection::open(files_->database(), options);
  if (!for_sync) return for_sync.status();
  Result<std::unique_ptr<Connection>> for_log = Connection::open(files_->database(), options);
  if (!for_log) return for_log.status();
  (*for_sync)->wait_no_more();
  (*for_log)->wait_no_more();
  Status status = keep(LogSync::open(*std::move(for_sync), fuse_), sync_);
  if (!status.ok()) return status;
  status = keep(WalLog::open(files_->database(), *std::move(for_log), watch_, fuse_), log_);
  if (status.ok()) log_->keep_ballast(files_->database(), options.ballast);
  return status;
}

// The epoch is durable before a program can learn of it.
Status SqliteSink::open_watermark(const JournalOptions& options) {
  const Status status = keep(Watermark::begin(*connection_, options.watermark_table), watermark_);
  return status.ok() ? sync_->sync().cause : status;
}

Status SqliteSink::prepare_control() {
  const std::pair<const char*, Prepared*> wanted[] = {
      {"BEGIN IMMEDIATE", &begin_},   {"COMMIT", &commit_},
      {"ROLLBACK", &rollback_},       {"SAVEPOINT onelane", &savepoint_},
      {"RELEASE onelane", &release_}, {"ROLLBACK TO onelane", &rollback_to_},
  };
  for (const auto& [sql, statement] : wanted) {
    const int code = connection_->prepare_own(sql, Keep::long_time, *statement);
    if (code != SQLITE_OK) return connection_->failure(code, Place::control, sql).cause;
  }
  return {};
}

Status SqliteSink::add_statement(const StatementSpec& spec) {
  if (registered_.size() == kStatementsMax) {
    return {Errc::invalid_argument, "a journal takes at most " + std::to_string(kStatementsMax) +
                                        " statements: " + spec.sql};
  }
  Result<Registered> registered = register_statement(*connection_, spec);
  if (!registered) return registered.status();
  if (foreign_keys_) look_for_deferred_keys(*connection_, *registered);
  if (registered_.size() == registered_.capacity()) registered_.reserve(2 * registered_.size() + 1);
  index_of_sql_.try_emplace(spec.sql, registered_.size());
  registered_.push_back(*std::move(registered));
  return {};
}

Reply SqliteSink::begin() {
  if (fuse_.blown()) return fuse_.why();
  if (connection_->in_transaction()) {
    return reply_of(Fault::internal, Effect::kept, "BEGIN inside a transaction");
  }
  watch_.beginning();
  gather_->forget();
  const int code = connection_->step_own(begin_.get());
  if (code == SQLITE_OK) return {};
  Reply reply = noted(connection_->failure(code, Place::control, "BEGIN"));
  if (connection_->in_transaction()) (void)rollback();
  reply.effect = Effect::ended;
  return reply;
}

// The connection is asked after every step, whatever its code: SQLite ends a transaction by itself
// for more reasons than any list has, and what would follow then commits on its own.
inline bool SqliteSink::run(sqlite3_stmt* statement, const RowVisitor* visit,
                            std::uint64_t& changes, Reply& failed) {
  sqlite3* db = connection_->handle();
  const std::int64_t changes_before = sqlite3_total_changes64(db);
  int code = sqlite3_step(statement);
  for (; code == SQLITE_ROW; code = sqlite3_step(statement)) {
    if (visit != nullptr) (*visit)(StepRow(statement));
    if (!connection_->in_transaction()) break;  // a step after a rollback would start anew
  }
  if (code != SQLITE_DONE && code != SQLITE_ROW) {
    failed = failed_step(code, changes_before);
    return false;
  }
  if (!connection_->in_transaction()) {
    failed =
        reply_of(Fault::record, Effect::ended, "the transaction ended while the statement ran");
    return false;
  }
  // A statement that changes no rows by its nature (DDL, a query) leaves sqlite3_changes64 as it
  // was.
  const bool changed = sqlite3_total_changes64(db) != changes_before;
  changes = changed && sqlite3_stmt_readonly(statement) == 0
                ? static_cast<std::uint64_t>(sqlite3_changes64(db))
                : 0;
  return true;
}

// Within a transaction. False, and why, if it failed.
inline bool SqliteSink::apply(Application& record, Reply& failed) {
  if (record.statement.index >= registered_.size()) {
    failed = reply_of(Fault::internal, Effect::undone, "there is no such statement");
    return false;
  }
  const Registered& registered = registered_[record.statement.index];
  sqlite3_stmt* statement = registered.prepared.get();
  const InUse in_use(statement);
  const Bound bound = bind_row(statement, record.row, Lifetime::borrowed);
  // The push has checked the types; the row must be whole, or an earlier one's values would do.
  if (!bound.readable || bound.columns != registered.columns) {
    const Status why = model::check_row(registered.spec, record.row);
    failed = reply_of(Fault::record, Effect::undone, why.message());
    return false;
  }
  if (bound.code != SQLITE_OK) {
    failed = connection_->failure(bound.code, Place::statement);
    return false;
  }
  sqlite3* db = connection_->handle();
  sqlite3_set_last_insert_rowid(db, kNoRowid);
  if (!run(statement, nullptr, record.changes, failed)) return false;
  const std::int64_t rowid = sqlite3_last_insert_rowid(db);
  record.rowid = rowid == kNoRowid ? std::nullopt : std::optional(rowid);
  return true;
}

Reply SqliteSink::apply(Statement statement, std::span<const std::byte> row) {
  if (!connection_->in_transaction()) return outside_transaction();
  Application record{.statement = statement, .row = row};
  Reply reply;
  if (!apply(record, reply)) return reply;
  reply.changes = record.changes;
  reply.rowid = record.rowid;
  return reply;
}

std::size_t SqliteSink::apply_each(std::span<Application> records, Reply& failed) {
  if (!connection_->in_transaction()) {
    failed = outside_transaction();
    return 0;
  }
  for (std::size_t i = 0; i < records.size(); ++i) {
    if (!apply(records[i], failed)) return i;
    Registered& registered = registered_[records[i].statement.index];
    if (foreign_keys_ && registered.preparation_now() != registered.preparation) [[unlikely]] {
      look_for_deferred_keys(*connection_, registered);
    }
    if (!registered.may_defer) continue;
    failed = verify();
    if (!failed.ok()) return i;
  }
  return records.size();
}

// SQLite undoes a failed statement, but not under OR FAIL or RAISE(FAIL): then the rows before the
// failure stay, and the count of all changes has moved.
Reply SqliteSink::failed_step(int code, std::int64_t changes_before) {
  Reply reply = connection_->failure(code, Place::statement);
  const bool moved = sqlite3_total_changes64(connection_->handle()) != changes_before;
  if (reply.effect == Effect::undone && moved) reply.effect = Effect::kept;
  return noted(std::move(reply));
}

Reply SqliteSink::verify() {
  if (!foreign_keys_) return {};
  int unresolved = 0;
  int highest = 0;
  sqlite3_db_status(connection_->handle(), SQLITE_DBSTATUS_DEFERRED_FKS, &unresolved, &highest, 0);
  if (unresolved == 0) return {};
  return reply_of(Fault::record, Effect::kept,
                  "FOREIGN KEY constraint failed: a deferred key still has no row to refer to",
                  SQLITE_CONSTRAINT_FOREIGNKEY);
}

Reply SqliteSink::control(const Prepared& statement, const char* name) {
  // Outside a transaction a savepoint opens one of its own, and its release commits.
  if (!connection_->in_transaction()) return outside_transaction();
  const int code = connection_->step_own(statement.get());
  if (code == SQLITE_OK) return {};
  return noted(connection_->failure(code, Place::control, name));
}

Reply SqliteSink::rollback_to() {
  Reply reply = control(rollback_to_, "ROLLBACK TO");
  return kept_if_failed(reply.ok() ? control(release_, "RELEASE") : std::move(reply));
}

Reply SqliteSink::execute(std::string_view sql, std::span<const std::byte> row,
                          const RowVisitor& visit) {
  if (!connection_->in_transaction()) {  // a job went on after a statement that ended it
    return reply_of(Fault::record, Effect::ended, "the step's transaction has ended");
  }
  sqlite3_stmt* statement = nullptr;
  Prepared own;
  if (Reply reply = find_or_prepare(sql, statement, own); !reply.ok())
    return noted(std::move(reply));
  const InUse in_use(statement);
  const Bound bound = bind_row(statement, row, visit ? Lifetime::copied : Lifetime::borrowed);
  const int parameters = sqlite3_bind_parameter_count(statement);
  if (!bound.readable) return reply_of(Fault::record, Effect::undone, "the bytes are not a row");
  if (bound.columns != parameters) {
    return reply_of(Fault::record, Effect::undone,
                    "the SQL has " + std::to_string(parameters) + " parameters, but " +
                        std::to_string(bound.columns) + " values are given: " + std::string(sql));
  }
  if (bound.code != SQLITE_OK) return connection_->failure(bound.code, Place::statement);
  Reply reply;
  run(statement, visit ? &visit : nullptr, reply.changes, reply);
  return reply;
}

// A statement that is being stepped, which a visitor may ask for again, is left alone: `own` is
// then another one of the same SQL, for this once.
Reply SqliteSink::find_or_prepare(std::string_view sql, sqlite3_stmt*& found, Prepared& own) {
  std::string key(sql);
  if (const auto known = index_of_sql_.find(key); known != index_of_sql_.end()) {
    found = registered_[known->second].prepared.get();
  } else if (const auto cached = cached_.find(key); cached != cached_.end()) {
    found = cached->second.get();
  }
  if (found != nullptr && sqlite3_stmt_busy(found) == 0) return {};
  const bool first = found == nullptr;
  Reply reply = connection_->prepare(sql, Keep::briefly, own);
  found = own.get();
  if (reply.ok() && first) cached_.emplace(std::move(key), std::move(own));
  return reply;
}

Reply SqliteSink::mark(std::uint64_t commit) {
  if (Reply none = log_->room(); !none.ok() || watermark_ == nullptr) return none;
  if (!connection_->in_transaction()) return outside_transaction();
  return noted(watermark_->mark(commit));
}

Result<std::uint64_t> SqliteSink::commits_of(std::uint64_t epoch) {
  return watermark_ == nullptr ? Sink::commits_of(epoch) : watermark_->commits_of(epoch);
}

Reply SqliteSink::commit() {
  if (!connection_->in_transaction()) return outside_transaction();
  if (sqlite3_stmt* busy = connection_->busy_statement(); busy != nullptr) {
    return reply_of(Fault::internal, Effect::kept,
                    std::string("COMMIT while a statement runs: ") + sqlite3_sql(busy));
  }
  const int code = connection_->commit_own(commit_.get());
  if (code != SQLITE_OK) {
    Reply reply = noted(kept_if_failed(connection_->failure(code, Place::commit, "COMMIT")));
    if (reply.effect == Effect::ended && !surely_undone(code)) reply.effect = Effect::unknown;
    return reply;
  }
  ONELANE_CHECK(gather_->empty(), 0);  // or others could read frames that are not there
  return {};
}

// Statements first: while one is active, an interrupted connection answers ROLLBACK with INTERRUPT
// and keeps the transaction, and all that follows nests in it.
Reply SqliteSink::rollback() {
  connection_->reset_all();
  if (!connection_->in_transaction()) return {};
  const int code = connection_->step_own(rollback_.get());
  if (!connection_->in_transaction()) return {};
  Reply reply = connection_->failure(code, Place::control, "ROLLBACK");
  reply.fault = Fault::internal;
  reply.effect = Effect::kept;
  return reply;
}

Reply SqliteSink::probe() {
  if (Reply none = log_->room(); !none.ok()) return none;
  if (Reply reply = begin(); !reply.ok()) return reply;
  const int code = connection_->touch();
  Reply reply =
      code == SQLITE_OK ? commit() : noted(connection_->failure(code, Place::control, "probe"));
  if (reply.ok()) return reply;
  (void)rollback();
  reply.effect = Effect::ended;
  return reply;
}

Status SqliteSink::close(bool healthy) {
  Status status = healthy ? copy_all_back() : Status();
  forget_statements();
  log_->end();
  sync_->end();
  gather_.reset();
  if (fuse_.blown()) status = fuse_.why().cause;
  if (healthy && status.ok()) {
    status = connection_->close_healthy();
    log_->remove_ballast();
  } else {
    connection_->close_as_is();
  }
  files_.reset();
  return status;
}

// As SQLite when its last connection is closed. If somebody else writes, the log stays for them.
Status SqliteSink::copy_all_back() {
  const Reply began = begin();
  if (!began.ok()) return began.fault == Fault::busy ? Status() : began.cause;
  const LogPass pass = log_->close_in();
  const Reply ended = rollback();
  return pass.ok() || pass.fault == Fault::busy ? ended.cause : pass.cause;
}

void SqliteSink::forget_statements() noexcept {
  watermark_.reset();
  cached_.clear();
  index_of_sql_.clear();
  registered_.clear();
  for (Prepared* each : {&begin_, &commit_, &rollback_, &savepoint_, &release_, &rollback_to_}) {
    each->reset();
  }
}

Reply SqliteSink::outside_transaction() const {
  return reply_of(Fault::internal, Effect::ended, "there is no transaction");
}

Reply SqliteSink::noted(Reply reply) {
  if (reply.fault == Fault::sync) fuse_.blow(reply);
  if ((reply.cause.sqlite_code() & 0xff) == SQLITE_FULL) log_->note_full();
  return reply;
}

Reply SqliteSink::kept_if_failed(Reply reply) noexcept {
  if (!reply.ok() && reply.effect == Effect::undone) reply.effect = Effect::kept;
  return reply;
}

}  // namespace

Result<std::unique_ptr<Sink>> open_sink(const std::filesystem::path& path,
                                        const JournalOptions& options) {
  Result<Files> files = Files::take(path);
  if (!files) return files.status();
  const std::string database = files->database();
  auto failed = [&database](const Status& status) {
    return Status(status.code(), database + ": " + status.message(), status.sqlite_code());
  };
  Result<std::unique_ptr<Connection>> connection = Connection::open(database, options);
  if (!connection) return failed(connection.status());
  auto sink = std::make_unique<SqliteSink>(*std::move(files), *std::move(connection), options);
  if (Status status = sink->start(options); !status.ok()) return failed(status);
  return std::unique_ptr<Sink>(std::move(sink));
}

}  // namespace onelane::sqlite
