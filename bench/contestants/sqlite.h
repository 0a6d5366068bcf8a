// What the contestants on SQLite share: the table, the pragmas and a prepared upsert.
#pragma once

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "bench/contestants/store.h"
#include "bench/kit/database.h"

namespace onelane::bench {

// CREATE TABLE, for rows of this size.
std::string schema_for(std::size_t value_bytes);

// Makes the database and its table.
void make_database(const StoreOptions& options);
// Reads all rows of the table.
void read_database(const std::filesystem::path& path, const Store::Visit& visit);
// As a connection has them; makes a database at options.path.
std::vector<std::pair<std::string, std::string>> pragmas_of(const StoreOptions& options);

// A connection with its statements; for one thread at a time.
class SqliteWriter {
 public:
  explicit SqliteWriter(const StoreOptions& options);

  void begin();  // IMMEDIATE; tries again for as long as somebody else has the lock
  void commit();
  // Outside a transaction, each row is one of its own.
  void upsert(const KeyValue& row);
  void upsert(std::span<const KeyValue> rows) {
    for (const KeyValue& row : rows) upsert(row);
  }

 private:
  void run(Query& query, std::string_view what);

  Connection connection_;
  Query begin_;
  Query commit_;
  Query upsert_;
};

}  // namespace onelane::bench
