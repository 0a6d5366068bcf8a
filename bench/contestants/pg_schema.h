// A schema of its own on the server, and how it is reached.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "bench/contestants/pg_connection.h"
#include "bench/contestants/pg_delay.h"
#include "bench/contestants/store.h"
#include "onelane/postgres.h"

namespace onelane::bench {

// Has a random name, and goes with this, and all that is in it.
class PgSchema {
 public:
  // `tables`: the SQL that makes them. Throws UsageError if options.postgres cannot be read, and
  // RunError.
  PgSchema(const StoreOptions& options, std::string_view tables);
  ~PgSchema();
  PgSchema(const PgSchema&) = delete;
  PgSchema& operator=(const PgSchema&) = delete;

  // Of connections that find the tables, commit as options.synchronous says, and take as long for a
  // round trip as options.added_round_trip says. Has the password, if there is one.
  const std::string& conninfo() const noexcept { return conninfo_; }
  // The connection that made it: finds the tables, too, and nothing is added to its round trips.
  PgConnection& owner() noexcept { return owner_; }

 private:
  PgConnection owner_;
  std::string schema_;
  std::optional<PgDelay> delay_;
  std::string conninfo_;
};

// PostgreSQL's name of it: with normal a power cut takes the newest commits, as with SQLite.
inline const char* synchronous_commit(Synchronous synchronous) {
  return synchronous == Synchronous::full ? "on" : "off";
}
// The same of onelane's sink.
inline postgres::Options sink_options(Synchronous synchronous) {
  using enum postgres::SynchronousCommit;
  return {.synchronous_commit = synchronous == Synchronous::full ? on : off};
}

}  // namespace onelane::bench
