// What all contestants are: a store that threads write rows to.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bench/contestants/rows.h"
#include "onelane/options.h"

namespace onelane::bench {

// Whether write() returns when its rows are committed, or as soon as they are taken.
enum class Acknowledgement : std::uint8_t { waited_for, not_waited_for };

struct StoreOptions {
  std::filesystem::path path;  // of a database that does not exist yet
  Synchronous synchronous = Synchronous::normal;
  Acknowledgement acknowledgement = Acknowledgement::waited_for;
  std::size_t value_bytes = 0;         // of each row
  std::uint64_t wal_limit_bytes = 0;   // size of SQLite's log from which on it is checkpointed
  std::uint64_t rows_per_commit = 1;   // of the ceiling; the others find their own
  std::chrono::nanoseconds gather{0};  // of journaled: how long a tick waits for more rows
  bool trace = false;                  // of onelane: it records one, beside the database
  std::string postgres;                // of those on PostgreSQL: a conninfo, in place of path
  std::chrono::nanoseconds added_round_trip{0};  // between them and the server
};

// What a store's intake and SQLite's log have taken so far.
struct IntakeUse {
  std::uint64_t units = 0;  // that were journaled
  std::uint64_t groups = 0;
  std::uint64_t written_bytes = 0;  // to the intake, with padding
  std::uint64_t padding_bytes = 0;
  std::uint64_t log_bytes = 0;  // written to SQLite's log
  double sync_us = 0;           // of a group's write and sync so far, the median
};
IntakeUse operator-(const IntakeUse& to, const IntakeUse& from);

// For one thread.
class Writer {
 public:
  virtual ~Writer() = default;
  // All or nothing. Keys and values need to stay until it returns. Throws RunError.
  virtual void write(std::span<const KeyValue> rows) = 0;
};

class Store {
 public:
  using Visit = std::function<void(Bytes key, Bytes value)>;

  virtual ~Store() = default;
  // Safe from any thread. Writers must go before the store.
  virtual std::unique_ptr<Writer> writer() = 0;
  // Returns when everything that was written is committed.
  virtual void drain() = 0;
  // Transactions so far; exact after drain(). 0 where the store does not tell.
  virtual std::uint64_t commits() const = 0;
  // Of a store with an intake; exact after drain().
  virtual std::optional<IntakeUse> intake() const { return std::nullopt; }
  // Closes it and reads back all of its rows. Nothing else may be called afterwards.
  virtual void close_and_read(const Visit& visit) = 0;
};

// Those that are built in: "direct", "mutex", "fixed_batch", "leader", "ceiling", "onelane",
// "durable", "journaled", "traced", "beside_reader" and, where their packages were found,
// "rocksdb", "leveldb", "pg_autocommit", "pg_pool", "pg_pipeline" and "pg_onelane".
const std::vector<std::string>& contestant_names();
// Throws RunError; UsageError for a name that is not built in.
std::unique_ptr<Store> make_store(std::string_view contestant, const StoreOptions& options);

// Whether it writes to options.postgres.
inline bool on_postgres(std::string_view contestant) { return contestant.starts_with("pg_"); }
// Of the server as they meet it: {"version", "synchronous_commit", "fsync", "round_trip_us"}, the
// last one the median of SELECT 1. {} without options.postgres. Throws UsageError, RunError.
nlohmann::json server_of(const StoreOptions& options);

}  // namespace onelane::bench
