// The journal: owns the database's one write connection and the lane that leads to it.
//
//   auto journal = onelane::Journal::open("peers.db", {.schema = "CREATE TABLE ..."});
//   auto peers = journal->add_class({.name = "peers"});
//   auto producer = journal->producer<Peer>(*peers);
//   producer->push(peer);                   // nobody waits
//   auto receipt = producer->submit(peer);  // somebody does
//   if (receipt->wait()->committed()) ...
//
// Every method is safe from any thread; on a journal that was moved from it is invalid_argument.
// Queued records are in memory only: what was not committed
// ends with the process, and no receipt says otherwise.
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

class Journal {
 public:
  // Opens or makes the database and takes it for this journal alone; other connections may read,
  // and foreign writers are waited for. New files are private to the user. The path may be
  // relative, may not be a link, a URI or ":memory:". Besides SQLite's there are no files. If
  // open() fails, it restores the journal mode and removes the files that it made, unless another
  // connection has the database open, the disk is full or a sync failed. Errors: invalid_argument,
  // already_open, forked, locked, storage, corrupt.
  static Result<Journal> open(const std::filesystem::path& path,
                              const JournalOptions& options = {});
  // On a sink of your own; options.schema, synchronous and foreign_keys are then the sink's
  // business.
  static Result<Journal> open(std::unique_ptr<Sink> sink, const JournalOptions& options = {});

  Journal(Journal&&) noexcept;
  Journal& operator=(Journal&&) noexcept;
  // close(close_timeout). In the lane (a job's step, or its closure, has the last reference) and on
  // a thread of the journal's own it returns at once, and a thread that is made for it closes.
  ~Journal();

  // At most 64 classes. Waits for the end of the running tick.
  Result<WriteClass> add_class(const ClassOptions& options);
  // The same SQL, columns and keys give the same statement. Waits for the end of the running tick.
  // The error names the SQL and, where they differ, the number of parameters and of columns.
  Result<Statement> add_statement(const StatementSpec& spec);
  // Of one of this journal's classes; another's is invalid_argument.
  template <Record T>
  Result<Producer<T>> producer(const WriteClass& write_class) {
    if (Status why = owns(write_class); !why.ok()) return why;
    Result<Statement> statement = add_statement(statement_spec<T>());
    if (!statement) return statement.status();
    return Producer<T>(write_class, *statement);
  }

  // Returns when everything pushed before is settled. Errors: in_lane, timed_out, closed,
  // poisoned, forked; would_block on a manual journal whose next tick is not due yet.
  Status flush(std::optional<Duration> timeout = std::nullopt);

  // A barrier to the disk: flushes, commits once more so that the store is really written to, and
  // returns when that commit, and so all before it, is durable. A lock of somebody else's is waited
  // for, but on a manual journal, where it is would_block. Errors: as flush; not_durable; storage:
  // the commit of its own failed.
  Status sync(std::optional<Duration> timeout = std::nullopt);

  // How many commits of an opening, this one or an earlier one, the database has: those up to this
  // number, and none above. `epoch` is JournalStats::epoch of that opening, which a program keeps
  // to ask after a crash; 64 openings are remembered. Needs JournalOptions::watermark_table.
  Result<std::uint64_t> commits_of(std::uint64_t epoch);

  // Stops intake, drains, settles the rest as closed (incomplete, for a job between steps), ends
  // the committer thread and closes the database. A healthy close leaves the database file complete
  // by itself. Calling it again gives the same report. In the lane, on a thread of the journal's
  // own, and within a close() of the same thread (in a coroutine that post() resumes): in_lane, and
  // nothing is done.
  CloseReport close(Duration deadline);

  // Runs one tick on this thread, and on a manual journal what of syncing and checkpointing is due
  // after it: the way a manual journal moves. On a journal with a thread it takes its turn with it.
  // Errors: in_lane, closed, poisoned, forked.
  Result<TickReport> tick();

  // Empty in a forked child. After close() they stay as they are.
  JournalStats stats() const;
  TimePoint now() const;  // by the journal's clock

 private:
  explicit Journal(std::shared_ptr<detail::Core> core) noexcept;
  void end() noexcept;
  Status owns(const WriteClass& write_class) const;
  std::shared_ptr<detail::Core> core_;
};

}  // namespace onelane::inline v0
