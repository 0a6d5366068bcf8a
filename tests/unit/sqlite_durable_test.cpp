// Durable commits on real SQLite: which syncs are asked of the disk, in which order, and what one
// that fails leaves behind.
#include <gtest/gtest.h>

#include <fstream>
#include <initializer_list>
#include <optional>
#include <string>

#include "tests/support/failing_fsync.h"
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
  static std::string settled_or_not(const Receipt& receipt) {
    return receipt.poll() ? "settled" : "in flight";
  }
  std::uint64_t log_syncs() const { return vfs_.calls(VfsCall::sync, VfsFile::log); }
  // The log's; there is room again after vfs_.heal().
  void fill_disk() {
    vfs_.fail({.call = VfsCall::write,
               .file = VfsFile::log,
               .code = SQLITE_FULL,
               .repeat = Repeat::always});
  }
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

// It may say so once, and have lost what it was to sync.
TEST_F(SqliteDurable, UnderFullAFailedSyncIsOneWhateverTheVfsCallsIt) {
  options_.synchronous = Synchronous::full;
  for (const int code : {SQLITE_FULL, SQLITE_IOERR, SQLITE_BUSY}) {
    start();
    const Receipt one = submit(insert_, "ada");
    vfs_.fail({.call = VfsCall::sync, .file = VfsFile::log, .code = code});
    EXPECT_EQ(journal_->tick().status().code(), Errc::poisoned);
    EXPECT_EQ(settled(one).end, End::unknown);
    EXPECT_EQ(journal_->stats().poison.sqlite_code(), SQLITE_IOERR_FSYNC);
    EXPECT_EQ(close().status.code(), Errc::poisoned);
  }
}

// --- Opening.

TEST_F(SqliteDurable, ACleanOpenWritesNothingAnewAndSyncsBothFiles) {
  start();
  close();
  const std::uint64_t database = vfs_.calls(VfsCall::sync, VfsFile::database);
  const std::uint64_t log = log_syncs();
  const std::uint64_t writes = vfs_.calls(VfsCall::write, VfsFile::log);
  start();
  EXPECT_GT(vfs_.calls(VfsCall::sync, VfsFile::database), database);
  EXPECT_GT(log_syncs(), log);
  // Of the schema's commit alone: the log's header, a frame's, and its page.
  EXPECT_EQ(vfs_.calls(VfsCall::write, VfsFile::log), writes + 3);
}

TEST_F(SqliteDurable, AnOpeningWithNothingToWriteSucceedsOnAFullDiskAndItsUnitsWait) {
  start();
  close();
  fill_disk();
  start();
  EXPECT_TRUE(journal_->stats().log.full);
  const Receipt ada = submit(insert_, "ada");
  run();
  EXPECT_FALSE(ada.poll());
  vfs_.heal();
  clock_->advance(std::chrono::seconds(1));
  run();
  EXPECT_TRUE(settled(ada).committed());
}

TEST_F(SqliteDurable, ASchemaOrAnEpochThatHasToBeWrittenFailsAnOpeningOnAFullDisk) {
  start();
  close();
  const auto no_room = [this] {
    fill_disk();
    const Status why = Journal::open(database_, options_).status();
    vfs_.heal();
    EXPECT_EQ(why.sqlite_code(), SQLITE_FULL);
    return why.code();
  };
  options_.watermark_table = "opened";
  EXPECT_EQ(no_room(), Errc::storage);
  options_.watermark_table = "";
  options_.schema = "CREATE TABLE u(v TEXT)";
  EXPECT_EQ(no_room(), Errc::storage);
  ASSERT_NO_FATAL_FAILURE(open(options_.schema));
}

class SqliteReopen : public SqliteDurable {
 protected:
  // Leaves a log behind, as a process does that dies.
  void leave_log() {
    start();
    for (int i = 0; i < 20; ++i) write(insert_, std::string(1000, 'x'));
    vfs_.fail({.call = VfsCall::sync, .code = SQLITE_IOERR_FSYNC});
    EXPECT_FALSE(journal_->sync().ok());
    writes_.reset();
    journal_.reset();
    ASSERT_GT(std::filesystem::file_size(log()), 0U);
  }
  std::string rows() { return outside("SELECT count(*) FROM t"); }
  // Each of the calls once, and that the log is there afterwards.
  void expect_open_fails_at(std::initializer_list<VfsFault> calls) {
    for (const VfsFault& call : calls) {
      vfs_.fail(call);
      const Status why = Journal::open(database_, options_).status();
      EXPECT_EQ(why.code(), Errc::storage);
      EXPECT_EQ(why.sqlite_code(), call.code);
      EXPECT_TRUE(std::filesystem::exists(log()));
    }
  }
};

TEST_F(SqliteReopen, AfterAnUncleanEndTheLogIsWrittenAnewInPlaceAndSynced) {
  ASSERT_NO_FATAL_FAILURE(leave_log());
  const auto size = std::filesystem::file_size(log());
  const std::uint64_t writes = vfs_.calls(VfsCall::write, VfsFile::log);
  bool synced_after = false;
  vfs_.meanwhile(VfsCall::write, VfsFile::log, [&] {
    vfs_.meanwhile(VfsCall::sync, VfsFile::log, [&] { synced_after = true; });
  });
  options_.schema = "";
  ASSERT_NO_FATAL_FAILURE(open());
  EXPECT_EQ(vfs_.calls(VfsCall::write, VfsFile::log),
            writes + (size + 65'535) / 65'536 + 2);  // and the schema's frame

  EXPECT_TRUE(synced_after);
  EXPECT_EQ(rows(), "20");
}

TEST_F(SqliteReopen, AStepOfItThatFailsFailsTheOpenAndTheNextTriesAgain) {
  ASSERT_NO_FATAL_FAILURE(leave_log());
  expect_open_fails_at({{VfsCall::write, VfsFile::log, SQLITE_FULL},
                        {VfsCall::sync, VfsFile::log, SQLITE_IOERR_FSYNC},
                        {VfsCall::sync, VfsFile::database, SQLITE_IOERR_FSYNC}});
  {
    const FailingDirectorySync directory;
    EXPECT_EQ(Journal::open(database_, options_).status().code(), Errc::storage);
  }
  vfs_.heal();
  ASSERT_NO_FATAL_FAILURE(start());
  EXPECT_EQ(rows(), "20");
}

TEST_F(SqliteReopen, ItIsNotWrittenAnewWhileSomebodyElseWrites) {
  ASSERT_NO_FATAL_FAILURE(leave_log());
  std::optional<OtherConnection> other(database_);
  ASSERT_EQ(other->query("BEGIN IMMEDIATE"), "");
  EXPECT_EQ(Journal::open(database_, options_).status().code(), Errc::locked);
  other.reset();
  ASSERT_NO_FATAL_FAILURE(start());
}

// Where rewriting the log in place would endanger it.
class SqliteReopenParanoid : public SqliteReopen {
 protected:
  void SetUp() override {
    SqliteReopen::SetUp();
    options_.synchronous = Synchronous::paranoid;
    ASSERT_NO_FATAL_FAILURE(leave_log());
  }
};

TEST_F(SqliteReopenParanoid, TheLogIsCopiedBackAndTheDatabaseSyncedBeforeAnythingIsWrittenToIt) {
  const std::filesystem::path alone = directory_ / "alone.db";
  const std::uint64_t before = vfs_.calls(VfsCall::sync, VfsFile::database);
  std::uint64_t syncs = 0;
  vfs_.meanwhile(VfsCall::write, VfsFile::log, [&] {
    syncs = vfs_.calls(VfsCall::sync, VfsFile::database) - before;
    test::copy_file(database_, alone);
  });
  options_.schema = "";
  ASSERT_NO_FATAL_FAILURE(open());
  EXPECT_EQ(syncs, 1U);
  EXPECT_EQ(OtherConnection(alone).query("SELECT count(*) FROM t"), "20");
  EXPECT_EQ(rows(), "20");
}

TEST_F(SqliteReopenParanoid, TheLogIsSyncedBeforeTheDatabaseIsWritten) {
  const std::uint64_t before = log_syncs();
  std::uint64_t syncs = 0;
  vfs_.meanwhile(VfsCall::write, VfsFile::database, [&] { syncs = log_syncs() - before; });
  ASSERT_NO_FATAL_FAILURE(start());
  EXPECT_EQ(syncs, 1U);
}

TEST_F(SqliteReopenParanoid, WhoReadsTheLogIsWaitedForAndNamedAndNothingIsWrittenBehindIt) {
  std::optional<OtherConnection> other(database_);
  ASSERT_EQ(other->query("BEGIN"), "");
  ASSERT_EQ(other->query("SELECT count(*) FROM t"), "20");
  const std::uint64_t writes = vfs_.calls(VfsCall::write, VfsFile::log);
  EXPECT_TRUE(
      says(Journal::open(database_, options_).status(), Errc::locked, {"reader", "this process"}));
  EXPECT_EQ(vfs_.calls(VfsCall::write, VfsFile::log), writes);
  EXPECT_GE(vfs_.slept_us(), 4'000'000U);
  other.reset();
  ASSERT_NO_FATAL_FAILURE(start());
}

TEST_F(SqliteReopenParanoid, AStepOfItThatFailsFailsTheOpenAndTheNextTriesAgain) {
  expect_open_fails_at({{VfsCall::sync, VfsFile::log, SQLITE_IOERR_FSYNC},
                        {VfsCall::write, VfsFile::database, SQLITE_FULL},
                        {VfsCall::sync, VfsFile::database, SQLITE_IOERR_FSYNC},
                        {VfsCall::write, VfsFile::log, SQLITE_FULL}});
  vfs_.heal();
  ASSERT_NO_FATAL_FAILURE(start());
  EXPECT_EQ(rows(), "20");
}

// --- Paranoid.

TEST_F(SqliteDurable, UnderParanoidACommitIsPaddedToTheSectorAndSynced) {
  const auto log_size = [&](Synchronous level) {
    options_.synchronous = level;
    database_ = directory_ / ("level %" + std::to_string(static_cast<int>(level)) + "?.db");
    EXPECT_NO_FATAL_FAILURE(start());
    const std::uint64_t before = log_syncs();
    write(insert_, "ada");
    EXPECT_GT(log_syncs(), before);
    EXPECT_EQ(journal_->stats().durable, 1U);
    const auto size = std::filesystem::file_size(database_.string() + "-wal");
    close();
    writes_.reset();
    journal_.reset();
    return size;
  };
  EXPECT_GT(log_size(Synchronous::paranoid), log_size(Synchronous::full));
}

TEST_F(SqliteDurable, ParanoidTakesNoPagesThatAreSmallerThanASectorAndLeavesThemAsTheyWere) {
  options_.synchronous = Synchronous::paranoid;
  for (const int size : {512, 2048, 4096, 8192}) {
    database_ = directory_ / ("pages of " + std::to_string(size) + ".db");
    const std::string page_size = "PRAGMA page_size=" + std::to_string(size);
    {
      std::ofstream(database_).close();
      OtherConnection maker(database_);
      ASSERT_EQ(maker.query(page_size), "");
      ASSERT_EQ(maker.query("CREATE TABLE had(it)"), "");
    }
    const Result<Journal> opened = Journal::open(database_, options_);
    if (size >= 4096) {
      EXPECT_TRUE(opened.ok()) << opened.status().message();
      continue;
    }
    EXPECT_TRUE(says(opened.status(), Errc::invalid_argument,
                     {std::to_string(size), "4096", "VACUUM", "paranoid"}));
    EXPECT_EQ(OtherConnection(database_).query("PRAGMA journal_mode"), "delete");
    options_.synchronous = Synchronous::full;
    EXPECT_TRUE(Journal::open(database_, options_).ok());
    options_.synchronous = Synchronous::paranoid;
  }
}

TEST_F(SqliteDurable, UnderParanoidAFullDiskAtCommitLeavesTheOutcomeToAFence) {
  options_.synchronous = Synchronous::paranoid;
  start();
  const Receipt one = submit(insert_, "ada");
  vfs_.fail({.call = VfsCall::write, .file = VfsFile::log, .code = SQLITE_FULL});
  tick();
  EXPECT_EQ(journal_->stats().fences, 1U);
  clock_->advance(std::chrono::seconds(1));
  run();
  EXPECT_TRUE(settled(one).committed());
}

// --- The fence.

TEST_F(SqliteDurable, AFailedCommitThatRecoveryWouldBringBackIsFencedAndRunAgain) {
  start();
  // The frames are written, mark and all, and then the index that shows them to others cannot grow.
  vfs_.fail({.call = VfsCall::shm_map, .code = SQLITE_IOERR_SHMMAP});
  Receipt last;
  int count = 0;
  while (journal_->stats().fences == 0 && count < 50) {
    last = submit(insert_, std::string(1'000'000, 'x'));
    ++count;
    tick();
  }
  EXPECT_EQ(journal_->stats().fences, 1U);
  EXPECT_EQ(settled_or_not(last), "in flight");
  EXPECT_EQ(outside("SELECT count(*) FROM t"), std::to_string(count - 1));
  clock_->advance(std::chrono::seconds(1));
  run();
  EXPECT_TRUE(settled(last).committed());
  EXPECT_EQ(outside("SELECT count(*) FROM t"), std::to_string(count));
}

}  // namespace
}  // namespace onelane::test
