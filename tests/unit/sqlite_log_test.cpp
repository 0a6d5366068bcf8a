// The log of the SQLite sink: which passes run when, what a failed sync does, which processes read.
#include <unistd.h>

#include <filesystem>

#include "src/sqlite/log/readers.h"
#include "src/sqlite/log/wal_log.h"
#include "tests/support/faulty_vfs.h"
#include "tests/support/sink_fixture.h"

namespace onelane {
namespace {

namespace fs = std::filesystem;
using test::FaultyVfs;
using test::succeeded;
using test::VfsCall;
using test::VfsFile;

class SqliteLog : public test::SinkFixture {
 protected:
  Log& log() { return *sink_->log(); }
  std::uintmax_t file_bytes() const { return fs::file_size(database_.native() + "-wal"); }

  // A pass while the write connection holds the lock.
  LogPass close_in() {
    EXPECT_TRUE(succeeded(sink_->begin()));
    LogPass pass = log().close_in();
    EXPECT_TRUE(succeeded(sink_->rollback()));
    return pass;
  }

  // For each of the files that are synced: a database with one row, and which of its files is
  // meant.
  template <class Body>
  void on_each_file(const Body& body) {
    for (const VfsFile file : {VfsFile::database, VfsFile::log}) {
      FaultyVfs vfs;
      database_ = directory_ / ("file" + std::to_string(static_cast<int>(file)));
      ASSERT_NO_FATAL_FAILURE(open(kTable));
      ASSERT_NO_FATAL_FAILURE(commit_row("x"));
      body(vfs, file);
      sink_.reset();
    }
  }
};

TEST_F(SqliteLog, KnowsHowLongItIs) {
  ASSERT_NO_FATAL_FAILURE(open(kTable));
  for (int i = 0; i < 3; ++i) ASSERT_NO_FATAL_FAILURE(commit_row(std::to_string(i)));
  EXPECT_EQ(log().state().bytes, file_bytes());
}

TEST_F(SqliteLog, OnlyCommitsThatWroteCount) {
  ASSERT_NO_FATAL_FAILURE(open(kTable));
  ASSERT_NO_FATAL_FAILURE(commit_row("x"));
  const std::uint64_t before = log().state().commits;
  ASSERT_TRUE(succeeded(sink_->begin()));
  ASSERT_TRUE(succeeded(execute("INSERT OR IGNORE INTO t(v) VALUES('x')")));
  ASSERT_TRUE(succeeded(sink_->commit()));
  EXPECT_EQ(log().state().commits, before);
  ASSERT_NO_FATAL_FAILURE(commit_row("y"));
  EXPECT_EQ(log().state().commits, before + 1);
}

TEST_F(SqliteLog, KnowsWhatItsOwnCommitsAddedWhateverOthersDid) {
  ASSERT_NO_FATAL_FAILURE(open(kTable));
  ASSERT_NO_FATAL_FAILURE(commit_row("x"));
  const LogState before = log().state();
  EXPECT_EQ(outside("INSERT INTO t(v) VALUES(hex(zeroblob(100000)))"), "");
  ASSERT_NO_FATAL_FAILURE(commit_row("y"));
  const LogState after = log().state();
  EXPECT_GT(after.bytes - before.bytes, 200'000U);
  EXPECT_LT(after.written_bytes - before.written_bytes, 20'000U);
  EXPECT_GE(after.written_bytes - before.written_bytes, 4096U);

  EXPECT_TRUE(log().copy_back(kMiB).ok());
  ASSERT_NO_FATAL_FAILURE(commit_row("z"));  // begins the log anew
  EXPECT_LT(log().state().written_bytes - after.written_bytes, 20'000U);
  EXPECT_GE(log().state().written_bytes - after.written_bytes, 4096U);
}

TEST_F(SqliteLog, APassCopiesAllThereIsAndTheNextCommitBeginsTheLogAnew) {
  ASSERT_NO_FATAL_FAILURE(open(kTable));
  ASSERT_NO_FATAL_FAILURE(commit_row("x"));
  const LogPass pass = log().copy_back(kMiB);
  EXPECT_EQ(pass.bytes, log().state().bytes);
  EXPECT_EQ(pass.copied, pass.bytes);
  ASSERT_NO_FATAL_FAILURE(commit_row("y"));
  EXPECT_LT(log().state().bytes, pass.bytes);
}

TEST_F(SqliteLog, APassSyncsEachPieceBeforeItWritesTheNext) {
  FaultyVfs vfs;
  ASSERT_NO_FATAL_FAILURE(open(kTable));
  for (const std::uint64_t pages : {25U, 1000U}) {
    ASSERT_NO_FATAL_FAILURE(commit_row(std::string(512 * kKiB + pages, 'x')));
    const auto syncs = vfs.calls(VfsCall::sync, VfsFile::database);
    const auto writes = vfs.calls(VfsCall::write, VfsFile::database);
    EXPECT_TRUE(log().copy_back(pages * 4 * kKiB).ok());
    const auto written = vfs.calls(VfsCall::write, VfsFile::database) - writes;
    ASSERT_GT(written, 128U);
    ASSERT_LT(written, 1000U);
    const auto pieces = written / pages;
    EXPECT_EQ(vfs.calls(VfsCall::sync, VfsFile::database) - syncs, pieces + 1) << "and SQLite's";
  }
}

TEST_F(SqliteLog, NothingIsWrittenBehindAPieceWhoseSyncFailed) {
  FaultyVfs vfs;
  ASSERT_NO_FATAL_FAILURE(open(kTable));
  ASSERT_NO_FATAL_FAILURE(commit_row(std::string(512 * kKiB, 'x')));
  vfs.fail({VfsCall::sync, VfsFile::database, SQLITE_FULL});
  const auto written = vfs.calls(VfsCall::write, VfsFile::database);
  EXPECT_EQ(log().copy_back(100 * kKiB).fault, Fault::sync);
  EXPECT_EQ(vfs.calls(VfsCall::write, VfsFile::database), written + 25);
  EXPECT_TRUE(test::failed(sink_->begin(), Fault::sync, Effect::ended, SQLITE_IOERR_FSYNC));
}

TEST_F(SqliteLog, AFailedSyncInAPassStopsTheNextBeginAndEveryLaterPass) {
  on_each_file([this](FaultyVfs& vfs, VfsFile file) {
    vfs.fail({VfsCall::sync, file, SQLITE_IOERR_FSYNC});
    EXPECT_EQ(log().copy_back(kMiB).fault, Fault::sync);
    const auto written = vfs.calls(VfsCall::write, VfsFile::database);
    EXPECT_TRUE(test::failed(sink_->begin(), Fault::sync, Effect::ended, SQLITE_IOERR_FSYNC));
    EXPECT_EQ(log().copy_back(kMiB).fault, Fault::none) << "it may not run";
    EXPECT_EQ(log().close_in().fault, Fault::sync);
    EXPECT_EQ(sink_->close(CloseMode::healthy).sqlite_code(), SQLITE_IOERR_FSYNC);
    EXPECT_EQ(vfs.calls(VfsCall::write, VfsFile::database), written) << "nothing is copied";
    EXPECT_TRUE(fs::exists(database_.native() + "-wal"));
  });
}

TEST_F(SqliteLog, AFailedSyncBetweenPassesStopsTheNextBegin) {
  on_each_file([this](FaultyVfs& vfs, VfsFile file) {
    EXPECT_TRUE(log().copy_back(kMiB).ok());
    vfs.fail({VfsCall::sync, file, SQLITE_IOERR_FSYNC});
    const Reply synced = file == VfsFile::database ? log().sync() : log().write_out();
    EXPECT_EQ(synced.fault, Fault::sync);
    EXPECT_TRUE(test::failed(sink_->begin(), Fault::sync, Effect::ended, SQLITE_IOERR_FSYNC));
  });
}

TEST_F(SqliteLog, AFailedSyncInTheLastPassIsToldByClose) {
  FaultyVfs vfs;
  ASSERT_NO_FATAL_FAILURE(open(kTable));
  ASSERT_NO_FATAL_FAILURE(commit_row("x"));
  vfs.fail({VfsCall::sync, VfsFile::database, SQLITE_IOERR_FSYNC});
  EXPECT_EQ(close_healthy().sqlite_code(), SQLITE_IOERR_FSYNC);
  EXPECT_TRUE(fs::exists(database_.native() + "-wal"));
}

TEST_F(SqliteLog, AFailedSyncInAPassIsOneWhateverTheVfsCallsIt) {
  on_each_file([this](FaultyVfs& vfs, VfsFile file) {
    vfs.fail({VfsCall::sync, file, SQLITE_FULL});
    EXPECT_EQ(log().copy_back(kMiB).fault, Fault::sync);
    EXPECT_TRUE(test::failed(sink_->begin(), Fault::sync, Effect::ended, SQLITE_IOERR_FSYNC));
  });
}

TEST_F(SqliteLog, AnyOtherFailureOfAPassIsLeftToTheNext) {
  FaultyVfs vfs;
  ASSERT_NO_FATAL_FAILURE(open(kTable));
  ASSERT_NO_FATAL_FAILURE(commit_row("x"));
  vfs.fail({.call = VfsCall::write, .file = VfsFile::database, .code = SQLITE_FULL});
  EXPECT_EQ(log().copy_back(kMiB).fault, Fault::environment);
  ASSERT_NO_FATAL_FAILURE(commit_row("y"));
  EXPECT_TRUE(log().copy_back(kMiB).ok());
  EXPECT_TRUE(close_healthy().ok());
  EXPECT_EQ(outside("SELECT count(*) FROM t"), "2");
}

TEST_F(SqliteLog, DamageSeenByAPassStopsTheNextBegin) {
  FaultyVfs vfs;
  ASSERT_NO_FATAL_FAILURE(open(kTable));
  ASSERT_NO_FATAL_FAILURE(commit_row("x"));
  vfs.fail({.call = VfsCall::write, .file = VfsFile::database, .code = SQLITE_CORRUPT});
  EXPECT_EQ(log().copy_back(kMiB).fault, Fault::corrupt);
  EXPECT_TRUE(test::failed(sink_->begin(), Fault::corrupt, Effect::ended, SQLITE_CORRUPT));
  sink_.reset();
}

TEST_F(SqliteLog, AfterABurstTheFileIsCutToItsLimit) {
  options_.wal_limit_bytes = kMiB;
  ASSERT_NO_FATAL_FAILURE(open(kTable));
  test::OtherConnection reader(database_);
  reader.query("BEGIN");
  reader.query("SELECT count(*) FROM t");
  const std::string large(kMiB / 2, 'x');
  for (int i = 0; i < 6; ++i) ASSERT_NO_FATAL_FAILURE(commit_row(std::to_string(i) + large));
  EXPECT_LT(close_in().copied, log().state().bytes) << "the reader keeps it";
  EXPECT_GT(file_bytes(), 3 * kMiB);
  reader.query("COMMIT");
  EXPECT_EQ(close_in().copied, log().state().bytes);
  ASSERT_NO_FATAL_FAILURE(commit_row("next"));
  EXPECT_EQ(file_bytes(), kMiB);
}

TEST_F(SqliteLog, NoPassCutsTheFile) {
  ASSERT_NO_FATAL_FAILURE(open(kTable));
  ASSERT_NO_FATAL_FAILURE(commit_row("x"));
  const std::uintmax_t before = file_bytes();
  EXPECT_TRUE(log().copy_back(kMiB).ok());
  EXPECT_TRUE(close_in().ok());
  EXPECT_EQ(file_bytes(), before);
}

// What the kernel says of locks.

TEST(ReadersOfADatabase, AreTheProcessesWithALockOnAReadMark) {
  const std::string locks =
      "1: POSIX  ADVISORY  READ 4711 fe:00:131077 124 124\n"
      "2: POSIX  ADVISORY  READ 4711 fe:00:131077 128 128\n"
      "3: POSIX  ADVISORY  READ 12 fe:00:131077 123 123\n"
      "4: POSIX  ADVISORY  READ 13 fe:00:131078 124 124\n"
      "5: POSIX  ADVISORY  WRITE 14 fe:00:131077 120 120\n"
      "6: POSIX  ADVISORY  READ 15 fe:00:131077 128 128\n"
      "6: -> POSIX  ADVISORY  READ 16 fe:00:131077 128 128\n"
      "7: OFDLCK ADVISORY  READ -1 fe:00:131077 125 125\n"
      "8: FLOCK  ADVISORY  WRITE 17 fe:00:131077 0 EOF\n"
      "9: POSIX  ADVISORY  READ 99 fe:00:131077 123 123\n"
      "nonsense\n";
  const auto on = [&](unsigned marks) { return sqlite::reading_pids(locks, 131077, marks); };
  EXPECT_EQ(on(sqlite::kAllReadMarks), (std::vector<std::int64_t>{4711, 12, 99}));
  EXPECT_EQ(on(1U), (std::vector<std::int64_t>{12, 99})) << "of the database's file alone";
  EXPECT_EQ(on(1U << 1), (std::vector<std::int64_t>{4711}));
  EXPECT_TRUE(on(1U << 2).empty());
  EXPECT_TRUE(sqlite::reading_pids("", 131077, sqlite::kAllReadMarks).empty());
}

TEST_F(SqliteLog, AReaderOfThisProcessIsNamedWhileItKeepsTheLogAndTheJournalItselfNever) {
  ASSERT_NO_FATAL_FAILURE(open(kTable));
  test::OtherConnection reader(database_);
  reader.query("BEGIN");
  reader.query("SELECT count(*) FROM t");
  ASSERT_NO_FATAL_FAILURE(commit_row("x"));
  ASSERT_TRUE(succeeded(sink_->begin()));
  const LogPass pass = log().close_in();
  ASSERT_LT(pass.copied, pass.bytes);
  ASSERT_EQ(log().readers().size(), 1U);
  EXPECT_EQ(log().readers()[0].pid, ::getpid());
  EXPECT_EQ(sqlite::in_words(log().readers()), "a connection of this process");
  reader.query("COMMIT");
  EXPECT_TRUE(log().readers().empty()) << "the write connection reads, too";
  EXPECT_TRUE(succeeded(sink_->rollback()));
}

TEST(ReadersOfADatabase, AreNamedInWords) {
  EXPECT_EQ(sqlite::in_words({{.pid = 1, .name = "init"}, {.pid = ::getpid(), .name = "us"}}),
            "process 1 (init), a connection of this process");
  EXPECT_EQ(sqlite::in_words({}), "a connection of this process, or of one that cannot be seen");
}

TEST_F(SqliteLog, WhatSomebodyElseWroteIsSeenByLooking) {
  ASSERT_NO_FATAL_FAILURE(open(kTable));
  ASSERT_NO_FATAL_FAILURE(commit_row("x"));
  const std::uint64_t commits = log().state().commits;
  EXPECT_EQ(outside("INSERT INTO t(v) VALUES('foreign')"), "");
  ASSERT_LT(log().state().bytes, file_bytes());
  log().look();
  EXPECT_EQ(log().state().bytes, file_bytes());
  EXPECT_EQ(log().state().commits, commits) << "of its own";
}

TEST(WalResetBug, IsInTheVersionsThatHaveIt) {
  EXPECT_FALSE(sqlite::has_reset_bug(3'006'999));
  EXPECT_TRUE(sqlite::has_reset_bug(3'007'000));
  EXPECT_TRUE(sqlite::has_reset_bug(3'040'001));
  EXPECT_TRUE(sqlite::has_reset_bug(3'051'002));
  EXPECT_FALSE(sqlite::has_reset_bug(3'051'003));
}

TEST_F(SqliteLog, AVersionWithTheBugIsReported) {
  ASSERT_NO_FATAL_FAILURE(open(kTable));
  EXPECT_EQ(log().hazard().empty(), !sqlite::has_reset_bug(sqlite3_libversion_number()));
}

}  // namespace
}  // namespace onelane
