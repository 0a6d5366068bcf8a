// Processes: forked ones that inherit a journal, others that want the same database, and ones that
// are killed.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "onelane/onelane.h"
#include "tests/support/child.h"
#include "tests/support/scale.h"
#include "tests/support/sqlite_support.h"
#include "tests/support/temp_directory.h"

namespace onelane::test {
namespace {

constexpr const char* kSchema = "CREATE TABLE IF NOT EXISTS marks(id INTEGER PRIMARY KEY)";
constexpr Duration kTooLong = std::chrono::seconds(20);

template <class T>
T ok(Result<T> result) {
  EXPECT_TRUE(result.ok()) << result.status().to_string();
  return std::move(result).value();
}

// A journal whose one class marks ids in the table.
struct Marks {
  explicit Marks(const std::filesystem::path& path)
      : journal(ok(Journal::open(path, {.schema = kSchema}))),
        writes(ok(journal.add_class({.name = "marks"}))),
        insert(ok(journal.add_statement(
            {.sql = "INSERT INTO marks VALUES(?1)", .columns = {{ColumnType::integer}}}))) {}

  static Row row(std::int64_t id) {
    Row out;
    out.integer(id);
    return out;
  }
  Result<Receipt> submit(std::int64_t id, const PushOptions& options = {}) {
    return writes.submit(insert, row(id), options);
  }
  bool commits(std::int64_t id) { return ok(ok(submit(id)).wait()).committed(); }

  Journal journal;
  WriteClass writes;
  Statement insert;
};

// As a program's static journal: exit() destroys it, in a forked child, too.
std::optional<Marks> g_marks;

class Processes : public ::testing::Test {
 protected:
  ~Processes() override { g_marks.reset(); }

  std::string seen(const std::string& sql) { return query(database_, sql); }
  Errc open_code() { return Journal::open(database_, {.schema = kSchema}).status().code(); }

  TempDirectory directory_;
  std::filesystem::path database_ = directory_ / "test.db";
};

// --- Fork.

// The number of the first call in the list that does not say "forked"; 0: all do.
int first_call_that_works(Marks& marks, Receipt& open) {
  Journal& journal = marks.journal;
  Group group;
  group.add(marks.insert, Marks::row(9));
  const auto step = [](Transaction&) -> Result<Step> { return Step::done; };
  const std::vector<Errc> codes = {
      marks.writes.push(marks.insert, Marks::row(9)).code(),
      marks.submit(9).status().code(),
      marks.writes.push(group).code(),
      marks.writes.submit(Job{.name = "job", .step = step}).status().code(),
      open.wait().status().code(),
      open.wait_for(Duration(0)).status().code(),
      journal.add_class({.name = "other"}).status().code(),
      journal.add_statement({.sql = "SELECT 1", .columns = {}}).status().code(),
      journal.flush().code(),
      journal.tick().status().code(),
      journal.close(Duration(0)).status.code(),
      open.cancel() || open.poll() ? Errc::ok : Errc::forked,
      journal.stats().classes.empty() ? Errc::forked : Errc::ok,
  };
  for (std::size_t i = 0; i < codes.size(); ++i) {
    if (codes[i] != Errc::forked) return static_cast<int>(i) + 1;
  }
  return 0;
}

TEST_F(Processes, EveryCallOfAnInheritedJournalSaysForked) {
  g_marks.emplace(database_);
  OtherConnection foreign(database_);
  foreign.query("BEGIN IMMEDIATE");
  Receipt open = ok(g_marks->submit(1));
  EXPECT_EQ(Child([&] { return first_call_that_works(*g_marks, open); }).wait(), 0);
  foreign.query("COMMIT");
  EXPECT_TRUE(ok(open.wait()).committed());
}

TEST_F(Processes, AChildThatExitsLeavesItsParentsJournalAlone) {
  g_marks.emplace(database_);
  ASSERT_TRUE(g_marks->commits(1));
  EXPECT_EQ(Child([] { return 0; }, Child::Leave::by_exit).wait(), 0) << "nothing else holds it";
  std::vector<Receipt> receipts;
  for (int i = 0; i < 10; ++i) {
    receipts.push_back(ok(g_marks->submit(10 + i)));
    Child child([] { return 0; }, Child::Leave::by_exit);
    receipts.push_back(ok(g_marks->submit(30 + i)));
    EXPECT_EQ(child.wait(), 0);
  }
  for (Receipt& receipt : receipts) EXPECT_TRUE(ok(receipt.wait()).committed());
  EXPECT_EQ(open_code(), Errc::already_open) << "the lock is still the parent's";
  EXPECT_TRUE(g_marks->journal.close(kTooLong).status.ok());
  EXPECT_EQ(seen("SELECT count(*) FROM marks"), "21");
  EXPECT_EQ(seen("PRAGMA integrity_check"), "ok");
}

TEST_F(Processes, AChildThatLivesOnDoesNotKeepTheDatabaseFromItsParent) {
  Pipe pipe;
  g_marks.emplace(database_);
  Child child([&] {
    pipe.close_writing();
    return pipe.read() ? 1 : 0;  // until the parent lets go
  });
  ASSERT_TRUE(g_marks->journal.close(kTooLong).status.ok());
  g_marks.reset();
  EXPECT_EQ(open_code(), Errc::ok);
  pipe.close_writing();
  EXPECT_EQ(child.wait(), 0);
}

// --- A second opener.

TEST_F(Processes, ASecondJournalOfADatabaseIsRefusedByName) {
  Standby other([this] {
    const Status there = Journal::open(database_, {}).status();
    const std::string owner = "process " + std::to_string(::getppid());
    return there.message().find(owner) == std::string::npos ? 0 : static_cast<int>(there.code());
  });
  g_marks.emplace(database_);
  const Status here = Journal::open(database_, {}).status();
  EXPECT_EQ(here.code(), Errc::already_open);
  EXPECT_NE(here.message().find(database_.native()), std::string::npos) << here.to_string();
  EXPECT_TRUE(g_marks->commits(1)) << "the refused one took nothing away";
  EXPECT_EQ(other.run(), static_cast<int>(Errc::already_open));
  EXPECT_TRUE(g_marks->commits(2));
}

TEST_F(Processes, AnotherProcessMayOpenTheDatabaseOnceItIsClosed) {
  g_marks.emplace(database_);
  ASSERT_TRUE(g_marks->commits(1));
  g_marks.reset();
  Child child([&] {
    Marks marks(database_);
    return marks.commits(2) ? 0 : 1;
  });
  EXPECT_EQ(child.wait(), 0);
  g_marks.emplace(database_);
  EXPECT_TRUE(g_marks->commits(3));
  EXPECT_EQ(seen("SELECT group_concat(id) FROM marks"), "1,2,3");
}

TEST_F(Processes, WhileSomebodyElseWritesNothingFailsAndDeadlinesExpire) {
  g_marks.emplace(database_);
  OtherConnection foreign(database_);
  foreign.query("BEGIN IMMEDIATE");
  std::vector<Receipt> receipts;
  for (int id = 0; id < 100; ++id) receipts.push_back(ok(g_marks->submit(id)));
  const TimePoint soon = g_marks->journal.now() + std::chrono::milliseconds(20);
  Receipt late = ok(g_marks->submit(1000, {.deadline = soon}));
  EXPECT_EQ(ok(late.wait_for(kTooLong)).end, End::expired);
  EXPECT_GE(g_marks->journal.now(), soon);
  EXPECT_GT(g_marks->journal.stats().busy, 0U);
  for (const Receipt& receipt : receipts) EXPECT_FALSE(receipt.poll());
  foreign.query("INSERT INTO marks VALUES(5000)");
  foreign.query("COMMIT");
  for (Receipt& receipt : receipts) EXPECT_TRUE(ok(receipt.wait_for(kTooLong)).committed());
  EXPECT_EQ(seen("SELECT count(*) FROM marks"), "101");
}

// --- Killed.

constexpr std::uint64_t kSeed = 20260701;
constexpr int kKills = static_cast<int>(scaled(100));
constexpr int kThreads = 2;
constexpr std::uint64_t kAcknowledgedMax = 300;
constexpr std::int64_t kIdsPerLife = 1'000'000;

// Writes until it is killed, and says which ids were acknowledged.
int live(const std::filesystem::path& database, std::int64_t first_id, Pipe& acknowledged) {
  Marks marks(database);
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      for (std::int64_t id = first_id + i;; id += kThreads) {
        if (!marks.commits(id) || !acknowledged.write(id)) return;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  return 0;
}

// The ids that were acknowledged and are not in the database.
std::vector<std::int64_t> missing(const std::filesystem::path& database,
                                  const std::vector<std::int64_t>& ids) {
  std::vector<std::int64_t> out;
  OtherConnection connection(database);
  for (const std::int64_t id : ids) {
    const std::string number = std::to_string(id);
    if (connection.query("SELECT id FROM marks WHERE id = " + number) != number) out.push_back(id);
  }
  return out;
}

TEST_F(Processes, WhatWasAcknowledgedSurvivesAKillAtAnyMoment) {
  std::mt19937_64 random(kSeed);
  std::size_t acknowledged = 0;
  for (int life = 0; life < kKills && !HasFailure(); ++life) {
    SCOPED_TRACE("life " + std::to_string(life));
    Pipe pipe;
    Child child([&] {
      pipe.close_reading();
      return live(database_, life * kIdsPerLife, pipe);
    });
    pipe.close_writing();
    std::vector<std::int64_t> ids;
    for (auto left = random() % kAcknowledgedMax; left > 0; --left) {
      const std::optional<std::int64_t> id = pipe.read();
      ASSERT_TRUE(id) << "the child ended by itself";
      ids.push_back(*id);
    }
    child.kill();
    while (const std::optional<std::int64_t> id = pipe.read()) ids.push_back(*id);
    EXPECT_EQ(missing(database_, ids), std::vector<std::int64_t>());
    acknowledged += ids.size();
  }
  EXPECT_GT(acknowledged, 0U);
  g_marks.emplace(database_);
  EXPECT_TRUE(g_marks->commits(kKills * kIdsPerLife));
  EXPECT_EQ(seen("PRAGMA integrity_check"), "ok");
}

}  // namespace
}  // namespace onelane::test

#if defined(ONELANE_TEST_UNDER_ASAN)
// A forked child leaks what it inherited on purpose: it is its parent's.
extern "C" int __lsan_is_turned_off() { return onelane::test::is_child.load() ? 1 : 0; }
#endif
