// Raw SQLite for benchmarks: a connection and its prepared statements, and binding a record of the
// library's RecordTraits, so that every way of writing runs the same SQL on the same values.
#pragma once

#include <sqlite3.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include "onelane/options.h"
#include "onelane/record.h"

namespace onelane::bench {

// A prepared statement. Must not outlive its connection.
class Query {
 public:
  Query(sqlite3* connection, std::string_view sql);  // throws RunError
  Query(Query&& other) noexcept : statement_(std::exchange(other.statement_, nullptr)) {}
  Query& operator=(Query&&) = delete;
  ~Query() { sqlite3_finalize(statement_); }

  // Values are not copied: they must stay until the statement has run.
  void bind(int parameter, std::int64_t value);
  void bind(int parameter, double value);
  void bind(int parameter, std::string_view value);
  void bind(int parameter, std::span<const std::byte> value);
  template <Record T>
  void bind_record(const T& record) {
    auto all = [this](const auto&... values) {
      int parameter = 0;
      (this->bind(++parameter, values), ...);
    };
    std::apply(all, RecordTraits<T>::columns(record));
  }

  // Runs a statement without result rows, and resets it: SQLITE_DONE or the extended error.
  int run();
  // How many parameters it has.
  std::size_t parameters() const;
  // For the next run after next() has found a row.
  void reset() { sqlite3_reset(statement_); }
  // The next row: true if there is one. Throws RunError.
  bool next();

  std::int64_t integer(int column) const { return sqlite3_column_int64(statement_, column); }
  std::string_view text(int column) const;
  std::span<const std::byte> blob(int column) const;

 private:
  [[noreturn]] void fail() const;

  sqlite3_stmt* statement_ = nullptr;
};

// The pragmas of a connection that writes as a journal's does, except that SQLite's own automatic
// checkpoint runs once the log has this many frames.
std::string journal_pragmas(Synchronous synchronous, std::uint64_t checkpoint_frames);
// The number for a log as large as that of a journal with default options.
std::string journal_pragmas();
// How many frames a log of that size holds.
std::uint64_t frames_in(std::uint64_t log_bytes);

// "normal" or "full". Throws UsageError.
Synchronous parse_synchronous(std::string_view text);
std::string_view name(Synchronous level) noexcept;

enum class Access { read_only, read_write };

// For one thread at a time.
class Connection {
 public:
  Connection(const std::filesystem::path& path, Access access);  // makes the file; throws RunError
  Connection(Connection&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Connection& operator=(Connection&&) = delete;
  ~Connection() { sqlite3_close_v2(handle_); }

  Query prepare(std::string_view sql) { return Query(handle_, sql); }
  void execute(const std::string& sql);  // throws RunError
  std::string single_text(std::string_view sql);
  void busy_timeout(std::chrono::milliseconds timeout);
  std::uint64_t changes();  // of all statements so far
  bool in_transaction() { return sqlite3_get_autocommit(handle_) == 0; }
  std::string error() { return sqlite3_errmsg(handle_); }

 private:
  sqlite3* handle_ = nullptr;
};

}  // namespace onelane::bench
