// Another connection fills the log beside a journal that has nothing to do.
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <thread>
#include <utility>

#include "onelane/onelane.h"
#include "tests/support/sqlite_support.h"
#include "tests/support/temp_directory.h"

namespace onelane::test {
namespace {

constexpr Duration kTooLong = std::chrono::seconds(30);

TEST(ForeignLog, IsCopiedBackByAnIdleJournalBeforeItHasGrownFarBeyondTheLimit) {
  const TempDirectory directory;
  const std::filesystem::path database = directory / "test.db";
  Result<Journal> journal =
      Journal::open(database, {.schema = "CREATE TABLE t(v)", .wal_limit_bytes = kMiB});
  ASSERT_TRUE(journal.ok()) << journal.status().to_string();
  OtherConnection other(database);
  other.query("PRAGMA wal_autocheckpoint=0");
  ASSERT_EQ(other.query("PRAGMA busy_timeout=10000"), "10000");
  const std::uint64_t before = journal->stats().log.closings;
  ASSERT_EQ(other.query("INSERT INTO t VALUES(zeroblob(3000000))"), "");
  const auto began = std::chrono::steady_clock::now();
  while (journal->stats().log.closings == before) {
    ASSERT_LT(std::chrono::steady_clock::now() - began, kTooLong) << "nobody looked";
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_GT(journal->stats().log.bytes, 3'000'000U);
  ASSERT_EQ(other.query("INSERT INTO t VALUES(1)"), "");
  EXPECT_LT(std::filesystem::file_size(database.native() + "-wal"), 4'000'000U) << "begun anew";
  EXPECT_TRUE(journal->close(kTooLong).status.ok());
}

}  // namespace
}  // namespace onelane::test
