// Threads that write and wait for the outcome, and how threads sleep and are woken.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "onelane/onelane.h"
#include "src/base/parker.h"
#include "src/queue/gate.h"
#include "tests/race/perturbing_clock.h"
#include "tests/support/before_sleep.h"
#include "tests/support/scale.h"
#include "tests/support/stubborn_sink.h"

namespace onelane::test {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

template <class T>
T ok(Result<T> result) {
  EXPECT_TRUE(result.ok()) << result.status().to_string();
  return std::move(result).value();
}

class Writing : public ::testing::Test {
 protected:
  void open(const JournalOptions& options = {}) {
    journal_.emplace(
        ok(Journal::open(std::make_unique<StubbornSink>(control_), perturbed(options))));
    statement_ = ok(journal_->add_statement({.sql = "-", .columns = {{ColumnType::integer}}}));
    class_.emplace(ok(journal_->add_class({.name = "small"})));
  }

  End write(std::int64_t id) {
    Row row;
    row.integer(id);
    return ok(class_->write(statement_, row)).end;
  }
  End write_group(std::int64_t first, std::int64_t last) {
    Group group;
    for (std::int64_t id = first; id <= last; ++id) {
      Row row;
      row.integer(id);
      group.add(statement_, row);
    }
    return ok(class_->write(group)).end;
  }
  std::uint64_t committed(std::size_t id) const { return control_->committed[id].load(); }

  std::shared_ptr<StubbornSink::Control> control_ = std::make_shared<StubbornSink::Control>();
  std::optional<Journal> journal_;
  Statement statement_;
  std::optional<WriteClass> class_;
};

// All ticks but a few: the committer thread, which has just started, may run one.
TEST_F(Writing, ALoneWriterRunsItsTicksItself) {
  open();
  for (int i = 0; i < 100; ++i) ASSERT_EQ(write(0), End::committed);
  EXPECT_EQ(committed(0), 100U);
  EXPECT_GE(journal_->stats().caller_ticks, 50U);
}

TEST_F(Writing, AGroupIsWrittenAsOneUnit) {
  open();
  EXPECT_EQ(write_group(1, 3), End::committed);
  EXPECT_EQ(journal_->stats().classes.front().end(End::committed), 1U);
  EXPECT_EQ(committed(1) + committed(2) + committed(3), 3U);
}

TEST_F(Writing, WhereCallersDoNotCommitTheThreadDoes) {
  open({.callers_commit = false});
  for (int i = 0; i < 100; ++i) ASSERT_EQ(write(0), End::committed);
  EXPECT_EQ(journal_->stats().caller_ticks, 0U);
}

// A writer that finds the baton taken rings no bell. The thread that lets go of the baton must see
// its push.
TEST_F(Writing, NoWriterIsLeftWaitingWhereManyWriteAtOnce) {
  open();
  const std::size_t each = scaled(2000);
  std::vector<std::thread> threads;
  for (std::int64_t id = 0; id < 8; ++id) {
    threads.emplace_back([&, id] {
      for (std::size_t i = 0; i < each; ++i) ASSERT_EQ(write(id), End::committed);
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (std::size_t id = 0; id < 8; ++id) EXPECT_EQ(committed(id), each);
}

// The same, where others hold the baton for something else than a tick.
TEST_F(Writing, NoWriterIsLeftWaitingBesideOthersWhoHoldTheLane) {
  open();
  std::atomic<bool> done{false};
  std::thread adding([&] {
    while (!done.load()) {
      (void)ok(journal_->add_statement({.sql = "-", .columns = {{ColumnType::integer}}}));
    }
  });
  const std::size_t each = scaled(5000);
  for (std::size_t i = 0; i < each; ++i) EXPECT_EQ(write(0), End::committed);
  done.store(true);
  adding.join();
}

// --- Room for waiting threads.

class Room : public ::testing::Test {
 protected:
  static std::uint64_t unit(std::uint64_t records) { return queue::Gate::packed(records, 0); }

  // Starts a thread that waits for room, and returns once it waits.
  std::thread waiter(char name, std::uint64_t records, Duration patience = hours(1)) {
    const std::uint32_t before = gate_.waiting();
    std::thread thread([this, name, records, patience] {
      const bool got = gate_.wait(unit(records), patience, [] {});
      const std::scoped_lock lock(mutex_);
      served_ += got ? name : '-';
    });
    while (gate_.waiting() == before) std::this_thread::yield();
    return thread;
  }
  std::string served() {
    const std::scoped_lock lock(mutex_);
    return served_;
  }

  queue::Gate gate_{4, 1 << 20};
  std::mutex mutex_;
  std::string served_;
};

TEST_F(Room, GoesToWhoHasWaitedLongestThoughOthersNeedLess) {
  ASSERT_TRUE(gate_.grant(unit(4)));
  std::thread large = waiter('L', 3);
  std::thread small = waiter('s', 1);
  gate_.release(unit(1));
  EXPECT_FALSE(gate_.grant(unit(1))) << "somebody waits";
  EXPECT_EQ(gate_.waiting(), 2U);
  gate_.release(unit(2));
  large.join();
  EXPECT_EQ(served(), "L");
  gate_.release(unit(1));
  small.join();
  EXPECT_EQ(served(), "Ls");
  EXPECT_EQ(gate_.records(), 4U);
}

TEST_F(Room, IsPassedOnByAWaiterThatGivesUp) {
  ASSERT_TRUE(gate_.grant(unit(3)));
  std::thread large = waiter('L', 2, milliseconds(50));
  std::thread small = waiter('s', 1);
  large.join();
  small.join();
  EXPECT_NE(served().find('s'), std::string::npos);
  EXPECT_EQ(gate_.records(), 4U);
}

TEST_F(Room, ThatIsMadeAtOnceServesAllWhoFit) {
  ASSERT_TRUE(gate_.grant(unit(4)));
  std::vector<std::thread> threads;
  for (const char name : {'a', 'b', 'c'}) threads.push_back(waiter(name, 1));
  gate_.release(unit(4));
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(served().size(), 3U);
  EXPECT_EQ(gate_.records(), 3U);
  EXPECT_FALSE(gate_.crowded());
}

TEST_F(Room, IsNobodysOnceTheGateIsClosed) {
  ASSERT_TRUE(gate_.grant(unit(4)));
  std::thread a = waiter('a', 1);
  std::thread b = waiter('b', 1);
  gate_.close();
  a.join();
  b.join();
  EXPECT_EQ(served(), "--");
  EXPECT_FALSE(gate_.wait(unit(1), hours(1), [] {}));
}

// --- Sleeping and waking.

TEST(Parker, ACallBeforehandEndsTheNextParkAtOnce) {
  base::Parker parker;
  parker.unpark();
  parker.unpark();
  EXPECT_TRUE(parker.park(hours(1)));
  EXPECT_FALSE(parker.park(Duration(0))) << "two calls count as one";
}

TEST(Parker, EveryCallIsHeardHoweverCloseItComesToTheSleep) {
  base::Parker parker;
  const std::size_t times = scaled(50'000);
  std::atomic<std::size_t> about_to_sleep{0};
  std::thread caller([&] {
    std::minstd_rand random;
    for (std::size_t i = 1; i <= times; ++i) {
      while (about_to_sleep.load() < i) {
      }
      for (auto spins = random() % 1000; spins > 0; --spins)
        std::atomic_signal_fence(std::memory_order_seq_cst);
      parker.unpark();
    }
  });
  bool heard = true;
  for (std::size_t i = 1; i <= times; ++i) {
    const auto began = std::chrono::steady_clock::now();
    about_to_sleep.store(i);
    // A missed call is found when the timeout has passed.
    heard = heard && parker.park(std::chrono::seconds(10)) &&
            std::chrono::steady_clock::now() - began < std::chrono::seconds(5);
  }
  caller.join();
  EXPECT_TRUE(heard);
}

TEST(Parker, ACallBetweenTheLastLookAndTheSleepIsHeard) {
  base::Parker parker;
  int sleeps = 0;
  const test::BeforeSleep call([&] {
    if (++sleeps == 1) parker.unpark();
  });
  const auto began = std::chrono::steady_clock::now();
  EXPECT_TRUE(parker.park(std::chrono::seconds(10)));
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(5));
  EXPECT_EQ(sleeps, 1) << "it did not come to sleep";
}

}  // namespace
}  // namespace onelane::test
