#include "tests/support/sqlite_support.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <system_error>

namespace onelane::test {

namespace {

struct Seen {
  sqlite3* first = nullptr;
  std::vector<std::string> sql;
};

Seen g_seen;  // auto-extensions get no argument

int on_statement(unsigned, void*, void* statement, void*) {
  g_seen.sql.emplace_back(sqlite3_sql(static_cast<sqlite3_stmt*>(statement)));
  return 0;
}

int on_open(sqlite3* db, char**, const struct sqlite3_api_routines*) {
  const bool in_memory = *sqlite3_db_filename(db, "main") == '\0';
  if (g_seen.first == nullptr && !in_memory) g_seen.first = db;
  return sqlite3_trace_v2(db, SQLITE_TRACE_STMT, on_statement, nullptr);
}

// SQLite keeps the entry point under a type that it is not called by.
void (*entry_point())() { return reinterpret_cast<void (*)()>(on_open); }

std::string row_of(sqlite3_stmt* statement) {
  std::string row;
  for (int column = 0; column < sqlite3_column_count(statement); ++column) {
    const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement, column));
    row += (column == 0 ? "" : "|") + std::string(text == nullptr ? "NULL" : text);
  }
  return row;
}

}  // namespace

std::string query(sqlite3* db, const std::string& sql) {
  sqlite3_stmt* statement = nullptr;
  int code = sqlite3_prepare_v2(db, sql.c_str(), -1, &statement, nullptr);
  std::string rows;
  while (code == SQLITE_OK || code == SQLITE_ROW) {
    code = sqlite3_step(statement);
    if (code == SQLITE_ROW) rows += (rows.empty() ? "" : " ") + row_of(statement);
  }
  sqlite3_finalize(statement);
  return code == SQLITE_DONE ? rows : "error " + std::to_string(code);
}

std::string query(const std::filesystem::path& path, const std::string& sql) {
  return OtherConnection(path).query(sql);
}

void copy_file(const std::filesystem::path& from, const std::filesystem::path& to) {
  const pid_t child = ::fork();
  if (child == 0) {
    std::error_code error;
    std::filesystem::copy_file(from, to, std::filesystem::copy_options::overwrite_existing, error);
    ::_exit(error ? 1 : 0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  if (status != 0) std::abort();
}

std::string recovered(const std::filesystem::path& database, const std::string& sql) {
  const std::string copy = database.string() + ".copy";
  for (const char* suffix : {"", "-wal"}) {
    copy_file(database.string() + suffix, copy + suffix);
  }
  std::filesystem::remove(copy + "-shm");
  return query(std::filesystem::path(copy), sql);
}

std::string full_text() {
  OtherConnection memory(":memory:", OtherConnection::Missing::created);
  for (const std::string module : {"fts5", "fts4"}) {
    if (memory.query("CREATE VIRTUAL TABLE f USING " + module + "(x)").empty()) return module;
  }
  return "";
}

OtherConnection::OtherConnection(const std::filesystem::path& path, Missing missing) {
  const int create = missing == Missing::created ? SQLITE_OPEN_CREATE : 0;
  const int code = sqlite3_open_v2(path.c_str(), &db_, SQLITE_OPEN_READWRITE | create, nullptr);
  if (code != SQLITE_OK) ADD_FAILURE() << path << ": " << sqlite3_errstr(code);
}

std::string OtherConnection::query(const std::string& sql) { return test::query(db_, sql); }

ConnectionSpy::ConnectionSpy() {
  g_seen = {};
  sqlite3_auto_extension(entry_point());
}

ConnectionSpy::~ConnectionSpy() { sqlite3_cancel_auto_extension(entry_point()); }

sqlite3* ConnectionSpy::writer() const noexcept { return g_seen.first; }

const std::vector<std::string>& ConnectionSpy::sql() const noexcept { return g_seen.sql; }

std::ptrdiff_t ConnectionSpy::position(const std::string& start) const {
  const auto found = std::find_if(g_seen.sql.begin(), g_seen.sql.end(),
                                  [&](const std::string& sql) { return sql.starts_with(start); });
  return found == g_seen.sql.end() ? -1 : found - g_seen.sql.begin();
}

}  // namespace onelane::test
