#include "storage.h"

#include <utility>

namespace telemetry {

using namespace std::chrono_literals;
using onelane::Status;
using onelane::Transaction;

namespace {

onelane::JournalOptions completed(onelane::JournalOptions options) {
  options.watermark_table = "commits";
  options.migrations = {
      {.version = 1,
       .sql = "CREATE TABLE devices(id TEXT PRIMARY KEY CHECK(length(id) > 0),"
              "  name TEXT NOT NULL UNIQUE, state INTEGER NOT NULL CHECK(state BETWEEN 0 AND 2),"
              "  last_seen INTEGER) WITHOUT ROWID;"
              "CREATE TABLE samples(id INTEGER PRIMARY KEY,"
              "  device TEXT NOT NULL REFERENCES devices(id), at INTEGER NOT NULL,"
              "  value REAL NOT NULL, raw BLOB);"
              "CREATE TABLE counters(name TEXT PRIMARY KEY, n INTEGER NOT NULL) WITHOUT ROWID;"
              "CREATE TABLE imports(source TEXT PRIMARY KEY, rows INTEGER NOT NULL)"},
      {.version = 2,
       .sql = "ALTER TABLE samples ADD COLUMN unit TEXT;"
              "CREATE INDEX samples_by_device ON samples(device, at)"},
  };
  return options;
}

}  // namespace

Storage::Storage(const std::filesystem::path& path, onelane::JournalOptions options)
    : journal_(onelane::Journal::open(path, completed(std::move(options))).value()),
      bulk_(
          journal_
              .add_class({.name = "import", .guarantee = {.records = 256, .bytes = onelane::kMiB}})
              .value()) {
  const auto small = journal_.add_class({.name = "heartbeat",
                                         .guarantee = {.records = 512, .bytes = onelane::kMiB},
                                         .weight = 4,
                                         .max_delay = 5ms});
  const auto best_effort = journal_.add_class({.name = "counter",
                                               .gather = 100ms,
                                               .capacity_records = 1000,
                                               .when_full = onelane::WhenFull::drop_oldest,
                                               .coalesce = true});
  heartbeats_ = journal_.producer<Heartbeat>(small.value()).value();
  counters_ = journal_.producer<Counter>(best_effort.value()).value();
}

Status Storage::heartbeat(const Heartbeat& heartbeat, Milliseconds patience) {
  return status_of(heartbeats_.write(heartbeat, {.timeout = patience}));
}

// The source is noted in the transaction of the last sample, so that it is imported wholly or will
// be again.
onelane::Result<onelane::Receipt> Storage::import(const std::string& source,
                                                  std::function<std::optional<Sample>()> samples) {
  return bulk_.submit(onelane::import_job<Sample>(
      {.name = "import " + source,
       .next = std::move(samples),
       .before = [source](Transaction& t) -> Status {
         bool there = false;
         const auto seen = t.query(
             "SELECT 1 FROM imports WHERE source = ?1", [&](const auto&) { there = true; }, source);
         if (there) return {onelane::Errc::record, "imported already"};
         return seen.status();
       },
       .after =
           [source](Transaction& t, std::uint64_t written) {
             return t.execute("INSERT INTO imports VALUES(?1, ?2)", source, written).status();
           }}));
}

}  // namespace telemetry
