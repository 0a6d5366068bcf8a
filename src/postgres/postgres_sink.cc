#include "src/postgres/postgres_sink.h"

#include <algorithm>
#include <new>
#include <utility>

#include "src/base/memory.h"
#include "src/postgres/rows.h"

namespace onelane::inline v0::postgres {

namespace {

// A unit of more than one statement, and a statement that is to be undone by itself.
constexpr char kBeginUnit[] = "SAVEPOINT onelane_unit";
constexpr char kReleaseUnit[] = "RELEASE SAVEPOINT onelane_unit";
constexpr char kUndoUnit[] = "ROLLBACK TO SAVEPOINT onelane_unit";
constexpr char kBeginStatement[] = "SAVEPOINT onelane_statement";
constexpr char kReleaseStatement[] = "RELEASE SAVEPOINT onelane_statement";
constexpr char kUndoStatement[] = "ROLLBACK TO SAVEPOINT onelane_statement";
constexpr char kCheckEachStatement[] = "SET CONSTRAINTS ALL IMMEDIATE";
constexpr char kCheckLater[] = "SET CONSTRAINTS ALL DEFERRED";

Reply outside_transaction() {
  return reply_of(Fault::internal, Effect::ended, "there is no transaction");
}

}  // namespace

PostgresSink::PostgresSink(Conninfo conninfo, const Options& options)
    : session_(std::move(conninfo), options),
      statements_(session_),
      commits_(session_),
      positions_(session_),
      schema_(session_),
      set_level_("SET LOCAL synchronous_commit = " +
                 std::string(name(options.synchronous_commit))) {}

Status PostgresSink::start() {
  Status status = session_.open();
  if (status.ok()) status = commits_.begin_epoch();
  if (status.ok()) status = make_tables().cause;
  return status;
}

Status PostgresSink::run_schema(const std::string& sql) {
  if (sql.empty()) return {};
  const Reply reply = session_.script("BEGIN;" + sql + "\n;COMMIT", Whose::a_units);
  if (reply.ok()) return {};
  (void)session_.script("ROLLBACK", Whose::ours);
  const Errc code = reply.fault == Fault::record ? Errc::invalid_argument : reply.cause.code();
  return {code, "the schema's SQL: " + reply.cause.message()};
}

Reply PostgresSink::make_tables() {
  Reply reply = commits_.make();
  if (reply.ok()) reply = positions_.make();
  if (reply.ok()) reply = schema_.make();
  tables_missing_ = !reply.ok();
  return reply;
}

// A new connection, in the state that the old one had outside a transaction. There is no other way
// to one: the turn that was under way must be known before there is another.
Reply PostgresSink::connect(CommitsTable::Found& found) {
  Reply reply = session_.reopen();
  if (!reply.ok()) return reply;
  statements_.forget();
  const Result<CommitsTable::Found> looked = commits_.look();
  if (!looked) {
    session_.drop();
    const bool lost = looked.status().code() == Errc::poisoned;
    tables_missing_ = !lost;
    reply.fault = lost ? Fault::sync : Fault::environment;
    reply.cause = {Errc::storage, looked.status().message()};
    reply.effect = Effect::ended;
    return reply;
  }
  found = *looked;
  return statements_.prepare_missing();
}

Reply PostgresSink::begin() {
  if (open_) return reply_of(Fault::internal, Effect::kept, "BEGIN inside a transaction");
  Reply reply;
  auto ignored = CommitsTable::Found::undone;  // the fence asks commits_of()
  reply = session_.good() ? statements_.prepare_missing() : connect(ignored);
  if (reply.ok() && tables_missing_) reply = make_tables();
  if (!reply.ok()) {
    reply.effect = Effect::ended;
    return reply;
  }
  commits_.undone();
  session_.view().transaction_begins();
  open_ = true;
  in_unit_ = in_step_ = waits_ = false;
  sent_on_.begin();
  session_.connection().run("BEGIN");
  session_.connection().run(kCheckEachStatement);
  return reply;
}

// --- Records.

Status PostgresSink::add_statement(const StatementSpec& spec) {
  auto ignored = CommitsTable::Found::undone;
  const Reply reply = session_.good() ? Reply() : connect(ignored);
  return reply.ok() ? statements_.add(spec) : reply.cause;
}

Reply PostgresSink::apply(Statement statement, std::span<const std::byte> row) {
  std::vector<ReturnedRow> ignored;
  return apply_one(statement, row, false, ignored);
}

Reply PostgresSink::apply_returning(Statement statement, std::span<const std::byte> row,
                                    std::vector<ReturnedRow>& returned) {
  return apply_one(statement, row, true, returned);
}

Reply PostgresSink::apply_one(Statement statement, std::span<const std::byte> row,
                              bool wants_returned, std::vector<ReturnedRow>& returned) {
  if (!open_) return outside_transaction();
  Application record;
  record.statement = statement;
  record.row = row;
  record.wants_returned = wants_returned;
  record.returned = std::move(returned);
  Reply reply;
  (void)apply_chunk({&record, 1}, reply);
  returned = std::move(record.returned);
  if (reply.ok()) reply.changes = record.changes;
  const bool own = in_unit_ && !sent_on_.failed_record();
  if (reply.effect == Effect::ended && own && session_.good()) reply.effect = Effect::kept;
  return reply;
}

std::size_t PostgresSink::apply_each(std::span<Application> records, Reply& failed) {
  failed = open_ ? Reply() : outside_transaction();
  std::size_t done = 0;
  for (Application& each : records) each.returned.clear();
  while (failed.ok() && done < records.size()) done += apply_chunk(records.subspan(done), failed);
  return done;
}

bool PostgresSink::must_wait(std::span<const Application> records) {
  const auto decides = [this](const Application& each) {
    const Registered* const registered = statements_.find(each.statement);
    return each.shelter || (each.wants_returned && registered != nullptr && registered->returns);
  };
  return waits_ || std::any_of(records.begin(), records.end(), decides);
}

// Sends the records up to one whose result decides what comes next. How many of them are applied,
// as far as is known.
std::size_t PostgresSink::apply_chunk(std::span<Application> records, Reply& failed) {
  const std::size_t front = session_.connection().queued();
  Reply unsent;
  const std::size_t sent = queue_chunk(records, unsent);
  if (!must_wait(records)) {
    for (std::size_t n = 0; n < sent; ++n) {
      records[n].changes = 0;
      records[n].rowid.reset();
      sent_on_.record(reply_of_record_[n], records[n].statement);
    }
    failed = std::move(unsent);
    return sent;
  }
  if (sent != 0) failed = exchange(front);
  for (std::size_t n = 0; n < sent && failed.ok(); ++n) {
    const std::size_t rows_before = records[n].returned.size();
    failed = take(records[n], n);
    if (!failed.ok()) return n;
    sent_on_.answered(records[n], rows_before);
  }
  if (!failed.ok()) return 0;
  failed = std::move(unsent);
  return sent;
}

std::size_t PostgresSink::queue_chunk(std::span<Application> records, Reply& unsent) {
  reply_of_record_.clear();
  for (std::size_t n = 0; n < records.size(); ++n) {
    unsent = queue(records[n]);
    if (!unsent.ok()) return n;
    const bool decides = records[n].shelter && records[n].wants_returned;
    if (decides && statements_.find(records[n].statement)->returns) return n + 1;
  }
  return records.size();
}

// With shelter its savepoint is released at once, unless its rows may be too large to be kept.
Reply PostgresSink::queue(const Application& record) {
  const Registered* const registered = statements_.find(record.statement);
  if (registered == nullptr) {
    return reply_of(Fault::internal, Effect::undone, "there is no such statement");
  }
  if (!registered->prepared) return registered->failure;
  if (Reply reply = fill(record.row); !reply.ok()) return reply;
  Connection& connection = session_.connection();
  if (record.shelter) connection.run(kBeginStatement);
  reply_of_record_.push_back(connection.queued());
  connection.run_prepared(registered->name.c_str(), parameters_);
  const bool decides = record.wants_returned && registered->returns;
  if (record.shelter && !decides) connection.run(kReleaseStatement);
  connection.send_on(session_.options().reply_timeout);
  return {};
}

Reply PostgresSink::fill(std::span<const std::byte> row) {
  switch (parameters_.take(row)) {
    case Parameters::Found::good:
      return {};
    case Parameters::Found::no_row:
      break;
    case Parameters::Found::nul_in_text:
      return reply_of(Fault::record, Effect::undone,
                      "column " + std::to_string(parameters_.culprit()) +
                          " has a NUL byte in its text, and PostgreSQL keeps none; a blob can "
                          "have it");
  }
  return reply_of(Fault::record, Effect::undone, "the bytes are not a row");
}

// What came of the n-th record of a chunk.
Reply PostgresSink::take(Application& record, std::size_t n) {
  const std::size_t at = reply_of_record_[n];
  if (record.shelter) {
    if (Reply reply = reply_to(at - 1, Whose::ours); !reply.ok()) return reply;
  }
  Reply reply = reply_to(at, Whose::a_units);
  const bool decides =
      record.shelter && record.wants_returned && statements_.find(record.statement)->returns;
  if (reply.ok()) {
    PGresult* const result = replies_[at].get();
    record.changes = changes_of(result);
    record.rowid.reset();
    if (record.wants_returned && !append_rows(result, record.returned)) {
      reply = reply_of(Fault::record, Effect::kept,
                       "what the statement returns takes more than " +
                           std::to_string(kReturnedBytesMax) + " bytes");
    }
  } else if (at < replies_.size()) {
    const bool stale = statements_.note_stale(record.statement, replies_[at].get());
    if (stale) reply.fault = Fault::environment;
  }
  if (!record.shelter) return reply;
  if (reply.fault == Fault::record) return undo_statement(std::move(reply));
  if (decides && reply.ok()) session_.connection().run(kReleaseStatement);
  return decides || !reply.ok() ? reply : reply_to(at + 1, Whose::ours);
}

// Sends what is queued. A failure of what was queued before the first `front` commands' end is told
// here: of a record that was sent on, or of nobody.
Reply PostgresSink::exchange(std::size_t front) {
  replies_.clear();
  const bool good = session_.connection().exchange(replies_, session_.options().reply_timeout);
  Reply failed = sent_on_.settle(replies_, front);
  if (!failed.ok()) return sent_on_.failed_record() ? failed : ours(failed);
  return !good && replies_.size() <= front ? session_.lost() : failed;
}

Reply PostgresSink::reply_to(std::size_t at, Whose whose) {
  if (at >= replies_.size()) return session_.lost();
  const PGresult* const result = replies_[at].get();
  return succeeded(result) ? Reply() : failure_of(result, whose);
}

Reply PostgresSink::undo_statement(Reply reply) {
  Connection& connection = session_.connection();
  connection.run(kUndoStatement);
  connection.run(kReleaseStatement);
  Reply undone = session_.exchange(replies_, Whose::ours);
  if (!undone.ok()) return undone;
  reply.effect = Effect::undone;
  return reply;
}

// --- Units of more than one statement, and jobs.

// Within them deferrable constraints wait for the end.
Reply PostgresSink::savepoint() {
  if (!open_) return outside_transaction();
  session_.connection().run(kBeginUnit);
  session_.connection().run(kCheckLater);
  in_unit_ = true;
  in_step_ = false;
  return {};
}

Reply PostgresSink::verify() {
  if (!open_ || !in_unit_) return {};
  const std::size_t front = session_.connection().queued();
  session_.connection().run(kCheckEachStatement);
  if (!waits_ && !in_step_) {
    sent_on_.check(front);
    return {};
  }
  Reply reply = exchange(front);
  if (reply.ok()) reply = reply_to(front, Whose::a_units);
  if (reply.fault == Fault::record) reply.effect = Effect::kept;
  return reply;
}

Reply PostgresSink::release() {
  if (!open_) return outside_transaction();
  in_unit_ = false;
  session_.connection().run(kReleaseUnit);
  return {};
}

// The constraints are as they were before the savepoint, too.
Reply PostgresSink::rollback_to() {
  if (!open_) return outside_transaction();
  in_unit_ = false;
  session_.connection().run(kUndoUnit);
  session_.connection().run(kReleaseUnit);
  return exchange(session_.connection().queued());
}

Reply PostgresSink::execute(std::string_view sql, std::span<const std::byte> row,
                            const RowVisitor& visit) {
  if (!open_) {  // a job went on after a statement that ended it
    return reply_of(Fault::record, Effect::ended, "the step's transaction has ended");
  }
  if (const std::string word = first_word(sql); is_denied(word)) {
    return reply_of(Fault::record, Effect::undone, "a job may not run " + word);
  }
  if (Reply reply = fill(row); !reply.ok()) return reply;
  in_step_ = true;
  Connection& connection = session_.connection();
  connection.run(kBeginStatement);
  const std::size_t front = connection.queued();
  connection.run(std::string(sql).c_str(), parameters_);
  connection.run(kReleaseStatement);
  Reply reply = exchange(front);
  if (!reply.ok()) return reply;
  reply = reply_to(front, Whose::a_units);
  if (reply.fault == Fault::record) return undo_statement(std::move(reply));
  if (reply.ok()) reply = reply_to(front + 1, Whose::ours);
  if (!reply.ok()) return reply;
  const ResultPtr result = std::move(replies_[front]);  // the visitor may run others
  reply.changes = changes_of(result.get());
  QueryRow visited(result.get());
  for (int i = 0; visit && i < PQntuples(result.get()); ++i) {
    visited.move_to(i);
    visit(visited);
  }
  return reply;
}

// --- The end of a transaction.

Reply PostgresSink::mark(std::uint64_t commit) {
  commits_.mark(commit);
  return {};
}

Result<std::uint64_t> PostgresSink::commits_of(std::uint64_t epoch) {
  auto ignored = CommitsTable::Found::undone;
  const Reply reply = session_.good() ? Reply() : connect(ignored);
  return reply.ok() ? commits_.commits_of(epoch) : Result<std::uint64_t>(reply.cause);
}

Reply PostgresSink::advance(const ClassProgress& progress) {
  if (!open_) return outside_transaction();
  const std::size_t at = session_.connection().queued();
  positions_.queue_advance(progress);
  sent_on_.expectation(at, positions_.elsewhere(progress));
  return sent();
}

Reply PostgresSink::bury(const DeadLetter& letter) {
  if (!open_) return outside_transaction();
  positions_.queue_bury(letter);
  return sent();
}

// What is queued is ours.
Reply PostgresSink::sent() { return waits_ ? exchange(session_.connection().queued()) : Reply(); }

// Of statements on our own tables. After a failure begin() makes those that are missing.
Reply PostgresSink::ours(Reply reply) {
  if (!reply.ok()) tables_missing_ = true;
  return reply;
}

Status PostgresSink::set_mark(const IntakeMark& mark) {
  try {
    Reply reply = begin();
    if (reply.ok()) reply = ours(positions_.write_mark(mark));
    if (reply.ok()) reply = commit();
    if (reply.ok()) return {};
    (void)rollback();
    return reply.cause;
  } catch (const std::bad_alloc&) {
    (void)rollback();
    return base::out_of_memory();
  }
}

// The level is set here, where no job comes after it.
Reply PostgresSink::commit() {
  if (!open_) return outside_transaction();
  if (!session_.good()) return session_.lost();  // COMMIT was not sent
  Connection& connection = session_.connection();
  connection.run(set_level_.c_str());
  commits_.queue_turn();
  connection.run("COMMIT");
  const std::size_t last = connection.queued() - 1;
  Reply reply = exchange(last);
  const PGresult* const answer = replies_.size() > last ? replies_[last].get() : nullptr;
  const std::string_view did = succeeded(answer) ? PQcmdStatus(replies_[last].get()) : "";
  const bool answered = did == "COMMIT" || did == "ROLLBACK";
  // Anything but the server's own refusal leaves open what it did: libpq, too, makes results, where
  // it has no memory for one, or cannot read it.
  const bool refused = skipped(answer) || (!succeeded(answer) && !sqlstate_of(answer).empty());
  if (!answered && !refused) session_.drop();
  if (!answered && !session_.good()) {
    open_ = false;
    sent_on_.forget_failure();
    return decide();
  }
  if (!answered) return reply.ok() ? reply_to(last, Whose::a_units) : reply;
  open_ = false;
  if (did != "COMMIT") {
    return reply_of(Fault::environment, Effect::ended, "COMMIT rolled back");
  }
  commits_.committed();
  return connection.warned() ? confirm() : Reply();
}

// The connection was lost in COMMIT. The old backend has ended once there is another connection.
Reply PostgresSink::decide() {
  auto found = CommitsTable::Found::undone;
  Reply reply = connect(found);
  if (!reply.ok()) {
    reply.effect = Effect::unknown;
    return reply;
  }
  if (found == CommitsTable::Found::committed) return confirm();
  return reply_of(Fault::environment, Effect::ended,
                  "the connection was lost in COMMIT, and the server did not carry it out");
}

// The units are committed, but perhaps not where the level says: a commit after them is there only
// once they are.
Reply PostgresSink::confirm() {
  Connection& connection = session_.connection();
  connection.run("BEGIN");
  connection.run(set_level_.c_str());
  commits_.queue_turn();
  connection.run("COMMIT");
  Reply reply = session_.exchange(replies_, Whose::ours);
  if (reply.ok()) commits_.committed();
  if (reply.ok() && !connection.warned()) return reply;
  if (reply.ok()) {
    reply = reply_of(Fault::environment, Effect::unknown, "no standby has answered a COMMIT");
  }
  session_.drop();
  reply.effect = Effect::unknown;
  return reply;
}

// Without the connection the server rolls back by itself, and the lock says when it has.
Reply PostgresSink::rollback() {
  if (!open_) return {};
  open_ = in_unit_ = false;
  try {
    // What fails of what is queued would make the server skip ROLLBACK.
    if (session_.good() && sent_on_.waiting()) (void)exchange(session_.connection().queued());
    if (session_.good()) {
      session_.connection().run("ROLLBACK");
      replies_.clear();
      const bool good = session_.connection().exchange(replies_, session_.options().reply_timeout);
      if (good && !session_.connection().in_transaction()) return {};
    }
  } catch (const std::bad_alloc&) {  // without the connection as well
  }
  session_.drop();
  return {};
}

// Each COMMIT writes the turn, so one without units really writes, too.
Reply PostgresSink::probe() {
  Reply reply = begin();
  if (reply.ok()) reply = ours(positions_.probe());
  if (reply.ok()) reply = commit();
  if (reply.ok()) return reply;
  (void)rollback();
  reply.effect = Effect::ended;
  return reply;
}

Status PostgresSink::close(CloseMode /*mode*/) {
  session_.close();
  return {};
}

}  // namespace onelane::inline v0::postgres
