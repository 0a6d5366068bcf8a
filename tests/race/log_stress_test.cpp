// Commits and checkpoint passes against each other on real SQLite, as fast as they go. On a version
// with the WAL-reset bug, a pass that overlaps a commit that restarts the WAL damages the database;
// in such a loop that happens about once in seven million commits. ONELANE_STRESS_COMMITS sets the
// number of commits; tools/stress-log runs many.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>

#include "tests/support/scale.h"
#include "tests/support/sink_fixture.h"

namespace onelane {
namespace {

using test::succeeded;

constexpr std::size_t kCommits = 250'000;
// Commits to one database, before the next one is made: a damaged one is found soon, and
// integrity_check is quick.
constexpr std::size_t kCommitsPerRound = 50'000;

std::size_t wanted() {
  const char* text = std::getenv("ONELANE_STRESS_COMMITS");
  return text == nullptr ? test::scaled(kCommits) : std::strtoull(text, nullptr, 10);
}

class LogStress : public test::SinkFixture {
 protected:
  // If the log keeper reads the log's header while a commit writes it, it takes the write lock for
  // a moment, as any reader does.
  Reply begin() {
    Reply reply = sink_->begin();
    while (reply.fault == Fault::busy) reply = sink_->begin();
    return reply;
  }
  void one_round(std::size_t commits) {
    ASSERT_NO_FATAL_FAILURE(open("CREATE TABLE t(id INTEGER PRIMARY KEY, v UNIQUE, n)"));
    const Statement upsert =
        add("INSERT INTO t(id, v, n) VALUES(?1, ?2, 1) "
            "ON CONFLICT(id) DO UPDATE SET v = excluded.v, n = n + 1",
            {test::kInteger, test::kInteger});
    std::jthread checkpointer([this](const std::stop_token& stop) {
      while (!stop.stop_requested()) {
        if (sink_->log()->copy_back(64 * kKiB).bytes != 0) ++passes_;
        std::this_thread::yield();
      }
    });
    for (std::size_t i = 0; i < commits; ++i) {
      ASSERT_TRUE(succeeded(begin()));
      const auto number = static_cast<std::int64_t>(i);
      ASSERT_TRUE(succeeded(apply(upsert, number * 7919 % kRows, number)));
      ASSERT_TRUE(succeeded(sink_->commit()));
    }
    checkpointer.request_stop();
    checkpointer.join();
    ASSERT_TRUE(close_healthy().ok());
    ASSERT_EQ(outside("PRAGMA integrity_check"), "ok");
    ASSERT_EQ(outside("SELECT sum(n) FROM t"), std::to_string(commits));
  }

  static constexpr std::int64_t kRows = 5'000;
  std::atomic<std::uint64_t> passes_{0};
};

TEST_F(LogStress, PassesBesideCommitsNeverDamageTheDatabase) {
  const std::size_t commits = wanted();
  for (std::size_t done = 0; done < commits; done += kCommitsPerRound) {
    database_ = directory_ / ("round" + std::to_string(done));
    ASSERT_NO_FATAL_FAILURE(one_round(std::min(kCommitsPerRound, commits - done)));
    std::filesystem::remove(database_);
  }
  RecordProperty("passes", static_cast<int>(passes_));
  EXPECT_GT(passes_, commits / 10'000);
}

}  // namespace
}  // namespace onelane
