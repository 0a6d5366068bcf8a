// Where ticks go. SQLite is the sink that Journal::open makes; a program can give its own.
//
// Five functions are a sink: add_statement, begin, apply, commit and rollback. All others have a
// default that is correct, and each that is overridden gains something. What only some stores can
// do is a part, a class of its own that the sink hands out or leaves out: Savepoints (without them
// a failed group costs its tick another attempt), JobStatements (without them jobs run no SQL),
// PipelinedCalls, SchemaVersion, Watermark, AppliedPositions, Log, CommitSync and ServerSide.
// Whether a sink keeps to what is said here, onelane/conformance.h can tell.
//
// The calls of a journal, as a grammar: [] at most once, {} any number of times, | either.
//
//   life        = [replay] { migration } { between } close
//   replay      = { add_statement | transaction }    (of what an intake had left)
//   migration   = start_migration begin [run] { execute } [end_step] set_version verify [mark]
//                 commit end_migration
//   between     = add_statement | commits_of | probe | transaction | pass
//   transaction = begin [begins_log_anew [rollback probe begin]] { unit } end
//   end         = [mark] commit | rollback
//   unit        = apply_each | group | step
//   apply_each  = { apply verify | savepoint apply verify release }    (its default)
//   group       = savepoint apply { apply } verify release
//   step        = savepoint { execute } end_step verify release
//   pass        = begin close_in rollback
//   probe       = begin commit                                         (its default)
//
// Calls of a part that the sink leaves out are left out. A call that fails ends its rule:
// - after a begin that failed, and after any probe, there is no transaction;
// - in a unit that is itself to blame (Fault::record), rollback_to undoes what came since its
//   savepoint, and the next unit follows. Without a savepoint the next unit follows a failure with
//   Effect::undone; a rollback follows any other, and then a transaction without this unit;
// - after a failed execute the step may go on if the effect was undone; else end_step comes next;
// - after any other failure, commit's included, a rollback follows. So a rollback may come after
//   any call of a transaction, after a commit that failed, and after any call that threw.
//
// Threads: calls of a sink, its Savepoints, JobStatements, SchemaVersion and Watermark never
// overlap. They may come from different threads, and each sees all that those before it did.
// Accessors of parts, Log, CommitSync and ServerSide say for themselves who may call them.
//
// Errors: a Reply says whose fault it is and what is left, a Status only what happened. A call that
// is not noexcept may throw std::bad_alloc, and execute what its visitor throws, but nothing else.
// bad_alloc is taken for a failure of the environment that may have left anything behind, and for
// an unknown outcome if commit threw it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "onelane/clock.h"
#include "onelane/record.h"
#include "onelane/stats.h"
#include "onelane/status.h"

namespace onelane::inline v0 {

// Whose fault a failure is. What is done about it depends on where it happened, too: the table is
// in src/commit/failure.h.
enum class Fault : std::uint8_t {
  none,
  record,       // the statement and its values: constraint, type, size, SQL error in a job
  busy,         // somebody else holds the write lock
  conflict,     // with another transaction, which came first: the same again may pass
  environment,  // disk full, I/O error, out of memory, interrupted
  read_only,    // the database cannot be written, lastingly
  sync,         // a sync failed, or the store's files are lost: nothing may be called durable
  corrupt,      // the file is damaged, or no database
  internal,     // onelane or the sink is wrong
};
inline constexpr std::size_t kFaultCount = 9;

// What a failed call left behind in the transaction.
enum class Effect : std::uint8_t {
  undone,  // nothing: the transaction is as before the call
  kept,    // a part of what the call did is still in the transaction
  ended,   // there is no transaction any more; everything in it is undone
  // Of commit: the transaction is over, and only recovery can tell whether it was committed. Once a
  // later probe() is durable, Watermark::commits_of() knows of it, or nobody ever will: its units
  // run again then. A sink that cannot promise that answers Fault::sync: it poisons the journal.
  unknown,
};

// What a call came to.
struct [[nodiscard]] Reply {
  Fault fault = Fault::none;            // none: it succeeded
  Effect effect = Effect::undone;       // of a failure; a success has whole effect
  std::uint64_t changes = 0;            // rows changed by apply or execute that succeeded
  std::optional<std::int64_t> rowid{};  // of the last row it inserted; none if it is not known
  Status cause{};                       // of a failure: what a program is told

  bool ok() const noexcept { return fault == Fault::none; }
};

// A record that is a unit by itself, and what came of it.
struct Application {
  Statement statement{};             // its index is below the number of add_statement calls
  std::span<const std::byte> row{};  // encoded, valid during the call
  // A failure is to leave nothing behind, at some cost: if the sink can, by a savepoint or better.
  bool shelter = false;
  // What the statement returns is wanted, up to kReturnedBytesMax of the unit.
  bool wants_returned = false;
  std::uint64_t changes = 0;            // rows, once it was applied
  std::optional<std::int64_t> rowid{};  // of the last row it inserted
  std::vector<ReturnedRow> returned{};
};
// What the rows that a unit returns may take in memory, in bytes; more is Fault::record.
inline constexpr std::size_t kReturnedBytesMax = std::size_t{64} * 1024;

// What a sink's log holds, as far as is known by this journal's own commits, and by look().
struct LogState {
  std::uint64_t bytes = 0;    // from its beginning to the end of the newest commit that is known
  std::uint64_t commits = 0;  // transactions that wrote to it since the sink was opened
  std::uint64_t written_bytes = 0;  // that these added, all in all; classes pause for them
  bool may_copy = false;            // whether copy_back() may run now
  bool full = false;                // the store has no room: nothing but close_in() may help
  std::uint64_t ballast_bytes = 0;  // of the store that are kept free for close_in()
};

// What a pass over the log found and did. Fault::busy: somebody else holds a lock, and nothing was
// done. Fault::environment: it may be tried again. Fault::sync and Fault::corrupt have no way back:
// the sink's next begin() fails with the same.
struct [[nodiscard]] LogPass {
  Fault fault = Fault::none;
  Status cause{};            // set when fault is not none
  std::uint64_t bytes = 0;   // in the log when the pass began
  std::uint64_t copied = 0;  // of these, copied back by now
  bool ok() const noexcept { return fault == Fault::none; }
};

// What a sink and its parts have in common: they are neither copied nor moved.
class SinkPart {
 public:
  SinkPart() = default;
  SinkPart(const SinkPart&) = delete;
  SinkPart& operator=(const SinkPart&) = delete;
  virtual ~SinkPart() = default;
};

// The log that a sink's commits go to first, as to SQLite's WAL. A pass copies commits from the log
// back into the store (SQLite: a checkpoint). Once a pass has copied back all of the log, the next
// commit may begin the log anew, which is to write at its start again (SQLite: it restarts the
// WAL).
//
// Threads: state() and hazard() may be called by any thread at any time. Of the others one runs at
// a time, on any thread, beside the calls of the sink; close_in() within a transaction of the sink.
// The errors of the passes are those of LogPass.
class Log : public SinkPart {
 public:
  virtual LogState state() const noexcept = 0;
  // Looks for other processes' commits, so that state() includes them. Called before each decision
  // about the log, so it should take microseconds at the most.
  virtual void look() noexcept {}
  // Copies back what is committed while the sink goes on committing. Each time that it has written
  // `piece_bytes` it puts them on the disk, so that another sync waits for a piece, not for all of
  // them. Does nothing, and replies ok, unless state().may_copy.
  virtual LogPass copy_back(std::uint64_t piece_bytes) = 0;
  // Puts on the disk what is in the log, so that little is left for whoever must wait for that. Any
  // failure has no way back.
  virtual Reply write_out() = 0;
  // Puts on the disk what was copied back, and is not there yet. Any failure has no way back.
  virtual Reply sync() = 0;
  // Copies back and syncs all there is, while nobody can commit: between a begin() of the sink that
  // succeeded and its rollback(). The lane is held meanwhile.
  virtual LogPass close_in() = 0;
  // The processes that keep the log from being copied back now; empty where that cannot be known.
  virtual std::vector<LogReader> readers() const = 0;
  // After the sink's close(): what close() could not copy back.
  virtual LogLeft left() const { return {}; }
  // A warning about this version of the store, for the journal's statistics; empty if there is
  // none. Always the same.
  virtual std::string_view hazard() const noexcept = 0;
};

// Puts commits on the disk. One call at a time, on any thread, beside the calls of the sink and of
// its log.
class CommitSync : public SinkPart {
 public:
  // Once this returns ok, every commit() that had returned before the call began survives a power
  // cut. May take as long as the disk does. A failure poisons the journal, whatever its fault:
  // pages whose sync failed are lost, and the system calls them clean.
  virtual Reply sync() = 0;
};

// What a sink knows of the server that its store is.
class ServerSide : public SinkPart {
 public:
  // Since the last begin(): how long somebody else's lock was waited for, as far as that was seen.
  // By the thread that calls the sink.
  virtual Duration lock_wait() noexcept = 0;
  // Any thread, at any time, after close(), too.
  virtual ServerStats stats() const = 0;
};

// Undoes a unit of more than one statement by itself, while the transaction goes on. Never nested.
class Savepoints : public SinkPart {
 public:
  // Begins a part of the transaction.
  virtual Reply savepoint() = 0;
  // Keeps what was done since.
  virtual Reply release() = 0;
  // Undoes what was done since, and releases.
  virtual Reply rollback_to() = 0;
};

// What came of a record.
struct AppliedRecord {
  std::uint64_t changes = 0;  // rows
  std::optional<std::int64_t> rowid{};
  std::vector<ReturnedRow> returned{};
};

// Of a sink that sends calls on before the store has answered those before them, so that a
// transaction can be a single round trip to a server. Calls that are sent on reply ok, with no
// changes: begin, apply, apply_returning, apply_each (but for records that want shelter), verify,
// and those of Savepoints, Watermark and AppliedPositions within a transaction, but for
// rollback_to. A later call tells of the first that failed, commit at the latest: its reply has
// Effect::ended.
class PipelinedCalls : public SinkPart {
 public:
  // Within a transaction, and until it ends: whether each call waits for its own answer. At its
  // beginning none does. The end of a job's step always has to.
  virtual void wait_for_each(bool wait) = 0;
  // After a call that failed in this transaction: the record that the failure is of, if that was
  // sent on; of a verify, the last record before it. By its number, from 0, among those since
  // begin() that had replied ok.
  virtual std::optional<std::size_t> failed_record() const noexcept = 0;
  // After a commit() that succeeded, until the next call: what came of each of those records.
  virtual std::span<AppliedRecord> applied() noexcept = 0;
};

// Runs the SQL of jobs' steps.
class JobStatements : public SinkPart {
 public:
  // Runs one statement with the encoded row's values as its parameters, and calls `visit`, which
  // may be empty, for each row that it gives. Passes on what visit throws, once nothing of the
  // statement runs any more. A failure is Fault::record unless the statement is not to blame.
  virtual Reply execute(std::string_view sql, std::span<const std::byte> row,
                        const RowVisitor& visit) = 0;
  // The step's function has returned or thrown: what was prepared for it may go.
  virtual void end_step() = 0;
};

// Which version of the program's schema the store is at (JournalOptions::migrations).
class SchemaVersion : public SinkPart {
 public:
  // Outside a transaction. 0 if it was never set.
  virtual Result<std::int32_t> version() = 0;
  // Outside a transaction: between these two a migration runs. It may take apart what keys refer
  // to, and set_version() fails if a row is left whose key refers to nothing.
  virtual Status start_migration() = 0;
  virtual Status end_migration() = 0;
  // Within a transaction. Runs the statements, of which there may be several.
  virtual Reply run(std::string_view sql) = 0;
  // Within a transaction.
  virtual Reply set_version(std::int32_t version) = 0;
};

// Keeps the number of the newest commit in the store, so that a program can tell after a crash
// which commits the store has. Numbers are of one opening of the journal, from 1.
class Watermark : public SinkPart {
 public:
  // Last before each commit() of units: the number that the commit will have, to be in the store
  // if and only if the units are. Where it cannot be kept whatever the units are, probe() must
  // fail, too; or units are rejected for it in the end.
  virtual Reply mark(std::uint64_t commit) = 0;
  // The number of this opening: above 0, above those of all openings before, and always the same.
  virtual std::uint64_t epoch() const noexcept = 0;
  // The newest mark that this opening left in the store, 0 if it committed nothing. Outside a
  // transaction. Errors: invalid_argument, the store does not know of such an opening; storage.
  virtual Result<std::uint64_t> commits_of(std::uint64_t epoch) = 0;
};

// What a commit says of one class with an intake, once the units of the transaction are in it.
struct ClassProgress {
  std::string_view name;       // of the class
  std::uint64_t expected = 0;  // the position that the store has now
  std::uint64_t position = 0;  // the newest that is applied, or among the dead letters
  // Older ones that are neither: each waits behind a newer record of its key, which is not applied
  // yet. In order.
  std::span<const std::uint64_t> waiting{};
  std::uint64_t journaled = 0;  // the newest that is known to be journaled
};
// As the store has it.
struct FoundProgress {
  std::string name;
  std::uint64_t position = 0;
  std::vector<std::uint64_t> waiting;
  std::uint64_t journaled = 0;
};

// A journaled unit that the store refused.
struct DeadLetter {
  std::string_view name;  // of its class
  std::uint64_t position = 0;
  std::string_view sql;              // of one of its rows
  std::span<const std::byte> row{};  // encoded
  const Status& cause;
};

// Which intake a store belongs to, and whether it can do without.
struct IntakeMark {
  std::array<std::byte, 16> uuid{};
  // All that was journaled is in the store: the intake ended in good order.
  bool clean = false;
  // An opening applies what is left. Its newest units may be in the page cache alone, where a sync
  // that failed left them, and were never acknowledged: a power cut may leave the store with more
  // of them than the intake.
  bool opening = false;
  // Of mark(): the store is surely a copy that was made of the one that the intake was with, by
  // means that make it complete by itself.
  bool copied = false;
};

// Keeps in the store, in the commit of the units themselves, how far journaled units are applied:
// after a crash each is applied exactly once. Where it cannot be written whatever the units are,
// probe() must fail, too.
class AppliedPositions : public SinkPart {
 public:
  // Within a transaction, after its units. Compares `expected` with what the store has; if it
  // differs, somebody else has changed it: Fault::corrupt.
  virtual Reply advance(const ClassProgress& progress) = 0;
  // Within a transaction.
  virtual Reply bury(const DeadLetter& letter) = 0;

  // Outside a transaction: none if the store has never had an intake, or was emptied of it.
  virtual Result<std::optional<IntakeMark>> mark() = 0;
  // Outside a transaction, in one of its own: makes what tables are needed. With another UUID than
  // the store has, and without `opening`, all that was journaled counts as applied: positions go on
  // from there.
  virtual Status set_mark(const IntakeMark& mark) = 0;
  virtual Result<std::vector<FoundProgress>> found() = 0;
  // Whether dead letters can be kept.
  virtual bool buries() const noexcept = 0;
};

// In what state a journal ends.
enum class CloseMode : std::uint8_t {
  healthy,   // all that was answered is committed
  poisoned,  // leave the store as it is, for its recovery to find
};

class Sink : public SinkPart {
 public:
  // Statements get the indexes 0, 1, 2, ... in the order in which they are added, at most
  // kStatementsMax, outside a transaction. An error adds nothing. Errors: invalid_argument, if the
  // statement is to blame.
  virtual Status add_statement(const StatementSpec& spec) = 0;

  // Begins a transaction. effect is ended on every failure.
  virtual Reply begin() = 0;
  // Executes one statement with an encoded row (Row::bytes), whose columns' types the push has
  // checked. `statement` is one that was added, and the row is valid during the call.
  virtual Reply apply(Statement statement, std::span<const std::byte> row) = 0;
  // Commits the transaction. On failure effect says kept if it is still open, ended if it is surely
  // undone, and unknown if only recovery can tell (Effect::unknown says what that needs).
  virtual Reply commit() = 0;
  // Ends the transaction if there is one, whatever state it is in, and undoes it. A failure poisons
  // the journal.
  virtual Reply rollback() = 0;

  // --- What follows has defaults.

  // The same, and adds what the statement returns to `returned`, which holds what the statements of
  // the unit before it did. For sinks whose statements return anything.
  virtual Reply apply_returning(Statement statement, std::span<const std::byte> row,
                                std::vector<ReturnedRow>& /*returned*/) {
    return apply(statement, row);
  }

  // After each unit: Fault::record, Effect::kept if the unit left a deferred violation behind.
  // For sinks that find out about some violations only at commit(), where nobody could be blamed.
  virtual Reply verify() { return {}; }

  // apply and verify for one record after another, up to the first that fails: `failed` is then its
  // reply. Where a record wants shelter, its fault has Effect::undone unless the transaction ended
  // or there are no savepoints. Returns how many succeeded, `records` has what came of them. For
  // sinks that can do better than this.
  virtual std::size_t apply_each(std::span<Application> records, Reply& failed) {
    for (std::size_t i = 0; i < records.size(); ++i) {
      if (!apply_one(records[i], failed)) return i;
    }
    return records.size();
  }

  // A commit that changes nothing but really writes: says whether the store takes commits at all.
  // Outside a transaction, and leaves none; effect is ended on every failure. For sinks whose
  // commit() of nothing does nothing.
  virtual Reply probe() {
    Reply reply = begin();
    if (!reply.ok()) return reply;
    reply = commit();
    if (reply.ok()) return reply;
    if (Reply undone = rollback(); !undone.ok()) reply = std::move(undone);
    reply.effect = Effect::ended;
    return reply;
  }

  // How often a begin() found that somebody else had changed the store since this sink's last
  // transaction. Never goes back.
  virtual std::uint64_t foreign_changes() const { return 0; }

  // After a begin(), before anything else: whether a commit() of this transaction may have to begin
  // the log anew, and so to wait for the disk, where commits do not otherwise. A probe() does it,
  // too, so that no units have to wait for it within their transaction.
  virtual bool begins_log_anew() const { return false; }

  // Whether a commit survives a power cut once commit() has returned ok. Always the same.
  virtual bool commit_is_durable() const { return false; }

  // Once, last; no other call follows but to what log() gave. An error is told by Journal::close.
  virtual Status close(CloseMode /*mode*/) { return {}; }

  // --- The parts that the sink has, null for those that it has not. Any thread may ask; the answer
  // is always the same, and what it leads to lives as long as the sink.

  virtual Savepoints* savepoints() noexcept { return nullptr; }
  virtual JobStatements* job_statements() noexcept { return nullptr; }
  // Of a sink that sends calls on before it knows what came of those before them.
  virtual PipelinedCalls* pipelined_calls() noexcept { return nullptr; }
  // Of a sink whose schema can be migrated.
  virtual SchemaVersion* schema_version() noexcept { return nullptr; }
  virtual Watermark* watermark() noexcept { return nullptr; }
  // Of a sink that can be behind an intake.
  virtual AppliedPositions* applied_positions() noexcept { return nullptr; }
  // The log that the engine has to look after. After close() only its state() and left() may be
  // asked.
  virtual Log* log() noexcept { return nullptr; }
  // What makes commits durable where commit() alone does not. Not called any more when close() is.
  virtual CommitSync* commit_sync() noexcept { return nullptr; }
  // Of a sink whose store is a server.
  virtual ServerSide* server_side() noexcept { return nullptr; }

 private:
  bool apply_one(Application& record, Reply& failed) {
    Savepoints* const shelter = record.shelter ? savepoints() : nullptr;
    if (shelter != nullptr) failed = shelter->savepoint();
    if (shelter != nullptr && !failed.ok()) return false;
    record.returned.clear();
    failed = record.wants_returned ? apply_returning(record.statement, record.row, record.returned)
                                   : apply(record.statement, record.row);
    record.changes = failed.changes;
    record.rowid = failed.rowid;
    if (failed.ok()) failed = verify();
    if (shelter == nullptr) return failed.ok();
    if (failed.ok()) {
      failed = shelter->release();
    } else if (failed.fault == Fault::record && failed.effect != Effect::ended) {
      Reply undone = shelter->rollback_to();
      if (!undone.ok()) failed = undone;
      failed.effect = undone.ok() ? Effect::undone : undone.effect;
    }
    return failed.ok();
  }
};

}  // namespace onelane::inline v0
