// Opening the SQLite sink: which files it accepts, their permissions, which other processes may
// have them open, and how the connection is set.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <functional>

#include "tests/support/child.h"
#include "tests/support/failing_fsync.h"
#include "tests/support/faulty_vfs.h"
#include "tests/support/sink_fixture.h"

namespace onelane {
namespace {

namespace fs = std::filesystem;
using test::contains;
using test::succeeded;

constexpr uid_t kNobody = 65534;

// What the function gives in a forked child.
int in_child(const std::function<int()>& function) {
  const pid_t child = fork();
  if (child == 0) _exit(function());
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void write_file(const fs::path& path, const std::string& content = "") {
  std::ofstream(path) << content;
}

unsigned mode_of(const fs::path& path) {
  struct stat found = {};
  EXPECT_EQ(stat(path.c_str(), &found), 0) << path;
  return found.st_mode & 0777;
}

class MaskedFiles {
 public:
  explicit MaskedFiles(mode_t mask) : before_(umask(mask)) {}
  ~MaskedFiles() { umask(before_); }
  MaskedFiles(const MaskedFiles&) = delete;
  MaskedFiles& operator=(const MaskedFiles&) = delete;

 private:
  mode_t before_;
};

class WorkingDirectory {
 public:
  explicit WorkingDirectory(const fs::path& path) : before_(fs::current_path()) {
    fs::current_path(path);
  }
  ~WorkingDirectory() { fs::current_path(before_); }
  WorkingDirectory(const WorkingDirectory&) = delete;
  WorkingDirectory& operator=(const WorkingDirectory&) = delete;

 private:
  fs::path before_;
};

class SqliteOpen : public test::SinkFixture {
 protected:
  void expect_refused(const fs::path& path, const std::string& reason,
                      Errc code = Errc::invalid_argument) {
    const Status status = sqlite::open_sink(path, options_).status();
    EXPECT_EQ(status.code(), code) << path << ": " << status.to_string();
    EXPECT_TRUE(contains(status.message(), reason));
    EXPECT_TRUE(contains(status.message(), path.filename().native()));
  }
  void make_database() {
    ASSERT_NO_FATAL_FAILURE(open("CREATE TABLE IF NOT EXISTS t(x)"));
    ASSERT_TRUE(close_healthy().ok());
  }
  std::size_t files() {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(directory_.path()), fs::directory_iterator()));
  }
};

TEST_F(SqliteOpen, ANewDatabaseAndItsNeighboursArePrivateUnderEveryMask) {
  for (const mode_t mask : {0000U, 0022U, 0077U, 0277U, 0777U}) {
    database_ = directory_ / ("mask" + std::to_string(mask));
    const MaskedFiles masked(mask);
    ASSERT_NO_FATAL_FAILURE(open("CREATE TABLE t(x)"));
    for (const char* suffix : {"", "-wal", "-shm"}) {
      EXPECT_EQ(mode_of(database_.native() + suffix), 0600U) << suffix << " under " << mask;
    }
  }
}

TEST_F(SqliteOpen, ANewDatabaseAndItsNeighboursHaveTheModeThatIsAskedForUnderEveryMask) {
  options_.file_mode = fs::perms(0664);
  for (const mode_t mask : {0000U, 0022U, 0277U}) {
    database_ = directory_ / ("mask" + std::to_string(mask));
    const MaskedFiles masked(mask);
    ASSERT_NO_FATAL_FAILURE(open("CREATE TABLE t(x)"));
    for (const char* suffix : {"", "-wal", "-shm"}) {
      EXPECT_EQ(mode_of(database_.native() + suffix), 0664U) << suffix << " under " << mask;
    }
  }
}

TEST_F(SqliteOpen, AnExistingDatabaseKeepsItsMode) {
  make_database();
  fs::permissions(database_, fs::perms(0640));
  ASSERT_NO_FATAL_FAILURE(open());
  EXPECT_EQ(mode_of(database_), 0640U);
  EXPECT_EQ(mode_of(database_.native() + "-wal"), 0640U);
}

TEST_F(SqliteOpen, ARelativePathIsTakenFromTheWorkingDirectoryAtOpen) {
  const WorkingDirectory working(directory_.path());
  database_ = "relative.db";
  ASSERT_NO_FATAL_FAILURE(open("CREATE TABLE t(x)"));
  EXPECT_TRUE(fs::exists(directory_ / "relative.db-wal"));
}

TEST_F(SqliteOpen, SqliteGetsAnAbsolutePathWithoutLinks) {
  fs::create_directory(directory_ / "real");
  fs::create_directory_symlink(directory_ / "real", directory_ / "link");
  database_ = directory_ / "link" / "test.db";
  const test::ConnectionSpy spy;
  ASSERT_NO_FATAL_FAILURE(open());
  EXPECT_EQ(sqlite3_db_filename(spy.writer(), "main"), (directory_ / "real/test.db").native());
}

TEST_F(SqliteOpen, WhatIsNoPlainPathIsRefused) {
  const WorkingDirectory working(directory_.path());
  expect_refused("", "the path is empty");
  expect_refused(":memory:", "needs a file");
  expect_refused("file:test.db?mode=memory", "URIs are not taken");
  expect_refused("file:test.db", "./file:test.db");
  EXPECT_EQ(sqlite::open_sink(std::string("a\0b", 3), options_).status().code(),
            Errc::invalid_argument);
  EXPECT_EQ(files(), 0U);
}

TEST_F(SqliteOpen, AFileThatIsCalledLikeAUriIsOpenedByItsPath) {
  const WorkingDirectory working(directory_.path());
  database_ = "./file:test.db?mode=memory";
  ASSERT_NO_FATAL_FAILURE(open("CREATE TABLE t(x)"));
  EXPECT_TRUE(fs::exists(directory_ / "file:test.db?mode=memory"));
}

TEST_F(SqliteOpen, ADirectoryIsRefused) {
  fs::create_directory(directory_ / "sub");
  expect_refused(directory_ / "sub", "is a directory");
  EXPECT_EQ(sqlite::open_sink(directory_ / "sub" / "", options_).status().code(),
            Errc::invalid_argument);
  expect_refused(directory_ / "..", "is a directory");
  EXPECT_EQ(sqlite::open_sink("/", options_).status().code(), Errc::invalid_argument);
}

TEST_F(SqliteOpen, AMissingDirectoryIsRefusedAndNotMade) {
  const Status status = sqlite::open_sink(directory_ / "none" / "test.db", options_).status();
  EXPECT_EQ(status.code(), Errc::invalid_argument);
  EXPECT_TRUE(contains(status.message(), (directory_ / "none").native()));
  EXPECT_EQ(files(), 0U);
}

TEST_F(SqliteOpen, ALinkIsRefusedWhereverItPoints) {
  make_database();
  fs::create_symlink(database_, directory_ / "link.db");
  fs::create_symlink(directory_ / "nowhere", directory_ / "dangling.db");
  expect_refused(directory_ / "link.db", "is a link");
  expect_refused(directory_ / "dangling.db", "is a link");
}

TEST_F(SqliteOpen, AFileWithTwoNamesIsRefused) {
  make_database();
  fs::create_hard_link(database_, directory_ / "second.db");
  expect_refused(directory_ / "second.db", "2 hard links");
}

TEST_F(SqliteOpen, APipeIsRefusedWithoutHanging) {
  ASSERT_EQ(mkfifo((directory_ / "pipe").c_str(), 0600), 0);
  expect_refused(directory_ / "pipe", "not a regular file");
}

TEST_F(SqliteOpen, ANeighbourThatIsNoPlainFileIsRefused) {
  make_database();
  write_file(directory_ / "target");
  for (const char* suffix : {"-wal", "-shm", "-journal", "-ballast"}) {
    const fs::path neighbour = database_.native() + suffix;
    fs::remove(neighbour);
    fs::create_symlink(directory_ / "target", neighbour);
    const Status status = open_status();
    EXPECT_EQ(status.code(), Errc::invalid_argument) << suffix;
    EXPECT_TRUE(contains(status.message(), neighbour.native() + ": is a link"));
    fs::remove(neighbour);
  }
  EXPECT_EQ(fs::file_size(directory_ / "target"), 0U);
}

TEST_F(SqliteOpen, ADirectoryWhereEverybodyMayReplaceFilesIsRefused) {
  fs::permissions(directory_.path(), fs::perms(0777));
  const Status status = open_status();
  EXPECT_EQ(status.code(), Errc::invalid_argument);
  EXPECT_TRUE(contains(status.message(), "chmod o-w"));
  EXPECT_EQ(files(), 0U);
  fs::permissions(directory_.path(), fs::perms(01777));
  EXPECT_TRUE(open_status().ok());
}

TEST_F(SqliteOpen, AnotherUsersDatabaseIsRefused) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root to become another user";
  make_database();
  fs::permissions(database_, fs::perms(0666));
  fs::permissions(directory_.path(), fs::perms(0755));
  const int code = in_child([this] {
    if (setuid(kNobody) != 0) return -1;
    const Status status = open_status();
    const bool named = status.message().find("belongs to user 0") != std::string::npos;
    return named ? static_cast<int>(status.code()) : -1;
  });
  EXPECT_EQ(code, static_cast<int>(Errc::invalid_argument));
}

TEST_F(SqliteOpen, ADatabaseThatRootOpenedFirstIsStillItsOwners) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root to become another user";
  ASSERT_EQ(chown(directory_.path().c_str(), kNobody, kNobody), 0);
  write_file(database_);
  ASSERT_EQ(chown(database_.c_str(), kNobody, kNobody), 0);
  make_database();
  const int code = in_child(
      [this] { return setuid(kNobody) == 0 ? static_cast<int>(open_status().code()) : -1; });
  EXPECT_EQ(code, 0);
}

TEST_F(SqliteOpen, AFileThatMayNotBeWrittenIsNotOpened) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root to become another user";
  ASSERT_EQ(chown(directory_.path().c_str(), kNobody, kNobody), 0);
  write_file(database_);
  ASSERT_EQ(chown(database_.c_str(), kNobody, kNobody), 0);
  ASSERT_EQ(chmod(database_.c_str(), 0400), 0);
  const int code = in_child([this] {
    if (setuid(kNobody) != 0) return -1;
    const Status status = open_status();
    const bool named = contains(status.message(), "test.db: cannot be opened for writing");
    return named && status.sqlite_code() == SQLITE_READONLY ? static_cast<int>(status.code()) : -1;
  });
  EXPECT_EQ(code, static_cast<int>(Errc::storage));
}

TEST_F(SqliteOpen, AFolderThatTheLogCannotBeMadeInIsNamed) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root to become another user";
  write_file(database_);
  ASSERT_EQ(chown(database_.c_str(), kNobody, kNobody), 0);
  fs::permissions(directory_.path(), fs::perms(0755));
  const int code = in_child([this] {
    if (setuid(kNobody) != 0) return -1;
    const Status status = open_status();
    const std::string named = directory_.path().native() + ": SQLite's log cannot be made";
    return contains(status.message(), named) ? static_cast<int>(status.code()) : -1;
  });
  EXPECT_EQ(code, static_cast<int>(Errc::storage));
}

TEST_F(SqliteOpen, AFileThatIsNoDatabaseIsRefusedAndNothingIsLeftBesideIt) {
  write_file(database_, std::string(5000, 'x'));
  EXPECT_EQ(open_status().code(), Errc::corrupt);
  EXPECT_EQ(files(), 1U);
}

TEST_F(SqliteOpen, ASecondOpenerInTheProcessIsRefusedUntilTheFirstHasClosed) {
  ASSERT_NO_FATAL_FAILURE(open());
  expect_refused(database_, "another journal", Errc::already_open);
  ASSERT_TRUE(sink_->close(CloseMode::healthy).ok());
  EXPECT_TRUE(open_status().ok()) << "closed, though the sink still lives";
}

TEST_F(SqliteOpen, ASecondOpenerUnderAnotherPathIsRefused) {
  fs::create_directory_symlink(directory_.path(), directory_ / "self");
  ASSERT_NO_FATAL_FAILURE(open());
  expect_refused(directory_ / "self" / "test.db", "another journal", Errc::already_open);
}

TEST_F(SqliteOpen, AnotherProcessIsRefusedUntilTheFirstHasClosed) {
  test::Standby other([this] { return static_cast<int>(open_status().code()); });
  ASSERT_NO_FATAL_FAILURE(open());
  EXPECT_EQ(other.run(), static_cast<int>(Errc::already_open));
  ASSERT_TRUE(close_healthy().ok());
  EXPECT_EQ(other.run(), 0);
}

TEST_F(SqliteOpen, AFailedOpenLeavesTheLockFree) {
  options_.schema = "oops";
  const Status status = open_status();
  EXPECT_EQ(status.code(), Errc::invalid_argument);
  EXPECT_TRUE(contains(status.message(), "oops")) << "it came as far as the schema";
  options_.schema = "";
  EXPECT_TRUE(open_status().ok());
}

// Closing any descriptor of the file would drop SQLite's locks, and let another program write.
TEST_F(SqliteOpen, ARefusedOpenerLeavesTheLocksOfTheFirstAlone) {
  ASSERT_NO_FATAL_FAILURE(open("CREATE TABLE t(x)"));
  ASSERT_TRUE(succeeded(sink_->begin()));
  EXPECT_EQ(open_status().code(), Errc::already_open);
  EXPECT_EQ(in_child([this] { return outside("INSERT INTO t VALUES(1)") == "error 5" ? 0 : 1; }),
            0);
  ASSERT_TRUE(succeeded(sink_->commit()));
}

TEST_F(SqliteOpen, NoDescriptorIsLeftToAProgramThatIsStarted) {
  ASSERT_NO_FATAL_FAILURE(open());
  int of_the_journal = 0;
  for (const auto& entry : fs::directory_iterator("/proc/self/fd")) {
    std::error_code gone;
    const fs::path target = fs::read_symlink(entry.path(), gone);
    if (gone || target.native().find(directory_.path().native()) == std::string::npos) continue;
    EXPECT_NE(fcntl(std::stoi(entry.path().filename().native()), F_GETFD) & FD_CLOEXEC, 0)
        << target;
    ++of_the_journal;
  }
  EXPECT_GE(of_the_journal, 3) << "the lock, the database and its log at least";
}

TEST_F(SqliteOpen, TheSettingsAreWhatTheOptionsSay) {
  for (const bool full_and_keys : {false, true}) {
    options_.synchronous = full_and_keys ? Synchronous::full : Synchronous::normal;
    options_.foreign_keys = full_and_keys;
    ASSERT_NO_FATAL_FAILURE(open());
    ASSERT_TRUE(succeeded(sink_->begin()));
    EXPECT_EQ(inside("PRAGMA synchronous"), full_and_keys ? "2" : "1");
    EXPECT_EQ(inside("PRAGMA foreign_keys"), full_and_keys ? "1" : "0");
    EXPECT_EQ(inside("PRAGMA journal_mode"), "wal");
    EXPECT_EQ(inside("PRAGMA mmap_size"), "0");
    EXPECT_EQ(inside("PRAGMA busy_timeout"), "0");
    sink_.reset();
  }
}

TEST_F(SqliteOpen, NoOtherFileCanBeAttached) {
  const test::ConnectionSpy spy;
  ASSERT_NO_FATAL_FAILURE(open());
  EXPECT_EQ(sqlite3_limit(spy.writer(), SQLITE_LIMIT_ATTACHED, -1), 0);
}

TEST_F(SqliteOpen, AMisspeltColumnInDoubleQuotesIsAnErrorAndNotAString) {
  ASSERT_NO_FATAL_FAILURE(open("CREATE TABLE t(x)"));
  for (const char* sql : {R"(DELETE FROM t WHERE x = "y")", R"(CREATE INDEX i ON t(x, "y"))"}) {
    const Status status = sink_->add_statement({sql, {}, {}});
    EXPECT_EQ(status.code(), Errc::invalid_argument);
    EXPECT_TRUE(contains(status.message(), "no such column: ")) << sql;
  }
}

TEST_F(SqliteOpen, TheInternalTablesCannotBeWritten) {
  const std::string module = test::full_text();
  if (module.empty()) GTEST_SKIP() << "this SQLite has no full-text search";
  ASSERT_NO_FATAL_FAILURE(open("CREATE VIRTUAL TABLE f USING " + module + "(x)"));
  const Status status = sink_->add_statement({"DELETE FROM f_content", {}, {}});
  EXPECT_EQ(status.code(), Errc::invalid_argument);
  EXPECT_TRUE(contains(status.message(), "table f_content may not be modified"));
}

// The switch to WAL goes through a rollback journal, which must be synced if anything is.
TEST_F(SqliteOpen, SynchronousIsSetBeforeTheJournalMode) {
  const test::ConnectionSpy spy;
  ASSERT_NO_FATAL_FAILURE(open());
  EXPECT_GE(spy.position("PRAGMA synchronous="), 0);
  EXPECT_LT(spy.position("PRAGMA synchronous="), spy.position("PRAGMA journal_mode=wal"));
}

// One that a power cut tore could pass for whole otherwise.
TEST_F(SqliteOpen, TheJournalOfTheSwitchIsSyncedBeforeItsHeaderSaysWhatIsInIt) {
  const test::FaultyVfs vfs;
  make_database();
  ASSERT_EQ(test::OtherConnection(database_).query("PRAGMA journal_mode=DELETE"), "delete");
  const std::uint64_t before = vfs.calls(test::VfsCall::sync, test::VfsFile::journal);
  options_.synchronous = Synchronous::normal;
  ASSERT_NO_FATAL_FAILURE(open());
  EXPECT_EQ(vfs.calls(test::VfsCall::sync, test::VfsFile::journal), before + 2);
  sink_.reset();
}

TEST_F(SqliteOpen, AReaderThatKeepsTheJournalModeFromChangingIsNamed) {
  const test::FaultyVfs vfs;
  make_database();
  test::OtherConnection other(database_);
  ASSERT_EQ(other.query("PRAGMA journal_mode=DELETE"), "delete");
  ASSERT_EQ(other.query("BEGIN"), "");
  ASSERT_EQ(other.query("SELECT count(*) FROM t"), "0");
  EXPECT_EQ(open_status().code(), Errc::locked);
}

TEST_F(SqliteOpen, AStorageThatCannotKeepALogIsRefused) {
  sqlite3_vfs* before = sqlite3_vfs_find(nullptr);
  sqlite3_vfs_register(sqlite3_vfs_find("unix-dotfile"), 1);  // has no shared memory
  const Status status = open_status();
  sqlite3_vfs_register(before, 1);
  EXPECT_EQ(status.code(), Errc::storage);
  EXPECT_TRUE(contains(status.message(), "journal_mode stays 'delete', wal is needed"));
}

TEST_F(SqliteOpen, ALockedDatabaseIsWaitedForALittleAndNamed) {
  test::FaultyVfs vfs;
  make_database();
  test::OtherConnection other(database_);
  ASSERT_EQ(other.query("BEGIN IMMEDIATE"), "");
  const Status status = open_status();
  EXPECT_EQ(status.code(), Errc::locked);
  EXPECT_EQ(status.sqlite_code(), SQLITE_BUSY);
  EXPECT_TRUE(contains(status.message(), database_.native()));
  EXPECT_GE(vfs.slept_us(), 4'000'000U);
  EXPECT_LE(vfs.slept_us(), 6'000'000U);
}

TEST_F(SqliteOpen, OnceOpenALockedDatabaseIsAnAnswerAtOnce) {
  test::FaultyVfs vfs;
  ASSERT_NO_FATAL_FAILURE(open("CREATE TABLE t(x)"));
  test::OtherConnection other(database_);
  ASSERT_EQ(other.query("BEGIN IMMEDIATE"), "");
  EXPECT_TRUE(test::failed(sink_->begin(), Fault::busy, Effect::ended, SQLITE_BUSY));
  EXPECT_EQ(vfs.slept_us(), 0U);
  ASSERT_EQ(other.query("COMMIT"), "");
  EXPECT_TRUE(succeeded(sink_->begin()));
  sink_.reset();
}

TEST_F(SqliteOpen, WhatIsNoDatabaseIsCalledCorrupt) {
  write_file(database_, std::string(8192, 'x'));
  const Status status = open_status();
  EXPECT_EQ(status.code(), Errc::corrupt);
  EXPECT_EQ(status.sqlite_code(), SQLITE_NOTADB);
}

TEST_F(SqliteOpen, ADirectoryThatCannotBeSyncedFailsTheOpen) {
  {
    const test::FailingDirectorySync failing;
    const Status status = open_status();
    EXPECT_EQ(status.code(), Errc::storage);
    EXPECT_TRUE(contains(status.message(), "cannot be synced"));
  }
  EXPECT_TRUE(open_status().ok());
}

// Also where the schema has nothing to do and the file exists: its log does not.
TEST_F(SqliteOpen, TheDirectoryIsSyncedAfterTheLogExistsAtEveryOpen) {
  for (int i = 0; i < 2; ++i) {
    const auto before = test::directory_syncs();
    ASSERT_NO_FATAL_FAILURE(open("CREATE TABLE IF NOT EXISTS t(x)"));
    EXPECT_GE(test::directory_syncs(), before + 1) << "SQLite's own is one where it calls fsync";
    EXPECT_GT(fs::file_size(directory_ / "test.db-wal"), 0U);
    ASSERT_TRUE(close_healthy().ok());
    EXPECT_FALSE(fs::exists(directory_ / "test.db-wal"));
  }
}

TEST_F(SqliteOpen, TheSchemaIsOneTransaction) {
  make_database();
  options_.schema =
      "CREATE TABLE a(x); -- a comment\n CREATE TABLE b(x); INSERT INTO nowhere VALUES(1)";
  const Status status = open_status();
  EXPECT_EQ(status.code(), Errc::invalid_argument);
  EXPECT_TRUE(contains(status.message(), "schema: no such table: nowhere"));
  EXPECT_EQ(outside("SELECT name FROM sqlite_schema"), "t");
  ASSERT_NO_FATAL_FAILURE(open("CREATE TABLE a(x); INSERT INTO a VALUES(1); SELECT * FROM a;\n"));
  EXPECT_EQ(outside("SELECT * FROM a"), "1");
}

TEST_F(SqliteOpen, ASchemaThatLeavesAKeyUnresolvedIsRefused) {
  make_database();
  options_.schema =
      "CREATE TABLE a(x REFERENCES a(y) DEFERRABLE INITIALLY DEFERRED, y UNIQUE);"
      "INSERT INTO a VALUES(1, 2)";
  const Status status = open_status();
  EXPECT_EQ(status.code(), Errc::invalid_argument);
  EXPECT_EQ(status.sqlite_code(), SQLITE_CONSTRAINT_FOREIGNKEY);
  EXPECT_EQ(outside("SELECT name FROM sqlite_schema"), "t");
}

TEST_F(SqliteOpen, TheSchemasOwnTriggersAndFullTextTablesWork) {
  const std::string module = test::full_text();
  if (module.empty()) GTEST_SKIP() << "this SQLite has no full-text search";
  ASSERT_NO_FATAL_FAILURE(
      open("CREATE TABLE t(x); CREATE VIRTUAL TABLE f USING " + module +
           "(x);"
           "CREATE TRIGGER g AFTER INSERT ON t BEGIN INSERT INTO f VALUES(upper(new.x)); END"));
  ASSERT_TRUE(succeeded(sink_->begin()));
  ASSERT_TRUE(succeeded(execute("INSERT INTO t VALUES('ada')")));
  EXPECT_EQ(inside("SELECT x FROM f WHERE f MATCH 'ada'"), "ADA");
  ASSERT_TRUE(succeeded(sink_->commit()));
}

TEST_F(SqliteOpen, ALogThatACrashLeftIsRecovered) {
  ASSERT_NO_FATAL_FAILURE(open("CREATE TABLE t(x)"));
  ASSERT_TRUE(succeeded(sink_->begin()));
  ASSERT_TRUE(succeeded(execute("INSERT INTO t VALUES(7)")));
  ASSERT_TRUE(succeeded(sink_->commit()));
  fs::create_directory(directory_ / "crashed");
  for (const char* name : {"test.db", "test.db-wal"}) {
    test::copy_file(directory_ / name, directory_ / "crashed" / name);
  }
  sink_.reset();
  database_ = directory_ / "crashed" / "test.db";
  ASSERT_NO_FATAL_FAILURE(open());
  EXPECT_EQ(outside("SELECT x FROM t"), "7");
}

}  // namespace
}  // namespace onelane
