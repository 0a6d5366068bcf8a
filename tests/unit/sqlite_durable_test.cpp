// Durable commits on real SQLite: which syncs are asked of the disk, in which order, and what one
// that fails leaves behind.
#include <gtest/gtest.h>

#include "tests/support/faulty_vfs.h"
#include "tests/support/sqlite_journal_fixture.h"

namespace onelane::test {
namespace {

class SqliteDurable : public SqliteJournalFixture {
 protected:
  void start() {
    ASSERT_NO_FATAL_FAILURE(open("CREATE TABLE IF NOT EXISTS t(v TEXT)"));
    insert_ = add("INSERT INTO t VALUES(?1)", {{ColumnType::text}});
  }
  // The fixture's journal goes before the VFS that it was opened on.
  void TearDown() override {
    writes_.reset();
    journal_.reset();
  }
  std::uint64_t log_syncs() const { return vfs_.calls(VfsCall::sync, VfsFile::log); }
  std::filesystem::path log() const { return directory_ / "test.db-wal"; }

  FaultyVfs vfs_;
  Statement insert_;
};

TEST_F(SqliteDurable, ACommitIsSyncedForWhoWantsItDurableAndForNobodyElse) {
  start();
  Receipt one = submit(insert_, "ada");
  run();
  const std::uint64_t before = log_syncs();
  EXPECT_EQ(journal_->stats().durable, 0U);
  Result<Outcome> outcome = one.wait_durable();
  ASSERT_TRUE(succeeded(outcome));
  EXPECT_TRUE(outcome->durable);
  EXPECT_EQ(log_syncs(), before + 1);
  EXPECT_EQ(journal_->stats().durable, 1U);
  ASSERT_TRUE(succeeded(one.wait_durable()));
  EXPECT_EQ(log_syncs(), before + 1);
}

TEST_F(SqliteDurable, ABarrierWritesToTheLogAndSyncsItEachTime) {
  start();
  for (int i = 0; i < 2; ++i) {
    const std::uint64_t writes = vfs_.calls(VfsCall::write, VfsFile::log);
    const std::uint64_t syncs = log_syncs();
    EXPECT_TRUE(succeeded(journal_->sync()));
    EXPECT_GT(vfs_.calls(VfsCall::write, VfsFile::log), writes);
    EXPECT_GT(log_syncs(), syncs);
  }
}

TEST_F(SqliteDurable, AFailedSyncPoisonsAndNeitherTheNextOneNorTheCloseTouchesTheFiles) {
  start();
  Receipt one = submit(insert_, "ada");
  run();
  vfs_.fail({.call = VfsCall::sync, .file = VfsFile::log, .code = SQLITE_IOERR_FSYNC});
  EXPECT_EQ(one.wait_durable().status().code(), Errc::not_durable);
  const std::uint64_t syncs = vfs_.calls(VfsCall::sync);
  const std::uint64_t writes = vfs_.calls(VfsCall::write);
  EXPECT_EQ(one.wait_durable().status().code(), Errc::not_durable);
  EXPECT_TRUE(says(journal_->sync(), Errc::poisoned, {"the log's sync"}));
  EXPECT_EQ(journal_->stats().poison.sqlite_code(), SQLITE_IOERR_FSYNC);
  EXPECT_EQ(close().status.code(), Errc::poisoned);
  EXPECT_EQ(vfs_.calls(VfsCall::sync), syncs);
  EXPECT_EQ(vfs_.calls(VfsCall::write), writes);
  EXPECT_TRUE(std::filesystem::exists(log()));
}

TEST_F(SqliteDurable, AnyCodeOfASyncThatFailsIsAsBad) {
  for (const int code : {SQLITE_FULL, SQLITE_IOERR, SQLITE_NOMEM, SQLITE_BUSY}) {
    start();
    Receipt one = submit(insert_, "ada");
    run();
    vfs_.fail({.call = VfsCall::sync, .file = VfsFile::log, .code = code});
    EXPECT_EQ(one.wait_durable().status().code(), Errc::not_durable) << code;
    EXPECT_EQ(journal_->tick().status().code(), Errc::poisoned) << code;
    writes_.reset();
    journal_.reset();
  }
}

TEST_F(SqliteDurable, UnderFullTheCommitItselfSyncs) {
  options_.synchronous = Synchronous::full;
  start();
  Receipt one = submit(insert_, "ada");
  const std::uint64_t before = log_syncs();
  run();
  EXPECT_GT(log_syncs(), before);
  const std::uint64_t after = log_syncs();
  ASSERT_TRUE(succeeded(one.wait_durable()));
  EXPECT_EQ(log_syncs(), after);
}

}  // namespace
}  // namespace onelane::test
