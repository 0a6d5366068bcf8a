#include "bench/contestants/pg_table.h"

#include <nlohmann/json.hpp>

#include "bench/contestants/makers.h"
#include "bench/kit/samples.h"

namespace onelane::bench {

PgTable::PgTable(const StoreOptions& options)
    : schema_(options, "CREATE TABLE rows(key bytea PRIMARY KEY, value bytea NOT NULL)") {}

void PgTable::read(const Store::Visit& visit) {
  PgRows rows(schema_.owner(), "SELECT key, value FROM rows");
  while (rows.next()) visit(rows.blob(0), rows.blob(1));
}

nlohmann::json pg_server(const StoreOptions& options) {
  constexpr int kRoundTrips = 200;
  const PgTable table(options);
  PgConnection connection(table.conninfo());
  Samples round_trips;
  for (int i = 0; i < kRoundTrips; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    connection.execute("SELECT 1");
    round_trips.record(std::chrono::steady_clock::now() - begin);
  }
  return {{"version", connection.ask("SHOW server_version")},
          {"synchronous_commit", connection.ask("SHOW synchronous_commit")},
          {"fsync", connection.ask("SHOW fsync")},
          {"round_trip_us", round_trips.percentile_us(0.50)}};
}

}  // namespace onelane::bench
