// The watermark: which commits of which opening the database has, told after a crash.
#include <gtest/gtest.h>

#include "tests/support/faulty_vfs.h"
#include "tests/support/sqlite_journal_fixture.h"

namespace onelane::test {
namespace {

class SqliteWatermark : public SqliteJournalFixture {
 protected:
  SqliteWatermark() { options_.watermark_table = "marks"; }
  void start() {
    ASSERT_NO_FATAL_FAILURE(open("CREATE TABLE IF NOT EXISTS t(v TEXT UNIQUE)"));
    insert_ = add("INSERT INTO t VALUES(?1)", {{ColumnType::text}});
  }
  void TearDown() override { end(); }
  void end() {
    writes_.reset();
    journal_.reset();
  }
  static Row row(const std::string& value) {
    Row out;
    put(out, value);
    return out;
  }
  void for_a_minute() {
    for (const TimePoint end = journal_->now() + std::chrono::minutes(1); journal_->now() < end;) {
      tick();
      clock_->advance(std::chrono::milliseconds(100));
    }
  }
  // What became of it within a minute.
  Outcome patiently(const Receipt& receipt) {
    for_a_minute();
    return settled(receipt);
  }
  std::uint64_t epoch() const { return journal_->stats().epoch; }
  std::uint64_t commits_of(std::uint64_t epoch) {
    Result<std::uint64_t> commits = journal_->commits_of(epoch);
    EXPECT_TRUE(succeeded(commits));
    return commits.ok() ? *commits : 0;
  }

  FaultyVfs vfs_;
  Statement insert_;
};

TEST_F(SqliteWatermark, EachOpeningCountsItsCommitsAndTheNextOneCanAsk) {
  start();
  const std::uint64_t first = epoch();
  EXPECT_EQ(commits_of(first), 0U);
  write(insert_, "ada");
  const Outcome last = write(insert_, "bob");
  EXPECT_EQ(commits_of(first), last.commit);
  end();
  start();
  EXPECT_GT(epoch(), first);
  EXPECT_EQ(commits_of(first), last.commit);
  EXPECT_EQ(commits_of(epoch()), 0U);
  EXPECT_TRUE(says(journal_->commits_of(99).status(), Errc::invalid_argument, {"99"}));
}

TEST_F(SqliteWatermark, ATickThatIsRolledBackAndAProbeLeaveItAsItWas) {
  start();
  const Outcome one = write(insert_, "ada");
  EXPECT_EQ(write(insert_, "ada").end, End::rejected);
  EXPECT_EQ(commits_of(epoch()), one.commit);
  EXPECT_TRUE(succeeded(journal_->sync()));
  EXPECT_EQ(commits_of(epoch()), one.commit);
}

// Both ways: the mark says whether recovery found the commit, and the rows agree.
TEST_F(SqliteWatermark, AfterReopeningItTellsWhatAnUnknownOutcomeBecame) {
  for (const std::uint64_t syncs_that_work : {0U, 1U}) {
    options_.synchronous = Synchronous::full;
    start();
    const std::uint64_t before = epoch();
    const std::string key = "key" + std::to_string(before);
    const Receipt receipt = submit(insert_, key);
    vfs_.fail({.call = syncs_that_work == 0 ? VfsCall::sync : VfsCall::write,
               .file = VfsFile::log,
               .code = syncs_that_work == 0 ? SQLITE_IOERR_FSYNC : SQLITE_IOERR_WRITE,
               .repeat = Repeat::always});
    (void)journal_->tick();
    journal_->close(Duration(0));
    const Outcome outcome = settled(receipt);
    EXPECT_EQ(outcome.end, End::unknown);
    EXPECT_EQ(outcome.commit, 1U);
    vfs_.heal();
    end();
    start();
    const bool there = outside("SELECT count(*) FROM t WHERE v = '" + key + "'") == "1";
    EXPECT_EQ(commits_of(before) >= outcome.commit, there);
    EXPECT_EQ(there, syncs_that_work == 0);  // the frames were whole when the sync failed
    end();
  }
}

TEST_F(SqliteWatermark, ItIsTheLastThingOfACommit) {
  start();
  bool marked = false;
  write(insert_, "ada");
  const Receipt job = submit_job([&](Transaction& transaction) -> Result<Step> {
    const auto see = [&](const ResultRow& row) { marked = row.integer(0) != 1; };
    const auto seen = transaction.query("SELECT max(commits) FROM marks", see);
    if (!seen) return seen.status();
    return Step::done;
  });
  run();
  EXPECT_TRUE(settled(job).committed());
  EXPECT_FALSE(marked);
  EXPECT_EQ(commits_of(epoch()), 2U);
}

TEST_F(SqliteWatermark, WithoutATableThereIsNothingToAskAndNothingIsMade) {
  options_.watermark_table.clear();
  start();
  EXPECT_EQ(epoch(), 0U);
  EXPECT_EQ(journal_->commits_of(1).status().code(), Errc::invalid_argument);
  EXPECT_EQ(outside("SELECT count(*) FROM sqlite_schema WHERE name = 'marks'"), "0");
}

// Somebody removes it while the journal lives. What is committed later says so all the same.
TEST_F(SqliteWatermark, TheNextCommitMakesATableOrARowThatIsGoneAgain) {
  start();
  write(insert_, "before");
  const std::vector<std::vector<std::string>> removals = {
      {"DROP TABLE marks"},
      {"DELETE FROM marks"},
      {"ALTER TABLE marks RENAME TO kept", "CREATE TABLE marks(epoch INT UNIQUE, commits, more)"},
  };
  for (const std::vector<std::string>& removal : removals) {
    for (const std::string& sql : removal) ASSERT_EQ(outside(sql), "") << sql;
    EXPECT_FALSE(journal_->commits_of(epoch()).ok()) << "it is gone";
    const Receipt one = submit(insert_, "one after " + removal.front());
    const Outcome two = write(insert_, "two after " + removal.front());
    EXPECT_TRUE(succeeded(two.cause)) << removal.front();
    EXPECT_EQ(settled(one).commit, two.commit) << "in one tick";
    EXPECT_EQ(commits_of(epoch()), two.commit);
  }
  EXPECT_EQ(outside("SELECT count(*), count(DISTINCT v) FROM t"), "7|7");
}

TEST_F(SqliteWatermark, ARestoredBackupDoesNotTakeItAway) {
  {
    OtherConnection other(directory_ / "backup.db", OtherConnection::Missing::created);
    ASSERT_EQ(other.query("CREATE TABLE t(v TEXT UNIQUE)"), "");
  }
  start();
  write(insert_, "ada");
  {
    const OtherConnection backup(directory_ / "backup.db");
    const OtherConnection live(database_);
    sqlite3_backup* restore = sqlite3_backup_init(live.handle(), "main", backup.handle(), "main");
    ASSERT_EQ(sqlite3_backup_step(restore, -1), SQLITE_DONE);
    ASSERT_EQ(sqlite3_backup_finish(restore), SQLITE_OK);
  }
  const Outcome bob = write(insert_, "bob");
  EXPECT_TRUE(succeeded(bob.cause));
  EXPECT_EQ(outside("SELECT v FROM t"), "bob");
  EXPECT_EQ(commits_of(epoch()), bob.commit);
}

TEST_F(SqliteWatermark, ABarrierMakesItAgainWithTheNumberOfTheNewestUnits) {
  start();
  const Outcome ada = write(insert_, "ada");
  ASSERT_EQ(outside("DROP TABLE marks"), "");
  EXPECT_TRUE(succeeded(journal_->sync()));
  EXPECT_EQ(commits_of(epoch()), ada.commit);
}

TEST_F(SqliteWatermark, AUnitThatDropsTheTableIsCommittedWithItsMark) {
  start();
  const Receipt job = submit_job([&](Transaction& transaction) -> Result<Step> {
    const auto dropped = transaction.execute("DROP TABLE marks");
    if (!dropped) return dropped.status();
    return Step::done;
  });
  run();
  const Outcome ended = settled(job);
  EXPECT_TRUE(ended.committed()) << ended.cause.to_string();
  EXPECT_EQ(commits_of(epoch()), ended.commit);
}

TEST_F(SqliteWatermark, AUnitThatMakesItUnusableIsTheOneThatIsRejected) {
  start();
  const Receipt job = submit_job([&](Transaction& transaction) -> Result<Step> {
    const auto made = transaction.execute(
        "CREATE TRIGGER no BEFORE INSERT ON marks BEGIN SELECT RAISE(ABORT, 'no'); END");
    if (!made) return made.status();
    return Step::done;
  });
  const Receipt other = accepted(add_class({.name = "others"}).submit(insert_, row("ada")));
  const Outcome ended = patiently(job);
  EXPECT_EQ(ended.end, End::rejected);
  EXPECT_TRUE(says(ended.cause, Errc::storage, {"watermark table \"marks\": no"}));
  EXPECT_TRUE(settled(other).committed());
  EXPECT_EQ(commits_of(epoch()), settled(other).commit);
}

TEST_F(SqliteWatermark, ATemporaryTableOfItsNameIsNotTakenForIt) {
  start();
  const Receipt job = submit_job([&](Transaction& transaction) -> Result<Step> {
    const auto made =
        transaction.execute("CREATE TEMP TABLE marks(epoch INTEGER PRIMARY KEY, commits)");
    if (!made) return made.status();
    return Step::done;
  });
  run();
  EXPECT_EQ(outside("SELECT max(commits) FROM marks"), std::to_string(settled(job).commit));
}

// What somebody makes of the table, how it is put right, and what SQLite says meanwhile.
struct Unusable {
  std::string name;
  std::vector<std::string> done;
  std::string undone;
  std::string said;
};

const Unusable kUnusable[] = {
    {"OtherColumns",
     {"DROP TABLE marks", "CREATE TABLE marks(x)"},
     "DROP TABLE marks",
     "has no column named epoch"},
    {"NoUniqueEpoch",
     {"DROP TABLE marks", "CREATE TABLE marks(epoch, commits)"},
     "DROP TABLE marks",
     "ON CONFLICT clause does not match"},
    {"AColumnMore",
     {"DROP TABLE marks", "CREATE TABLE marks(epoch UNIQUE, commits, x NOT NULL)"},
     "DROP TABLE marks",
     "NOT NULL constraint failed: marks.x"},
    {"AView",
     {"DROP TABLE marks", "CREATE VIEW marks AS SELECT 1 AS epoch, 2 AS commits"},
     "DROP VIEW marks",
     "view"},
    {"AnIndex",
     {"DROP TABLE marks", "CREATE INDEX marks ON t(v)"},
     "DROP INDEX marks",
     "there is already an index named marks"},
    {"ATriggerThatAborts",
     {"CREATE TRIGGER no BEFORE INSERT ON marks BEGIN SELECT RAISE(ABORT, 'no'); END"},
     "DROP TRIGGER no",
     ": no"},
    {"ATriggerThatRollsBack",
     {"CREATE TRIGGER no BEFORE INSERT ON marks BEGIN SELECT RAISE(ROLLBACK, 'no'); END"},
     "DROP TRIGGER no",
     ": no"},
    {"ATriggerThatIgnores",
     {"CREATE TRIGGER no BEFORE INSERT ON marks BEGIN SELECT RAISE(IGNORE); END"},
     "DROP TRIGGER no",
     "a trigger keeps its row from being written"},
    {"ATriggerOnWhatIsNoMore",
     {"CREATE TRIGGER no BEFORE INSERT ON marks BEGIN INSERT INTO nowhere VALUES(1); END"},
     "DROP TRIGGER no",
     "no such table: main.nowhere"},
};

class UnusableWatermark : public SqliteWatermark, public ::testing::WithParamInterface<Unusable> {};

void PrintTo(const Unusable& each, std::ostream* out) { *out << each.name; }
std::string name_of(const ::testing::TestParamInfo<Unusable>& info) { return info.param.name; }
INSTANTIATE_TEST_SUITE_P(SqliteWatermark, UnusableWatermark, ::testing::ValuesIn(kUnusable),
                         name_of);

TEST_P(UnusableWatermark, IsWaitedForUntilItIsPutRight) {
  start();
  write(insert_, "before");
  for (const std::string& sql : GetParam().done) ASSERT_EQ(outside(sql), "") << sql;
  const Receipt one = submit(insert_, "one");
  const Receipt two = submit(insert_, "two");
  for_a_minute();
  EXPECT_FALSE(one.poll().has_value());
  EXPECT_TRUE(says(writes_->submit(insert_, row("refused")).status(), Errc::storage,
                   {"watermark table \"marks\"", GetParam().said}));
  ASSERT_EQ(outside(GetParam().undone), "");
  EXPECT_TRUE(patiently(one).committed());
  const Outcome last = patiently(two);
  EXPECT_TRUE(last.committed());
  EXPECT_EQ(commits_of(epoch()), last.commit);
  EXPECT_EQ(outside("SELECT count(*) FROM t"), "3");
}

TEST_P(UnusableWatermark, FailsTheOpenByName) {
  start();
  end();
  for (const std::string& sql : GetParam().done) ASSERT_EQ(outside(sql), "") << sql;
  EXPECT_TRUE(says(Journal::open(database_, options_).status(), Errc::invalid_argument,
                   {database_.native(), "watermark table \"marks\"", GetParam().said}));
  ASSERT_EQ(outside(GetParam().undone), "");
  EXPECT_TRUE(succeeded(Journal::open(database_, options_)));
}

// Its statements cannot be prepared for one: SQLite has no upsert there.
TEST_F(SqliteWatermark, AVirtualTableFailsTheOpenByName) {
  if (full_text().empty()) GTEST_SKIP() << "this SQLite has no full-text search";
  options_.schema = "CREATE VIRTUAL TABLE marks USING " + full_text() + "(epoch, commits)";
  EXPECT_TRUE(says(Journal::open(database_, options_).status(), Errc::invalid_argument,
                   {"watermark table \"marks\"", "virtual table",
                    "(epoch INTEGER PRIMARY KEY, commits INTEGER NOT NULL)"}));
}

TEST_F(SqliteWatermark, EpochsGrowWhateverTheTypeThatTheyAreKeptWith) {
  options_.schema = "CREATE TABLE IF NOT EXISTS marks(epoch TEXT UNIQUE, commits TEXT)";
  for (std::uint64_t opening = 1; opening <= 12; ++opening) {
    Result<Journal> journal = Journal::open(database_, options_);
    ASSERT_TRUE(succeeded(journal));
    EXPECT_EQ(journal->stats().epoch, opening);
  }
}

}  // namespace
}  // namespace onelane::test
