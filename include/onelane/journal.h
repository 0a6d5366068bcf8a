// The journal: owns the database's one write connection and the lane that leads to it.
//
//   auto journal = onelane::Journal::open("peers.db", {.schema = "CREATE TABLE ..."});
//   auto peers = journal->add_class({.name = "peers"});
//   auto producer = journal->producer<Peer>(*peers);
//   producer->push(peer);                   // nobody waits
//   auto receipt = producer->submit(peer);  // somebody does
//   if (receipt->wait()->committed()) ...
//
// Every method is safe from any thread, but for assigning to and destroying the Journal. On an
// empty journal, one that was not assigned to yet or was moved from, all are invalid_argument, or
// give nothing. Handles to it (WriteClass, Producer, Receipt) may outlive it.
//
// Queued records are in memory only: what was not committed ends with the process, and no receipt
// says otherwise. options.h says how much memory that is, and when it goes back to the system. In
// a class with an intake (ClassOptions::intake), what is journaled outlives the process, and the
// next open() commits it.
//
// Most calls have these errors, which are not repeated below:
//   closed, poisoned  for good
//   storage           the store takes no commits at the moment, or there is no memory
//   forked            in a child of the process that opened the journal
//   in_lane           in a job's step, for a call that waits for the lane
//
// Leave the database's files to SQLite while a journal has them:
//   - Do not remove, rename or replace the file, its "-wal" or its "-shm". The journal notices
//     before its next answer, and is poisoned: nothing is called durable that another process could
//     not find. Reopen it then.
//   - Do not open and close them in the same process, to copy them, for instance: that drops all
//     locks that the process has on a file, SQLite's included (POSIX). The journal goes on all the
//     same, and is poisoned only if another journal opened the database before it noticed; your own
//     SQLite connections have lost theirs. Copy in another process, or by SQLite's backup API or
//     VACUUM INTO.
//   - A forked child cannot use a database that was open at the fork (Errc::forked), not even once
//     its parent has closed it: SQLite's locks are not inherited, but its memory of them is. exec a
//     program that opens it, or fork first.
// Where the standard streams are closed, open() puts /dev/null in their place.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string_view>

#include "onelane/options.h"
#include "onelane/producer.h"
#include "onelane/sink.h"
#include "onelane/stats.h"
#include "onelane/status.h"

namespace onelane::inline v0 {

// A database has one at a time. Move-only.
class Journal {
 public:
  // Opens or makes the database and takes it for this journal alone; other connections may read,
  // and foreign writers are waited for. New files are private to the user, unless
  // JournalOptions::file_mode says otherwise. The path may be
  // relative, may not be a link, a URI or ":memory:". Besides SQLite's, and the ballast and the
  // intake if there is to be one, there are no files. What an intake has left is committed here,
  // once the schema has run, and then the migrations run. If open() fails, it restores the journal
  // mode and removes the files that it made, unless another connection has the database open, the
  // disk is full or a sync failed; of an intake all stays, but for what was committed from it.
  // Errors:
  //   invalid_argument  an option, the path, or the schema's SQL or a migration's; a database that
  //                     a newer program has migrated; an intake that does not belong to the
  //                     database as it is (IntakeMismatch); a statement of a journaled unit that
  //                     does not prepare any more, and no table of dead letters
  //   already_open      another journal has the database
  //   locked            another connection has a lock that the opening needs
  //   forked            a process above this one had the database open when it was forked
  //   storage           a file cannot be made, read or written; no thread can be started; this
  //                     SQLite cannot be used
  //   corrupt           it is damaged, or no database; the intake is damaged
  static Result<Journal> open(const std::filesystem::path& path,
                              const JournalOptions& options = {});
  // On a sink of your own (sink.h), which must not be null; options.schema, file_mode, synchronous,
  // foreign_keys, ballast and watermark_table are then the sink's business.
  static Result<Journal> open(std::unique_ptr<Sink> sink, const JournalOptions& options = {});

  // Empty: valid() is false.
  Journal() noexcept = default;
  Journal(Journal&&) noexcept;
  // Ends the journal that it was, as the destructor does.
  Journal& operator=(Journal&&) noexcept;
  // close(close_timeout), so it may block that long, and longer: see close(). In the lane (a job's
  // step, or its closure, has the last reference) and on a thread of the journal's own it returns
  // at once, and a thread that is made for it closes. In a forked child it does nothing.
  ~Journal();

  // Whether there is a journal in it. It stays so when that is closed.
  bool valid() const noexcept { return core_ != nullptr; }

  // At most kClassesMax. Waits for the end of the running tick. invalid_argument: an option, a name
  // that there is already, or a guarantee for which the tick has no room beside the others'.
  Result<WriteClass> add_class(const ClassOptions& options);
  // Changes the options of a class, and the budget of a tick, while the journal runs. Waits for the
  // end of the running tick: the next one goes by the new values, all of them. What is queued, what
  // the class is owed or owes, and what was learned stay. Pushes under way may see some of the new
  // values before others. JournalStats says what is in force, and how often it was changed.
  //
  // All of ClassOptions may differ but name, coalesce and intake. A capacity that grows lets
  // waiting pushes in at once. One that shrinks lets nothing in until there is room again; what is
  // queued stays, unless the class drops its oldest, or supersedes what waits behind newer records.
  // A push that waits for room goes on waiting as long as it meant to, but if it is larger than all
  // of the new capacity, it is invalid_argument at once. Errors: invalid_argument, and nothing has
  // changed: an option, or one that must stay; another journal's class; a guarantee for which the
  // tick has no room beside the others'.
  Status set_class(const WriteClass& write_class, const ClassOptions& options);
  // What is 0 is as in kDefaultTick. invalid_argument, and nothing has changed: a limit, or
  // guarantees of the classes that the tick has no room for together.
  Status set_tick(const Budget& tick);
  // At most kStatementsMax. The same SQL, columns and keys give the same statement. Waits for the
  // end of the running tick. invalid_argument: SQL that does not prepare, or is no single
  // statement, or one that a class may not run; a number of parameters that is not that of the
  // columns; a key column that there is not. The error names the SQL and, where they differ, both
  // numbers.
  Result<Statement> add_statement(const StatementSpec& spec);
  // For one type and one of this journal's classes; another's class is invalid_argument. Errors as
  // add_statement.
  template <Record T>
  Result<Producer<T>> producer(const WriteClass& write_class) {
    if (Status why = owns(write_class); !why.ok()) return why;
    Result<Statement> statement = add_statement(statement_spec<T>());
    if (!statement) return statement.status();
    return Producer<T>(write_class, *statement);
  }

  // Returns when everything that any thread pushed before is settled. How it ended, the receipts
  // say. Without a timeout it waits as long as that takes. With one, the error is timed_out after
  // that time, and what was pushed goes on. A manual journal runs ticks here; the error is
  // would_block if its next tick is not due yet. Also full, if 4,096 flushes wait already, and
  // in_lane on a thread of the journal's own.
  Status flush(std::optional<Duration> timeout = std::nullopt);

  // A barrier to the disk: flushes, commits once more so that the store is really written to, and
  // returns when that commit, and so all before it, is durable. A lock of somebody else's is waited
  // for, but on a manual journal, where it is would_block. Errors: as flush; not_durable; storage:
  // the commit of its own failed. `timeout` is for all of it, but a sync that has begun on this
  // thread is not cut short.
  Status sync(std::optional<Duration> timeout = std::nullopt);

  // How many commits of an opening, this one or an earlier one, the database has: those up to this
  // number, and none above. `epoch` is JournalStats::epoch of that opening, which a program keeps
  // to ask after a crash; 64 openings are remembered. Needs JournalOptions::watermark_table.
  // Waits for the end of the running tick. invalid_argument: there is no watermark, or the opening
  // is not remembered.
  Result<std::uint64_t> commits_of(std::uint64_t epoch);

  // Refuses new writes, drains, settles the rest as closed (incomplete, for a job between steps;
  // carried, if it is journaled), ends the journal's threads and closes the database. It drains for
  // at most `timeout`; with 0 or less it settles what is queued at once. The running tick, the
  // last sync and copying back the log come on top of that time. A healthy close leaves the
  // database file complete by itself; CloseReport::log says what could not be copied back. Calling
  // it again gives the same report, and while another thread closes, waits for it. In the lane, on
  // a thread of the journal's own, and within a close() of the same thread (in a coroutine that
  // post() resumes): in_lane, and nothing is done.
  CloseReport close(Duration timeout);

  // Runs one tick on this thread, and on a manual journal what of syncing and checkpointing is due
  // after it: the way a manual journal moves. On a journal with a thread it takes its turn with it.
  // A store that takes no commits is no error here: the tick tries again once that is due.
  Result<TickReport> tick();

  // Never waits for the lane, and works in a job's step. Empty in a forked child. Does not change
  // after close(). May throw std::bad_alloc.
  JournalStats stats() const;
  // As of the last tick; takes no snapshot, and costs little. Never waits for the lane, and works
  // in a job's step. May throw std::bad_alloc.
  Health health() const;
  // By the journal's clock; for PushOptions::deadline and TickReport::next.
  TimePoint now() const;

 private:
  explicit Journal(std::shared_ptr<detail::Core> core) noexcept;
  void end() noexcept;
  Status owns(const WriteClass& write_class) const;
  std::shared_ptr<detail::Core> core_;
};

}  // namespace onelane::inline v0
