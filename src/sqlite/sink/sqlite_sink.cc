#include "src/sqlite/sink/sqlite_sink.h"

#include <optional>
#include <string>
#include <utility>

#include "src/base/check.h"
#include "src/base/memory.h"
#include "src/sqlite/connection/connection.h"
#include "src/sqlite/connection/files.h"
#include "src/sqlite/connection/fuse.h"
#include "src/sqlite/connection/library.h"
#include "src/sqlite/connection/schema.h"
#include "src/sqlite/log/commit_watch.h"
#include "src/sqlite/log/frame_gather.h"
#include "src/sqlite/log/log_sync.h"
#include "src/sqlite/log/wal_index.h"
#include "src/sqlite/log/wal_log.h"
#include "src/sqlite/sink/execution.h"
#include "src/sqlite/sink/foreign_changes.h"
#include "src/sqlite/sink/found.h"
#include "src/sqlite/sink/inquiry.h"
#include "src/sqlite/sink/opening.h"
#include "src/sqlite/sink/positions_table.h"
#include "src/sqlite/sink/savepoint.h"
#include "src/sqlite/sink/schema_migration.h"
#include "src/sqlite/sink/watermark_table.h"

namespace onelane::inline v0::sqlite {

namespace {

class SqliteSink final : public Sink,
                         private Savepoints,
                         private JobStatements,
                         private Watermark,
                         private AppliedPositions {
 public:
  SqliteSink(Files files, std::unique_ptr<Connection> connection, Found found,
             const JournalOptions& options)
      : files_(std::move(files)),
        connection_(std::move(connection)),
        found_(std::move(found)),
        synchronous_(options.synchronous),
        unit_(*connection_, "onelane"),
        execution_(*connection_, options.foreign_keys),
        schema_version_(*connection_, options.foreign_keys),
        positions_(*connection_, options.intake) {
    watch_.install(connection_->handle());
  }

  Status start(const JournalOptions& options);
  // Instead of close(), where the opening failed: puts back what it found.
  void abandon(const Status& why) noexcept;
  void forgo() noexcept { forgone_ = true; }

  Status add_statement(const StatementSpec& spec) override {
    return execution_.add_statement(spec);
  }
  Reply begin() override;
  Reply apply(Statement statement, std::span<const std::byte> row) override;
  Reply apply_returning(Statement statement, std::span<const std::byte> row,
                        std::vector<ReturnedRow>& returned) override;
  Reply verify() override { return execution_.verify(); }
  std::size_t apply_each(std::span<Application> records, Reply& failed) override;
  Reply savepoint() override;
  Reply release() override;
  Reply rollback_to() override;
  Reply execute(std::string_view sql, std::span<const std::byte> row,
                const RowVisitor& visit) override;
  void end_step() override { execution_.end_step(); }
  Reply mark(std::uint64_t commit) override;
  std::uint64_t epoch() const noexcept override { return watermark_->epoch(); }
  Result<std::uint64_t> commits_of(std::uint64_t epoch) override {
    return watermark_->commits_of(epoch);
  }
  Reply advance(const ClassProgress& progress) override;
  Reply bury(const DeadLetter& letter) override;
  Result<std::optional<IntakeMark>> mark() override {
    Result<std::optional<IntakeMark>> mark = positions_.mark();
    if (mark && *mark && !found_.in_wal_mode()) (*mark)->copied = true;
    return mark;
  }
  Status set_mark(const IntakeMark& mark) override;
  Result<std::vector<FoundProgress>> found() override { return positions_.found(); }
  bool buries() const noexcept override { return positions_.buries(); }
  Reply commit() override;
  Reply rollback() override;
  Reply probe() override;
  std::uint64_t foreign_changes() const override { return foreign_.count(); }
  bool begins_log_anew() const override { return !commit_is_durable() && index_->wholly_copied(); }
  Savepoints* savepoints() noexcept override { return this; }
  JobStatements* job_statements() noexcept override { return this; }
  SchemaVersion* schema_version() noexcept override { return &schema_version_; }
  Watermark* watermark() noexcept override { return watermark_ == nullptr ? nullptr : this; }
  AppliedPositions* applied_positions() noexcept override { return this; }
  Log* log() noexcept override { return log_.get(); }
  CommitSync* commit_sync() noexcept override {
    return commit_is_durable() ? nullptr : sync_.get();
  }
  bool commit_is_durable() const override { return synchronous_ != Synchronous::normal; }
  Status close(CloseMode mode) override;

 private:
  Status gather_frames();
  Status prepare_control();
  Status open_beside(const JournalOptions& options);
  Status settle_files();
  Status open_watermark(const JournalOptions& options);
  Status copy_all_back();
  Reply examined(Reply reply);
  Reply noted(Reply reply);
  void forget_statements() noexcept;

  std::optional<Files> files_;  // the lock goes last
  CommitWatch watch_;
  ForeignChanges foreign_;
  Fuse fuse_;
  std::unique_ptr<Connection> connection_;
  Found found_;
  bool forgone_ = false;
  sqlite3_file* writers_log_ = nullptr;  // the write connection's
  std::unique_ptr<IndexLocks> locks_;    // its, while it has the log open
  std::unique_ptr<FrameGather> gather_;  // null: frames are not gathered
  std::unique_ptr<WalIndex> index_;
  std::unique_ptr<WalLog> log_;
  std::unique_ptr<LogSync> sync_;
  std::unique_ptr<WatermarkTable> watermark_;  // null: none is kept
  const Synchronous synchronous_;
  Prepared begin_, commit_, rollback_;
  Savepoint unit_;
  Execution execution_;
  SchemaMigration schema_version_;
  PositionsTable positions_;
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
  Status status = connection_->enter_wal(options);
  if (status.ok()) status = open_beside(options);
  if (status.ok()) status = settle_files();
  if (status.ok()) found_.note_content(*connection_);
  if (status.ok()) status = secure_found_log(*connection_, *sync_, *log_, padding);
  if (status.ok()) status = noted(sync_all(*connection_, *sync_, *files_)).cause;
  if (status.ok()) status = run_schema(*connection_, options.schema);
  if (status.ok()) status = write_once(*connection_, *log_);
  if (status.ok() && !options.watermark_table.empty()) status = open_watermark(options);
  if (status.ok()) status = prepare_control();
  if (status.ok()) status = keep(WalIndex::of(*connection_), index_);
  if (status.ok()) log_->use(*index_);
  if (status.ok()) status = gather_frames();
  connection_->wait_no_more();
  return status;
}

// Opens the connections beside the write connection before anything is written, and keeps them.
// Their close runs no checkpoint, whatever the reason for it.
Status SqliteSink::open_beside(const JournalOptions& options) {
  Result<std::unique_ptr<Connection>> for_sync = Connection::open(files_->database(), options);
  if (!for_sync) return for_sync.status();
  Result<std::unique_ptr<Connection>> for_log = Connection::open(files_->database(), options);
  if (!for_log) return for_log.status();
  Status status = (*for_sync)->enter_wal(options);
  if (status.ok()) status = (*for_log)->enter_wal(options);
  if (!status.ok()) return status;
  (*for_sync)->wait_no_more();
  (*for_log)->wait_no_more();
  status = keep(LogSync::open(*std::move(for_sync), *files_, fuse_), sync_);
  if (!status.ok()) return status;
  status = keep(WalLog::open(*files_, *std::move(for_log), watch_, fuse_), log_);
  if (status.ok()) log_->keep_ballast(files_->database(), options.ballast_bytes);
  return status;
}

Status SqliteSink::settle_files() {
  const Result<sqlite3_file*> log = connection_->log_file();
  if (!log) return log.status();
  writers_log_ = *log;
  const Status status = keep(IndexLocks::install(*connection_, *files_), locks_);
  return status.ok() ? files_->settle() : status;
}

// The epoch is durable before a program can learn of it.
Status SqliteSink::open_watermark(const JournalOptions& options) {
  const Status status =
      keep(WatermarkTable::begin(*connection_, options.watermark_table), watermark_);
  return status.ok() ? sync_->sync().cause : status;
}

// Where the WAL's format could not be seen, each frame is written as SQLite writes it.
Status SqliteSink::gather_frames() {
  const Result<bool> known = check_format(*connection_, *index_);
  if (!known || !*known) return known.status();
  return keep(FrameGather::install(*connection_, *locks_), gather_);
}

Status SqliteSink::prepare_control() {
  const std::pair<const char*, Prepared*> wanted[] = {
      {"BEGIN IMMEDIATE", &begin_}, {"COMMIT", &commit_}, {"ROLLBACK", &rollback_}};
  for (const auto& [sql, statement] : wanted) {
    const int code = connection_->prepare_own(sql, Keep::long_time, *statement);
    if (code != SQLITE_OK) return connection_->failure(code, Place::control, sql).cause;
  }
  const Status status = unit_.prepare();
  return status.ok() ? execution_.prepare() : status;
}

Reply SqliteSink::begin() {
  if (fuse_.blown()) return fuse_.why();
  if (connection_->in_transaction()) {
    return reply_of(Fault::internal, Effect::kept, "BEGIN inside a transaction");
  }
  watch_.beginning();
  if (gather_ != nullptr) gather_->begin_transaction();
  execution_.end_unit();
  const int code = connection_->step_own(begin_.get());
  if (code == SQLITE_OK) {
    watch_.begun(index_->frames());
    foreign_.begun(connection_->handle());
    return {};
  }
  Reply reply = noted(connection_->failure(code, Place::control, "BEGIN"));
  if (connection_->in_transaction()) (void)rollback();
  reply.effect = Effect::ended;
  return reply;
}

Reply SqliteSink::apply(Statement statement, std::span<const std::byte> row) {
  if (!connection_->in_transaction()) return outside_transaction();
  return examined(execution_.apply(statement, row));
}

Reply SqliteSink::apply_returning(Statement statement, std::span<const std::byte> row,
                                  std::vector<ReturnedRow>& returned) {
  if (!connection_->in_transaction()) return outside_transaction();
  return examined(execution_.apply_returning(statement, row, returned));
}

std::size_t SqliteSink::apply_each(std::span<Application> records, Reply& failed) {
  if (!connection_->in_transaction()) {
    failed = outside_transaction();
    return 0;
  }
  const std::size_t applied = execution_.apply_each(records, failed);
  if (applied < records.size()) failed = examined(std::move(failed));
  return applied;
}

Reply SqliteSink::savepoint() {
  Reply reply = noted(unit_.begin());
  if (reply.ok()) execution_.begin_unit();
  return reply;
}

Reply SqliteSink::release() {
  execution_.end_unit();
  return noted(unit_.release());
}

Reply SqliteSink::rollback_to() {
  execution_.end_unit();
  return noted(unit_.rollback_to());
}

Reply SqliteSink::execute(std::string_view sql, std::span<const std::byte> row,
                          const RowVisitor& visit) {
  if (!connection_->in_transaction()) {  // a job went on after a statement that ended it
    return reply_of(Fault::record, Effect::ended, "the step's transaction has ended");
  }
  return examined(execution_.execute(sql, row, visit));
}

Reply SqliteSink::mark(std::uint64_t commit) {
  if (!connection_->in_transaction()) return outside_transaction();
  return examined(watermark_->mark(commit));
}

Reply SqliteSink::advance(const ClassProgress& progress) {
  if (!connection_->in_transaction()) return outside_transaction();
  return noted(positions_.advance(progress));
}

Reply SqliteSink::bury(const DeadLetter& letter) {
  if (!connection_->in_transaction()) return outside_transaction();
  return noted(positions_.bury(letter));
}

Status SqliteSink::set_mark(const IntakeMark& mark) {
  try {
    Reply reply = begin();
    if (reply.ok()) reply = noted(positions_.write_mark(mark));
    if (reply.ok()) reply = commit();
    if (reply.ok()) return {};
    (void)rollback();
    return reply.cause;
  } catch (const std::bad_alloc&) {
    (void)rollback();
    return base::out_of_memory();
  }
}

Reply SqliteSink::commit() {
  if (!connection_->in_transaction()) return outside_transaction();
  if (Reply none = log_->room(); !none.ok()) return none;
  if (sqlite3_stmt* busy = connection_->busy_statement(); busy != nullptr) {
    return reply_of(Fault::internal, Effect::kept,
                    std::string("COMMIT while a statement runs: ") + sqlite3_sql(busy));
  }
  const int code = connection_->commit_own(commit_.get());
  if (code != SQLITE_OK) {
    if (connection_->no_room(code)) log_->note_full();
    Reply reply = noted(connection_->failure(code, Place::commit, "COMMIT"));
    if (reply.effect == Effect::undone) reply.effect = Effect::kept;
    if (reply.effect == Effect::ended && !surely_undone(code)) reply.effect = Effect::unknown;
    return reply;
  }
  foreign_.ended(connection_->handle());
  if (watermark_ != nullptr) watermark_->committed();
  // Else others could read frames that are not there.
  ONELANE_CHECK(gather_ == nullptr || gather_->complete(), 0);
  Reply lost = noted(commit_is_durable() ? files_->intact(*writers_log_)
                                         : files_->seemingly_intact(*writers_log_));
  if (!lost.ok()) lost.effect = Effect::unknown;
  return lost;
}

// Statements first: while one is active, an interrupted connection answers ROLLBACK with INTERRUPT
// and keeps the transaction, and all that follows nests in it.
Reply SqliteSink::rollback() {
  connection_->reset_all();
  const int code =
      connection_->in_transaction() ? connection_->step_own(rollback_.get()) : SQLITE_OK;
  foreign_.ended(connection_->handle());
  if (!connection_->in_transaction()) return {};
  Reply reply = connection_->failure(code, Place::control, "ROLLBACK");
  reply.fault = Fault::internal;
  reply.effect = Effect::kept;
  return reply;
}

Reply SqliteSink::probe() {
  if (Reply none = log_->room(); !none.ok()) return none;
  if (Reply reply = begin(); !reply.ok()) return reply;
  Reply reply;
  const int code = connection_->touch();
  if (code != SQLITE_OK) reply = noted(connection_->failure(code, Place::control, "probe"));
  if (reply.ok() && watermark_ != nullptr) reply = examined(watermark_->mark_again());
  if (reply.ok()) reply = positions_.probe();
  if (reply.ok()) reply = commit();
  if (reply.ok()) return reply;
  (void)rollback();
  reply.effect = Effect::ended;
  return reply;
}

Status SqliteSink::close(CloseMode mode) {
  if (forgone_) {
    abandon(Status());
    files_.reset();
    return {};
  }
  const bool healthy = mode == CloseMode::healthy;
  Status status = healthy ? copy_all_back() : Status();
  forget_statements();
  log_->end();
  sync_->end();
  // SQLite checkpoints at close, too: never with a WAL or a database that is not ours any more.
  if (healthy) (void)noted(files_->intact(*writers_log_));
  gather_.reset();
  locks_.reset();
  if (fuse_.blown()) status = fuse_.why().cause;
  if (healthy && status.ok()) {
    files_->let_go();
    status = connection_->close_healthy();
    if (files_->lock_again()) log_->remove_ballast();
  } else {
    connection_->close_as_is();
  }
  files_.reset();
  return status;
}

// After a sync that failed the files stay as they are, as at the close of a poisoned journal. A
// full disk may be what the VFS calls one: before the log is open nobody names them.
void SqliteSink::abandon(const Status& why) noexcept {
  forget_statements();
  if (log_ != nullptr && !files_->found_ballast()) log_->remove_ballast();
  gather_.reset();
  locks_.reset();
  index_.reset();
  log_.reset();
  sync_.reset();
  const int code = why.sqlite_code();
  const bool full = (code & 0xff) == SQLITE_FULL;
  const bool synced = !fuse_.blown() && !full && fault_of(code, Place::control) != Fault::sync;
  synced ? found_.put_back(*connection_, *files_) : connection_->close_as_is();
}

// As SQLite does when its last connection is closed. If somebody else writes, the WAL stays for
// them.
Status SqliteSink::copy_all_back() {
  const Reply began = begin();
  if (!began.ok()) {
    log_->note_last({.fault = began.fault, .cause = began.cause});
    return began.fault == Fault::busy ? Status() : began.cause;
  }
  const LogPass pass = log_->close_in();
  log_->note_last(pass);
  const Reply ended = rollback();
  return pass.ok() || pass.fault == Fault::busy ? ended.cause : pass.cause;
}

void SqliteSink::forget_statements() noexcept {
  watermark_.reset();
  positions_.finalize();
  execution_.finalize();
  unit_.finalize();
  for (Prepared* each : {&begin_, &commit_, &rollback_}) each->reset();
}

// For a reply of a statement that is not ours.
Reply SqliteSink::examined(Reply reply) {
  if (reply.fault == Fault::corrupt) {
    (void)rollback();
    reply.effect = Effect::ended;
    ask_what_is_damaged(*connection_, reply);
  }
  return noted(std::move(reply));
}

Reply SqliteSink::noted(Reply reply) {
  if (reply.fault == Fault::sync) fuse_.blow(reply);
  return reply;
}

}  // namespace

Result<std::unique_ptr<Sink>> open_sink(const std::filesystem::path& path,
                                        const JournalOptions& options) {
  if (Status status = use_library(); !status.ok()) return status;
  Result<Files> files = Files::take(path, options.file_mode);
  if (!files) return files.status();
  const std::string database = files->database();
  auto failed = [&database](const Status& status) {
    if (status.message().starts_with(database)) return status;
    return Status(status.code(), database + ": " + status.message(), status.sqlite_code());
  };
  Result<std::unique_ptr<Connection>> connection = Connection::open(database, options);
  Result<Found> found =
      connection ? Found::look(**connection, *files, options) : connection.status();
  if (!found) {
    if (connection) (*connection)->close_as_is();
    if (files->database_is_empty()) files->remove_made();
    return failed(found.status());
  }
  auto sink = std::make_unique<SqliteSink>(*std::move(files), *std::move(connection),
                                           *std::move(found), options);
  const Status status = base::sheltered([&] { return sink->start(options); });
  if (status.ok()) return std::unique_ptr<Sink>(std::move(sink));
  sink->abandon(status);
  return failed(status);
}

void forgo(Sink& sink) { static_cast<SqliteSink&>(sink).forgo(); }

}  // namespace onelane::inline v0::sqlite
