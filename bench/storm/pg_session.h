// What callers without a journal do on a connection to PostgreSQL: the storm's statements,
// prepared. For one thread at a time.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "bench/contestants/pg_connection.h"
#include "bench/storm/ledger.h"
#include "bench/storm/pg_workload.h"
#include "bench/storm/workload.h"

namespace onelane::bench::storm {

// Thrown where the server refused a statement and the connection goes on: the transaction has to be
// rolled back, if there is one. busy: what would have been well at another time.
struct PgRefused {
  Refusal why;
  std::string text;
};

// The values of a record as libpq wants them. Texts and blobs are not copied.
class PgValues {
 public:
  template <Record T>
  explicit PgValues(const T& record) {
    std::apply([this](const auto&... values) { (this->put(values), ...); },
               RecordTraits<T>::columns(record));
  }
  PgValues(const PgValues&) = delete;
  PgValues& operator=(const PgValues&) = delete;

  static constexpr std::size_t kMost = 5;
  int count() const { return static_cast<int>(count_); }
  const char* const* values() const { return values_.data(); }
  const int* sizes() const { return sizes_.data(); }

 private:
  void put(std::int64_t value);
  void put(std::string_view value);
  void put(std::span<const std::byte> value);

  std::size_t count_ = 0;
  std::array<const char*, kMost> values_{};
  std::array<int, kMost> sizes_{};
  std::array<std::array<char, sizeof(std::int64_t)>, kMost> numbers_{};
};

class PgSession {
 public:
  // Waits at most 10 s for a lock, as direct does on SQLite. All of its functions throw RunError
  // once the connection is lost, and PgRefused.
  explicit PgSession(const std::string& conninfo);

  // Each gives the rows that it changed; outside of a transaction each is one by itself.
  std::uint64_t write_block(const BlobRows& rows);
  std::uint64_t write_batch(std::uint64_t batch);
  // A connect's or a domain's.
  std::uint64_t write(const Arrival& arrival);
  // How many identifies the peer has had with it: a later one of a peer has a higher number.
  std::uint64_t write_identify(const Arrival& arrival);

  void begin() { run("BEGIN"); }
  void commit() { run("COMMIT"); }
  void roll_back() { run("ROLLBACK"); }

 private:
  void run(const char* sql);
  PgAnswer take(PgAnswer answer);
  template <Record T>
  PgAnswer execute(const char* statement, const T& record);
  template <Record T>
  void prepare(const char* statement, std::string_view more = "");

  PgConnection connection_;
};

}  // namespace onelane::bench::storm
