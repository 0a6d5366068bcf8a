#include "tools/move/source.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <tuple>
#include <utility>

#include "tools/database/reading.h"
#include "tools/kit/errors.h"
#include "tools/kit/interrupt.h"
#include "tools/kit/printable.h"

namespace onelane::tools {
namespace {

using kit::printable;
using kit::RunError;

constexpr int kBusyMs = 1000;  // somebody recovers the log
constexpr int kStepsBetweenLooks = 10'000;
constexpr int kTicksMost = 20;  // of 1 ms: somebody's clock may be ahead

struct stat state_of(const std::filesystem::path& path) {
  struct stat out = {};
  if (::stat(path.c_str(), &out) != 0) out = {};
  return out;
}

off_t bytes_of(const std::filesystem::path& path) { return state_of(path).st_size; }

auto in_order(const timespec& time) { return std::pair(time.tv_sec, time.tv_nsec); }

bool same_state(const struct stat& a, const struct stat& b) {
  const auto all = [](const struct stat& of) {
    return std::tuple(of.st_dev, of.st_ino, of.st_size, in_order(of.st_mtim), in_order(of.st_ctim));
  };
  return all(a) == all(b);
}

// Once the clock of file systems, which goes by ticks, has gone on: a write after that shows.
struct stat settled_state(const std::filesystem::path& path) {
  const struct stat out = state_of(path);
  for (int i = 0; i < kTicksMost; ++i) {
    timespec now = {};
    ::clock_gettime(CLOCK_REALTIME_COARSE, &now);
    if (in_order(now) > in_order(out.st_ctim)) break;
    ::poll(nullptr, 0, 1);
  }
  return out;
}

int go_on(void* /*unused*/) noexcept { return kit::interrupted() ? 1 : 0; }

}  // namespace

SourceStatement::SourceStatement(const Source& source, const std::string& sql) : source_(source) {
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v2(source.handle(), sql.c_str(), static_cast<int>(sql.size()),
                                      &statement, nullptr);
  statement_.reset(statement);
  if (code != SQLITE_OK) source.fail();
}

bool SourceStatement::step() {
  const int code = sqlite3_step(get());
  if (code != SQLITE_ROW && code != SQLITE_DONE) source_.fail();
  return code == SQLITE_ROW;
}

std::string SourceStatement::text(int column) const {
  const void* const text = sqlite3_column_text(get(), column);
  if (text == nullptr) return {};
  return {static_cast<const char*>(text),
          static_cast<std::size_t>(sqlite3_column_bytes(get(), column))};
}

// A file at rest is read without locks, so that no log is made beside it.
Source::Source(const DatabaseFile& file) : file_(file) {
  const int flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_NOFOLLOW |
                    SQLITE_OPEN_EXRESCODE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_URI;
  const std::string path = file.path.string();
  if (file.at_rest) before_ = settled_state(path);
  const std::string name = file.at_rest ? immutable_uri(path) : path;
  sqlite3* db = nullptr;
  const int code = sqlite3_open_v2(name.c_str(), &db, flags, nullptr);
  db_.reset(db);
  if (db == nullptr) throw RunError("SQLite has no memory for a connection");
  if (code != SQLITE_OK) fail();
  sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_busy_timeout(db, kBusyMs);
  sqlite3_progress_handler(db, kStepsBetweenLooks, go_on, nullptr);
  for (const char* sql : {"PRAGMA query_only=ON", "PRAGMA cell_size_check=ON", "BEGIN"}) {
    while (SourceStatement(*this, sql).step()) {
    }
  }
  (void)number("SELECT count(*) FROM sqlite_schema");  // from here on it is one moment
  version_ = number("PRAGMA data_version");
  SourceStatement encoding(*this, "PRAGMA encoding");
  if (encoding.step() && encoding.text(0) != "UTF-8") {
    throw RunError(fmt::format(
        "{}: its texts are {}; only UTF-8 can be moved: .dump it into a database of that",
        printable(path), encoding.text(0)));
  }
}

bool Source::end_unchanged() {
  while (SourceStatement(*this, "COMMIT").step()) {
  }
  if (!file_.at_rest) return number("PRAGMA data_version") == version_;
  // What is in a log or a rollback journal was not read.
  return bytes_of(file_.beside("-wal")) == 0 && bytes_of(file_.beside("-journal")) == 0 &&
         same_state(state_of(file_.path), before_);
}

void Source::fail() const {
  if (kit::interrupted()) throw RunError("interrupted; nothing was changed");
  throw RunError(
      fmt::format("{}: {}", printable(file_.path.string()), printable(sqlite3_errmsg(db_.get()))));
}

std::int64_t Source::number(const std::string& sql) const {
  SourceStatement statement(*this, sql);
  return statement.step() ? statement.number(0) : 0;
}

std::vector<SourceTable> Source::tables() const {
  SourceStatement list(*this,
                       "SELECT t.name, s.sql FROM pragma_table_list AS t JOIN sqlite_schema AS s "
                       "ON s.type = 'table' AND s.name = t.name WHERE t.schema = 'main' AND "
                       "t.type = 'table' AND t.name NOT LIKE 'sqlite!_%' ESCAPE '!' ORDER BY "
                       "t.name");
  std::vector<SourceTable> out;
  while (list.step()) {
    SourceTable& table = out.emplace_back();
    table.name = list.text(0);
    table.sql = list.text(1);
    read_columns(table);
    read_indexes(table);
    table.foreign_keys =
        number("SELECT count(*) FROM pragma_foreign_key_list(" + sql_text(table.name) + ")") != 0;
  }
  return out;
}

std::vector<std::string> Source::others() const {
  SourceStatement list(
      *this,
      "SELECT type || ' ' || name FROM sqlite_schema WHERE type IN ('trigger', 'view') UNION ALL "
      "SELECT 'virtual table ' || name FROM pragma_table_list WHERE schema = 'main' AND type = "
      "'virtual' ORDER BY 1");
  std::vector<std::string> out;
  while (list.step()) out.push_back(printable(list.text(0)));
  return out;
}

void Source::read_columns(SourceTable& table) const {
  constexpr int kVirtual = 2;
  constexpr int kStored = 3;
  SourceStatement list(*this,
                       "SELECT name, type, \"notnull\", dflt_value, hidden, pk FROM "
                       "pragma_table_xinfo(" +
                           sql_text(table.name) + ") ORDER BY cid");
  int keys = 0;
  while (list.step()) {
    SourceColumn& column = table.columns.emplace_back();
    column.name = list.text(0);
    column.type = lower(list.text(1));
    column.not_null = list.number(2) != 0;
    column.has_default = !list.null(3);
    column.generated = list.number(4) == kVirtual || list.number(4) == kStored;
    column.key = static_cast<int>(list.number(5));
    keys += column.key > 0 ? 1 : 0;
  }
  const bool own_index = number("SELECT count(*) FROM pragma_index_list(" + sql_text(table.name) +
                                ") WHERE origin = 'pk'") != 0;
  table.rowid_key =
      keys == 1 && !own_index &&
      std::any_of(table.columns.begin(), table.columns.end(), [](const SourceColumn& column) {
        return column.key == 1 && column.type == "integer";
      });
}

void Source::read_indexes(SourceTable& table) const {
  SourceStatement list(*this, "SELECT name, \"unique\", origin, partial FROM pragma_index_list(" +
                                  sql_text(table.name) + ") WHERE origin <> 'pk' ORDER BY seq");
  while (list.step()) {
    SourceIndex& index = table.indexes.emplace_back();
    const std::string name = list.text(0);
    if (list.text(2) == "c") index.name = name;
    index.unique = list.number(1) != 0;
    index.plain = list.number(3) == 0;
    SourceStatement columns(*this, "SELECT cid, name, coll FROM pragma_index_xinfo(" +
                                       sql_text(name) + ") WHERE key = 1 ORDER BY seqno");
    while (columns.step()) {
      index.plain = index.plain && columns.number(0) >= 0 && columns.text(2) == "BINARY";
      index.columns.push_back(columns.text(1));
    }
  }
}

}  // namespace onelane::tools
