// The schema that opening runs, and other people's that it finds.
#include "tests/support/sink_fixture.h"

namespace onelane {
namespace {

using test::contains;

class SqliteSchema : public test::SinkFixture {
 protected:
  Status error_of(const std::string& schema) {
    options_.schema = schema;
    return open_status();
  }
};

TEST_F(SqliteSchema, AnErrorNamesItsStatement) {
  const Status status =
      error_of("CREATE TABLE a(x); -- one\n CREATE TALBE b(x); CREATE TABLE c(x)");
  EXPECT_EQ(status.code(), Errc::invalid_argument);
  EXPECT_TRUE(contains(status.message(), "TALBE"));
  EXPECT_TRUE(contains(status.message(), "in statement 2: "));
}

TEST_F(SqliteSchema, APastedDumpIsToldWhatToLeaveOut) {
  const Status status = error_of("PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\nCOMMIT;");
  EXPECT_EQ(status.code(), Errc::invalid_argument);
  EXPECT_TRUE(contains(status.message(), "in statement 1: PRAGMA foreign_keys=OFF"));
  EXPECT_TRUE(contains(status.message(), "leave this statement out"));
}

TEST_F(SqliteSchema, NothingOfItIsIgnored) {
  const Status nul = error_of(std::string("CREATE TABLE a(x);\0CREATE TABLE b(x);", 37));
  EXPECT_EQ(nul.code(), Errc::invalid_argument);
  EXPECT_TRUE(contains(nul.message(), "NUL"));
  const Status parameter = error_of("CREATE TABLE a(x); INSERT INTO a VALUES(:x)");
  EXPECT_EQ(parameter.code(), Errc::invalid_argument);
  EXPECT_TRUE(contains(parameter.message(), ":x"));
  EXPECT_FALSE(std::filesystem::exists(database_));
}

TEST_F(SqliteSchema, OtherPeoplesTriggersWithStringsInDoubleQuotesWork) {
  ASSERT_NO_FATAL_FAILURE(open());
  const std::string trigger =
      "CREATE TRIGGER tr AFTER UPDATE ON t BEGIN UPDATE t SET u = datetime(\"now\") WHERE id = "
      "new.id; END";
  ASSERT_EQ(outside("CREATE TABLE t(id INTEGER PRIMARY KEY, d, u)"), "");
  ASSERT_EQ(outside("INSERT INTO t(id) VALUES(1)"), "");
  const std::string made = outside(trigger);
  if (made.starts_with("error")) GTEST_SKIP() << "this SQLite takes no such strings";
  const Statement update = add("UPDATE t SET d = 1 WHERE id = 1");
  ASSERT_TRUE(test::succeeded(sink_->begin()));
  EXPECT_TRUE(test::succeeded(apply(update)));
  EXPECT_EQ(inside("SELECT u IS NOT NULL FROM t"), "1");
}

}  // namespace
}  // namespace onelane
