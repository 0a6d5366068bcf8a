// An opening that fails leaves the journal mode and the files as it found them.
#include <fstream>
#include <iterator>
#include <map>
#include <optional>

#include "tests/support/faulty_vfs.h"
#include "tests/support/sink_fixture.h"

namespace onelane::test {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kWriteFormatAt = 18;  // of the database's header: 1, or 2 in WAL mode

class FailedOpen : public SinkFixture {
 protected:
  // By name, with their bytes. Only while nobody has the database open.
  using Files = std::map<std::string, std::string>;
  Files files() {
    Files found;
    for (const auto& entry : fs::directory_iterator(directory_.path())) {
      std::ifstream file(entry.path(), std::ios::binary);
      found[entry.path().filename()] = {std::istreambuf_iterator<char>(file), {}};
    }
    return found;
  }
  std::string names() {
    std::string out;
    for (const auto& [name, bytes] : files()) out += (out.empty() ? "" : " ") + name;
    return out;
  }
  bool in_wal_mode() { return files().at("test.db").at(kWriteFormatAt) == 2; }

  void make_database(const std::string& mode) {
    for (const auto& [name, bytes] : files()) fs::remove(directory_ / name);
    if (mode.empty()) return;
    OtherConnection other(database_, OtherConnection::Missing::created);
    ASSERT_EQ(other.query("PRAGMA journal_mode=" + mode), mode);
    ASSERT_EQ(other.query("CREATE TABLE t(v)"), "");
    ASSERT_EQ(other.query("INSERT INTO t VALUES('before')"), "");
  }
  // Why it failed; it must not be for another reason.
  void fail_open(const std::string& said) {
    const Status status = open_status();
    ASSERT_FALSE(status.ok());
    ASSERT_TRUE(contains(status.message(), said));
  }
};

struct Mistake {
  const char* schema;
  const char* watermark;
  const char* said;
};

const Mistake kMistakes[] = {
    {"CREATE TALBE x(a)", "", "near \"TALBE\""},
    {"CREATE TABLE a(x); INSERT INTO a VALUES(1); INSERT INTO nowhere VALUES(1)", "", "nowhere"},
    {"CREATE TABLE a(x UNIQUE); INSERT INTO a VALUES(1); INSERT INTO a VALUES(1)", "", "UNIQUE"},
    {"CREATE TABLE a(x); COMMIT", "", "COMMIT"},
    {"PRAGMA page_size=512", "", "page_size"},
    {"CREATE TABLE marks(x)", "marks", "watermark table \"marks\""},
};

TEST_F(FailedOpen, ForAMistakeOfTheCallersChangesNotAByteOfADatabaseInDeleteMode) {
  for (const Mistake& each : kMistakes) {
    ASSERT_NO_FATAL_FAILURE(make_database("delete"));
    const Files before = files();
    options_.schema = each.schema;
    options_.watermark_table = each.watermark;
    ASSERT_NO_FATAL_FAILURE(fail_open(each.said));
    EXPECT_EQ(names(), "test.db") << each.said;
    EXPECT_EQ(files(), before) << each.said;
  }
}

TEST_F(FailedOpen, LeavesNoFileWhereNoneWas) {
  for (const Mistake& each : kMistakes) {
    options_.schema = each.schema;
    options_.watermark_table = each.watermark;
    ASSERT_NO_FATAL_FAILURE(fail_open(each.said));
    EXPECT_EQ(names(), "") << each.said;
  }
}

TEST_F(FailedOpen, LeavesADatabaseInWalModeWithoutALogBesideIt) {
  for (const Mistake& each : kMistakes) {
    ASSERT_NO_FATAL_FAILURE(make_database("wal"));
    ASSERT_EQ(names(), "test.db");
    options_.schema = each.schema;
    options_.watermark_table = each.watermark;
    ASSERT_NO_FATAL_FAILURE(fail_open(each.said));
    EXPECT_TRUE(in_wal_mode());
    EXPECT_EQ(names(), "test.db") << each.said;
  }
}

// What only the COMMIT of the schema finds, in WAL mode already.
TEST_F(FailedOpen, LeavesWalModeAgain) {
  options_.schema =
      "CREATE TABLE a(x REFERENCES a(y) DEFERRABLE INITIALLY DEFERRED, y UNIQUE);"
      "INSERT INTO a VALUES(1, 2)";
  for (const char* mode : {"delete", ""}) {
    ASSERT_NO_FATAL_FAILURE(make_database(mode));
    const std::string before = names();
    ASSERT_NO_FATAL_FAILURE(fail_open("FOREIGN KEY constraint failed"));
    EXPECT_EQ(names(), before);
    EXPECT_FALSE(*mode != '\0' && in_wal_mode());
  }
}

TEST_F(FailedOpen, LeavesTheLogThatACrashLeft) {
  ASSERT_NO_FATAL_FAILURE(open("CREATE TABLE t(v)"));
  ASSERT_NO_FATAL_FAILURE(commit_row("committed"));
  fs::create_directory(directory_ / "crashed");
  for (const char* name : {"test.db", "test.db-wal"}) {
    test::copy_file(directory_ / name, directory_ / "crashed" / name);
  }
  sink_.reset();
  database_ = directory_ / "crashed" / "test.db";
  options_.schema = "CREATE TALBE x(a)";
  ASSERT_NO_FATAL_FAILURE(fail_open("TALBE"));
  EXPECT_GT(fs::file_size(database_.native() + "-wal"), 0U);
  EXPECT_EQ(outside("SELECT v FROM t"), "committed");
}

TEST_F(FailedOpen, TakesItsBallastAwayAndNobodyElses) {
  options_.schema = "CREATE TALBE x(a)";
  options_.ballast_bytes = kMiB;
  ASSERT_NO_FATAL_FAILURE(make_database("wal"));
  ASSERT_NO_FATAL_FAILURE(fail_open("TALBE"));
  EXPECT_EQ(names(), "test.db");
  std::ofstream(directory_ / "test.db-ballast") << "from an earlier life";
  ASSERT_NO_FATAL_FAILURE(fail_open("TALBE"));
  EXPECT_EQ(names(), "test.db test.db-ballast");
}

// In SQLite's shared memory a failure looks like somebody else's commit: the new file stays then.
TEST_F(FailedOpen, ForWhateverCallThatFailedOnceLeavesWhatItFound) {
  FaultyVfs vfs;
  options_.schema = "CREATE TABLE IF NOT EXISTS a(x)";
  options_.watermark_table = "marks";
  std::size_t failed = 0;
  for (const std::string mode : {"delete", ""}) {
    for (const VfsCall call : {VfsCall::open, VfsCall::read, VfsCall::write, VfsCall::file_size,
                               VfsCall::lock, VfsCall::shm_map, VfsCall::shm_lock}) {
      bool reached = true;
      for (std::uint64_t after = mode.size() % 4; reached; after += 3) {
        ASSERT_NO_FATAL_FAILURE(make_database(mode));
        const std::string before = names();
        const std::uint64_t failures = vfs.failures();
        vfs.fail({.call = call, .after = after});
        const Status status = open_status();
        vfs.heal();
        reached = vfs.failures() != failures;
        if (status.ok()) continue;
        ++failed;
        const bool stays = mode.empty() && call == VfsCall::shm_lock && names() == "test.db";
        ASSERT_TRUE(names() == before || stays)
            << static_cast<int>(call) << " after " << after << ": " << status.to_string();
        ASSERT_FALSE((stays || !mode.empty()) && in_wal_mode()) << status.to_string();
        ASSERT_TRUE(mode.empty() || outside("SELECT v FROM t") == "before");
      }
    }
  }
  EXPECT_GT(failed, 40U);
}

// After a failed sync the log must not be checkpointed: the disk may not have it.
TEST_F(FailedOpen, OfASyncLeavesAllAsItIsByThen) {
  FaultyVfs vfs;
  ASSERT_NO_FATAL_FAILURE(make_database("delete"));
  vfs.fail({.call = VfsCall::sync, .file = VfsFile::log, .code = SQLITE_IOERR_FSYNC});
  ASSERT_NO_FATAL_FAILURE(fail_open("sync"));
  vfs.heal();
  EXPECT_EQ(names(), "test.db test.db-shm test.db-wal");
  EXPECT_TRUE(in_wal_mode());
}

TEST_F(FailedOpen, OfASyncThatTheVfsCallsAFullDiskLeavesAllAsItIsByThen) {
  FaultyVfs vfs;
  vfs.fail({.call = VfsCall::sync, .file = VfsFile::database, .code = SQLITE_FULL});
  ASSERT_NO_FATAL_FAILURE(fail_open("full"));
  vfs.heal();
  EXPECT_NE(names(), "") << "nothing is removed";
}

// Another process comes while it is open, in the middle of the sync that follows the switch to WAL.
class FailedOpenBesideSomebody : public FailedOpen {
 protected:
  FailedOpenBesideSomebody() {
    options_.schema =
        "CREATE TABLE a(x REFERENCES a(y) DEFERRABLE INITIALLY DEFERRED, y UNIQUE);"
        "INSERT INTO a VALUES(1, 2)";
  }
  void fail_beside(std::function<void()> deed) {
    bool came = false;
    vfs_.meanwhile(VfsCall::sync, VfsFile::log, [&] {
      deed();
      came = true;
    });
    ASSERT_NO_FATAL_FAILURE(fail_open("FOREIGN KEY constraint failed"));
    ASSERT_TRUE(came);
  }
  FaultyVfs vfs_;
  std::optional<OtherConnection> other_;
};

TEST_F(FailedOpenBesideSomebody, LeavesHimTheNewFileThatHeHasOpen) {
  ASSERT_NO_FATAL_FAILURE(fail_beside([&] { other_.emplace(database_); }));
  ASSERT_EQ(names(), "test.db");
  EXPECT_EQ(other_->query("CREATE TABLE his(x)"), "");
  EXPECT_EQ(outside("SELECT name FROM sqlite_schema"), "his");
}

TEST_F(FailedOpenBesideSomebody, LeavesHimTheNewFileThatHeHasWrittenTo) {
  ASSERT_NO_FATAL_FAILURE(fail_beside([&] { EXPECT_EQ(outside("CREATE TABLE his(x)"), ""); }));
  ASSERT_EQ(names(), "test.db");
  EXPECT_FALSE(in_wal_mode());
  EXPECT_EQ(outside("SELECT name FROM sqlite_schema"), "his");
}

TEST_F(FailedOpenBesideSomebody, LeavesHimTheWalModeThatHeReadsIn) {
  ASSERT_NO_FATAL_FAILURE(make_database("delete"));
  ASSERT_NO_FATAL_FAILURE(fail_beside([&] {
    other_.emplace(database_);
    EXPECT_EQ(other_->query("SELECT v FROM t"), "before");
  }));
  EXPECT_EQ(other_->query("PRAGMA journal_mode"), "wal");
  EXPECT_EQ(other_->query("INSERT INTO t VALUES('his')"), "");
  EXPECT_EQ(outside("SELECT v FROM t"), "before his");
}

}  // namespace
}  // namespace onelane::test
