// onelane move: what arrives in PostgreSQL, what a second run writes, what is refused.
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "onelane/onelane.h"
#include "onelane/postgres.h"
#include "tests/support/move_fixture.h"

namespace onelane::test {
namespace {

using namespace std::chrono_literals;

TEST_F(MoveTest, ValuesArriveAsTheyAre) {
  lite(
      "CREATE TABLE v(id INTEGER PRIMARY KEY, i INTEGER, r REAL, t TEXT, b BLOB);"
      "INSERT INTO v VALUES"
      "(1, NULL, NULL, NULL, NULL),"
      "(2, 9223372036854775807, 9e999, '', x''),"
      "(3, -9223372036854775808, -9e999, 'a' || char(9) || 'b' || char(10) || 'c\\' || char(13), "
      "x'00ff0027'),"
      "(4, 0, -0.0, '\\N', x'5c4e'),"
      "(5, -1, 5e-324, 'Gr\u00fc\u00dfe, \u4f60\u597d, \U0001F680', zeroblob(3)),"
      "(6, 1, 0.1, '\\.', x'09'),"
      "(7, 2, 1.7976931348623157e308, '''\"', x'0a0d'),"
      "(8, 3, 3.0, 'x', x'00')");
  EXPECT_EQ(in_words(move()), "v: 8 rows, 8 copied, 0 changed, 0 deleted");
  EXPECT_EQ(ask("SELECT i FROM v ORDER BY id"),
            "- 9223372036854775807 -9223372036854775808 0 -1 1 2 3");
  EXPECT_EQ(ask("SELECT r FROM v ORDER BY id"),
            "- Infinity -Infinity 0 5e-324 0.1 1.7976931348623157e+308 3");
  EXPECT_EQ(ask("SELECT b FROM v ORDER BY id"),
            "- \\x \\x00ff0027 \\x5c4e \\x000000 \\x09 \\x0a0d \\x00");
  EXPECT_EQ(ask("SELECT encode(convert_to(t, 'UTF8'), 'hex') FROM v ORDER BY id"),
            lite("SELECT CASE WHEN t IS NULL THEN NULL ELSE lower(hex(t)) END FROM v ORDER BY id"));
  EXPECT_EQ(ask("SELECT string_agg(format_type(atttypid, NULL), ',' ORDER BY attnum) FROM "
                "pg_attribute WHERE attrelid = 'v'::regclass AND attnum > 0"),
            "bigint,bigint,double precision,text,bytea");
}

TEST_F(MoveTest, ASecondRunWritesOnlyWhatDiffers) {
  lite(
      "CREATE TABLE p(id INTEGER PRIMARY KEY, name TEXT, score REAL);"
      "WITH n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n WHERE i < 20000)"
      "INSERT INTO p SELECT i, 'peer ' || i, i / 7.0 FROM n");
  EXPECT_EQ(in_words(move()), "p: 20000 rows, 20000 copied, 0 changed, 0 deleted");
  EXPECT_EQ(in_words(move()), "p: 20000 rows, 0 copied, 0 changed, 0 deleted");
  lite(
      "DELETE FROM p WHERE id IN (1, 500, 20000); UPDATE p SET name = NULL WHERE id = 2;"
      "UPDATE p SET score = -score WHERE id BETWEEN 700 AND 702;"
      "INSERT INTO p VALUES(0, 'first', 1), (30000, 'last', 2)");
  const std::string untouched = ask("SELECT xmin FROM p WHERE id = 900");
  EXPECT_EQ(in_words(move()), "p: 19999 rows, 2 copied, 4 changed, 3 deleted");
  EXPECT_EQ(ask("SELECT xmin FROM p WHERE id = 900"), untouched);
  EXPECT_EQ(ask("SELECT count(*), sum(id) FROM p"), lite("SELECT count(*), sum(id) FROM p"));
  EXPECT_EQ(ask("SELECT name FROM p WHERE id IN (0, 2, 30000) ORDER BY id"), "first - last");
}

TEST_F(MoveTest, KeysOfSeveralColumnsAreInOneOrderOnBothSides) {
  lite(
      "CREATE TABLE k(a TEXT, b BLOB, c INTEGER, v, PRIMARY KEY(b, a)) WITHOUT ROWID;"
      "INSERT INTO k VALUES('a', x'00', 1, 'x'), ('B', x'00', 2, 'x'), ('', x'00', 3, 'x'), "
      "('\u00e9', x'', 4, 'x'), ('z', x'', 5, 'x'), ('Z', x'ff', 6, 'x'), ('_', x'ff00', 7, 'x')");
  ask("CREATE TABLE k(a text COLLATE \"en-x-icu\", b bytea, c bigint, v text, PRIMARY KEY(b, a))");
  EXPECT_EQ(ask("SELECT 'a' < 'B' COLLATE \"en-x-icu\""), "t");  // as in no order of bytes
  move();
  lite(
      "DELETE FROM k WHERE c IN (2, 5); UPDATE k SET v = 'y' WHERE c = 4;"
      "INSERT INTO k VALUES('~', x'00', 8, 'x')");
  EXPECT_EQ(in_words(move()), "k: 6 rows, 1 copied, 1 changed, 2 deleted");
  EXPECT_EQ(ask("SELECT c, v FROM k ORDER BY c"), "1|x 3|x 4|y 6|x 7|x 8|x");
}

TEST_F(MoveTest, ATableWithoutAKeyIsCopiedAnewWhenItDiffers) {
  lite(
      "CREATE TABLE log(at INTEGER, what TEXT);"
      "INSERT INTO log VALUES(1, 'a'), (1, 'a'), (NULL, NULL), (2, 'b')");
  EXPECT_EQ(in_words(move()), "log: 4 rows, 4 copied, 0 changed, 0 deleted");
  EXPECT_EQ(in_words(move()), "log: 4 rows, 0 copied, 0 changed, 0 deleted");
  lite("INSERT INTO log VALUES(1, 'a')");
  EXPECT_EQ(in_words(move()), "log: 5 rows, 5 copied, 0 changed, 4 deleted");
  EXPECT_EQ(ask("SELECT at, what FROM log ORDER BY at, what"), "1|a 1|a 1|a 2|b -|-");
}

TEST_F(MoveTest, RowsCanExchangeAUniqueValue) {
  lite(
      "CREATE TABLE u(id INTEGER PRIMARY KEY, rank INTEGER UNIQUE);"
      "INSERT INTO u VALUES(1, 10), (2, 20), (3, 30)");
  move();
  lite(
      "DELETE FROM u WHERE id = 3; UPDATE u SET rank = 0 WHERE id = 1;"
      "UPDATE u SET rank = 10 WHERE id = 2; UPDATE u SET rank = 20 WHERE id = 1;"
      "INSERT INTO u VALUES(4, 30)");
  EXPECT_EQ(in_words(move()), "u: 3 rows, 1 copied, 2 changed, 1 deleted");
  EXPECT_EQ(ask("SELECT id, rank FROM u ORDER BY id"), "1|20 2|10 4|30");
}

// Each round changes rows at random, and knows from SQLite alone what the move has to write.
TEST_F(MoveTest, RandomChangesAreWrittenAndNothingElse) {
  lite("CREATE TABLE r(a TEXT, b INTEGER, x REAL, y BLOB, PRIMARY KEY(a, b)) WITHOUT ROWID");
  move();
  std::mt19937 random(20261130);
  const auto below = [&random](unsigned most) { return std::to_string(random() % most); };
  const auto values = [&] {
    return "char(48 + " + below(70) + "), " + below(30) + " - 15, " + below(9) + " / 7.0, " +
           (random() % 4 == 0 ? "NULL" : "x'0" + below(9) + "'");
  };
  std::map<std::string, std::string> before;
  for (int round = 0; round < 8; ++round) {
    std::string sql = "BEGIN;";
    for (int i = 0; i < 60; ++i) {
      sql += "INSERT OR REPLACE INTO r VALUES(" + values() + ");";
      if (random() % 3 == 0) sql += "DELETE FROM r WHERE b = " + below(30) + " - 15 AND x > 0.5;";
      sql += "UPDATE r SET y = NULL, x = " + below(9) + " WHERE b = " + below(30) + " - 15;";
    }
    lite(sql + "COMMIT");
    std::map<std::string, std::string> now;
    std::istringstream rows(lite("SELECT hex(a) || ':' || b, x || ':' || quote(y) FROM r"));
    for (std::string line; rows >> line;) {
      now.emplace(line.substr(0, line.find('|')), line.substr(line.find('|')));
    }
    tools::Moved expected{.rows = now.size()};
    for (const auto& [key, row] : now) {
      const auto was = before.find(key);
      if (was == before.end()) {
        ++expected.copied;
      } else if (was->second != row) {
        ++expected.changed;
      }
    }
    for (const auto& [key, row] : before) expected.deleted += now.contains(key) ? 0U : 1U;
    const tools::Move moved = move();
    EXPECT_EQ(moved.tables[0].moved, expected) << "round " << round << ": " << in_words(moved);
    before = std::move(now);
  }
}

TEST_F(MoveTest, DeferrableForeignKeysAreCheckedAtTheEnd) {
  lite(
      "CREATE TABLE child(id INTEGER PRIMARY KEY, of INTEGER); CREATE TABLE parent(id INTEGER "
      "PRIMARY KEY); INSERT INTO parent VALUES(1); INSERT INTO child VALUES(1, 1)");
  ask("CREATE TABLE parent(id bigint PRIMARY KEY); CREATE TABLE child(id bigint PRIMARY KEY, of "
      "bigint REFERENCES parent DEFERRABLE)");
  EXPECT_EQ(in_words(move()),
            "child: 1 rows, 1 copied, 0 changed, 0 deleted; parent: 1 rows, 1 copied, 0 changed, 0 "
            "deleted");
  lite("DELETE FROM parent");
  expect_contains(refusal(), "violates foreign key constraint");
  EXPECT_EQ(ask("SELECT count(*) FROM parent"), "1");
}

// --- What is made, and what is used as it is.

TEST_F(MoveTest, TablesAreMadeAsTheirColumnsAreDeclared) {
  lite(
      "CREATE TABLE Peers(Id INTEGER PRIMARY KEY, name VARCHAR(20) NOT NULL, price DOUBLE, born "
      "DATETIME, ok BOOLEAN, half NUMERIC, none);"
      "INSERT INTO Peers VALUES(7, 'a', 1, '2026-01-01', 1, 0.5, NULL), (9, 'b', 2, NULL, 0, 3, "
      "NULL);"
      "CREATE UNIQUE INDEX by_name ON peers(name); CREATE INDEX by_price ON peers(price);"
      "CREATE INDEX some ON peers(name) WHERE ok");
  const tools::Move moved = move();
  EXPECT_EQ(in_words(moved), "Peers: 2 rows, 2 copied, 0 changed, 0 deleted");
  EXPECT_EQ(ask("SELECT attname, format_type(atttypid, NULL), attnotnull FROM pg_attribute WHERE "
                "attrelid = 'peers'::regclass AND attnum > 0 ORDER BY attnum"),
            "id|bigint|t name|text|t price|double precision|f born|text|f ok|bigint|f "
            "half|double precision|f none|text|f");
  EXPECT_EQ(ask("SELECT indexname, indexdef LIKE '%UNIQUE%' FROM pg_indexes WHERE tablename = "
                "'peers' ORDER BY 1"),
            "by_name|t by_price|f peers_pkey|t");
  EXPECT_TRUE(has(moved.notes, "table Peers, index some: not made"));
  EXPECT_EQ(ask("INSERT INTO peers(name) VALUES('c') RETURNING id"), "10");
}

TEST_F(MoveTest, WhatIsNotTranslatedIsNamed) {
  lite(
      "CREATE TABLE a(id INTEGER PRIMARY KEY);"
      "CREATE TABLE b(id INTEGER REFERENCES a, n INTEGER DEFAULT 3 CHECK (n > 0), t TEXT COLLATE "
      "NOCASE, g INTEGER AS (n + 1));"
      "CREATE VIEW seen AS SELECT 1; CREATE TRIGGER tr AFTER INSERT ON a BEGIN SELECT 1; END;"
      "INSERT INTO b(n) VALUES(4)");
  const tools::Move moved = move();
  EXPECT_TRUE(
      has(moved.notes,
          "table b: not made: foreign keys, CHECK, COLLATE, the default of n, g is a plain"));
  EXPECT_TRUE(has(moved.notes, "view seen: not made"));
  EXPECT_TRUE(has(moved.notes, "trigger tr: not made"));
  EXPECT_EQ(ask("SELECT n, g FROM b"), "4|5");
}

TEST_F(MoveTest, TablesThatAreThereAreUsedAsTheyAre) {
  lite(
      "CREATE TABLE p(id INTEGER PRIMARY KEY, small INTEGER, ok INTEGER, name TEXT);"
      "INSERT INTO p VALUES(1, -32768, 1, 'x'), (2, 32767, 0, NULL)");
  ask("CREATE TABLE p(name varchar(5), extra text DEFAULT 'e', ok boolean, \"Small\" smallint, id "
      "int PRIMARY KEY)");
  EXPECT_EQ(in_words(move()), "p: 2 rows, 2 copied, 0 changed, 0 deleted");
  EXPECT_EQ(ask("SELECT * FROM p ORDER BY id"), "x|e|t|-32768|1 -|e|f|32767|2");
  lite("UPDATE p SET ok = 1 WHERE id = 2");
  EXPECT_EQ(in_words(move()), "p: 2 rows, 0 copied, 1 changed, 0 deleted");
}

TEST_F(MoveTest, RowsThatPostgresHasBesidesAreDeleted) {
  lite("CREATE TABLE p(id INTEGER PRIMARY KEY, r REAL); INSERT INTO p VALUES(2, 0)");
  ask("CREATE TABLE p(id bigint PRIMARY KEY, r float8);"
      "INSERT INTO p VALUES(1, 'NaN'), (2, '-0'), (3, 0)");
  EXPECT_EQ(in_words(move()), "p: 1 rows, 0 copied, 1 changed, 2 deleted");
  EXPECT_EQ(ask("SELECT id, r FROM p"), "2|0");
}

TEST_F(MoveTest, ATriggerThatChangesRowsIsFoundOut) {
  lite("CREATE TABLE p(id INTEGER PRIMARY KEY, n TEXT); INSERT INTO p VALUES(1, 'a'), (2, 'b')");
  ask("CREATE TABLE p(id bigint PRIMARY KEY, n text);"
      "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.id = 2 THEN NEW.n = "
      "'z'; END IF; RETURN NEW; END $$;"
      "CREATE TRIGGER t BEFORE INSERT ON p FOR EACH ROW EXECUTE FUNCTION f()");
  expect_contains(refusal(), "table p, row id = 2: it has other values in public.p after it was");
  EXPECT_EQ(ask("SELECT count(*) FROM p"), "0");
}

// --- What is refused.

struct Refused {
  const char* lite;
  const char* postgres;
  const char* why;
};

class MoveRefuses : public MoveTest, public ::testing::WithParamInterface<Refused> {};

TEST_P(MoveRefuses, AndLeavesNothingChanged) {
  lite("CREATE TABLE a(id INTEGER PRIMARY KEY); INSERT INTO a VALUES(1)");
  lite(GetParam().lite);
  if (*GetParam().postgres != '\0') ask(GetParam().postgres);
  expect_contains(refusal(), GetParam().why);
  EXPECT_EQ(ask("SELECT to_regclass('a'), to_regclass('made')"), "-|-");
  EXPECT_EQ(ask("SELECT count(*) FROM onelane_positions"), "0");
}

INSTANTIATE_TEST_SUITE_P(
    Values, MoveRefuses,
    ::testing::Values(
        Refused{"CREATE TABLE made(id INTEGER PRIMARY KEY, n INTEGER); INSERT INTO made VALUES(1, "
                "2), (5, 'five')",
                "", "table made, row id = 5: n is 'five'; PostgreSQL's column takes an integer"},
        Refused{"CREATE TABLE made(id INTEGER PRIMARY KEY, n INTEGER); INSERT INTO made VALUES(5, "
                "0.5)",
                "", "row id = 5: n is 0.5; PostgreSQL's column takes an integer"},
        Refused{"CREATE TABLE made(k TEXT PRIMARY KEY, t TEXT); INSERT INTO made VALUES('x', "
                "'a' || char(0) || 'b')",
                "", "table made, row k = 'x': t is a text with a NUL byte"},
        Refused{"CREATE TABLE made(k TEXT PRIMARY KEY); INSERT INTO made VALUES(CAST(x'ff' AS "
                "TEXT))",
                "", "k is a text that is no UTF-8"},
        Refused{"CREATE TABLE made(k TEXT PRIMARY KEY); INSERT INTO made VALUES(NULL)", "",
                "k is NULL, which PostgreSQL's column does not take"},
        Refused{"CREATE TABLE made(b BLOB); INSERT INTO made VALUES('text')", "",
                "b is 'text'; PostgreSQL's column takes a blob"},
        Refused{"CREATE TABLE made(n); INSERT INTO made VALUES(1), ('x')", "",
                "table made, column n: it has values of type integer and text"},
        Refused{"CREATE TABLE made(r REAL); CREATE TABLE b(i INTEGER); INSERT INTO b VALUES(40000)",
                "CREATE TABLE b(i smallint)", "i is 40000; PostgreSQL's column takes -32768 to"},
        Refused{"CREATE TABLE b(i INTEGER, j INTEGER)", "CREATE TABLE b(i bigint)",
                "table b, column j: public.b in PostgreSQL has no such column"},
        Refused{"CREATE TABLE b(i TEXT)", "CREATE TABLE b(i jsonb)",
                "table b, column i: in PostgreSQL it is jsonb; right are bigint"},
        Refused{"CREATE TABLE b(i TEXT); INSERT INTO b VALUES('long')",
                "CREATE TABLE b(i varchar(3))", "value too long for type character varying(3)"}));

TEST_F(MoveTest, RefusesToUndoWhatAJournalWroteToPostgres) {
  lite("CREATE TABLE p(id INTEGER PRIMARY KEY); INSERT INTO p VALUES(1)");
  move();
  {
    Journal journal = postgres::open(conninfo_, {.drive = Drive::manual}).value();
    WriteClass writes = journal.add_class({.name = "p"}).value();
    const Statement insert = journal
                                 .add_statement({.sql = "INSERT INTO p VALUES($1)",
                                                 .columns = {{ColumnType::integer, false}}})
                                 .value();
    EXPECT_TRUE(writes.push(insert, row(std::int64_t{2})).ok());
    EXPECT_TRUE(journal.flush().ok());
    expect_contains(refusal(), "another journal has the prefix \"onelane\"");
  }
  expect_contains(refusal(), "commits in PostgreSQL, which SQLite does not have");
  EXPECT_EQ(ask("SELECT id FROM p ORDER BY id"), "1 2");
  tools::MoveOptions undo = options();
  undo.prefix.overwrite = tools::Overwrite::yes;
  EXPECT_EQ(in_words(tools::move_database(undo)), "p: 1 rows, 0 copied, 0 changed, 1 deleted");
  EXPECT_EQ(in_words(move()), "p: 1 rows, 0 copied, 0 changed, 0 deleted");
}

struct WrongCommand {
  const char* from;  // "FILE" and "PG" stand for the test's own
  const char* to;
  int code;
  const char* why;
};

TEST_F(MoveTest, WrongArgumentsAreNamedAndNoPasswordIs) {
  lite("CREATE TABLE p(id INTEGER PRIMARY KEY)");
  std::filesystem::copy(file(), folder_ / "good.db");
  std::ofstream(folder_ / "text") << "no database, whatever its name says";
  for (const WrongCommand& each : {
           WrongCommand{"", "", 2, "sqlite:FILE is missing"},
           WrongCommand{"sqlite:good.db", "", 2, "postgres:CONNINFO is missing"},
           WrongCommand{"mysql:good.db", "postgres:host=/none", 2, "right is sqlite:FILE"},
           WrongCommand{"sqlite:good.db", "mysql:secret", 2, "must be postgres:CONNINFO"},
           WrongCommand{"sqlite:good.db", "postgres:secret", 2, "conninfo: libpq cannot read it"},
           WrongCommand{"sqlite:good.db", "postgres:host=/none one", 2, "conninfo: libpq"},
           WrongCommand{"sqlite:none.db", "postgres:host=/none", 1, "there is no such file"},
           WrongCommand{"sqlite:text", "postgres:host=/none", 1, "is no SQLite database"},
           WrongCommand{"sqlite:good.db", "postgres:host=/none dbname=x password=secret", 1,
                        "PostgreSQL at host=/none dbname=x"},
           WrongCommand{"sqlite:good.db", "postgres://u:secret@127.0.0.1:1/x", 1,
                        "PostgreSQL at host=127.0.0.1 port=1 dbname=x user=u"},
       }) {
    std::string arguments;
    for (const char* one : {each.from, each.to}) {
      if (*one != '\0') arguments += std::string(" '") + one + "'";
    }
    const Ended ended = Command(arguments, folder_.path()).wait();
    EXPECT_EQ(ended.code, each.code) << arguments << ": " << ended.said;
    expect_contains(ended.said, each.why);
    EXPECT_EQ(ended.said.find("secret"), std::string::npos) << ended.said;
  }
}

TEST_F(MoveTest, SaysWhatItDidAsTextAndAsJson) {
  lite(
      "CREATE TABLE p(id INTEGER PRIMARY KEY); INSERT INTO p VALUES(1); PRAGMA user_version = 7;"
      "CREATE TABLE dead(class TEXT, position INTEGER, statement TEXT, row TEXT, cause TEXT, time "
      "INTEGER);"
      "INSERT INTO dead VALUES('c', 3, 'INSERT', '13', 'CHECK', 1700000000123)");
  const Ended ended = Command(both() + " --json -").wait();
  EXPECT_EQ(ended.code, 0) << ended.said;
  for (const char* part :
       {"table  rows  copied  changed  deleted", "p         1       1        0        0",
        "equal: yes", "final: yes", "dead letters: 1", "schema version: 7", "\"final\": true",
        "\"copied\": 1", "\"schema_version\": 7"}) {
    expect_contains(ended.said, part);
  }
  EXPECT_EQ(ask("SELECT version FROM onelane_version"), "7");
  EXPECT_EQ(ask("SELECT class, position, statement, \"row\", cause, extract(epoch FROM time) FROM "
                "onelane_dead_letters"),
            "c|3|INSERT|13|CHECK|1700000000.123000");
  EXPECT_EQ(ask("SELECT to_regclass('dead')"), "-");
}

// Somebody has the table's lock meanwhile, so that the signal surely comes before the end.
TEST_F(MoveTest, ASignalEndsItAndNothingIsChanged) {
  lite(
      "CREATE TABLE p(id INTEGER PRIMARY KEY); INSERT INTO p VALUES(1);"
      "CREATE TABLE q(id INTEGER)");
  ask("CREATE TABLE p(id bigint PRIMARY KEY)");
  Neighbour neighbour(conninfo_);
  neighbour.ask("BEGIN");
  neighbour.ask("LOCK TABLE p");
  Command command("--prefix other " + both() + " & pid=$!; echo $pid; wait $pid");
  const auto waits = [this] {
    return ask("SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'p'::regclass") ==
           "1";
  };
  for (int i = 0; i < 2000 && !waits(); ++i) pause();
  (void)command.ended();
  ASSERT_EQ(::kill(std::stoi(command.said()), SIGINT), 0);
  const TimePoint began = steady_clock().now();
  const Ended ended = command.wait();
  EXPECT_LT(steady_clock().now() - began, 5s);  // the lock is waited for 10 s
  EXPECT_EQ(ended.code, 130) << ended.said;
  expect_contains(ended.said, "interrupted; nothing was changed");
  neighbour.ask("COMMIT");
  EXPECT_EQ(ask("SELECT count(*), to_regclass('q') FROM p"), "0|-");
}

}  // namespace
}  // namespace onelane::test
