#include "bench/contestants/sqlite.h"

#include <fmt/format.h>

#include <array>

#include "bench/kit/errors.h"

namespace onelane::bench {
namespace {

constexpr std::chrono::seconds kBusyTimeout(10);
constexpr int kPrimaryCode = 0xFF;
constexpr std::size_t kPageBytes = 4096;
// Where SQLite's documentation of WITHOUT ROWID sees its limit: rows of a twentieth of a page.
constexpr std::size_t kSmallRowBytes = kPageBytes / 20;

Connection connect(const StoreOptions& options) {
  Connection connection(options.path, Access::read_write);
  connection.busy_timeout(kBusyTimeout);
  connection.execute(journal_pragmas(options.synchronous, frames_in(options.wal_limit_bytes)));
  return connection;
}

}  // namespace

std::string schema_for(std::size_t value_bytes) {
  return fmt::format(
      "CREATE TABLE IF NOT EXISTS rows(key BLOB NOT NULL PRIMARY KEY, value BLOB NOT NULL){}",
      kKeyBytes + value_bytes <= kSmallRowBytes ? " WITHOUT ROWID" : "");
}

void make_database(const StoreOptions& options) {
  connect(options).execute(schema_for(options.value_bytes));
}

void read_database(const std::filesystem::path& path, const Store::Visit& visit) {
  Connection connection(path, Access::read_only);
  Query rows = connection.prepare("SELECT key, value FROM rows");
  while (rows.next()) visit(rows.blob(0), rows.blob(1));
}

std::vector<std::pair<std::string, std::string>> pragmas_of(const StoreOptions& options) {
  constexpr std::array kPragmas{"journal_mode", "synchronous",  "wal_autocheckpoint", "page_size",
                                "cache_size",   "cache_spill",  "mmap_size",          "temp_store",
                                "foreign_keys", "secure_delete"};
  Connection connection = connect(options);
  std::vector<std::pair<std::string, std::string>> pragmas;
  for (const char* name : kPragmas) {
    pragmas.emplace_back(name, connection.single_text(fmt::format("PRAGMA {}", name)));
  }
  return pragmas;
}

SqliteWriter::SqliteWriter(const StoreOptions& options)
    : connection_(connect(options)),
      begin_(connection_.prepare("BEGIN IMMEDIATE")),
      commit_(connection_.prepare("COMMIT")),
      upsert_(connection_.prepare(RecordTraits<KeyValue>::sql)) {}

void SqliteWriter::begin() {
  int rc = SQLITE_OK;
  do {
    rc = begin_.run();
  } while ((rc & kPrimaryCode) == SQLITE_BUSY);
  if (rc != SQLITE_DONE) throw RunError("BEGIN failed: " + connection_.error());
}

void SqliteWriter::commit() { run(commit_, "COMMIT"); }

void SqliteWriter::upsert(const KeyValue& row) {
  upsert_.bind_record(row);
  run(upsert_, "an upsert");
}

void SqliteWriter::run(Query& query, std::string_view what) {
  if (query.run() != SQLITE_DONE) {
    throw RunError(fmt::format("{} failed: {}", what, connection_.error()));
  }
}

}  // namespace onelane::bench
