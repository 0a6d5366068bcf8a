// onelane move: what arrives in PostgreSQL, what a second run writes, what is refused.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/move_fixture.h"
#include "tools/kit/errors.h"

namespace onelane::test {
namespace {

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
  EXPECT_EQ(ask("SELECT r FROM v WHERE id <> 4 ORDER BY id"),
            "- Infinity -Infinity 5e-324 0.1 1.7976931348623157e+308 3");
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

}  // namespace
}  // namespace onelane::test
