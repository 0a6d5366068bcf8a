// onelane check: what it finds in a database, beside it, and of those who have it.
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <fstream>

#include "tests/support/child.h"
#include "tests/support/sqlite_support.h"
#include "tests/support/temp_directory.h"
#include "tests/support/tool.h"
#include "tools/database/files.h"
#include "tools/database/inside.h"
#include "tools/database/others.h"
#include "tools/database/place.h"
#include "tools/database/schema_words.h"

namespace onelane::tools {
namespace {

using namespace std::chrono_literals;
using std::filesystem::path;
using test::complaint;
using test::expect_contains;
using test::of;

void write_file(const path& file, std::string_view text) {
  std::ofstream(file, std::ios::binary) << text;
}

std::string content_of(const path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

class DatabaseCheck : public ::testing::Test {
 protected:
  // A database in WAL mode that was closed in good order.
  path make(const std::string& sql = "CREATE TABLE t(a PRIMARY KEY, b)") {
    path file = directory_ / "a.db";
    test::OtherConnection other(file, test::OtherConnection::Missing::created);
    other.query("PRAGMA journal_mode=WAL");
    EXPECT_EQ(sqlite3_exec(other.handle(), sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK)
        << sql;
    return file;
  }
  static Findings inside(const path& file, const InsideOptions& options = {.limit = 10s}) {
    return look_inside(find_database(file), options);
  }
  static Findings outside(const path& file) { return look_at_file(file, find_database(file)); }
  static Findings beside(const path& file) { return look_beside(find_database(file)); }
  // What find_database says against it.
  std::string refusal(const path& file) {
    return complaint([&file] { find_database(file); });
  }

  test::TempDirectory directory_;
};

TEST_F(DatabaseCheck, SaysPlainlyWhatIsNoDatabase) {
  expect_contains(refusal(directory_ / "no.db"), "no.db: there is no such file");
  expect_contains(refusal(directory_.path()), "is a folder; give the path of a database's file");
  expect_contains(refusal("/dev/null"), "is a device");
  ASSERT_EQ(mkfifo((directory_ / "pipe").c_str(), 0600), 0);
  expect_contains(refusal(directory_ / "pipe"), "is a pipe");
  write_file(directory_ / "text", "hello, this is a text and no database at all, but it is long");
  expect_contains(refusal(directory_ / "text"), "begins with 68 65 6c 6c 6f");
  write_file(directory_ / "short", "SQLite format 3");
  expect_contains(refusal(directory_ / "short"), "is no SQLite database");
  expect_contains(refusal(directory_ / "x\x1b[2J.db"), "x\\x1b[2J.db");
}

TEST_F(DatabaseCheck, FindsNothingToDoInAGoodOne) {
  const path file = make();
  for (const Findings& findings : {outside(file), beside(file), inside(file)}) {
    EXPECT_FALSE(findings.empty());
    for (const Finding& finding : findings) {
      EXPECT_EQ(finding.verdict, Verdict::ok) << finding.what << ": " << finding.value;
    }
  }
}

TEST_F(DatabaseCheck, ChangesNothingInTheFolder) {
  const path file = make();
  const std::string before = content_of(file);
  (void)inside(file, {.deep = true, .limit = 10s, .look = 50ms});
  EXPECT_EQ(content_of(file), before);
  EXPECT_FALSE(std::filesystem::exists(file.string() + "-wal"));
  EXPECT_FALSE(std::filesystem::exists(file.string() + "-shm"));
}

TEST_F(DatabaseCheck, TakesAnEmptyFileForANewDatabase) {
  write_file(directory_ / "new.db", "");
  EXPECT_EQ(of(outside(directory_ / "new.db"), "content").verdict, Verdict::ok);
  EXPECT_TRUE(inside(directory_ / "new.db").empty());
}

TEST_F(DatabaseCheck, NamesWhatAJournalWouldRefuse) {
  const path file = make();
  std::filesystem::create_symlink(file, directory_ / "link.db");
  EXPECT_EQ(of(outside(directory_ / "link.db"), "file").verdict, Verdict::must);
  std::filesystem::create_symlink("/dev/null", file.string() + "-ballast");
  const Finding strange = of(beside(file), "file beside it");
  EXPECT_EQ(strange.verdict, Verdict::must);
  expect_contains(strange.value, "a.db-ballast is a link");
  std::filesystem::remove(file.string() + "-ballast");
  std::filesystem::create_hard_link(file, directory_ / "other.db");
  expect_contains(of(outside(file), "file").advice, "it has 2 hard links");
}

TEST_F(DatabaseCheck, NotesARollbackJournalsModeAndSmallPages) {
  const path file = directory_ / "old.db";
  {
    test::OtherConnection other(file, test::OtherConnection::Missing::created);
    other.query("PRAGMA page_size=1024");
    other.query("CREATE TABLE t(a)");
  }
  EXPECT_EQ(of(outside(file), "journal mode").verdict, Verdict::note);
  EXPECT_EQ(of(outside(file), "page size").verdict, Verdict::note);
  EXPECT_EQ(of(outside(file), "page size").value, "1KiB");
}

TEST_F(DatabaseCheck, RefusesAFormatOfANewerSqlite) {
  const path file = make();
  std::string bytes = content_of(file);
  bytes[18] = bytes[19] = 3;
  write_file(file, bytes);
  EXPECT_EQ(of(outside(file), "journal mode").verdict, Verdict::must);
}

TEST_F(DatabaseCheck, CountsTheFramesOfALogThatWasLeft) {
  const path file = make();
  test::OtherConnection other(file);
  other.query("INSERT INTO t VALUES(1, 2)");
  test::copy_file(file, directory_ / "copy.db");
  test::copy_file(file.string() + "-wal", directory_ / "copy.db-wal");
  const Finding log = of(beside(directory_ / "copy.db"), "log (-wal)");
  EXPECT_EQ(log.verdict, Verdict::note);
  expect_contains(log.value, " frames");
  EXPECT_EQ(of(beside(file), "log (-wal)").verdict, Verdict::ok) << "it is in use";
  const std::string before = content_of(directory_ / "copy.db-wal");
  EXPECT_EQ(of(inside(directory_ / "copy.db"), "quick_check").value, "ok");
  EXPECT_EQ(content_of(directory_ / "copy.db-wal"), before) << "nothing was checkpointed";
}

TEST_F(DatabaseCheck, NotesAHotJournalAndWhatCannotBeReadBesideIt) {
  const path file = directory_ / "hot.db";
  {
    test::OtherConnection other(file, test::OtherConnection::Missing::created);
    other.query("CREATE TABLE t(a)");
    other.query("BEGIN IMMEDIATE");
    other.query("INSERT INTO t VALUES(1)");
    test::copy_file(file, directory_ / "copy.db");
    test::copy_file(file.string() + "-journal", directory_ / "copy.db-journal");
  }
  // As the journal is once its database is written: its header says so.
  std::string journal = content_of(directory_ / "copy.db-journal");
  constexpr std::string_view kMagic("\xd9\xd5\x05\xf9\x20\xa1\x63\xd7", 8);
  journal.replace(0, kMagic.size(), kMagic);
  write_file(directory_ / "copy.db-journal", journal);
  expect_contains(of(beside(directory_ / "copy.db"), "rollback journal").value, ", hot");
}

TEST_F(DatabaseCheck, FindsDamage) {
  const path file =
      make("CREATE TABLE t(a PRIMARY KEY, b); INSERT INTO t VALUES(1, zeroblob(9000))");
  std::string bytes = content_of(file);
  for (std::size_t i = 4096; i < 4200; ++i) bytes[i] = '\x7f';
  write_file(file, bytes);
  const Finding check = of(inside(file), "quick_check");
  EXPECT_EQ(check.verdict, Verdict::must);
  expect_contains(check.advice, "it is damaged");
}

TEST_F(DatabaseCheck, SaysThatItCouldNotFinishInTime) {
  const path file = make(
      "CREATE TABLE t(a); INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION "
      "ALL SELECT i + 1 FROM n WHERE i < 100000) SELECT i FROM n");
  const Finding check = of(inside(file, {.limit = 1us}), "quick_check");
  EXPECT_EQ(check.verdict, Verdict::note);
  expect_contains(check.advice, "--time-limit");
}

TEST_F(DatabaseCheck, LooksForKeysThatReferToNothingWhereItLooksDeeper) {
  const path file = make(
      "CREATE TABLE p(a PRIMARY KEY); CREATE TABLE c(a REFERENCES p);"
      "INSERT INTO c VALUES(7)");
  EXPECT_EQ(of(inside(file), "foreign keys").what, "");
  const Finding keys = of(inside(file, {.deep = true, .limit = 10s}), "foreign keys");
  EXPECT_EQ(keys.verdict, Verdict::must);
  expect_contains(keys.value, "1 rows refer to nothing, the first in c");
}

TEST_F(DatabaseCheck, KnowsOnelanesTablesByTheirColumns) {
  const path file = make(
      "CREATE TABLE onelane_intake(class TEXT PRIMARY KEY, position INTEGER NOT NULL, waiting "
      "TEXT, "
      "journaled INTEGER NOT NULL);"
      "CREATE TABLE marks(epoch INTEGER PRIMARY KEY, commits INTEGER NOT NULL);"
      "INSERT INTO marks VALUES(1, 5), (2, 6);"
      "CREATE TABLE letters(class TEXT, position INTEGER, statement TEXT, row TEXT, cause TEXT, "
      "time INTEGER); INSERT INTO letters DEFAULT VALUES");
  const Findings found = inside(file);
  expect_contains(of(found, "onelane_intake").advice, "the intake's folder is not beside");
  EXPECT_EQ(of(found, "watermark").value, "marks: the newest commits of 2 openings");
  EXPECT_EQ(of(found, "dead letters").verdict, Verdict::note);
  std::filesystem::create_directory(file.string() + "-intake");
  write_file(file.string() + "-intake/segment-000001", "0123456789");
  EXPECT_EQ(of(inside(file), "onelane_intake").verdict, Verdict::ok);
  EXPECT_EQ(of(beside(file), "intake").value, "1 segments, 10B");
}

TEST_F(DatabaseCheck, RefusesATableOfThatNameWithOtherColumns) {
  const path file = make("CREATE TABLE onelane_intake(a)");
  EXPECT_EQ(of(inside(file), "onelane_intake").verdict, Verdict::must);
}

TEST_F(DatabaseCheck, NamesWhatMakesRecordsDear) {
  const path file = make(
      "CREATE TABLE t(a UNIQUE ON CONFLICT ROLLBACK);"
      "CREATE TRIGGER \"a\x1b[2J\" AFTER INSERT ON t BEGIN SELECT RAISE(FAIL, 'no'); END;"
      "PRAGMA user_version=7");
  const Findings found = inside(file);
  EXPECT_EQ(of(found, "triggers").value, "1: a\\x1b[2J");
  EXPECT_EQ(of(found, "conflict clauses").value, "ROLLBACK or FAIL in t, a\\x1b[2J");
  EXPECT_TRUE(of(found, "user_version").value.starts_with("7;"));
}

TEST_F(DatabaseCheck, RunsNothingOfTheSchema) {
  // A generated column and a view that would take for ever.
  const path file = make(
      "CREATE TABLE marks(epoch INTEGER PRIMARY KEY, commits INTEGER NOT NULL);"
      "CREATE VIEW bomb AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i FROM n) SELECT i "
      "FROM n");
  EXPECT_EQ(of(inside(file), "watermark").verdict, Verdict::ok);
}

TEST_F(DatabaseCheck, SeesCommitsOfOthersAndWhoHasItOpen) {
  const path file = make();
  std::array<int, 2> ready{};
  ASSERT_EQ(pipe(ready.data()), 0);
  test::Child writer([&] {
    test::OtherConnection other(file);
    other.query("INSERT INTO t VALUES(0, 0)");
    (void)!write(ready[1], "x", 1);
    for (int i = 1; i < 1'000'000; ++i) {
      other.query("INSERT INTO t VALUES(" + std::to_string(i) + ", 0)");
    }
    return 0;
  });
  char one = 0;
  ASSERT_EQ(read(ready[0], &one, 1), 1);
  const Finding opened = of(look_at_others(find_database(file)), "opened by");
  expect_contains(opened.value, "process " + std::to_string(writer.pid()) + " (");
  EXPECT_EQ(opened.verdict, Verdict::note);
  const Finding commits = of(inside(file, {.limit = 10s, .look = 300ms}), "commits of others");
  EXPECT_EQ(commits.verdict, Verdict::note) << commits.value;
  writer.kill();
  close(ready[0]);
  close(ready[1]);
}

TEST_F(DatabaseCheck, SeesWhoHoldsTheWriteLock) {
  const path file = make();
  std::array<int, 2> ready{};
  ASSERT_EQ(pipe(ready.data()), 0);
  test::Child writer([&] {
    test::OtherConnection other(file);
    other.query("BEGIN IMMEDIATE");
    (void)!write(ready[1], "x", 1);
    pause();
    return 0;
  });
  char one = 0;
  ASSERT_EQ(read(ready[0], &one, 1), 1);
  expect_contains(of(look_at_others(find_database(file)), "lock").value,
                  "the log's write lock is held by process " + std::to_string(writer.pid()));
  writer.kill();
  close(ready[0]);
  close(ready[1]);
}

TEST(PlaceCheck, NamesTheLinkedSqliteAndItsBug) {
  const Finding version = of(look_at_library(), "SQLite");
  expect_contains(version.value, sqlite3_libversion());
  EXPECT_EQ(version.verdict == Verdict::ok, sqlite3_libversion_number() > 3'051'002);
}

TEST(PlaceCheck, MeasuresTheDiskAndLeavesNothingThere) {
  const test::TempDirectory directory;
  const Findings found = measure_disk(directory.path());
  expect_contains(of(found, "a page's sync").value, "p50");
  expect_contains(of(found, "synced a second").value, "/s");
  EXPECT_TRUE(std::filesystem::is_empty(directory.path()));
  EXPECT_EQ(of(measure_disk(directory / "none"), "a page's sync").verdict, Verdict::must);
}

TEST(PlaceCheck, KnowsThatMemoryIsNoDisk) {
  EXPECT_EQ(of(look_at_file_system("/dev/shm"), "file system").verdict, Verdict::note);
  EXPECT_EQ(of(look_at_file_system("/proc"), "file system").verdict, Verdict::note);
}

TEST(SchemaWords, FindWhatUndoesMoreOrLessThanItsStatement) {
  EXPECT_TRUE(undoes_more_or_less("CREATE TABLE t(a UNIQUE ON CONFLICT ROLLBACK)"));
  EXPECT_TRUE(undoes_more_or_less("create table t(a unique on conflict/* x */fail)"));
  EXPECT_TRUE(undoes_more_or_less("... BEGIN INSERT OR ROLLBACK INTO t VALUES(1); END"));
  EXPECT_TRUE(undoes_more_or_less("SELECT RAISE ( FAIL, 'no')"));
  EXPECT_TRUE(undoes_more_or_less("UPDATE OR\n\tFAIL t SET a = 1"));
}

TEST(SchemaWords, AreNotThoseInQuotesAndComments) {
  for (const char* sql :
       {"CREATE TABLE t(a UNIQUE ON CONFLICT ABORT)", "SELECT RAISE(ABORT, 'OR FAIL')",
        "CREATE TABLE \"OR FAIL\"(a)", "CREATE TABLE [OR FAIL](a)", "-- OR FAIL\nSELECT 1",
        "/* OR FAIL */", "SELECT raise_fail FROM t", "SELECT a OR failed", "", "'", "/*", "--"}) {
    EXPECT_FALSE(undoes_more_or_less(sql)) << sql;
  }
}

}  // namespace
}  // namespace onelane::tools
