// Random SQL beside innocent neighbours, held against plain SQLite, which runs each unit in a
// transaction of its own: what is rejected leaves nothing, what is committed is whole, and whose
// fault it was is told alike. Meanwhile somebody else changes the schema. --gtest_random_seed draws
// other lives.
#include <sqlite3.h>

#include <map>
#include <random>

#include "tests/support/scale.h"
#include "tests/support/sqlite_journal_fixture.h"

namespace onelane {
namespace {

constexpr Column kInteger{ColumnType::integer, true};

// SQL over the tables t0, t1 (rowid tables) and w (WITHOUT ROWID), from a seed.
class Generator {
 public:
  explicit Generator(std::uint64_t seed) : random_(seed) {}

  std::size_t below(std::size_t n) { return random_() % n; }
  bool once_in(std::size_t n) { return below(n) == 0; }
  std::string of(std::initializer_list<const char*> choices) {
    return choices.begin()[below(choices.size())];
  }

  std::string schema(const std::string& full_text) {
    std::string out = "CREATE TABLE neighbours(x);";
    out += "CREATE TABLE t0(" + key() + columns() + ");";
    out += "CREATE TABLE t1(" + key() + columns() + ", p REFERENCES t0(id)" + action() + ");";
    out += "CREATE TABLE w(k PRIMARY KEY" + resolution() + columns() + ") WITHOUT ROWID;";
    out += full_text.empty() ? "CREATE TABLE words(body);"
                             : "CREATE VIRTUAL TABLE words USING " + full_text + "(body);";
    for (const char* table : {"t0", "t1", "w"}) {
      out += std::string("INSERT OR IGNORE INTO ") + table + "(a, b) VALUES(1, 1), (2, 2);";
    }
    for (std::size_t i = below(4); i > 0; --i) out += trigger() + ";";
    return out;
  }

  std::string change_of_the_schema() {
    switch (below(5)) {
      case 0:
        return "DROP TRIGGER IF EXISTS tr" + std::to_string(below(triggers_ + 1));
      case 1:
        return "CREATE UNIQUE INDEX IF NOT EXISTS u ON " + table() + "(c)";
      case 2:
        return "DROP INDEX IF EXISTS u";
      case 3:
        return "ALTER TABLE " + table() + " ADD COLUMN z" + std::to_string(random_() % 1000) +
               " DEFAULT 3";
      default:
        return trigger();
    }
  }

  // Takes ?1, a number or NULL.
  std::string statement() {
    switch (below(8)) {
      case 0:
        return "UPDATE" + conflict() + " " + table() + " SET " + column() + " = " + value() +
               where();
      case 1:
        return "DELETE FROM " + table() + where();
      case 2:
        return "INSERT" + conflict() + " INTO " + table() + "(a, b, c) SELECT a + ?1, " + value() +
               ", c FROM " + table() + where();
      case 3:
        return upsert();
      case 4:
        return "INSERT" + conflict() + " INTO t0(id, a, b) SELECT * FROM (VALUES(?1, 1, 1), (" +
               value() + ", " + value() + ", 2))";
      case 5:
        return insert(table()) + (once_in(3) ? " RETURNING a" : "");
      case 6:
        return "INSERT INTO words(rowid, body) VALUES(?1, 'one'), (" + value() + ", 'two')";
      default:
        return insert(table());
    }
  }

 private:
  std::string table() { return of({"t0", "t1", "w"}); }
  std::string column() { return of({"a", "b", "c"}); }
  std::string conflict() {
    return of({"", "", "", " OR IGNORE", " OR REPLACE", " OR FAIL", " OR ABORT", " OR ROLLBACK"});
  }
  std::string resolution() {
    return of({"", "", "", " ON CONFLICT IGNORE", " ON CONFLICT REPLACE", " ON CONFLICT FAIL",
               " ON CONFLICT ROLLBACK"});
  }
  std::string value() {
    return of({"?1", "?1 + 1", "1", "2", "3", "7", "NULL", "'x'", "x'00ff'", "2.5",
               "abs(iif(?1 = 0, -9223372036854775807 - 1, ?1))", "zeroblob(2000000000)",
               "last_insert_rowid()", "(SELECT max(a) FROM t0)"});
  }
  std::string where() {
    return of({"", " WHERE a = ?1", " WHERE a > ?1", " WHERE b IN (1, 2)", " WHERE c IS NULL",
               " WHERE rowid = 1"});
  }
  std::string key() {
    return of({"id INTEGER PRIMARY KEY", "id INTEGER PRIMARY KEY AUTOINCREMENT"});
  }
  std::string action() {
    return of({"", " ON DELETE CASCADE", " ON DELETE SET NULL ON UPDATE CASCADE"}) +
           of({"", " DEFERRABLE INITIALLY DEFERRED"});
  }
  std::string columns() {
    std::string out = ", a " + of({"", "UNIQUE", "UNIQUE", "INTEGER UNIQUE"});
    if (out.ends_with("UNIQUE")) out += resolution();
    out += ", b DEFAULT 5 " + of({"", "NOT NULL"});
    if (out.ends_with("NULL")) out += resolution();
    out += ", c " + of({"", "CHECK(b <> 7)", "AS (a * 2) STORED", "AS (b + 1) VIRTUAL"});
    return out;
  }
  std::string insert(const std::string& into) {
    const std::string given = into == "w" ? "k, a, b" : into == "t1" ? "a, b, p" : "id, a, b";
    std::string rows;
    for (std::size_t i = once_in(2) ? 1 : 1 + below(4); i > 0; --i) {
      rows += (rows.empty() ? "(" : ", (") + value() + ", " + value() + ", " + value() + ")";
    }
    return "INSERT" + conflict() + " INTO " + into + "(" + given + ") VALUES" + rows;
  }
  std::string upsert() {
    const bool keyed = once_in(2);
    return insert("w") + " ON CONFLICT(" + (keyed ? "k" : "a") + ") DO " +
           (once_in(4) ? std::string("NOTHING")
                       : "UPDATE SET b = " + value() + ", a = excluded.a + " + of({"0", "1"}));
  }
  std::string trigger() {
    const std::string event = of({"INSERT", "UPDATE", "DELETE"});
    const std::string row = event == "DELETE" ? "old" : "new";
    std::string body;
    for (std::size_t i = 1 + below(2); i > 0; --i) {
      switch (below(4)) {
        case 0:
          body += "SELECT RAISE(" + of({"ABORT", "FAIL", "ROLLBACK"}) + ", 'no') WHERE " + row +
                  ".a = " + of({"1", "3", "4"}) + "; ";
          break;
        case 1:
          body += "SELECT RAISE(IGNORE) WHERE " + row + ".b = 2; ";
          break;
        case 2:
          body += "INSERT" + conflict() + " INTO " + of({"w(k, b)", "t1(a, b)", "t0(a, b)"}) +
                  " VALUES(" + row + ".a, 1), (" + row + ".b, " +
                  of({"2", "NULL", "last_insert_rowid()"}) + "); ";
          break;
        default:
          body += "INSERT INTO words(rowid, body) VALUES(" + row + ".a, 'word'); ";
      }
    }
    return "CREATE TRIGGER tr" + std::to_string(triggers_++) + " " + of({"BEFORE ", "AFTER "}) +
           event + " ON " + table() + " BEGIN " + body + "END";
  }

  std::mt19937_64 random_;
  std::size_t triggers_ = 0;
};

// A statement and what is bound to ?1, if it has one.
struct Bound {
  std::string sql;
  std::optional<std::int64_t> value;

  bool takes_value() const { return sql.find("?1") != std::string::npos; }
};

struct Expected {
  int code = SQLITE_OK;  // of the statement that its unit was rejected for
  std::uint64_t changes = 0;
};

// Plain SQLite.
class Reference {
 public:
  explicit Reference(const std::string& schema) : db_(":memory:") {
    sqlite3_extended_result_codes(db_.handle(), 1);
    EXPECT_EQ(db_.query("PRAGMA foreign_keys=1"), "");
    EXPECT_EQ(sqlite3_exec(db_.handle(), schema.c_str(), nullptr, nullptr, nullptr), SQLITE_OK);
  }

  std::string query(const std::string& sql) { return db_.query(sql); }
  bool knows(const std::string& sql) {
    sqlite3_stmt* statement = nullptr;
    const int code = sqlite3_prepare_v2(db_.handle(), sql.c_str(), -1, &statement, nullptr);
    sqlite3_finalize(statement);
    return code == SQLITE_OK;
  }

  // All or nothing. A unit that shrugs goes on after a statement that failed, unless it ended the
  // transaction.
  Expected run(const std::vector<Bound>& unit, bool shrugs) {
    begin();
    Expected expected;
    for (const Bound& each : unit) {
      EXPECT_EQ(query("SAVEPOINT one"), "");
      const sqlite3_int64 before = sqlite3_total_changes64(db_.handle());
      const int code = step(each);
      const bool counts = sqlite3_total_changes64(db_.handle()) != before;
      if (code == SQLITE_OK) {
        if (counts) expected.changes += static_cast<std::uint64_t>(sqlite3_changes64(db_.handle()));
        continue;
      }
      const bool ended = sqlite3_get_autocommit(db_.handle()) != 0;
      if (ended || !shrugs) return rejected(code);
      EXPECT_EQ(query("ROLLBACK TO one"), "");
    }
    int open = 0;
    int highest = 0;
    sqlite3_db_status(db_.handle(), SQLITE_DBSTATUS_DEFERRED_FKS, &open, &highest, 0);
    if (open != 0) return rejected(SQLITE_CONSTRAINT_FOREIGNKEY);
    EXPECT_EQ(query("COMMIT"), "");
    return expected;
  }

 private:
  void begin() {
    EXPECT_EQ(query("BEGIN IMMEDIATE"), "");
    sqlite3_set_last_insert_rowid(db_.handle(), 0);
  }
  Expected rejected(int code) {
    if (sqlite3_get_autocommit(db_.handle()) == 0) {
      EXPECT_EQ(query("ROLLBACK"), "");
    }
    return {.code = code};
  }
  int step(const Bound& bound) {
    sqlite3_stmt* statement = nullptr;
    int code = sqlite3_prepare_v2(db_.handle(), bound.sql.c_str(), -1, &statement, nullptr);
    if (code != SQLITE_OK) return code;
    if (bound.value && bound.takes_value()) sqlite3_bind_int64(statement, 1, *bound.value);
    while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
    }
    sqlite3_finalize(statement);
    return code == SQLITE_DONE ? SQLITE_OK : code;
  }

  test::OtherConnection db_;
};

class RandomSql : public test::SqliteJournalFixture {
 protected:
  struct Unit {
    std::vector<Bound> statements;
    bool shrugs = false;
    Receipt receipt;
  };

  // Empty: the library has none.
  static std::string full_text() {
    for (const char* option : {"ENABLE_FTS5", "ENABLE_FTS4"}) {
      if (sqlite3_compileoption_used(option) != 0) return option[10] == '5' ? "fts5" : "fts4";
    }
    return {};
  }
  static Row row_of(const Bound& bound) {
    Row row;
    if (bound.takes_value()) put(row, bound.value);
    return row;
  }
  static Bound bound(Generator& random, std::string sql) {
    if (random.once_in(8)) return {.sql = std::move(sql), .value = std::nullopt};
    return {.sql = std::move(sql), .value = static_cast<std::int64_t>(random.below(9))};
  }

  void live(std::uint64_t seed);
  void change_schema(Generator& random);
  std::vector<Unit> submit_some(Generator& random);
  Unit submit_one(Generator& random);
  Unit submit_neighbour();
  void expect_settled(const Unit& unit);
  void expect_same();

  std::optional<Reference> reference_;
  std::map<std::string, Statement> added_;
  std::uint64_t neighbours_ = 0;
  std::uint64_t statements_ = 0;
  std::uint64_t schema_changes_ = 0;
  std::map<int, std::uint64_t> rejected_;  // units, by code
};

// A table that everybody sees whole, or why not, in an order that rows alone decide.
constexpr const char* kTables[] = {"neighbours", "t0", "t1", "w", "words", "sqlite_sequence"};

void RandomSql::expect_same() {
  for (const char* table : kTables) {
    const std::string sql = std::string("SELECT * FROM ") + table + " ORDER BY 1, 2, 3";
    const std::string narrow = std::string("SELECT * FROM ") + table + " ORDER BY 1";
    std::string expected = reference_->query(sql);
    const bool one_column = expected.starts_with("error");
    if (one_column) expected = reference_->query(narrow);
    ASSERT_EQ(outside(one_column ? narrow : sql), expected) << table;
  }
  ASSERT_EQ(outside("SELECT count(*) FROM neighbours"), std::to_string(neighbours_));
}

void RandomSql::change_schema(Generator& random) {
  const std::string sql = random.change_of_the_schema();
  SCOPED_TRACE(sql);
  const auto failed = [](const std::string& answer) { return answer.starts_with("error"); };
  ASSERT_EQ(failed(outside(sql)), failed(reference_->query(sql)));
  ++schema_changes_;
}

RandomSql::Unit RandomSql::submit_neighbour() {
  Unit unit{.statements = {{.sql = "INSERT INTO neighbours VALUES(?1)",
                            .value = static_cast<std::int64_t>(neighbours_++)}}};
  unit.receipt = submit(added_.at(unit.statements[0].sql), *unit.statements[0].value);
  return unit;
}

// A lone record, a group of them, or a step that goes on after a statement that failed. What SQLite
// cannot prepare is no statement of the journal's, but a step may try it.
RandomSql::Unit RandomSql::submit_one(Generator& random) {
  Unit unit;
  const std::size_t kind = random.below(6);
  for (std::size_t i = kind < 4 ? 1 : 1 + random.below(3); i > 0; --i) {
    unit.statements.push_back(bound(random, random.statement()));
  }
  statements_ += unit.statements.size();
  unit.shrugs = kind == 5;
  if (unit.shrugs) {
    unit.receipt = submit_job([statements = unit.statements](Transaction& step) -> Result<Step> {
      for (const Bound& each : statements) {
        (void)(each.takes_value() ? step.execute(each.sql, each.value) : step.execute(each.sql));
      }
      return Step::done;
    });
    return unit;
  }
  Group group;
  for (const Bound& each : unit.statements) {
    if (!added_.contains(each.sql)) {
      const Result<Statement> added = journal_->add_statement(
          {each.sql, std::vector<Column>(each.takes_value() ? 1 : 0, kInteger), {}});
      EXPECT_EQ(added.ok(), reference_->knows(each.sql)) << added.status().to_string();
      if (!added.ok()) return submit_neighbour();
      added_.emplace(each.sql, *added);
    }
    group.add(added_.at(each.sql), row_of(each));
  }
  unit.receipt =
      kind < 4
          ? accepted(writes_->submit(added_.at(unit.statements[0].sql), row_of(unit.statements[0])))
          : submit(group);
  return unit;
}

std::vector<RandomSql::Unit> RandomSql::submit_some(Generator& random) {
  std::vector<Unit> units;
  for (std::size_t i = 1 + random.below(5); i > 0; --i) {
    units.push_back(submit_neighbour());
    units.push_back(submit_one(random));
  }
  units.push_back(submit_neighbour());
  return units;
}

void RandomSql::expect_settled(const Unit& unit) {
  std::string trace;
  for (const Bound& each : unit.statements) {
    trace += each.sql + " <- " + (each.value ? std::to_string(*each.value) : "NULL") + "\n";
  }
  SCOPED_TRACE(trace);
  const Expected expected = reference_->run(unit.statements, unit.shrugs);
  const Outcome outcome = settled(unit.receipt);
  ASSERT_EQ(outcome.end, expected.code == SQLITE_OK ? End::committed : End::rejected)
      << outcome.cause.to_string() << ", and " << expected.code << " in plain SQLite";
  ASSERT_EQ(outcome.cause.sqlite_code(), expected.code) << outcome.cause.to_string();
  ASSERT_EQ(outcome.changes, expected.changes);
  if (expected.code != SQLITE_OK) ++rejected_[expected.code];
}

void RandomSql::live(std::uint64_t seed) {
  SCOPED_TRACE("seed " + std::to_string(seed));
  Generator random(seed);
  const std::string schema = random.schema(full_text());
  SCOPED_TRACE(schema);
  reference_.emplace(schema);
  database_ = directory_ / (std::to_string(seed) + ".db");
  ASSERT_NO_FATAL_FAILURE(open(schema));
  added_.clear();
  neighbours_ = 0;
  added_.emplace("INSERT INTO neighbours VALUES(?1)",
                 add("INSERT INTO neighbours VALUES(?1)", {kInteger}));
  for (int tick = 0; tick < 40; ++tick) {
    if (random.once_in(3)) {
      ASSERT_NO_FATAL_FAILURE(change_schema(random));
    }
    const std::vector<Unit> units = submit_some(random);
    if (random.once_in(3)) {
      ASSERT_NO_FATAL_FAILURE(change_schema(random));
    }
    run();
    for (const Unit& unit : units) ASSERT_NO_FATAL_FAILURE(expect_settled(unit));
    ASSERT_NO_FATAL_FAILURE(expect_same());
  }
  ASSERT_TRUE(close().status.ok());
  EXPECT_EQ(outside("PRAGMA integrity_check"), "ok");
}

TEST_F(RandomSql, IsRejectedWithoutATraceOrCommittedWhole) {
  const std::size_t lives = test::scaled(20);
  const auto first = static_cast<std::uint64_t>(GTEST_FLAG_GET(random_seed)) * 1'000 + 1;
  for (std::uint64_t i = 0; i < lives; ++i) ASSERT_NO_FATAL_FAILURE(live(first + i));
  if (test::kSlowdown > 1) return;
  // It has reached what it is about.
  EXPECT_GE(statements_, 2'000U);
  EXPECT_GE(schema_changes_, 200U);
  for (const int code : {SQLITE_ERROR, SQLITE_MISMATCH, SQLITE_TOOBIG, SQLITE_CONSTRAINT_UNIQUE,
                         SQLITE_CONSTRAINT_NOTNULL, SQLITE_CONSTRAINT_CHECK,
                         SQLITE_CONSTRAINT_FOREIGNKEY, SQLITE_CONSTRAINT_TRIGGER}) {
    EXPECT_GE(rejected_[code], 10U) << code;
  }
}

}  // namespace
}  // namespace onelane
