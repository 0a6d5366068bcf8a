// Versioned migrations at opening, on real SQLite.
#include <stdexcept>

#include "tests/support/sqlite_journal_fixture.h"

namespace onelane::test {
namespace {

class Migrations : public SqliteJournalFixture {
 protected:
  Status open_status() {
    Result<Journal> opened = Journal::open(database_, options_);
    if (opened) journal_.emplace(*std::move(opened));
    return opened.status();
  }
  std::string version() { return outside("PRAGMA user_version"); }

  const Migration one_{.version = 1, .sql = "CREATE TABLE t(a); INSERT INTO t VALUES('one')"};
  const Migration two_{.version = 2, .sql = "ALTER TABLE t ADD COLUMN b; UPDATE t SET b = 'two'"};
};

TEST_F(Migrations, ANewDatabaseGetsAllInOrderAndEachInACommitOfItsOwn) {
  options_.migrations = {one_, two_};
  options_.watermark_table = "marks";
  open();
  EXPECT_EQ(version(), "2");
  EXPECT_EQ(outside("SELECT * FROM t"), "one|two");
  EXPECT_EQ(journal_->stats().committed, 2U);
  EXPECT_EQ(*journal_->commits_of(journal_->stats().epoch), 2U);
  EXPECT_EQ(write(add("INSERT INTO t VALUES(1, 2)")).commit, 3U);
}

TEST_F(Migrations, ThoseThatTheDatabaseHasAreNotRunAgain) {
  options_.migrations = {one_};
  open();
  EXPECT_TRUE(close().status.ok());
  options_.migrations.push_back(two_);
  open();
  EXPECT_TRUE(close().status.ok());
  open();
  EXPECT_EQ(version(), "2");
  EXPECT_EQ(outside("SELECT * FROM t"), "one|two");
  EXPECT_EQ(journal_->stats().committed, 0U);
}

TEST_F(Migrations, TheSchemaRunsFirstSoThatOneMayChangeWhatItMade) {
  options_.migrations = {{.version = 7, .sql = "ALTER TABLE s ADD COLUMN more"}};
  open("CREATE TABLE IF NOT EXISTS s(a)");
  EXPECT_EQ(outside("SELECT name FROM pragma_table_info('s')"), "a more");
  EXPECT_EQ(version(), "7");
}

TEST_F(Migrations, AStepSeesTheSqlBeforeItAndReadsAndWrites) {
  Migration both = one_;
  both.step = [](Transaction& t) {
    std::string seen;
    const auto read = t.query("SELECT a FROM t", [&](const ResultRow& row) { seen = row.text(0); });
    if (!read) return read.status();
    EXPECT_FALSE(t.stop_requested());
    EXPECT_FALSE(t.yield_due());
    return t.execute("INSERT INTO t VALUES(?1)", seen + " again").status();
  };
  options_.migrations = {both};
  open();
  EXPECT_EQ(outside("SELECT * FROM t"), "one one again");
}

TEST_F(Migrations, OneThatFailsIsNamedAndLeavesTheVersionBefore) {
  OtherConnection(database_, OtherConnection::Missing::created).query("CREATE TABLE kept(a)");
  options_.migrations = {
      one_, {.version = 5, .sql = "INSERT INTO t VALUES('x'); INSERT INTO nowhere VALUES(1)"}};
  EXPECT_TRUE(says(open_status(), Errc::invalid_argument,
                   {"migration to version 5", "no such table: nowhere", "statement 2"}));
  EXPECT_EQ(version(), "1");
  EXPECT_EQ(outside("SELECT * FROM t"), "one");
}

TEST_F(Migrations, AStepThatReturnsAnErrorOrThrowsIsUndone) {
  OtherConnection(database_, OtherConnection::Missing::created).query("CREATE TABLE kept(a)");
  Migration failing = one_;
  failing.step = [](Transaction&) { return Status(Errc::record, "not today"); };
  options_.migrations = {failing};
  EXPECT_TRUE(says(open_status(), Errc::invalid_argument, {"version 1", "not today"}));
  options_.migrations[0].step = [](Transaction&) -> Status { throw std::runtime_error("thrown"); };
  EXPECT_TRUE(says(open_status(), Errc::invalid_argument, {"version 1", "thrown"}));
  EXPECT_EQ(version(), "0");
  EXPECT_EQ(outside("SELECT count(*) FROM sqlite_schema WHERE name = 't'"), "0");
}

TEST_F(Migrations, ADeferredKeyThatIsLeftWithoutARowFailsIt) {
  OtherConnection(database_, OtherConnection::Missing::created)
      .query("CREATE TABLE parent(id PRIMARY KEY)");
  options_.migrations = {{.version = 1,
                          .sql = "CREATE TABLE child(p REFERENCES parent(id) DEFERRABLE INITIALLY "
                                 "DEFERRED); INSERT INTO child VALUES(1)"}};
  EXPECT_TRUE(says(open_status(), Errc::invalid_argument, {"version 1", "FOREIGN KEY"}));
  EXPECT_EQ(version(), "0");
}

// SQLite's own way to change a table beyond what ALTER TABLE can.
TEST_F(Migrations, ATableThatOthersReferToCanBeReplaced) {
  options_.migrations = {
      {.version = 1,
       .sql = "CREATE TABLE parent(id PRIMARY KEY); INSERT INTO parent VALUES(1);"
              "CREATE TABLE child(p REFERENCES parent(id) ON DELETE CASCADE);"
              "INSERT INTO child VALUES(1)"},
      {.version = 2,
       .sql = "CREATE TABLE parent_2(id PRIMARY KEY, more);"
              "INSERT INTO parent_2 SELECT id, 'm' FROM parent;"
              "DROP TABLE parent; ALTER TABLE parent_2 RENAME TO parent"}};
  open();
  EXPECT_EQ(outside("SELECT * FROM parent"), "1|m");
  EXPECT_EQ(outside("SELECT * FROM child"), "1");
  EXPECT_EQ(write(add("INSERT INTO child VALUES(2)")).cause.constraint(), Constraint::foreign_key)
      << "keys are enforced again";
}

TEST_F(Migrations, AKeyToWhatIsNotUniqueIsTheMigrationsFault) {
  OtherConnection(database_, OtherConnection::Missing::created).query("CREATE TABLE kept(a)");
  options_.migrations = {{.version = 1,
                          .sql =
                              "CREATE TABLE p(id INTEGER, name TEXT);"
                              "CREATE TABLE c(x REFERENCES p(id)); INSERT INTO p VALUES(1, 'a')"}};
  EXPECT_TRUE(says(open_status(), Errc::invalid_argument, {"version 1", "foreign key mismatch"}));
  EXPECT_EQ(version(), "0");
}

TEST_F(Migrations, ADatabaseOfANewerProgramIsRefusedAsItIs) {
  options_.migrations = {one_, two_};
  open();
  EXPECT_TRUE(close().status.ok());
  options_.migrations.pop_back();
  EXPECT_TRUE(
      says(open_status(), Errc::invalid_argument, {"version 2", "up to 1", "newer program"}));
  EXPECT_EQ(outside("SELECT * FROM t"), "one|two");
}

TEST_F(Migrations, AVersionInTheSchemaIsRefusedAndTheErrorNamesMigrations) {
  options_.schema = "PRAGMA user_version = 3";
  EXPECT_TRUE(
      says(open_status(), Errc::invalid_argument, {"user_version", "JournalOptions::migrations"}));
}

TEST_F(Migrations, WhatAnIntakeHadLeftIsAppliedBeforeThem) {
  options_.intake.dead_letters = "letters";
  options_.migrations = {one_};
  open();
  WriteClass orders = add_class({.name = "orders",
                                 .gather = std::chrono::hours(1),
                                 .promise = Promise::journaled,
                                 .intake = true});
  const Statement insert = add("INSERT INTO t VALUES('left')");
  ASSERT_TRUE(succeeded(orders.journal(insert, Row())));
  EXPECT_EQ(journal_->close(Duration(0)).end(End::carried), 1U);
  options_.migrations.push_back(two_);  // whose table takes two values
  open();
  EXPECT_EQ(journal_->stats().intake.replayed, 1U);
  EXPECT_EQ(outside("SELECT * FROM t"), "one|two left|two");
  EXPECT_EQ(outside("SELECT count(*) FROM letters"), "0");
}

TEST(MigrationsOnASinkWithoutVersions, AreRefused) {
  JournalOptions options;
  options.migrations = {{.version = 1, .sql = "x"}};
  const auto opened = Journal::open(std::make_unique<onelane::testing::MemorySink>(
                                        std::make_shared<onelane::testing::MemoryStore>()),
                                    options);
  EXPECT_TRUE(says(opened.status(), Errc::invalid_argument, {"migrations"}));
}

}  // namespace
}  // namespace onelane::test
