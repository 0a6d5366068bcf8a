#include "bench/kit/database.h"

#include <fmt/format.h>

#include "bench/kit/errors.h"

namespace onelane::bench {

std::string journal_pragmas(Synchronous synchronous, std::uint64_t checkpoint_frames) {
  return fmt::format(
      "PRAGMA synchronous = {}; PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = {}; "
      "PRAGMA foreign_keys = ON; PRAGMA mmap_size = 0; PRAGMA cache_spill = OFF",
      name(synchronous), checkpoint_frames);
}

std::string journal_pragmas() {
  const JournalOptions journal;
  return journal_pragmas(journal.synchronous, frames_in(journal.wal_limit_bytes));
}

std::uint64_t frames_in(std::uint64_t log_bytes) {
  constexpr std::uint64_t kFrameBytes = 4096 + 24;  // a page and its header
  return log_bytes / kFrameBytes;
}

Synchronous parse_synchronous(std::string_view text) {
  if (text == "normal") return Synchronous::normal;
  if (text == "full") return Synchronous::full;
  throw UsageError(fmt::format("'{}' is neither normal nor full", text));
}

std::string_view name(Synchronous level) noexcept {
  return level == Synchronous::full ? "full" : "normal";
}

Query::Query(sqlite3* connection, std::string_view sql) {
  int rc = sqlite3_prepare_v3(connection, sql.data(), static_cast<int>(sql.size()),
                              SQLITE_PREPARE_PERSISTENT, &statement_, nullptr);
  if (rc != SQLITE_OK) {
    throw RunError(fmt::format("cannot prepare '{}': {}", sql, sqlite3_errmsg(connection)));
  }
}

void Query::bind(int parameter, std::int64_t value) {
  if (sqlite3_bind_int64(statement_, parameter, value) != SQLITE_OK) fail();
}

void Query::bind(int parameter, double value) {
  if (sqlite3_bind_double(statement_, parameter, value) != SQLITE_OK) fail();
}

void Query::bind(int parameter, std::string_view value) {
  int rc = sqlite3_bind_text64(statement_, parameter, value.data(), value.size(), SQLITE_STATIC,
                               SQLITE_UTF8);
  if (rc != SQLITE_OK) fail();
}

void Query::bind(int parameter, std::span<const std::byte> value) {
  int rc = sqlite3_bind_blob64(statement_, parameter, value.data(), value.size(), SQLITE_STATIC);
  if (rc != SQLITE_OK) fail();
}

int Query::run() {
  int rc = sqlite3_step(statement_);
  sqlite3_reset(statement_);
  return rc;
}

std::size_t Query::parameters() const {
  return static_cast<std::size_t>(sqlite3_bind_parameter_count(statement_));
}

bool Query::next() {
  int rc = sqlite3_step(statement_);
  if (rc == SQLITE_ROW) return true;
  if (rc != SQLITE_DONE) fail();
  return false;
}

std::string_view Query::text(int column) const {
  const unsigned char* data = sqlite3_column_text(statement_, column);
  if (data == nullptr) return {};
  return {reinterpret_cast<const char*>(data),
          static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

std::span<const std::byte> Query::blob(int column) const {
  const void* data = sqlite3_column_blob(statement_, column);
  return {static_cast<const std::byte*>(data),
          static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

void Query::fail() const {
  throw RunError(fmt::format("'{}' failed: {}", sqlite3_sql(statement_),
                             sqlite3_errmsg(sqlite3_db_handle(statement_))));
}

Connection::Connection(const std::filesystem::path& path, Access access) {
  int flags = access == Access::read_only ? SQLITE_OPEN_READONLY
                                          : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
  int rc = sqlite3_open_v2(path.c_str(), &handle_, flags | SQLITE_OPEN_NOMUTEX, nullptr);
  if (rc == SQLITE_OK) {
    sqlite3_extended_result_codes(handle_, 1);
    return;
  }
  std::string reason = fmt::format("cannot open {}: {}", path.string(), sqlite3_errmsg(handle_));
  sqlite3_close_v2(handle_);
  throw RunError(reason);
}

void Connection::execute(const std::string& sql) {
  if (sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK) return;
  throw RunError(fmt::format("'{}' failed: {}", sql, sqlite3_errmsg(handle_)));
}

std::string Connection::single_text(std::string_view sql) {
  Query query = prepare(sql);
  return query.next() ? std::string(query.text(0)) : std::string();
}

void Connection::busy_timeout(std::chrono::milliseconds timeout) {
  sqlite3_busy_timeout(handle_, static_cast<int>(timeout.count()));
}

std::uint64_t Connection::changes() {
  return static_cast<std::uint64_t>(sqlite3_total_changes64(handle_));
}

}  // namespace onelane::bench
