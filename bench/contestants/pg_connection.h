// A connection to PostgreSQL, and one with a prepared upsert. Each for one thread at a time.
#pragma once

#include <memory>
#include <span>
#include <string>

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
  // Rows of two columns of bytea, one after another.
  void read(const std::string& sql, const Store::Visit& visit);

  pg_conn* handle() const noexcept { return handle_.get(); }

 protected:
  [[noreturn]] void fail(const std::string& what) const;

 private:
  struct Close {
    void operator()(pg_conn* handle) const noexcept;
  };
  std::unique_ptr<pg_conn, Close> handle_;
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

 private:
  void take_answers();
};

}  // namespace onelane::bench
