#include "tools/database/reading.h"

#include <algorithm>
#include <cctype>
#include <string_view>

#include "tools/kit/errors.h"
#include "tools/kit/interrupt.h"

namespace onelane::tools {
namespace {

constexpr int kBusyMs = 1000;  // somebody recovers the log, or has it for himself
constexpr int kStepsBetweenLooks = 10'000;
constexpr int kValueBytesMax = 1024 * 1024;

std::string value_at(sqlite3_stmt* statement, int column) {
  const void* text = sqlite3_column_text(statement, column);
  if (text == nullptr) return {};
  const int bytes = std::min(sqlite3_column_bytes(statement, column), kValueBytesMax);
  return {static_cast<const char*>(text), static_cast<std::size_t>(bytes)};
}

}  // namespace

// A name is never taken for a URI: it is absolute, so it does not begin with "file:". This is the
// one URI, with all special characters escaped.
std::string immutable_uri(const std::string& path) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string uri = "file:";
  for (const char c : path) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || c == '/') {
      uri += c;
    } else {
      uri += {'%', kDigits[byte >> 4U], kDigits[byte & 0xFU]};
    }
  }
  return uri + "?immutable=1";
}

Reading::Reading(const DatabaseFile& file) {
  const int flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_NOFOLLOW |
                    SQLITE_OPEN_EXRESCODE | SQLITE_OPEN_NOMUTEX;
  if (file.at_rest) {
    sqlite3_open_v2(immutable_uri(file.path).c_str(), &db_, flags | SQLITE_OPEN_URI, nullptr);
  } else {
    sqlite3_open_v2(file.path.c_str(), &db_, flags, nullptr);
  }
  if (db_ == nullptr) throw kit::RunError("SQLite has no memory for a connection");
  sqlite3_db_config(db_, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(db_, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_db_config(db_, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, nullptr);
  sqlite3_db_config(db_, SQLITE_DBCONFIG_ENABLE_VIEW, 0, nullptr);
  sqlite3_limit(db_, SQLITE_LIMIT_ATTACHED, 0);
  sqlite3_limit(db_, SQLITE_LIMIT_WORKER_THREADS, 0);
  sqlite3_busy_timeout(db_, kBusyMs);
  sqlite3_progress_handler(db_, kStepsBetweenLooks, go_on, this);
  using namespace std::chrono_literals;
  for (const char* pragma : {"PRAGMA cell_size_check=ON", "PRAGMA mmap_size=0",
                             "PRAGMA query_only=ON", "PRAGMA temp_store=MEMORY"}) {
    query(pragma, 1, 1s);
  }
}

int Reading::go_on(void* self) noexcept {
  const auto& reading = *static_cast<Reading*>(self);
  return kit::interrupted() || std::chrono::steady_clock::now() > reading.end_ ? 1 : 0;
}

Rows Reading::query(const std::string& sql, std::size_t rows_most, Duration limit) {
  end_ = std::chrono::steady_clock::now() + limit;
  Rows out;
  sqlite3_stmt* statement = nullptr;
  int code = sqlite3_prepare_v2(db_, sql.c_str(), -1, &statement, nullptr);
  while (code == SQLITE_OK && out.rows.size() < rows_most) {
    code = sqlite3_step(statement);
    if (code != SQLITE_ROW) break;
    code = SQLITE_OK;
    std::vector<std::string> row;
    for (int i = 0; i < sqlite3_column_count(statement); ++i) {
      row.push_back(value_at(statement, i));
    }
    out.rows.push_back(std::move(row));
  }
  if (code != SQLITE_OK && code != SQLITE_DONE) {
    out.error = {code, sqlite3_errmsg(db_), code == SQLITE_INTERRUPT};
  }
  sqlite3_finalize(statement);
  return out;
}

std::string quoted_name(const std::string& name) {
  std::string out = "\"";
  for (const char c : name) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + "\"";
}

}  // namespace onelane::tools
