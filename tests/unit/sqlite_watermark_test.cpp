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

TEST_F(SqliteWatermark, ATableOfAnotherShapeFailsTheOpen) {
  options_.schema = "CREATE TABLE marks(x)";
  EXPECT_FALSE(Journal::open(database_, options_).ok());
}

}  // namespace
}  // namespace onelane::test
