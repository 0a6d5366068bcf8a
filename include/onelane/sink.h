// Where ticks go. The committer drives a Sink through one transaction at a time:
//
//   begin  (apply verify | savepoint (apply | execute)* verify release)*  commit
//
// with rollback instead of commit at any point. SQLite is the sink that Journal::open makes; a test
// can give its own. Calls never overlap, but may come from different threads, one after another.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
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
  environment,  // disk full, I/O error, out of memory, interrupted
  read_only,    // the database cannot be written, lastingly
  sync,         // a sync failed, or the store's files are lost: nothing may be called durable
  corrupt,      // the file is damaged, or no database
  internal,     // onelane or the sink is wrong
};
inline constexpr std::size_t kFaultCount = 8;

// What a failed call left behind in the transaction.
enum class Effect : std::uint8_t {
  undone,   // nothing: the transaction is as before the call
  kept,     // a part of what the call did is still in the transaction
  ended,    // there is no transaction any more; everything in it is undone
  unknown,  // of commit: the transaction is over, and only recovery can tell if it was committed
};

struct [[nodiscard]] Reply {
  Fault fault = Fault::none;
  Effect effect = Effect::undone;
  std::uint64_t changes = 0;            // rows, of a call that succeeded
  std::optional<std::int64_t> rowid{};  // of the last row it inserted
  Status cause{};                       // set when fault is not none

  bool ok() const noexcept { return fault == Fault::none; }
};

// A record that is a unit by itself, and what came of it.
struct Application {
  Statement statement{};
  std::span<const std::byte> row{};
  bool shelter = false;                 // a failure must leave nothing behind, at some cost
  std::uint64_t changes = 0;            // rows, once it was applied
  std::optional<std::int64_t> rowid{};  // of the last row it inserted
};

// What a sink's log holds, as far as this journal's own commits tell.
struct LogState {
  std::uint64_t bytes = 0;    // from its beginning to the end of the newest commit known of
  std::uint64_t commits = 0;  // transactions that wrote to it since the sink was opened
  bool may_copy = false;      // whether copy_back() may run now
  bool full = false;          // the store has no room: only a pass that closes in may help
  std::uint64_t ballast = 0;  // bytes that are kept for such a pass
};

// What a pass over the log found and did. Fault::busy: somebody else holds a lock, and nothing was
// done. Fault::sync and Fault::corrupt have no way back: the sink's next begin() says the same.
struct [[nodiscard]] LogPass {
  Fault fault = Fault::none;
  Status cause{};            // set when fault is not none
  std::uint64_t bytes = 0;   // in the log when the pass began
  std::uint64_t copied = 0;  // of these, copied back by now
  bool ok() const noexcept { return fault == Fault::none; }
};

// The log that a sink's commits go to first, and that has to be copied back into the store before
// it can begin anew. state() may be asked by any thread; of the others one runs at a time, beside
// the sink's own calls.
class Log {
 public:
  Log() = default;
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;
  virtual ~Log() = default;

  virtual LogState state() const noexcept = 0;
  // Looks for what others committed, for state() to tell: own commits tell of themselves. Cheap.
  virtual void look() noexcept {}
  // Copies what is committed while others commit. Does nothing unless state().may_copy.
  virtual LogPass copy_back() = 0;
  // Puts on the disk what was copied and what is in the log, so that a pass that closes in has
  // little left to sync.
  virtual Reply sync() = 0;
  // Copies and syncs all there is. Between a begin() of the sink that succeeded and its rollback().
  virtual LogPass close_in() = 0;
  // Who keeps the log from being copied back now.
  virtual std::vector<LogReader> readers() const = 0;
  // After the sink's close: what that could not copy back.
  virtual LogLeft left() const { return {}; }
  // What is known to be wrong with checkpoints of this store's version; empty if nothing is.
  virtual std::string_view hazard() const noexcept = 0;
};

// Puts commits on the disk from beside the sink's own calls. One call at a time, from any thread.
class CommitSync {
 public:
  CommitSync() = default;
  CommitSync(const CommitSync&) = delete;
  CommitSync& operator=(const CommitSync&) = delete;
  virtual ~CommitSync() = default;

  // Every commit that had returned before the call began survives a power cut once this returns
  // ok. There is no way back from a failure, whatever its fault: pages whose sync failed are lost,
  // and the system calls them clean.
  virtual Reply sync() = 0;
};

class Sink {
 public:
  Sink() = default;
  Sink(const Sink&) = delete;
  Sink& operator=(const Sink&) = delete;
  virtual ~Sink() = default;

  // Statements get the indexes 0, 1, 2, ... in the order in which they are added, outside a
  // transaction. An error adds nothing.
  virtual Status add_statement(const StatementSpec& spec) = 0;

  // effect is ended on every failure.
  virtual Reply begin() = 0;
  // Executes one statement with the encoded row, whose columns' types the push has checked.
  virtual Reply apply(Statement statement, std::span<const std::byte> row) = 0;
  // After each unit: Fault::record, Effect::kept if the unit left a deferred violation behind.
  virtual Reply verify() = 0;

  // apply and verify for one record after another, up to the first that fails: `failed` is then its
  // reply. Where a record wants shelter, its fault has Effect::undone unless the transaction ended.
  // Returns how many succeeded. For sinks that can do better than this.
  virtual std::size_t apply_each(std::span<Application> records, Reply& failed) {
    for (std::size_t i = 0; i < records.size(); ++i) {
      if (!apply_one(records[i], failed)) return i;
    }
    return records.size();
  }

  // Around a unit of more than one statement; never nested. rollback_to also releases.
  virtual Reply savepoint() = 0;
  virtual Reply release() = 0;
  virtual Reply rollback_to() = 0;

  // A statement of a job's step. visit may be empty; it must not throw. The sink may keep the
  // prepared statement until end_step.
  virtual Reply execute(std::string_view sql, std::span<const std::byte> row,
                        const RowVisitor& visit) = 0;
  virtual void end_step() = 0;

  // Last before each commit() of units: the number that the commit will have. A sink that keeps it
  // with the commit can tell it after a crash; others need not do anything. Where it cannot be kept
  // whatever the units are, probe() must fail, too: else units are rejected for it in the end.
  virtual Reply mark(std::uint64_t /*commit*/) { return {}; }
  // Of a sink that keeps marks: the number of this opening, above 0 and growing, and the newest
  // mark that an opening left in the store. Outside a transaction.
  virtual std::uint64_t epoch() const { return 0; }
  virtual Result<std::uint64_t> commits_of(std::uint64_t /*epoch*/) {
    return Status(Errc::invalid_argument, "the journal keeps no watermark");
  }

  // On failure, effect says kept if the transaction is still open, ended if it is surely undone,
  // and unknown if only recovery can tell.
  virtual Reply commit() = 0;
  // Ends the transaction if there is one, whatever state it is in.
  virtual Reply rollback() = 0;

  // A commit that changes nothing but really writes: says whether the store takes commits at all.
  virtual Reply probe() = 0;

  // After a begin(), before anything else: whether a commit() of this transaction may have to begin
  // the log anew, and so to wait for the disk, where commits do not otherwise. A probe() does it,
  // too, so that no units have to wait for it within their transaction.
  virtual bool begins_log_anew() const { return false; }

  // The log that the engine has to look after; null if there is none. Lives as long as the
  // sink; after close() only its state() may be asked.
  virtual Log* log() noexcept { return nullptr; }

  // Whether a commit is on the disk when commit() returns ok.
  virtual bool commit_is_durable() const = 0;

  // What makes commits durable where commit() alone does not; null if nothing does. Lives as long
  // as the sink, and is not called any more when close() is.
  virtual CommitSync* commit_sync() noexcept { return nullptr; }

  // Once, last. `healthy` is false after poison: then the files are left as they are.
  virtual Status close(bool healthy) = 0;

 private:
  bool apply_one(Application& record, Reply& failed) {
    if (record.shelter) failed = savepoint();
    if (record.shelter && !failed.ok()) return false;
    failed = apply(record.statement, record.row);
    record.changes = failed.changes;
    record.rowid = failed.rowid;
    if (failed.ok()) failed = verify();
    if (!record.shelter) return failed.ok();
    if (failed.ok()) {
      failed = release();
    } else if (failed.fault == Fault::record && failed.effect != Effect::ended) {
      Reply undone = rollback_to();
      if (!undone.ok()) failed = undone;
      failed.effect = undone.ok() ? Effect::undone : undone.effect;
    }
    return failed.ok();
  }
};

}  // namespace onelane::inline v0
