// A journal's life on real SQLite: its files, opening and closing, other programs beside it, its
// classes, and what it says about durability.
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <optional>

#include "tests/support/faulty_vfs.h"
#include "tests/support/sqlite_journal_fixture.h"

namespace onelane {
namespace {

using std::chrono::microseconds;
using test::says;
using test::succeeded;

constexpr const char* kSchema =
    "CREATE TABLE IF NOT EXISTS peers(id INTEGER PRIMARY KEY, name TEXT UNIQUE)";
constexpr Column kText{ColumnType::text};

class JournalLife : public test::SqliteJournalFixture {
 protected:
  void start() {
    ASSERT_NO_FATAL_FAILURE(open(kSchema));
    insert_ = add("INSERT INTO peers(name) VALUES(?1)", {kText});
  }
  Status open_error(const std::filesystem::path& path) {
    return Journal::open(path, options_).status();
  }
  std::filesystem::path beside(const std::string& suffix) const {
    return database_.string() + suffix;
  }
  std::string names() { return outside("SELECT name FROM peers ORDER BY id"); }
  // Another connection has written more than two MiB to a log whose limit is one.
  void start_beside_a_foreign_burst() {
    options_.wal_limit_bytes = kMiB;
    start();
    write(insert_, "ada");
    other_.emplace(database_);
    other_->query("PRAGMA wal_autocheckpoint = 0");
    ASSERT_EQ(other_->query("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n "
                            "WHERE i < 200) INSERT INTO peers(name) "
                            "SELECT 'foreign' || i || hex(randomblob(10000)) FROM n"),
              "");
  }

  Statement insert_;
  std::optional<test::OtherConnection> other_;
};

// --- Files.

TEST_F(JournalLife, TheFilesArePrivateToTheUser) {
  const mode_t mask = umask(0);
  start();
  write(insert_, "ada");
  umask(mask);
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(directory_.path())) {
    struct stat found = {};
    ASSERT_EQ(stat(entry.path().c_str(), &found), 0);
    EXPECT_EQ(found.st_mode & 07777, 0600U) << entry.path();
    ++files;
  }
  EXPECT_EQ(files, 3U);  // the database, -wal, -shm and the lock
}

TEST_F(JournalLife, ARelativePathIsTakenFromTheWorkingDirectory) {
  const std::filesystem::path home = std::filesystem::current_path();
  std::filesystem::current_path(directory_.path());
  const Result<Journal> journal = Journal::open("relative.db", options_);
  std::filesystem::current_path(home);
  ASSERT_TRUE(succeeded(journal));
  EXPECT_TRUE(std::filesystem::exists(directory_ / "relative.db"));
}

TEST_F(JournalLife, WhatIsNoPlainPathIsRefusedAndNothingIsMade) {
  std::filesystem::create_symlink(directory_ / "elsewhere.db", directory_ / "link.db");
  for (const std::filesystem::path& path :
       {std::filesystem::path(":memory:"), std::filesystem::path(""),
        std::filesystem::path("file:test.db?mode=memory"), directory_ / "link.db",
        directory_.path()}) {
    EXPECT_EQ(open_error(path).code(), Errc::invalid_argument) << path;
  }
  EXPECT_FALSE(std::filesystem::exists(directory_ / "elsewhere.db"));
}

TEST_F(JournalLife, AFileThatIsNoDatabaseIsCalledCorruptAndLeftAlone) {
  const std::string text(4096, 'x');
  std::ofstream(database_) << text;
  EXPECT_EQ(open_error(database_).code(), Errc::corrupt);
  EXPECT_EQ(std::filesystem::file_size(database_), text.size());
}

TEST_F(JournalLife, AWrongSchemaIsNamedAndLeavesNothingOfItself) {
  options_.schema = "CREATE TABLE peers(id); CREATE TABEL calls(id)";
  EXPECT_TRUE(says(open_error(database_), Errc::invalid_argument, {"schema", "TABEL"}));
  EXPECT_FALSE(std::filesystem::exists(database_));
}

TEST_F(JournalLife, TheSchemaCannotLeaveItsTransaction) {
  options_.schema = "CREATE TABLE peers(id); COMMIT";
  EXPECT_TRUE(says(open_error(database_), Errc::invalid_argument, {"COMMIT"}));
  EXPECT_FALSE(std::filesystem::exists(database_));
}

// --- Closing and opening again.

TEST_F(JournalLife, AClosedJournalLeavesTheDatabaseFileCompleteByItself) {
  start();
  for (int i = 0; i < 100; ++i) write(insert_, "peer" + std::to_string(i));
  EXPECT_TRUE(succeeded(close().status));
  if (std::filesystem::exists(beside("-wal"))) {
    EXPECT_EQ(std::filesystem::file_size(beside("-wal")), 0U);
  }
  std::filesystem::copy(database_, directory_ / "alone.db");
  EXPECT_EQ(test::query(directory_ / "alone.db", "SELECT count(*) FROM peers"), "100");
  EXPECT_EQ(test::query(directory_ / "alone.db", "PRAGMA integrity_check"), "ok");
}

TEST_F(JournalLife, ADestroyedJournalDrainsAndCloses) {
  start();
  const Receipt receipt = submit(insert_, "ada");
  journal_.reset();
  EXPECT_TRUE(settled(receipt).committed());
  EXPECT_EQ(names(), "ada");
  ASSERT_NO_FATAL_FAILURE(start());  // although the receipt is still there
  EXPECT_TRUE(write(insert_, "bob").committed());
}

TEST_F(JournalLife, AReopenedJournalGoesOnWhereTheFileIsAndCountsItsOwnCommits) {
  start();
  write(insert_, "ada");
  write(insert_, "bob");
  close();
  ASSERT_NO_FATAL_FAILURE(start());
  const Outcome outcome = write(insert_, "cyd");
  EXPECT_EQ(outcome.commit, 1U);
  EXPECT_EQ(outcome.rowid, 3);
  EXPECT_EQ(names(), "ada bob cyd");
}

TEST_F(JournalLife, CloseReportsEveryEndAndDoesSoAgain) {
  start();
  write(insert_, "ada");
  write(insert_, "ada");
  (void)submit(insert_, "bob");
  for (int i = 0; i < 2; ++i) {
    const CloseReport report = close();
    EXPECT_TRUE(succeeded(report.status));
    EXPECT_EQ(report.end(End::committed), 2U);
    EXPECT_EQ(report.end(End::rejected), 1U);
  }
  EXPECT_EQ(names(), "ada bob");
}

TEST_F(JournalLife, AClosedJournalTakesNothing) {
  start();
  close();
  Row row;
  put(row, "ada");
  EXPECT_EQ(writes_->push(insert_, row).code(), Errc::closed);
  EXPECT_EQ(journal_->add_class({.name = "late"}).status().code(), Errc::closed);
  EXPECT_EQ(journal_->add_statement({.sql = "SELECT 1"}).status().code(), Errc::closed);
  EXPECT_EQ(journal_->tick().status().code(), Errc::closed);
  EXPECT_EQ(journal_->flush().code(), Errc::closed);
}

TEST_F(JournalLife, TheLogIsCopiedBackBeforeItOutgrowsItsLimit) {
  options_.wal_limit_bytes = kMiB;
  start();
  for (int i = 0; i < 1000; ++i) write(insert_, "peer" + std::to_string(i));
  const LogStats log = journal_->stats().log;
  EXPECT_GT(log.passes, 2U);
  EXPECT_LE(log.bytes_max, kMiB);
  EXPECT_LT(std::filesystem::file_size(beside("-wal")), kMiB);
  EXPECT_GT(std::filesystem::file_size(database_), 2 * 4096U);
}

TEST_F(JournalLife, WhatOthersWriteBesideAnIdleJournalIsToldAndCopiedBack) {
  ASSERT_NO_FATAL_FAILURE(start_beside_a_foreign_burst());
  const std::uintmax_t burst = std::filesystem::file_size(beside("-wal"));
  ASSERT_GT(burst, 2 * kMiB);
  clock_->advance(std::chrono::seconds(1));
  tick();
  const LogStats log = journal_->stats().log;
  EXPECT_EQ(log.bytes, burst);
  EXPECT_EQ(log.bytes_max, burst);
  EXPECT_EQ(log.closings, 1U);
  EXPECT_TRUE(log.blocked.ok());
  ASSERT_EQ(other_->query("INSERT INTO peers(name) VALUES('foreign')"), "");
  EXPECT_EQ(std::filesystem::file_size(beside("-wal")), burst) << "the log began anew";
  EXPECT_TRUE(write(insert_, "bob").committed());
}

TEST_F(JournalLife, WhoKeepsItFromCopyingWhatOthersWriteIsTold) {
  ASSERT_NO_FATAL_FAILURE(start_beside_a_foreign_burst());
  ASSERT_EQ(other_->query("BEGIN IMMEDIATE"), "");
  clock_->advance(std::chrono::seconds(1));
  tick();
  LogStats log = journal_->stats().log;
  EXPECT_GT(log.bytes, kMiB);
  EXPECT_EQ(log.closings, 0U);
  EXPECT_TRUE(says(log.blocked, Errc::locked, {"locked"}));
  ASSERT_EQ(other_->query("COMMIT"), "");
  clock_->advance(std::chrono::seconds(1));
  tick();
  log = journal_->stats().log;
  EXPECT_EQ(log.closings, 1U);
  EXPECT_TRUE(log.blocked.ok());
}

TEST_F(JournalLife, CloseNamesAReaderOfThisProcessWhoKeepsTheLog) {
  start();
  write(insert_, "ada");
  test::OtherConnection forgotten(database_);
  forgotten.query("BEGIN");
  ASSERT_EQ(forgotten.query("SELECT name FROM peers"), "ada");
  for (int i = 0; i < 20; ++i) write(insert_, "peer" + std::to_string(i));
  const CloseReport report = close();
  EXPECT_TRUE(succeeded(report.status)) << "nothing is lost";
  EXPECT_GT(report.log.bytes, 20 * 4096U);
  EXPECT_TRUE(says(report.log.why, Errc::locked,
                   {std::to_string(report.log.bytes), "a connection of this process"}));
  ASSERT_EQ(report.log.readers.size(), 1U);
  EXPECT_EQ(report.log.readers[0].pid, ::getpid());
  const LogStats log = journal_->stats().log;
  EXPECT_EQ(log.pinned_bytes, report.log.bytes);
  EXPECT_EQ(log.readers.size(), 1U);
  EXPECT_EQ(log.blocked.message(), report.log.why.message());
  EXPECT_EQ(outside("SELECT count(*) FROM peers"), "21");
}

TEST_F(JournalLife, CloseNamesAWriterWhoKeepsItFromCopying) {
  start();
  write(insert_, "ada");
  test::OtherConnection other(database_);
  ASSERT_EQ(other.query("BEGIN IMMEDIATE"), "");
  const CloseReport report = close();
  EXPECT_TRUE(succeeded(report.status));
  EXPECT_GT(report.log.bytes, 0U);
  EXPECT_TRUE(says(report.log.why, Errc::locked, {"bytes of the log", "locked"}));
}

TEST_F(JournalLife, ACloseThatCopiesAllBackLeavesNothingInTheLog) {
  start();
  write(insert_, "ada");
  const CloseReport report = close();
  EXPECT_EQ(report.log.bytes, 0U);
  EXPECT_TRUE(report.log.why.ok());
}

TEST_F(JournalLife, AClosingPassKeepsEverybodyOutAndCountsAsAHold) {
  test::FaultyVfs vfs;
  options_.wal_limit_bytes = kMiB;
  start();
  for (int i = 0; i < 20; ++i) write(insert_, "peer" + std::to_string(i));
  clock_->advance(std::chrono::seconds(1));
  std::string answer;
  vfs.meanwhile(test::VfsCall::unfetch, test::VfsFile::database,
                [&] { answer = outside("INSERT INTO peers(name) VALUES('foreign')"); });
  tick();
  EXPECT_EQ(answer, "error 5");
  const JournalStats stats = journal_->stats();
  EXPECT_EQ(stats.log.closings, 1U);
  EXPECT_EQ(stats.log.closing_hold_ns.count(), 1U);
  EXPECT_EQ(stats.hold_ns.count(), stats.ticks + 1);
  close();
}

TEST_F(JournalLife, AFailedSyncOfTheCheckpointerPoisonsAtOnce) {
  test::FaultyVfs vfs;
  options_.wal_limit_bytes = kMiB;
  start();
  for (int i = 0; i < 20; ++i) write(insert_, "peer" + std::to_string(i));
  const Receipt waiting = submit(insert_, "late");
  clock_->advance(std::chrono::seconds(1));
  tick();
  clock_->advance(std::chrono::seconds(1));
  vfs.fail(
      {.call = test::VfsCall::sync, .file = test::VfsFile::database, .code = SQLITE_IOERR_FSYNC});
  EXPECT_EQ(journal_->tick().status().code(), Errc::poisoned);
  EXPECT_EQ(journal_->stats().poison.sqlite_code(), SQLITE_IOERR_FSYNC);
  EXPECT_TRUE(settled(waiting).committed());
  EXPECT_EQ(close().status.code(), Errc::poisoned);
  EXPECT_TRUE(std::filesystem::exists(beside("-wal")));
}

TEST_F(JournalLife, AnAffectedSqliteIsReported) {
  start();
  EXPECT_EQ(journal_->stats().log.hazard.empty(), sqlite3_libversion_number() > 3'051'002);
}

// --- Durability.

TEST_F(JournalLife, UnderNormalACommitIsNotCalledDurable) {
  start();
  write(insert_, "ada");
  EXPECT_EQ(journal_->stats().committed, 1U);
  EXPECT_EQ(journal_->stats().durable, 0U);
}

TEST_F(JournalLife, UnderFullACommitIsDurableWhenItReturns) {
  options_.synchronous = Synchronous::full;
  start();
  write(insert_, "ada");
  write(insert_, "bob");
  EXPECT_EQ(journal_->stats().committed, 2U);
  EXPECT_EQ(journal_->stats().durable, 2U);
}

TEST_F(JournalLife, ForeignKeysAreCheckedUnlessTheyAreSwitchedOff) {
  const std::string schema =
      "CREATE TABLE IF NOT EXISTS homes(id INTEGER PRIMARY KEY);"
      "CREATE TABLE IF NOT EXISTS calls(home REFERENCES homes)";
  open(schema);
  EXPECT_EQ(write(add("INSERT INTO calls VALUES(7)")).end, End::rejected);
  close();
  options_.foreign_keys = false;
  open(schema);
  EXPECT_TRUE(write(add("INSERT INTO calls VALUES(7)")).committed());
}

// --- Others beside it.

TEST_F(JournalLife, ASecondOpenerIsRefusedAndTheFirstGoesOn) {
  start();
  EXPECT_EQ(open_error(database_).code(), Errc::already_open);
  EXPECT_EQ(open_error(directory_ / "." / "test.db").code(), Errc::already_open);
  EXPECT_TRUE(write(insert_, "ada").committed());
  close();
  EXPECT_TRUE(open_error(database_).ok());
}

TEST_F(JournalLife, AForeignWriterIsWaitedForAndNothingIsLost) {
  start();
  test::OtherConnection other(database_);
  ASSERT_EQ(other.query("BEGIN IMMEDIATE"), "");
  const Receipt receipt = submit(insert_, "ada");
  const TickReport blocked = tick();
  EXPECT_FALSE(blocked.more);
  ASSERT_TRUE(blocked.next.has_value());
  EXPECT_GT(*blocked.next, journal_->now());
  EXPECT_FALSE(receipt.poll().has_value());
  EXPECT_EQ(journal_->stats().busy, 1U);
  ASSERT_EQ(other.query("ROLLBACK"), "");
  clock_->advance(*blocked.next - journal_->now());
  run();
  EXPECT_TRUE(settled(receipt).committed());
}

TEST_F(JournalLife, ADeadlineExpiresOnTimeWhileTheDatabaseIsLocked) {
  start();
  test::OtherConnection other(database_);
  ASSERT_EQ(other.query("BEGIN IMMEDIATE"), "");
  constexpr Duration kSoon = microseconds(100);  // before the lock is asked for again
  Row row;
  put(row, "ada");
  Result<Receipt> receipt = writes_->submit(insert_, row, {.deadline = journal_->now() + kSoon});
  ASSERT_TRUE(succeeded(receipt));
  const TickReport blocked = tick();
  ASSERT_TRUE(blocked.next.has_value());
  EXPECT_EQ(*blocked.next, journal_->now() + kSoon);
  clock_->advance(kSoon);
  tick();
  EXPECT_EQ(settled(*receipt).end, End::expired);
}

TEST_F(JournalLife, FlushOfALockedDatabaseSaysThatItWouldBlock) {
  start();
  test::OtherConnection other(database_);
  ASSERT_EQ(other.query("BEGIN IMMEDIATE"), "");
  const Receipt receipt = submit(insert_, "ada");
  EXPECT_EQ(journal_->flush().code(), Errc::would_block);
  EXPECT_FALSE(receipt.poll().has_value());
}

TEST_F(JournalLife, CloseOfALockedDatabaseSettlesTheRestAsClosed) {
  start();
  test::OtherConnection other(database_);
  ASSERT_EQ(other.query("BEGIN IMMEDIATE"), "");
  const Receipt receipt = submit(insert_, "ada");
  EXPECT_EQ(close().status.code(), Errc::timed_out);
  EXPECT_EQ(settled(receipt).end, End::closed);
  ASSERT_EQ(other.query("ROLLBACK"), "");
  EXPECT_EQ(names(), "");
}

TEST_F(JournalLife, AReaderSeesCommitsAndKeepsItsSnapshotMeanwhile) {
  start();
  write(insert_, "ada");
  test::OtherConnection reader(database_);
  ASSERT_EQ(reader.query("BEGIN"), "");
  EXPECT_EQ(reader.query("SELECT name FROM peers"), "ada");
  EXPECT_TRUE(write(insert_, "bob").committed());
  EXPECT_EQ(reader.query("SELECT name FROM peers"), "ada");
  ASSERT_EQ(reader.query("COMMIT"), "");
  EXPECT_EQ(reader.query("SELECT name FROM peers"), "ada bob");
}

TEST_F(JournalLife, CloseWhileAReaderReadsIsHealthyAndLosesNothing) {
  start();
  write(insert_, "ada");
  test::OtherConnection reader(database_);
  ASSERT_EQ(reader.query("BEGIN"), "");
  EXPECT_EQ(reader.query("SELECT name FROM peers"), "ada");
  write(insert_, "bob");
  EXPECT_TRUE(succeeded(close().status));
  ASSERT_EQ(reader.query("COMMIT"), "");
  EXPECT_EQ(names(), "ada bob");
}

// --- Classes.

TEST_F(JournalLife, SixtyFourClassesAreTakenAndTheNextIsRefused) {
  start();
  for (int i = 1; i < 64; ++i) {
    add_class({.name = "class" + std::to_string(i), .guarantee = {.records = 1, .bytes = 1}});
  }
  EXPECT_TRUE(says(journal_->add_class({.name = "toomany"}).status(), Errc::invalid_argument,
                   {"toomany", "65", "64"}));
  EXPECT_TRUE(write(insert_, "ada").committed());
}

TEST_F(JournalLife, GuaranteesThatDoNotFitTheTickAreNamed) {
  start();  // with a class that takes an eighth
  EXPECT_TRUE(says(
      journal_->add_class({.name = "greedy", .guarantee = {.records = 3585, .bytes = 1}}).status(),
      Errc::invalid_argument, {"greedy", "3585", "does not fit"}));
  add_class({.name = "modest", .guarantee = {.records = 3584, .bytes = 1}});
}

TEST_F(JournalLife, AClassNameIsTakenOnce) {
  start();
  EXPECT_TRUE(says(journal_->add_class({.name = "writes"}).status(), Errc::invalid_argument,
                   {"\"writes\"", "exists"}));
}

TEST_F(JournalLife, AnOptionOutOfItsLimitsIsNamedWithItsValue) {
  options_.tick.records = 1'000'001;
  EXPECT_TRUE(says(open_error(database_), Errc::invalid_argument, {"tick.records", "1000001"}));
  EXPECT_FALSE(std::filesystem::exists(database_));
}

}  // namespace
}  // namespace onelane
