// A reader in another process stays on an old snapshot. The log grows beyond its limit, the
// statistics name the reader, and no writer is stopped. When the reader is gone, the WAL is
// restarted and truncated.
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <string>

#include "tests/support/child.h"
#include "tests/support/sqlite_journal_fixture.h"

namespace onelane::test {
namespace {

class PinnedLog : public SqliteJournalFixture {
 protected:
  PinnedLog() { options_.wal_limit_bytes = kMiB; }

  // A process that reads until its input ends.
  Child reader(Pipe& ready, Pipe& stay) {
    return Child([&] {
      stay.close_writing();
      OtherConnection connection(database_);
      const bool reads =
          connection.query("BEGIN").empty() && connection.query("SELECT count(*) FROM t") == "0";
      ready.write(reads ? 1 : 0);
      (void)stay.read();
      return 0;
    });
  }
  // Enough to be above the limit, whatever one row takes.
  void write_much() {
    const std::string large(100'000, 'x');
    for (int i = 0; i < 30; ++i) {
      EXPECT_TRUE(write(insert_, large).committed());
      clock_->advance(std::chrono::milliseconds(50));
    }
  }
  std::uintmax_t log_bytes() const {
    return std::filesystem::file_size(database_.native() + "-wal");
  }

  Statement insert_;
};

TEST_F(PinnedLog, NamesTheProcessThatKeepsItAndIsCutWhenThatIsGone) {
  open("CREATE TABLE IF NOT EXISTS t(v)");
  close();
  journal_.reset();
  OtherConnection keeps_the_log(database_);  // the reader finds WAL files whatever the order
  keeps_the_log.query("SELECT count(*) FROM t");
  Pipe ready;
  Pipe stay;
  Child child = reader(ready, stay);
  ASSERT_EQ(ready.read(), 1);

  open();
  insert_ = add("INSERT INTO t VALUES(?1)", {{ColumnType::text, true}});
  write_much();
  LogStats log = journal_->stats().log;
  EXPECT_GT(log.bytes, log.limit_bytes);
  EXPECT_GT(log.pinned_bytes, 0U);
  EXPECT_TRUE(log.pinned_since);
  ASSERT_EQ(log.readers.size(), 1U);
  EXPECT_EQ(log.readers[0].pid, child.pid());
  EXPECT_FALSE(log.readers[0].name.empty());

  child.kill();
  clock_->advance(std::chrono::seconds(2));
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(write(insert_, "x").committed());
    clock_->advance(std::chrono::seconds(2));
  }
  log = journal_->stats().log;
  EXPECT_EQ(log.pinned_bytes, 0U);
  EXPECT_TRUE(log.readers.empty());
  EXPECT_LT(log.bytes, kMiB);
  EXPECT_LE(log_bytes(), kMiB);
  EXPECT_TRUE(succeeded(close().status));
}

}  // namespace
}  // namespace onelane::test
