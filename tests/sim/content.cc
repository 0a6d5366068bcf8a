#include "tests/sim/content.h"

#include <sqlite3.h>

#include <charconv>
#include <functional>

namespace onelane::test {

namespace {

// What comes through a trigger is a row of "applied" all the same.
constexpr const char* kTables =
    "CREATE TABLE IF NOT EXISTS applied(at INTEGER PRIMARY KEY, unit INTEGER, part INTEGER,"
    "  words TEXT CHECK(words <> 'bad'), subject INTEGER, parent INTEGER);"
    "CREATE TABLE IF NOT EXISTS homes(name TEXT PRIMARY KEY);"
    "CREATE TABLE IF NOT EXISTS watched(unit INTEGER, part INTEGER, words TEXT,"
    "  home REFERENCES homes DEFERRABLE INITIALLY DEFERRED);"
    "CREATE TRIGGER IF NOT EXISTS watch AFTER INSERT ON watched BEGIN"
    "  INSERT INTO applied(unit, part, words) VALUES(new.unit, new.part, new.words);"
    "  SELECT RAISE(FAIL, 'fails') WHERE new.words = 'fail';"
    "  SELECT RAISE(ABORT, 'aborts') WHERE new.words = 'abort';"
    "  SELECT RAISE(ROLLBACK, 'rolls back') WHERE new.words = 'rollback'; END;"
    "CREATE TABLE IF NOT EXISTS foreign_rows(id INTEGER PRIMARY KEY, words TEXT);";

// The second row of it cannot be made when the first one is there.
constexpr const char* kLeftovers =
    "CREATE TABLE IF NOT EXISTS audited(unit INTEGER, part INTEGER, words TEXT);"
    "CREATE TRIGGER IF NOT EXISTS audit BEFORE INSERT ON audited BEGIN"
    "  INSERT OR FAIL INTO applied(unit, part, words)"
    "    SELECT new.unit, new.part, new.words"
    "    UNION ALL SELECT new.unit, new.part, 'bad' WHERE new.words = 'half'; END;";

constexpr const char* kUpserts =
    "CREATE TABLE IF NOT EXISTS latest(name INTEGER, unit INTEGER, part INTEGER, words TEXT);"
    "CREATE UNIQUE INDEX IF NOT EXISTS latest_name ON latest(name);"
    "CREATE TRIGGER IF NOT EXISTS first AFTER INSERT ON latest BEGIN INSERT INTO"
    "  applied(unit, part, words) VALUES(new.unit, new.part, new.words); END;"
    "CREATE TRIGGER IF NOT EXISTS later AFTER UPDATE ON latest BEGIN INSERT INTO"
    "  applied(unit, part, words) VALUES(new.unit, new.part, new.words); END;";

class Statement {
 public:
  Statement(sqlite3* db, const char* sql) {
    code_ = sqlite3_prepare_v2(db, sql, -1, &statement_, nullptr);
  }
  ~Statement() { sqlite3_finalize(statement_); }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  bool next() {
    if (code_ == SQLITE_OK || code_ == SQLITE_ROW) code_ = sqlite3_step(statement_);
    return code_ == SQLITE_ROW;
  }
  int code() const { return code_ == SQLITE_DONE ? SQLITE_OK : code_; }
  bool is_null(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }
  std::int64_t integer(int column) const { return sqlite3_column_int64(statement_, column); }
  std::optional<std::int64_t> optional(int column) const {
    return is_null(column) ? std::nullopt : std::optional(integer(column));
  }
  std::string_view text(int column) const {
    const unsigned char* found = sqlite3_column_text(statement_, column);
    const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_, column));
    return {reinterpret_cast<const char*>(found), size};
  }

 private:
  sqlite3_stmt* statement_ = nullptr;
  int code_ = SQLITE_OK;
};

// Whether there is a table of that name; SQLite's code.
int is_there(sqlite3* db, const std::string& table, bool& out) {
  const std::string sql = "SELECT count(*) FROM sqlite_schema WHERE name = '" + table + "'";
  Statement tables(db, sql.c_str());
  out = tables.next() && tables.integer(0) == 1;
  while (tables.next()) {
  }
  return tables.code();
}

// A dead letter's row begins with the number of its unit.
int read_refused(sqlite3* db, Content& out) {
  bool there = false;
  const int code = is_there(db, kSimulatedLetters, there);
  if (code != SQLITE_OK || !there) return code;
  const std::string sql = std::string("SELECT row FROM ") + kSimulatedLetters;
  Statement letters(db, sql.c_str());
  while (letters.next()) {
    std::uint64_t unit = UINT64_MAX;
    const std::string_view row = letters.text(0);
    std::from_chars(row.data(), row.data() + row.size(), unit);
    ++out.refused[unit];
  }
  return letters.code();
}

int read_rows(sqlite3* db, Content& out) {
  Statement rows(db, "SELECT unit, part, words, subject, at, parent FROM applied ORDER BY at");
  std::int64_t before = 0;
  while (rows.next()) {
    AppliedRow row{.unit = static_cast<std::uint64_t>(rows.integer(0)),
                   .part = static_cast<std::uint32_t>(rows.integer(1)),
                   .value = value_of(rows.text(2), rows.optional(3))};
    // What it took for the row that its unit had inserted just before.
    if (!rows.is_null(5) && rows.integer(5) != before) ++row.value;
    before = rows.integer(4);
    out.rows.push_back(row);
  }
  if (rows.code() != SQLITE_OK) return rows.code();
  if (const int code = read_refused(db, out); code != SQLITE_OK) return code;
  Statement foreign(db, "SELECT id FROM foreign_rows ORDER BY id");
  while (foreign.next()) out.foreign.push_back(static_cast<std::uint64_t>(foreign.integer(0)));
  return foreign.code();
}

}  // namespace

std::string simulation_schema(const Features& features) {
  std::string out = kTables;
  if (features.leftovers) out += kLeftovers;
  if (features.upserts) out += kUpserts;
  return out;
}

std::uint64_t value_of(std::string_view words, std::optional<std::int64_t> subject) {
  constexpr std::uint64_t kSpread = 0x9e3779b97f4a7c15;
  const auto key = subject ? static_cast<std::uint64_t>(*subject) + 1 : 0;
  return std::hash<std::string_view>()(words) ^ (key * kSpread);
}

int read_content(sqlite3* db, Content& out) {
  const bool own = sqlite3_get_autocommit(db) != 0;
  if (own) sqlite3_exec(db, "BEGIN", nullptr, nullptr, nullptr);
  int code = SQLITE_OK;
  {
    bool there = false;
    code = is_there(db, "foreign_rows", there);
    if (there && code == SQLITE_OK) code = read_rows(db, out);
  }
  if (own) sqlite3_exec(db, "COMMIT", nullptr, nullptr, nullptr);
  return code;
}

}  // namespace onelane::test
