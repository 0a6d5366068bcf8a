// The SQLite that a program happens to be linked with: what cannot be used is refused before a file
// is made, and other defaults change nothing.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <string>

#include "src/sqlite/connection/connection.h"
#include "src/sqlite/connection/library.h"
#include "src/sqlite/log/wal_index.h"
#include "tests/support/faulty_vfs.h"
#include "tests/support/other_library.h"
#include "tests/support/sink_fixture.h"

namespace onelane {
namespace {

using test::contains;
using test::succeeded;
using test::VfsCall;
using test::VfsFile;

constexpr int kLogHeaderBytes = 32;
constexpr int kFrameHeaderBytes = 24;
constexpr int kPageBytes = 4096;

class SqliteLibrary : public test::SinkFixture {
 protected:
  void expect_refused(const std::string& why) {
    const Status status = open_status();
    EXPECT_EQ(status.code(), Errc::storage);
    EXPECT_TRUE(contains(status.message(), why));
    EXPECT_TRUE(contains(status.message(), sqlite3_libversion()));
    EXPECT_TRUE(std::filesystem::is_empty(directory_.path())) << "no file is made";
  }
};

// Shuts SQLite down and configures it again, while nothing of it is in use.
class Reconfigured {
 public:
  template <class... Arguments>
  explicit Reconfigured(std::function<void()> undo, int option, Arguments... arguments)
      : undo_(std::move(undo)) {
    EXPECT_EQ(sqlite3_shutdown(), SQLITE_OK);
    EXPECT_EQ(sqlite3_config(option, arguments...), SQLITE_OK);
  }
  ~Reconfigured() {
    sqlite3_shutdown();
    undo_();
  }
  Reconfigured(const Reconfigured&) = delete;
  Reconfigured& operator=(const Reconfigured&) = delete;

 private:
  const std::function<void()> undo_;
};

TEST_F(SqliteLibrary, OneThatWasBuiltForASingleThreadIsRefused) {
  const test::BuiltForASingleThread built;
  expect_refused("was built for a single thread (SQLITE_THREADSAFE=0)");
}

TEST_F(SqliteLibrary, OneThatIsTooOldIsRefused) {
  const test::OfVersion old(3'036'999);
  expect_refused("is too old; onelane needs 3.37.0 or newer");
}

TEST_F(SqliteLibrary, OneThatWasConfiguredForASingleThreadIsRefused) {
  const Reconfigured single([] { sqlite3_config(SQLITE_CONFIG_SERIALIZED); },
                            SQLITE_CONFIG_SINGLETHREAD);
  expect_refused("was configured for a single thread (SQLITE_CONFIG_SINGLETHREAD)");
}

TEST_F(SqliteLibrary, OneThatCannotBeInitializedIsRefusedWithTheReason) {
  sqlite3_pcache_methods2 real = {};
  ASSERT_EQ(sqlite3_shutdown(), SQLITE_OK);
  ASSERT_EQ(sqlite3_config(SQLITE_CONFIG_GETPCACHE2, &real), SQLITE_OK);
  sqlite3_pcache_methods2 failing = real;
  failing.xInit = [](void*) -> int { return SQLITE_PERM; };
  const Reconfigured broken([&real] { sqlite3_config(SQLITE_CONFIG_PCACHE2, &real); },
                            SQLITE_CONFIG_PCACHE2, &failing);
  expect_refused("cannot be initialized: access permission denied");
}

// As a build with SQLITE_DEFAULT_LOCKING_MODE=1 does it, when a connection is opened.
class ExclusiveByDefault {
 public:
  ExclusiveByDefault() { sqlite3_auto_extension(entry_point()); }
  ~ExclusiveByDefault() { sqlite3_cancel_auto_extension(entry_point()); }
  ExclusiveByDefault(const ExclusiveByDefault&) = delete;
  ExclusiveByDefault& operator=(const ExclusiveByDefault&) = delete;

  static inline int opened_ = 0;

 private:
  static int on_open(sqlite3* db, char**, const struct sqlite3_api_routines*) {
    EXPECT_EQ(test::query(db, "PRAGMA locking_mode=EXCLUSIVE"), "exclusive");
    ++opened_;
    return SQLITE_OK;
  }
  static void (*entry_point())() { return reinterpret_cast<void (*)()>(on_open); }
};

TEST_F(SqliteLibrary, ADefaultOfExclusiveLockingKeepsNobodyOut) {
  for (const Synchronous level : {Synchronous::normal, Synchronous::paranoid}) {
    options_.synchronous = level;
    {
      const ExclusiveByDefault built;
      ASSERT_NO_FATAL_FAILURE(open("CREATE TABLE IF NOT EXISTS t(id INTEGER PRIMARY KEY, v TEXT)"));
      EXPECT_GE(built.opened_, 3) << "the connections of the sink";
    }
    commit_row("one");
    EXPECT_EQ(outside("SELECT v FROM t"), "one") << "by another connection, while it is open";
    ASSERT_TRUE(succeeded(sink_->begin()));
    ASSERT_TRUE(succeeded(execute("DELETE FROM t")));
    ASSERT_TRUE(succeeded(sink_->commit()));
    EXPECT_TRUE(close_healthy().ok());
  }
}

TEST_F(SqliteLibrary, TheHazardNamesTheBuildAndHowSureItIs) {
  const std::string hazard = sqlite::reset_hazard();
  if (!sqlite::has_reset_bug(sqlite3_libversion_number())) {
    EXPECT_EQ(hazard, "");
    return;
  }
  EXPECT_TRUE(contains(hazard, sqlite3_sourceid()));
  EXPECT_TRUE(contains(hazard, "3.7.0 to 3.51.2"));
  EXPECT_TRUE(contains(hazard, "may have fixed it and kept the number"));
}

// The log as another SQLite would have written it: the file is changed when onelane comes to read
// it, which SQLite does not do while the index says where its pages are.
class LogFormat : public test::SinkFixture {
 protected:
  void TearDown() override { sink_.reset(); }  // before the VFS

  // Overwrites four bytes of the header, or of the last frame's, when the log is read.
  void change_header(off_t at) {
    change_when_read([at](off_t) { return at; });
  }
  void change_last_frame(off_t at) {
    change_when_read([at](off_t size) { return size - kFrameHeaderBytes - kPageBytes + at; });
  }
  void expect_refused(const std::string& why) {
    const Status status = open_status();
    EXPECT_TRUE(read_) << "nobody looked at the log";
    EXPECT_EQ(status.code(), Errc::storage);
    EXPECT_TRUE(contains(status.message(), "writes a log that onelane does not know: " + why));
    EXPECT_TRUE(contains(status.message(), sqlite3_sourceid()));
  }

 private:
  void change_when_read(std::function<off_t(off_t)> place) {
    vfs_.meanwhile(VfsCall::read, VfsFile::log, [this, place = std::move(place)] {
      const int log = ::open((database_.string() + "-wal").c_str(), O_WRONLY | O_CLOEXEC);
      struct stat found = {};
      ASSERT_EQ(::fstat(log, &found), 0);
      ASSERT_GE(found.st_size, kLogHeaderBytes + kFrameHeaderBytes + kPageBytes);
      ASSERT_EQ(::pwrite(log, "\0\0\0\0", 4, place(found.st_size)), 4);
      ::close(log);
      read_ = true;
    });
  }

  test::FaultyVfs vfs_;
  bool read_ = false;
};

TEST_F(LogFormat, AnotherMagicNumberIsRefused) {
  change_header(0);
  expect_refused("its format");
}

TEST_F(LogFormat, AnotherVersionIsRefused) {
  change_header(4);
  expect_refused("its format is 0");
}

TEST_F(LogFormat, OtherPagesThanTheDatabasesAreRefused) {
  change_header(8);
  expect_refused("its header and its index do not agree");
}

TEST_F(LogFormat, ASaltElsewhereInTheHeaderIsRefused) {
  change_header(20);
  expect_refused("its header and its index do not agree");
}

TEST_F(LogFormat, ACommitMarkElsewhereIsRefused) {
  change_last_frame(4);
  expect_refused("the last frame of a commit does not have its mark");
}

TEST_F(LogFormat, ASaltElsewhereInAFrameIsRefused) {
  change_last_frame(8);
  expect_refused("the last frame of a commit does not have its mark");
}

TEST_F(LogFormat, AnIndexOfAnotherVersionIsRefused) {
  ASSERT_NO_FATAL_FAILURE(open(kTable));
  Result<std::unique_ptr<sqlite::Connection>> connection =
      sqlite::Connection::open(database_, options_);
  ASSERT_TRUE(connection.ok()) << connection.status().to_string();
  ASSERT_TRUE((*connection)->log_file().ok());
  ASSERT_TRUE(sqlite::WalIndex::of(**connection).ok());
  const int index = ::open((database_.string() + "-shm").c_str(), O_RDWR | O_CLOEXEC);
  std::uint32_t version = 0;
  ASSERT_EQ(::pread(index, &version, sizeof version, 0), 4);
  ASSERT_EQ(version, 3'007'000U);
  ++version;
  ASSERT_EQ(::pwrite(index, &version, sizeof version, 0), 4);
  const Status status = sqlite::WalIndex::of(**connection).status();
  EXPECT_TRUE(contains(status.message(), "its index has the format 3007001")) << "SQLite's own";
  --version;
  ASSERT_EQ(::pwrite(index, &version, sizeof version, 0), 4);
  ::close(index);
}

}  // namespace
}  // namespace onelane
