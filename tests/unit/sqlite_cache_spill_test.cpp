// A bug of SQLite, seen with 3.40.1. Pages that leave a full cache before COMMIT are written to the
// log, and written again in their place if they change again; COMMIT then recomputes the checksums,
// from the first such frame on. ROLLBACK TO forgets the frames behind the savepoint, but not that
// mark: what is written over them gets no checksum up to it. The commit shows, until a recovery
// stops before it, and with it all that was committed later is lost.
#include <string>

#include "tests/support/sink_fixture.h"

namespace onelane::test {
namespace {

class CacheSpill : public SinkFixture {};

// The newest version that was seen to lose it; 3.53.2 does not.
constexpr int kLastSeenToLose = 3'045'001;

TEST_F(CacheSpill, BareSqliteLosesACommitWhosePagesWereWrittenEarlyAndThenRolledBackTo) {
  open("CREATE TABLE t(id INTEGER PRIMARY KEY, v BLOB)");
  OtherConnection bare(database_);
  const auto change = [&](const std::string& sql) {
    ASSERT_EQ(bare.query(sql), "");
    ASSERT_EQ(sqlite3_db_cacheflush(bare.handle()), SQLITE_OK);  // as a full cache would do it
  };
  const auto write = [&](int id) {
    change("INSERT OR REPLACE INTO t VALUES(" + std::to_string(id) + ", zeroblob(3000))");
  };
  for (int id = 1; id <= 6; ++id) write(id);
  ASSERT_EQ(bare.query("BEGIN"), "");
  write(1);
  ASSERT_EQ(bare.query("SAVEPOINT s"), "");
  for (const int id : {2, 3, 3}) write(id);
  ASSERT_EQ(bare.query("ROLLBACK TO s"), "");
  for (const int id : {4, 5, 7}) write(id);
  ASSERT_EQ(bare.query("COMMIT"), "");
  write(8);
  EXPECT_EQ(outside("SELECT count(*) FROM t"), "8");
  const std::string found = recovered("SELECT count(*) FROM t");
  if (sqlite3_libversion_number() > kLastSeenToLose && found == "8") {
    GTEST_SKIP() << "SQLite " << sqlite3_libversion() << " has it fixed";
  }
  EXPECT_EQ(found, "6") << sqlite3_sourceid();
}

TEST_F(CacheSpill, ALargeTransactionInWhichAUnitWasUndoneSurvivesTheProcess) {
  open("CREATE TABLE t(id INTEGER PRIMARY KEY, v BLOB)");
  const auto write = [&](int first, int last) {
    for (int id = first; id <= last; ++id) {
      ASSERT_TRUE(succeeded(
          execute("INSERT OR REPLACE INTO t VALUES(?1, zeroblob(?2))", id, 100'000 + id)));
    }
  };
  ASSERT_TRUE(succeeded(sink_->begin()));
  write(1, 40);  // twice what the cache holds
  ASSERT_TRUE(succeeded(savepoints().savepoint()));
  for (int i = 0; i < 2; ++i) write(41, 80);
  ASSERT_TRUE(succeeded(savepoints().rollback_to()));
  write(41, 45);
  ASSERT_TRUE(succeeded(sink_->commit()));
  EXPECT_EQ(recovered("SELECT count(*), sum(length(v)) FROM t"), "45|4501035");
  EXPECT_EQ(recovered("PRAGMA integrity_check"), "ok");
}

}  // namespace
}  // namespace onelane::test
