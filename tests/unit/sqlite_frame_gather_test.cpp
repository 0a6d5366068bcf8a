// What SQLite writes to the log frame by frame, and what of it reaches the disk, when.
#include <gtest/gtest.h>

#include <fstream>
#include <memory>
#include <random>
#include <string>

#include "src/sqlite/log/frame_gather.h"
#include "tests/support/faulty_vfs.h"
#include "tests/support/scale.h"
#include "tests/support/sink_fixture.h"

namespace onelane::test {
namespace {

class FrameGathering : public SinkFixture {
 protected:
  void TearDown() override { sink_.reset(); }
  std::uint64_t log_writes() const { return vfs_.calls(VfsCall::write, VfsFile::log); }
  // A record of about this many pages.
  void commit_pages(int pages) {
    ASSERT_TRUE(succeeded(sink_->begin()));
    ASSERT_TRUE(succeeded(execute("INSERT INTO t(v) VALUES(zeroblob(?1))", pages * 4096)));
    ASSERT_TRUE(succeeded(sink_->commit()));
  }

  static constexpr const char* kBlobs = "CREATE TABLE t(id INTEGER PRIMARY KEY, v BLOB)";
  FaultyVfs vfs_;
};

TEST_F(FrameGathering, ACommitIsOneWriteToTheLogAndThereWhenItReturns) {
  open(kBlobs);
  commit_pages(1);
  const std::uint64_t before = log_writes();
  commit_pages(20);
  EXPECT_EQ(log_writes(), before + 1);
  EXPECT_EQ(recovered("SELECT count(*), total(length(v)) FROM t"), "2|86016.0");
}

TEST_F(FrameGathering, ALargeCommitIsWrittenInWritesAsLargeAsTheVfsTakes) {
  open(kBlobs);
  commit_pages(1);
  const std::uint64_t before = log_writes();
  commit_pages(120);  // 31 frames fit into 128 KiB
  EXPECT_EQ(log_writes(), before + 4);
  EXPECT_EQ(recovered("PRAGMA integrity_check"), "ok");
  EXPECT_EQ(recovered("SELECT total(length(v)) FROM t"), "495616.0");
}

TEST_F(FrameGathering, ACommitThatTheDiskHadNoRoomForIsNeverWrittenLater) {
  open(kBlobs);
  commit_pages(1);
  ASSERT_TRUE(succeeded(sink_->begin()));
  ASSERT_TRUE(succeeded(execute("INSERT INTO t(v) VALUES(zeroblob(40960))")));
  vfs_.fail({.call = VfsCall::write, .file = VfsFile::log, .code = SQLITE_FULL});
  EXPECT_TRUE(failed(sink_->commit(), Fault::environment, Effect::unknown, SQLITE_FULL));
  EXPECT_EQ(recovered("SELECT count(*) FROM t"), "1");
  ASSERT_TRUE(sink_->close(CloseMode::poisoned).ok());
  EXPECT_EQ(recovered("SELECT count(*) FROM t"), "1");
}

TEST_F(FrameGathering, AWriteThatFailsAmongTheFramesFailsTheCommit) {
  open(kBlobs);
  commit_pages(1);
  for (std::uint64_t after = 0; after < 4; ++after) {
    ASSERT_TRUE(succeeded(sink_->begin()));
    ASSERT_TRUE(succeeded(execute("INSERT INTO t(v) VALUES(zeroblob(491520))")));
    vfs_.fail(
        {.call = VfsCall::write, .file = VfsFile::log, .code = SQLITE_IOERR_WRITE, .after = after});
    EXPECT_TRUE(failed(sink_->commit(), Fault::environment, Effect::unknown, SQLITE_IOERR_WRITE));
    ASSERT_TRUE(succeeded(sink_->rollback()));
    EXPECT_EQ(recovered("SELECT count(*) FROM t"), std::to_string(1 + after));
    commit_pages(120);
  }
  EXPECT_EQ(recovered("PRAGMA integrity_check"), "ok");
}

TEST_F(FrameGathering, WhatACommitCouldNotWriteIsNotWrittenOverWhatAnotherCommittedSince) {
  open(kBlobs);
  commit_pages(1);
  OtherConnection foreign(database_);
  foreign.query("PRAGMA wal_autocheckpoint=0");
  ASSERT_TRUE(succeeded(sink_->begin()));
  ASSERT_TRUE(succeeded(execute("INSERT INTO t(v) VALUES(zeroblob(40960))")));
  vfs_.fail({.call = VfsCall::write, .file = VfsFile::log, .code = SQLITE_IOERR_WRITE});
  ASSERT_TRUE(failed(sink_->commit(), Fault::environment, Effect::unknown, SQLITE_IOERR_WRITE));
  foreign.query("CREATE TABLE theirs(x)");
  foreign.query("INSERT INTO theirs VALUES(1), (2)");
  // Reads the schema behind what the journal had gathered.
  const std::uint64_t writes = log_writes();
  ASSERT_TRUE(sink_->add_statement({.sql = "DELETE FROM theirs", .columns = {}}).ok());
  EXPECT_EQ(log_writes(), writes);
  EXPECT_EQ(recovered("SELECT count(*) FROM theirs"), "2");
  EXPECT_EQ(recovered("PRAGMA integrity_check"), "ok");
}

// Transactions of all kinds, and what a recovery makes of the files after each.
class FrameGatheringAtRandom : public ::testing::TestWithParam<Synchronous> {
 protected:
  void SetUp() override {
    std::ofstream(database_).close();
    OtherConnection maker(database_);
    // Under paranoid no page may be smaller than a sector.
    const bool small = GetParam() != Synchronous::paranoid;
    maker.query(small ? "PRAGMA page_size=1024" : "PRAGMA page_size=4096");
    for (const char* sql : {"PRAGMA journal_mode=WAL", kTable}) {
      maker.query(sql);
    }
    sqlite3_open(":memory:", &oracle_);
    query(oracle_, kTable);
    JournalOptions options;
    options.synchronous = GetParam();
    Result<std::unique_ptr<sqlite::Connection>> opened =
        sqlite::Connection::open(database_, options);
    ASSERT_TRUE(opened.ok()) << opened.status().to_string();
    connection_ = *std::move(opened);
    Result<sqlite::Files> files = sqlite::Files::take(database_, JournalOptions().file_mode);
    ASSERT_TRUE(files.ok()) << files.status().to_string();
    files_.emplace(*std::move(files));
    ASSERT_TRUE(connection_->log_file().ok());
    Result<std::unique_ptr<sqlite::IndexLocks>> locks =
        sqlite::IndexLocks::install(*connection_, *files_);
    ASSERT_TRUE(locks.ok()) << locks.status().to_string();
    locks_ = *std::move(locks);
    Result<std::unique_ptr<sqlite::FrameGather>> gather =
        sqlite::FrameGather::install(*connection_, *locks_);
    ASSERT_TRUE(gather.ok()) << gather.status().to_string();
    gather_ = *std::move(gather);
    ASSERT_TRUE(connection_->prepare_own("COMMIT", sqlite::Keep::long_time, commit_) == SQLITE_OK);
    ASSERT_EQ(run("PRAGMA cache_size=5"), SQLITE_OK);
  }
  void TearDown() override {
    commit_.reset();
    gather_.reset();
    locks_.reset();
    connection_.reset();
    files_.reset();
    sqlite3_close(oracle_);
  }

  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }
  int run(const std::string& sql) {
    std::string ignored;
    return connection_->run_own(sql, ignored);
  }
  int both(const std::string& sql) {
    const int code = run(sql);
    if (code == SQLITE_OK) query(oracle_, sql);
    return code;
  }
  std::string change() {
    const std::string id = std::to_string(below(60));
    const std::string size = std::to_string(below(4) == 0 ? below(6000) : below(100));
    const std::string fill = std::to_string(random_());
    switch (below(4)) {
      case 0:
        return "DELETE FROM t WHERE id=" + id;
      case 1:
        return "UPDATE t SET v=CAST(" + fill + " AS BLOB) WHERE id%7=" + std::to_string(below(7));
      default:
        return "INSERT OR REPLACE INTO t VALUES(" + id + ",CAST(printf('%." + size + "c'," + fill +
               ") AS BLOB))";
    }
  }
  int savepoint() {
    int code = both("SAVEPOINT s");
    for (std::uint64_t i = below(5); code == SQLITE_OK && i > 0; --i) code = both(change());
    if (code == SQLITE_OK && below(2) == 0) code = both("ROLLBACK TO s");
    return code == SQLITE_OK ? both("RELEASE s") : code;
  }
  // Writes the frames of what is not committed, which are read back and overwritten later.
  int spill() {
    const int code = sqlite3_db_cacheflush(connection_->handle());
    if (below(2) == 0) sqlite3_db_release_memory(connection_->handle());
    return code;
  }
  // Runs `special` now and then, among the changes. SQLITE_OK unless an injected error came.
  template <class Special>
  void transaction(const Special& special) {
    gather_->begin_transaction();
    ASSERT_EQ(both("BEGIN IMMEDIATE"), SQLITE_OK);
    int code = SQLITE_OK;
    for (std::uint64_t i = 1 + below(12); code == SQLITE_OK && i > 0; --i) {
      code = below(4) == 0 ? special() : both(change());
      // A statement that failed and was undone need not be the transaction's end.
      if (connection_->in_transaction() && below(4) != 0) code = SQLITE_OK;
    }
    if (code == SQLITE_OK && below(8) != 0) {
      code = connection_->commit_own(commit_.get());
      if (code == SQLITE_OK) {
        ASSERT_TRUE(gather_->complete());
        query(oracle_, "COMMIT");
        ++commits_;
        return;
      }
    }
    if (connection_->in_transaction()) {
      ASSERT_EQ(run("ROLLBACK"), SQLITE_OK);
    }
    query(oracle_, "ROLLBACK");
  }
  std::string recovered(const std::string& sql) { return test::recovered(database_, sql); }

  static constexpr std::uint64_t kSeed = 20261122;
  static constexpr const char* kTable = "CREATE TABLE t(id INTEGER PRIMARY KEY, v BLOB)";
  static constexpr const char* kAll =
      "SELECT group_concat(id||':'||hex(v)) FROM (SELECT * FROM t ORDER BY id)";

  std::mt19937_64 random_{kSeed};
  TempDirectory directory_;
  std::filesystem::path database_ = directory_ / "test.db";
  FaultyVfs vfs_;
  std::unique_ptr<sqlite::Connection> connection_;
  std::optional<sqlite::Files> files_;
  std::unique_ptr<sqlite::IndexLocks> locks_;
  std::unique_ptr<sqlite::FrameGather> gather_;
  sqlite::Prepared commit_;
  sqlite3* oracle_ = nullptr;
  std::uint64_t commits_ = 0;
};

// No savepoints: see CacheSpill.
TEST_P(FrameGatheringAtRandom, TheLogHoldsEachCommitAndNothingElse) {
  const std::size_t rounds = scaled(120);
  for (std::size_t round = 0; round < rounds; ++round) {
    ASSERT_NO_FATAL_FAILURE(transaction([this] { return spill(); }));
    if (below(16) == 0) run("PRAGMA wal_checkpoint");
    ASSERT_EQ(recovered(kAll), query(oracle_, kAll)) << "seed " << kSeed << ", round " << round;
  }
  EXPECT_GT(commits_, rounds / 2);
  EXPECT_EQ(recovered("PRAGMA integrity_check"), "ok");
}

TEST_P(FrameGatheringAtRandom, TheSameHoldsWhereWritesFail) {
  if (GetParam() == Synchronous::paranoid) {
    GTEST_SKIP() << "the mark is written before the padding, so a commit that failed may come back";
  }
  const std::size_t rounds = scaled(120);
  for (std::size_t round = 0; round < rounds; ++round) {
    vfs_.fail({.call = VfsCall::write,
               .file = VfsFile::log,
               .code = below(2) == 0 ? SQLITE_FULL : SQLITE_IOERR_WRITE,
               .after = below(6),
               .repeat = below(2) == 0 ? Repeat::once : Repeat::always});
    ASSERT_NO_FATAL_FAILURE(transaction([this] { return savepoint(); }));
    vfs_.heal();
    ASSERT_EQ(recovered(kAll), query(oracle_, kAll)) << "seed " << kSeed << ", round " << round;
  }
  EXPECT_GT(vfs_.failures(), rounds / 8);
  EXPECT_EQ(recovered("PRAGMA integrity_check"), "ok");
}

std::string level_name(const ::testing::TestParamInfo<Synchronous>& level) {
  if (level.param == Synchronous::normal) return "Normal";
  return level.param == Synchronous::full ? "Full" : "Paranoid";
}
INSTANTIATE_TEST_SUITE_P(Levels, FrameGatheringAtRandom,
                         ::testing::Values(Synchronous::normal, Synchronous::full,
                                           Synchronous::paranoid),
                         level_name);

}  // namespace
}  // namespace onelane::test
