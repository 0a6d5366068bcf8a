// A sink that writes ticks to a PostgreSQL server (target onelane::postgres): the same producers,
// classes, budgets, receipts and intake, for a program that has outgrown one SQLite file.
//
//   auto journal = onelane::postgres::open("host=/run/postgresql dbname=peers").value();
//
// Statements are PostgreSQL's, with parameters $1 to $N. A parameter has the type of its column:
// integer is bigint, real is double precision, blob is bytea. Text has the type that the server
// finds for the parameter, so a text column goes into timestamptz, uuid or jsonb as it stands. Text
// with a NUL byte is refused, since PostgreSQL keeps none. What a statement returns, or a job's
// query, comes back as an integer (int2, int4, int8, bool as 0 and 1), a real (float4, float8), a
// blob (bytea), NULL, and as text for any other type. Results are held in memory whole.
//
// Needs a connection of its own to the server itself: a pooler between transactions would take
// away its prepared statements and its lock.
//
// A tick is one round trip: BEGIN, its records and groups and COMMIT go out together, but for what
// must know an answer (each statement of a job; up to 64 records whose rows are wanted). If the
// connection is lost in COMMIT, and the server turns out to have committed, Outcome::changes may be
// 0 of records whose answers did not come.
//
// The tick's hold (Budget::hold) is the transaction's time, with its round trip. Where the server
// is far, give it several of those, or ticks shrink to what the classes are guaranteed.
//
// Any error aborts PostgreSQL's transaction. So a record that fails costs its tick another attempt;
// after its class's first failure in a tick its records run under savepoints, as groups and jobs
// always do. Deferrable constraints are checked at the end of each unit, whichever they were
// declared as, and refuse that unit alone.
//
// A tick that fails with 40001 (serialization) or 40P01 (deadlock) runs again as it is, at once, up
// to eight times and for 250 ms, and then later, with less; a unit that fails so alone for 30 s of
// pauses is rejected. The isolation level is the server's or the role's default, or what the
// conninfo says: options='-c default_transaction_isolation=serializable'.
//
// What each level of SynchronousCommit says of a receipt, once it is `committed`:
//
//   level         the server's    the server's machine    failover to a synchronous standby
//                 process dies    loses power             (synchronous_standby_names)
//   off           kept            the newest may be lost  may be lost
//   local         kept            kept                    may be lost
//   remote_write  kept            kept                    kept, unless the standby's machine loses
//                                                         power, too
//   on            kept            kept                    kept
//   remote_apply  kept            kept                    kept, and visible there already
//
// Without synchronous standbys `on`, remote_write and remote_apply are as local. A receipt is
// durable when it is committed, but with `off`, where no receipt ever is. The server must run with
// fsync on.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "onelane/clock.h"
#include "onelane/journal.h"
#include "onelane/options.h"
#include "onelane/sink.h"
#include "onelane/status.h"

namespace onelane::inline v0::postgres {

// As PostgreSQL's synchronous_commit, for the commits of ticks.
enum class SynchronousCommit : std::uint8_t { off, local, on, remote_write, remote_apply };

struct Options {
  SynchronousCommit synchronous_commit = SynchronousCommit::on;

  // Run at open in one transaction: CREATE TABLE IF NOT EXISTS and the like.
  std::string schema{};

  // What the names of onelane's own tables begin with: 1 to 40 lower-case letters, digits and _, no
  // digit first. They are made in the first schema of the role's search_path: PREFIX_commits,
  // PREFIX_positions, PREFIX_dead_letters and PREFIX_version. One journal at a time has a prefix.
  std::string prefix = "onelane";

  // How long a server that does not answer is waited for, each 1 ms to 1 h; they hold up the lane.
  // To connect, to each of the conninfo's hosts.
  Duration connect_timeout = std::chrono::seconds(5);
  // For somebody else's lock, in a statement (lock_timeout): then the tick runs again.
  Duration lock_timeout = std::chrono::seconds(5);
  // For one statement (statement_timeout), at most reply_timeout.
  Duration statement_timeout = std::chrono::seconds(20);
  // For each reply of a server. Then the connection is given up, and a new one is made.
  Duration reply_timeout = std::chrono::seconds(30);
};

// ok, or invalid_argument for the first option that is outside its limits.
Status validate(const Options& options);

// For Journal::open(sink, options). `conninfo` is libpq's: key=value pairs or a URI; passwords and
// TLS as libpq has them (PGPASSFILE, service files, sslmode). No message ever has a password. Of
// JournalOptions, `schema`, `synchronous`, `watermark_table` and the names of the intake's tables
// mean nothing to this sink: Options has them, and commits_of() always works. Errors:
//   invalid_argument  an option, the conninfo, or the schema's SQL
//   already_open      another journal has this prefix in this database
//   storage           the server cannot be reached, or refuses
Result<std::unique_ptr<Sink>> open_sink(const std::string& conninfo, const Options& options = {});

// Both in one. JournalOptions::schema is run after Options::schema.
Result<Journal> open(const std::string& conninfo, const JournalOptions& journal = {},
                     const Options& options = {});

}  // namespace onelane::inline v0::postgres
