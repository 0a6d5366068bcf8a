// A statement that is rejected leaves nothing, whatever SQLite itself would leave of it; a unit's
// last_insert_rowid() is SQLite's; a schema that another process has changed is no unit's fault.
#include "tests/support/sqlite_journal_fixture.h"

namespace onelane {
namespace {

constexpr Column kInteger{ColumnType::integer};
constexpr Column kText{ColumnType::text};

class RejectedStatements : public test::SqliteJournalFixture {
 protected:
  void open(const std::string& schema) {
    ASSERT_NO_FATAL_FAILURE(
        test::SqliteJournalFixture::open(schema + "CREATE TABLE neighbours(x);"));
    neighbour_ = add("INSERT INTO neighbours VALUES(?1)", {kInteger});
  }
  // It is rejected with `code`, in one attempt, and its neighbours are committed.
  void expect_rejected_alone(Statement statement, const std::string& value, int code) {
    const std::uint64_t attempts = journal_->stats().attempts;
    const Receipt before = submit(neighbour_, 1);
    const Receipt poison = submit(statement, value);
    const Receipt after = submit(neighbour_, 2);
    run();
    EXPECT_EQ(settled(poison).end, End::rejected);
    EXPECT_EQ(settled(poison).cause.sqlite_code(), code) << settled(poison).cause.to_string();
    EXPECT_TRUE(settled(before).committed());
    EXPECT_TRUE(settled(after).committed());
    EXPECT_EQ(journal_->stats().attempts, attempts + 1);
    EXPECT_EQ(outside("SELECT x FROM neighbours ORDER BY x"), "1 2");
  }

  Statement neighbour_;
};

TEST_F(RejectedStatements, OfSeveralRowsUnderOrIgnoreLeaveNone) {
  ASSERT_NO_FATAL_FAILURE(open("CREATE TABLE t(id INTEGER PRIMARY KEY);"));
  expect_rejected_alone(add("INSERT OR IGNORE INTO t SELECT substr(?1, value, 1) FROM "
                            "(SELECT 1 AS value UNION ALL SELECT 2)",
                            {kText}),
                        "1x", SQLITE_MISMATCH);
  EXPECT_EQ(outside("SELECT count(*) FROM t"), "0");
}

TEST_F(RejectedStatements, OfSeveralRowsUnderOrReplaceLeaveTheOldRows) {
  ASSERT_NO_FATAL_FAILURE(
      open("CREATE TABLE t(id INTEGER PRIMARY KEY, v);"
           "INSERT INTO t VALUES(1, 'old');"));
  expect_rejected_alone(add("INSERT OR REPLACE INTO t VALUES(1, 'new'), (?1, 'bad')", {kText}), "x",
                        SQLITE_MISMATCH);
  EXPECT_EQ(outside("SELECT id, v FROM t"), "1|old");
}

TEST_F(RejectedStatements, UnderOrFailLeaveNoneOfTheRowsBeforeTheFailure) {
  ASSERT_NO_FATAL_FAILURE(open("CREATE TABLE t(a UNIQUE);"));
  expect_rejected_alone(add("INSERT OR FAIL INTO t VALUES('x'), (?1)", {kText}), "x",
                        SQLITE_CONSTRAINT_UNIQUE);
  EXPECT_EQ(outside("SELECT count(*) FROM t"), "0");
}

TEST_F(RejectedStatements, LeaveNothingOfWhatTheirTriggersDid) {
  ASSERT_NO_FATAL_FAILURE(
      open("CREATE TABLE t(a); CREATE TABLE audit(x UNIQUE);"
           "CREATE TRIGGER tr BEFORE INSERT ON t BEGIN "
           "INSERT OR FAIL INTO audit VALUES(new.a), (new.a); END;"));
  expect_rejected_alone(add("INSERT INTO t VALUES(?1)", {kText}), "x", SQLITE_CONSTRAINT_UNIQUE);
  EXPECT_EQ(outside("SELECT count(*) FROM t, audit"), "0");
  EXPECT_EQ(outside("SELECT count(*) FROM audit"), "0");
}

// The trigger came after the statement had been found safe.
TEST_F(RejectedStatements, LeaveNothingOfATriggerThatSomebodyElseHasMade) {
  ASSERT_NO_FATAL_FAILURE(open("CREATE TABLE t(a); CREATE TABLE audit(x UNIQUE);"));
  const Statement insert = add("INSERT INTO t VALUES(?1)", {kText});
  ASSERT_TRUE(write(insert, "first").committed());
  ASSERT_EQ(outside("CREATE TRIGGER tr BEFORE INSERT ON t BEGIN "
                    "INSERT OR FAIL INTO audit VALUES(new.a), (new.a); END;"),
            "");
  const Receipt poison = submit(insert, "x");
  const Receipt neighbour = submit(neighbour_, 1);
  run();
  EXPECT_EQ(settled(poison).end, End::rejected);
  EXPECT_TRUE(settled(neighbour).committed());
  EXPECT_EQ(outside("SELECT count(*) FROM audit"), "0");
  EXPECT_EQ(outside("SELECT a FROM t"), "first");
}

TEST_F(RejectedStatements, InAStepThatGoesOnLeaveNothing) {
  ASSERT_NO_FATAL_FAILURE(open("CREATE TABLE t(a UNIQUE);"));
  const Outcome outcome = this->outcome(submit_job([&](Transaction& step) -> Result<Step> {
    for (int i = 0; i < 3; ++i) {  // under a savepoint first, then as its program allows
      EXPECT_EQ(step.execute("INSERT OR FAIL INTO t VALUES('x'), ('x')").status().sqlite_code(),
                SQLITE_CONSTRAINT_UNIQUE);
    }
    EXPECT_TRUE(step.execute("INSERT INTO t VALUES('y')").ok());
    return Step::done;
  }));
  EXPECT_TRUE(outcome.committed());
  EXPECT_EQ(outside("SELECT a FROM t"), "y");
}

// There can be no savepoint while the outer statement runs.
TEST_F(RejectedStatements, InAVisitorOfAStatementThatWritesFailTheStep) {
  ASSERT_NO_FATAL_FAILURE(open("CREATE TABLE t(a UNIQUE);"));
  int visits = 0;
  const Outcome outcome = this->outcome(submit_job([&](Transaction& step) -> Result<Step> {
    const auto visit = [&](const ResultRow&) {
      ++visits;
      EXPECT_FALSE(step.execute("INSERT OR FAIL INTO t VALUES('x'), ('x')").ok());
    };
    (void)step.query("INSERT INTO t VALUES('y') RETURNING a", visit);
    return Step::done;
  }));
  EXPECT_EQ(visits, 1);
  EXPECT_EQ(outcome.end, End::rejected);
  EXPECT_EQ(outside("SELECT count(*) FROM t"), "0");
}

// A savepoint costs a lone record a good part of what it costs itself.
TEST_F(RejectedStatements, ThatAreOneRowNeedNoSavepoint) {
  const test::ConnectionSpy spy;
  ASSERT_NO_FATAL_FAILURE(
      open("CREATE TABLE parents(id INTEGER PRIMARY KEY);"
           "CREATE TABLE t(id INTEGER PRIMARY KEY, a UNIQUE, b NOT NULL, "
           "n CHECK(n < 9), p REFERENCES parents);"
           "CREATE TABLE s(id INTEGER PRIMARY KEY AUTOINCREMENT, v TEXT);"
           "CREATE TABLE w(k TEXT PRIMARY KEY, v) WITHOUT ROWID;"));
  for (const char* sql : {
           "INSERT INTO t(a, b) VALUES(?1, ?1)",
           "INSERT OR IGNORE INTO t(a, b) VALUES(?1, ?1)",
           "INSERT OR REPLACE INTO w VALUES(?1, ?1)",
           "INSERT OR FAIL INTO w VALUES(?1 || 2, ?1)",
           "INSERT INTO s(v) VALUES(lower(?1))",
           "INSERT INTO w VALUES(?1, 1) ON CONFLICT(k) DO UPDATE SET v = v + 1",
           "INSERT INTO t(a, b) VALUES(?1, 1) ON CONFLICT(a) DO UPDATE SET b = excluded.b, n = 1",
           "UPDATE t SET n = n + 1 WHERE id = ?1",
           "UPDATE t SET n = 7 WHERE a = ?1",
           "DELETE FROM w WHERE k = ?1",
           "DELETE FROM t WHERE a = ?1",
       }) {
    EXPECT_TRUE(write(add(sql, {kText}), "x").committed()) << sql;
    EXPECT_EQ(spy.position("SAVEPOINT onelane_statement"), -1) << sql;
  }
  EXPECT_TRUE(
      write(add("INSERT INTO s(v) SELECT a FROM t WHERE a = ?1", {kText}), "x").committed());
  EXPECT_NE(spy.position("SAVEPOINT onelane_statement"), -1);
}

class LastInsertRowid : public RejectedStatements {
 protected:
  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(
        open("CREATE TABLE parents(id INTEGER PRIMARY KEY, a);"
             "CREATE TABLE children(parent, b);"));
    parent_ = add("INSERT INTO parents(a) VALUES(?1)", {kInteger});
    child_ = add("INSERT INTO children VALUES(last_insert_rowid(), ?1)", {kInteger});
  }
  static Row row(std::int64_t value) {
    Row row;
    row.integer(value);
    return row;
  }

  Statement parent_;
  Statement child_;
};

TEST_F(LastInsertRowid, InAGroupIsThatOfTheStatementBefore) {
  Group group;
  group.add(parent_, row(7));
  group.add(child_, row(8));
  EXPECT_EQ(outcome(submit(group)).rowid, 1);
  EXPECT_EQ(outside("SELECT parent, b FROM children"), "1|8");
}

TEST_F(LastInsertRowid, IsZeroAtTheBeginningOfEachUnit) {
  ASSERT_TRUE(write(parent_, 6).committed());
  Group group;
  group.add(child_, row(8));
  const Receipt grouped = submit(group);
  const Receipt lone = submit(child_, 9);
  const Receipt job = submit_job([](Transaction& step) -> Result<Step> {
    return step.execute("INSERT INTO children VALUES(last_insert_rowid(), 10)").ok() ? Step::done
                                                                                     : Step::more;
  });
  run();
  for (const Receipt* receipt : {&grouped, &lone, &job}) {
    EXPECT_TRUE(settled(*receipt).committed());
  }
  EXPECT_EQ(outside("SELECT parent, b FROM children"), "0|8 0|9 0|10");
}

TEST_F(LastInsertRowid, ThatNothingWasInsertedIsToldAfterItWasRead) {
  const Statement read =
      add("UPDATE parents SET a = last_insert_rowid() WHERE id = ?1", {kInteger});
  EXPECT_EQ(write(read, 1).rowid, std::nullopt);
  Group group;
  group.add(read, row(1));
  group.add(add("UPDATE parents SET a = ?1", {kInteger}), row(1));
  EXPECT_EQ(outcome(submit(group)).rowid, std::nullopt);
}

class StaleSchema : public RejectedStatements {
 protected:
  static constexpr const char* kUpsert =
      "INSERT INTO t VALUES(?1, 1) ON CONFLICT(k) DO UPDATE SET n = n + 1";

  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(open("CREATE TABLE t(k, n); CREATE UNIQUE INDEX u ON t(k);"));
    upsert_ = add(kUpsert, {kText});
    ASSERT_TRUE(write(upsert_, "a").committed());
    ASSERT_EQ(outside("DROP INDEX u"), "");
    ASSERT_EQ(write(upsert_, "a").end, End::rejected);  // rightly so
    ASSERT_EQ(outside("CREATE UNIQUE INDEX u ON t(k)"), "");
  }

  Statement upsert_;
};

TEST_F(StaleSchema, RejectsNoRecord) {
  ASSERT_TRUE(write(upsert_, "a").committed());
  EXPECT_EQ(outside("SELECT k, n FROM t"), "a|2");
}

TEST_F(StaleSchema, RefusesNoStatement) {
  ASSERT_TRUE(write(add(std::string(kUpsert) + " ", {kText}), "a").committed());
  EXPECT_EQ(outside("SELECT k, n FROM t"), "a|2");
}

TEST_F(StaleSchema, FailsNoStep) {
  EXPECT_TRUE(outcome(submit_job([](Transaction& step) -> Result<Step> {
                const Result<std::uint64_t> done = step.execute(kUpsert, "a");
                return done.ok() ? Result<Step>(Step::done) : done.status();
              })).committed());
  EXPECT_EQ(outside("SELECT k, n FROM t"), "a|2");
}

}  // namespace
}  // namespace onelane
