#include "src/sqlite/sink/execution.h"

#include <utility>

#include "src/model/row.h"
#include "src/sqlite/connection/schema.h"
#include "src/sqlite/sink/bind.h"
#include "src/sqlite/sink/inquiry.h"
#include "src/sqlite/sink/returned.h"
#include "src/sqlite/sink/step_row.h"
#include "src/sqlite/sink/text.h"

namespace onelane::inline v0::sqlite {

namespace {

// Whether a statement that failed by its own fault left nothing behind, as its program promises.
bool left_nothing(const Program* program, sqlite3_stmt* statement, const Reply& failed) noexcept {
  if (program == nullptr || !program->is_of(statement)) return false;
  const bool too_big = (failed.cause.sqlite_code() & 0xff) == SQLITE_TOOBIG;
  return program->fails_before_it_writes && !(too_big && program->may_outgrow_later);
}

void keep_if_unsafe(const Program* program, sqlite3_stmt* statement, Reply& failed) noexcept {
  if (failed.fault != Fault::record || failed.effect != Effect::undone) return;
  if (!left_nothing(program, statement, failed)) failed.effect = Effect::kept;
}

// Refuses text that a UTF-16 database would change on the way, so that two values could become one.
bool keeps_text(std::span<const std::byte> row, Reply& failed) {
  const std::optional<int> column = find_inconvertible_text(row);
  if (!column) return true;
  failed = reply_of(Fault::record, Effect::undone,
                    "column " + std::to_string(*column) +
                        ": the text is not valid UTF-8, and the database's encoding is UTF-16",
                    SQLITE_MISMATCH);
  return false;
}

bool may_change_schema(sqlite3_stmt* statement) noexcept {
  return sqlite3_strlike("%create%", sqlite3_sql(statement), 0) == 0 ||
         sqlite3_strlike("%alter%", sqlite3_sql(statement), 0) == 0 ||
         sqlite3_strlike("%drop%", sqlite3_sql(statement), 0) == 0;
}

}  // namespace

// The encoding of main is that of the connection.
Status Execution::prepare() {
  std::string encoding;
  const int code = connection_.run_own("PRAGMA encoding", encoding);
  if (code != SQLITE_OK) {
    return connection_.failure(code, Place::control, "PRAGMA encoding").cause;
  }
  converts_text_ = encoding != "UTF-8";
  return shelter_.prepare();
}

Status Execution::add_statement(const StatementSpec& spec) {
  if (registered_.size() == kStatementsMax) {
    return {Errc::invalid_argument, "a journal takes at most " + std::to_string(kStatementsMax) +
                                        " statements: " + spec.sql};
  }
  Result<Registered> registered = register_statement(connection_, spec);
  if (!registered) return registered.status();
  look_again(*registered);
  if (registered_.size() == registered_.capacity()) registered_.reserve(2 * registered_.size() + 1);
  index_of_sql_.try_emplace(spec.sql, registered_.size());
  registered_.push_back(*std::move(registered));
  return {};
}

// Only a schema with a deferred key makes a program that counts deferred violations.
void Execution::look_again(Registered& registered) {
  registered.program = program_of(connection_, registered.prepared.get());
  registered.may_defer = foreign_keys_ && may_have_deferred_keys(connection_);
}

// 0 is reported only where it surely is the id of a row, and not what it was cleared to. An upsert
// that inserts a row with id 0 is reported without.
inline std::optional<std::int64_t> Execution::last_rowid(const Program& program,
                                                         std::uint64_t changes) const {
  const std::int64_t rowid = sqlite3_last_insert_rowid(connection_.handle());
  const bool told = rowid != 0 || (program.only_inserts && changes != 0);
  return told ? std::optional(rowid) : std::nullopt;
}

// The first step prepares a statement again if its schema has changed, but for the schema that the
// connection remembers, which somebody else may have changed. If that fails, the schema is read
// again, and the step is tried once more: only then is it the statement's fault. It has not begun
// to run.
inline int Execution::step(sqlite3_stmt* statement) {
  const int runs = sqlite3_stmt_status(statement, SQLITE_STMTSTATUS_RUN, 0);
  int code = sqlite3_step(statement);
  if (Connection::may_be_stale(code) &&
      sqlite3_stmt_status(statement, SQLITE_STMTSTATUS_RUN, 0) == runs) [[unlikely]] {
    sqlite3_reset(statement);
    connection_.forget_refusal();
    connection_.read_schema_anew();
    code = sqlite3_step(statement);
  }
  return code;
}

// The connection is asked after every step, whatever its code. SQLite ends a transaction by itself
// for more reasons than any list has, and what follows would then commit by itself.
inline bool Execution::run(sqlite3_stmt* statement, const RowVisitor* visit, std::uint64_t& changes,
                           Reply& failed) {
  sqlite3* db = connection_.handle();
  const std::int64_t changes_before = sqlite3_total_changes64(db);
  int code = step(statement);
  for (; code == SQLITE_ROW; code = sqlite3_step(statement)) {
    if (visit != nullptr) (*visit)(StepRow(statement));
    if (!connection_.in_transaction()) break;  // a step after a rollback would start over
  }
  if (code != SQLITE_DONE && code != SQLITE_ROW) {
    failed = connection_.failure(code, Place::statement);
    if ((code & 0xff) == SQLITE_FULL) ask_what_is_full(connection_, failed);
    return false;
  }
  if (!connection_.in_transaction()) {
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

// Runs it under a savepoint, so that a failure by its own fault leaves nothing behind. SQLite gives
// no savepoint while a statement that writes is being stepped, whose visitor calls this.
template <class Run>
bool Execution::sheltered(const Run& run, Reply& failed) {
  failed = shelter_.begin();
  if (failed.fault == Fault::busy) return run(failed);
  if (!failed.ok()) return false;
  if (run(failed)) {
    failed = shelter_.release();
    return failed.ok();
  }
  if (failed.fault != Fault::record || failed.effect == Effect::ended) return false;
  Reply undone = shelter_.rollback_to();
  if (undone.ok()) {
    failed.effect = Effect::undone;
  } else {
    failed = std::move(undone);
  }
  return false;
}

inline Registered* Execution::find(Statement statement, Reply& failed) noexcept {
  if (statement.index < registered_.size()) return &registered_[statement.index];
  failed = reply_of(Fault::internal, Effect::undone, "there is no such statement");
  return nullptr;
}

// False, and why, if it failed.
inline bool Execution::apply(Registered& registered, Application& record, Reply& failed) {
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
    failed = connection_.failure(bound.code, Place::statement);
    return false;
  }
  if (converts_text_ && !keeps_text(record.row, failed)) return false;
  if (!in_unit_) clear_last_rowid();
  const bool ran = registered.returns && record.wants_returned
                       ? run_returning(statement, record, failed)
                       : run(statement, nullptr, record.changes, failed);
  if (!ran) {
    keep_if_unsafe(&registered.program, statement, failed);
    return false;
  }
  if (!registered.program.is_of(statement)) [[unlikely]] {
    look_again(registered);
  }
  record.rowid = last_rowid(registered.program, record.changes);
  return true;
}

// More than may be kept is found out after the statement has written.
[[gnu::noinline]] bool Execution::run_returning(sqlite3_stmt* statement, Application& record,
                                                Reply& failed) {
  std::size_t bytes = returned_bytes(record.returned);
  const RowVisitor visit = [&](const ResultRow& row) {
    const auto& returned = static_cast<const StepRow&>(row);
    bytes += returned_bytes(returned);
    if (bytes <= kReturnedBytesMax) record.returned.push_back(copy_of(returned));
  };
  const bool ran = run(statement, &visit, record.changes, failed);
  if (ran && bytes <= kReturnedBytesMax) return true;
  record.returned = {};
  if (!ran) return false;
  failed = reply_of(Fault::record, Effect::kept,
                    "the rows that the unit returns take more than " +
                        std::to_string(kReturnedBytesMax) + " bytes");
  return false;
}

Reply Execution::apply(Statement statement, std::span<const std::byte> row) {
  Application record{.statement = statement, .row = row};
  return apply(record);
}

Reply Execution::apply_returning(Statement statement, std::span<const std::byte> row,
                                 std::vector<ReturnedRow>& returned) {
  Application record{.statement = statement, .row = row, .wants_returned = true};
  record.returned.swap(returned);
  Reply reply = apply(record);
  record.returned.swap(returned);
  return reply;
}

Reply Execution::apply(Application& record) {
  Reply reply;
  Registered* const registered = find(record.statement, reply);
  if (registered == nullptr) return reply;
  const auto run = [&](Reply& failed) { return apply(*registered, record, failed); };
  const bool shelters = !in_unit_ && !registered->program.fails_before_it_writes;
  if (!(shelters ? sheltered(run, reply) : run(reply))) return reply;
  reply.changes = record.changes;
  reply.rowid = record.rowid;
  return reply;
}

// A record that is a unit by itself.
inline bool Execution::apply_alone(Registered& registered, Application& record, Reply& failed) {
  const bool shelters = record.shelter || !registered.program.fails_before_it_writes;
  const auto run = [&](Reply& reply) {
    if (!apply(registered, record, reply)) return false;
    if (registered.may_defer) reply = verify();
    return reply.ok();
  };
  return shelters ? sheltered(run, failed) : run(failed);
}

std::size_t Execution::apply_each(std::span<Application> records, Reply& failed) {
  for (std::size_t i = 0; i < records.size(); ++i) {
    records[i].returned.clear();
    Registered* const registered = find(records[i].statement, failed);
    if (registered == nullptr || !apply_alone(*registered, records[i], failed)) return i;
  }
  return records.size();
}

Reply Execution::verify() {
  if (!foreign_keys_) return {};
  int unresolved = 0;
  int highest = 0;
  sqlite3_db_status(connection_.handle(), SQLITE_DBSTATUS_DEFERRED_FKS, &unresolved, &highest, 0);
  if (unresolved == 0) return {};
  return reply_of(Fault::record, Effect::kept,
                  "FOREIGN KEY constraint failed: a deferred key still has no row to refer to",
                  SQLITE_CONSTRAINT_FOREIGNKEY);
}

Reply Execution::execute(std::string_view sql, std::span<const std::byte> row,
                         const RowVisitor& visit) {
  Found found;
  if (Reply reply = find_or_prepare(sql, found); !reply.ok()) return reply;
  sqlite3_stmt* const statement = found.statement;
  const InUse in_use(statement);
  const Bound bound = bind_row(statement, row, visit ? Lifetime::copied : Lifetime::borrowed);
  const int parameters = sqlite3_bind_parameter_count(statement);
  if (!bound.readable) return reply_of(Fault::record, Effect::undone, "the bytes are not a row");
  if (bound.columns != parameters) {
    return reply_of(Fault::record, Effect::undone,
                    "the SQL has " + std::to_string(parameters) + " parameters, but " +
                        std::to_string(bound.columns) + " values are given: " + std::string(sql));
  }
  if (bound.code != SQLITE_OK) return connection_.failure(bound.code, Place::statement);
  Reply reply;
  if (converts_text_ && !keeps_text(row, reply)) return reply;
  const bool reads = sqlite3_stmt_readonly(statement) != 0;
  const auto run = [&](Reply& failed) {
    if (this->run(statement, visit ? &visit : nullptr, reply.changes, failed)) return true;
    if (!reads) keep_if_unsafe(found.program, statement, failed);
    return false;
  };
  const bool shelters =
      !reads && (found.program == nullptr || !found.program->fails_before_it_writes);
  Reply failed;
  const bool done = shelters ? sheltered(run, failed) : run(failed);
  if (shelters && may_change_schema(statement)) {
    for (auto& [ignored, used] : used_) used.fresh = false;
  }
  return done ? reply : failed;
}

// A statement that is being stepped is left alone, if its visitor asks for it again: `own` is then
// another one of the same SQL, for this run.
Reply Execution::find_or_prepare(std::string_view sql, Found& found) {
  std::string key(sql);
  const auto used = used_.find(key);
  if (used == used_.end()) return first_use(std::move(key), found);
  Used& again = used->second;
  if (sqlite3_stmt_busy(again.statement) != 0) {
    Reply reply = connection_.prepare(sql, Keep::briefly, found.own);
    found.statement = found.own.get();
    return reply;
  }
  found.statement = again.statement;
  if (!std::exchange(again.fresh, true)) return {};
  if (!again.program.is_of(again.statement)) {
    again.program = program_of(connection_, again.statement);
  }
  found.program = &again.program;
  return {};
}

Reply Execution::first_use(std::string&& sql, Found& found) {
  Used used{.fresh = true};
  if (const auto known = index_of_sql_.find(sql); known != index_of_sql_.end()) {
    used.statement = registered_[known->second].prepared.get();
    used.program = registered_[known->second].program;
  } else {
    Reply reply = connection_.prepare(sql, Keep::briefly, used.own);
    if (!reply.ok()) return reply;
    used.statement = used.own.get();
  }
  found.statement = used.statement;
  used_.emplace(std::move(sql), std::move(used));
  return {};
}

void Execution::finalize() noexcept {
  used_.clear();
  index_of_sql_.clear();
  registered_.clear();
  shelter_.finalize();
}

}  // namespace onelane::inline v0::sqlite
