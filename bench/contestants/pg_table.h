// What the contestants on PostgreSQL share: the table, and how it is reached.
#pragma once

#include <optional>
#include <string>

#include "bench/contestants/pg_connection.h"
#include "bench/contestants/pg_delay.h"
#include "bench/contestants/store.h"

namespace onelane::bench {

// A table in a schema of its own with a random name; the schema goes with it, and all that is in
// it.
class PgTable {
 public:
  // Throws UsageError if options.postgres cannot be read, and RunError.
  explicit PgTable(const StoreOptions& options);
  ~PgTable();
  PgTable(const PgTable&) = delete;
  PgTable& operator=(const PgTable&) = delete;

  // Of connections that find the table, commit as options.synchronous says, and take as long for a
  // round trip as options.added_round_trip says. Has the password, if there is one.
  const std::string& conninfo() const noexcept { return conninfo_; }
  // All of its rows.
  void read(const Store::Visit& visit);

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

}  // namespace onelane::bench
