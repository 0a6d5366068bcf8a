// A connection to PostgreSQL, and one with a prepared upsert. Each for one thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "bench/contestants/store.h"

struct pg_conn;
struct pg_result;

namespace onelane::bench {

class PgConnection {
 public:
  // Throws RunError, as all of its functions do; no message has a password.
  explicit PgConnection(const std::string& conninfo);

  void execute(const std::string& sql);
  // The first value.
  std::string ask(const std::string& sql);
  // A pipeline, and its end: returns once all of its answers have come.
  void begin_pipeline();
  void end_pipeline();

  pg_conn* handle() const noexcept { return handle_.get(); }
  // Throws RunError: what was done, and what libpq says of it.
  [[noreturn]] void fail(const std::string& what) const;

 private:
  struct Close {
    void operator()(pg_conn* handle) const noexcept;
  };
  std::unique_ptr<pg_conn, Close> handle_;
};

struct PgClear {
  void operator()(pg_result* result) const noexcept;
};
using PgAnswer = std::unique_ptr<pg_result, PgClear>;

// Whether the server did what it was asked for.
bool done(const PgAnswer& answer);

// A query's rows, one after another. Nothing else may use the connection meanwhile.
class PgRows {
 public:
  PgRows(PgConnection& connection, std::string sql);

  // The next row: true if there is one.
  bool next();
  // Of a column of bigint, text and bytea. Until the next row.
  std::int64_t integer(int column) const;
  std::string_view text(int column) const;
  Bytes blob(int column) const;

 private:
  PgConnection& connection_;
  std::string sql_;
  PgAnswer row_;
};

inline constexpr const char* kPgUpsert =
    "INSERT INTO rows(key, value) VALUES($1, $2) "
    "ON CONFLICT(key) DO UPDATE SET value = excluded.value";

class PgWriter : public PgConnection {
 public:
  explicit PgWriter(const std::string& conninfo);

  // One row is a statement by itself, more are a transaction in the pipeline.
  void write(std::span<const KeyValue> rows);

  // A transaction in the pipeline: what is sent waits for no answer before commit() does for all.
  void begin();
  void upsert(const KeyValue& row);
  void commit();
};

}  // namespace onelane::bench
