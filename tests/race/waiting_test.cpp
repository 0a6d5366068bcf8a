// Threads that wait: for room, for a receipt, for a flush, for the lane.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "onelane/onelane.h"
#include "src/engine/baton.h"
#include "src/model/entry.h"
#include "tests/race/perturbing_clock.h"
#include "tests/support/coroutine.h"
#include "tests/support/scale.h"
#include "tests/support/stubborn_sink.h"

namespace onelane::test {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

// Long enough for a thread to have got to where it blocks.
constexpr Duration kMoment = milliseconds(20);
// Nothing here takes this long unless something is stuck.
constexpr Duration kTooLong = seconds(20);

template <class T>
T ok(Result<T> result) {
  EXPECT_TRUE(result.ok()) << result.status().to_string();
  return std::move(result).value();
}

class Waiting : public ::testing::Test {
 protected:
  ~Waiting() override {
    locked(false);
    hold(false);
  }

  void open(JournalOptions options = {}) {
    journal_.emplace(
        ok(Journal::open(std::make_unique<StubbornSink>(control_), perturbed(options))));
    statement_ = ok(journal_->add_statement({.sql = "-", .columns = {{ColumnType::integer}}}));
  }
  void open_small(Duration block_timeout = hours(1)) {
    open();
    add_class({.name = "small", .capacity_records = 1, .block_timeout = block_timeout});
  }
  void add_class(const ClassOptions& options) { class_.emplace(ok(journal_->add_class(options))); }

  Row row(std::int64_t id) const {
    Row out;
    out.integer(id);
    return out;
  }
  Status push(std::int64_t id = 0, const PushOptions& options = {}) {
    return class_->push(statement_, row(id), options);
  }
  Receipt submit(std::int64_t id = 0, const PushOptions& options = {}) {
    return ok(class_->submit(statement_, row(id), options));
  }

  void locked(bool yes) { control_->locked.store(yes); }
  void hold(bool yes) {
    control_->held.store(yes);
    control_->held.notify_all();
  }
  std::uint64_t committed(std::size_t id) const { return control_->committed[id].load(); }

  std::shared_ptr<StubbornSink::Control> control_ = std::make_shared<StubbornSink::Control>();
  std::optional<Journal> journal_;
  Statement statement_;
  std::optional<WriteClass> class_;
};

Duration time_of(const auto& what) {
  const TimePoint start = steady_clock().now();
  what();
  return steady_clock().now() - start;
}

// --- For room.

TEST_F(Waiting, ABlockedPushGoesOnOnceThereIsRoom) {
  open_small();
  hold(true);
  ASSERT_TRUE(push().ok());
  std::atomic<bool> through{false};
  std::thread blocked([&] {
    EXPECT_TRUE(push().ok());
    through.store(true);
  });
  std::this_thread::sleep_for(kMoment);
  EXPECT_FALSE(through.load());
  hold(false);
  blocked.join();
}

TEST_F(Waiting, ManyBlockedPushesAllGetThrough) {
  open_small();
  std::vector<std::thread> threads;
  const std::size_t each = scaled(2000);
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (std::size_t n = 0; n < each; ++n) ASSERT_TRUE(push().ok());
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_TRUE(journal_->flush().ok());
  EXPECT_EQ(committed(0), 4 * each);
}

TEST_F(Waiting, ABlockedPushGivesUpAtItsDeadline) {
  open_small();
  locked(true);
  ASSERT_TRUE(push().ok());
  const Duration waited = time_of(
      [&] { EXPECT_EQ(push(0, {.deadline = class_->now() + kMoment}).code(), Errc::full); });
  EXPECT_GE(waited, kMoment);
  EXPECT_LT(waited, kTooLong);
}

TEST_F(Waiting, ABlockedPushGivesUpAfterTheClassesTimeout) {
  open_small(kMoment);
  locked(true);
  ASSERT_TRUE(push().ok());
  const Duration waited = time_of([&] { EXPECT_EQ(push().code(), Errc::full); });
  EXPECT_GE(waited, kMoment);
  EXPECT_LT(waited, kTooLong);
}

TEST_F(Waiting, CloseReleasesBlockedPushesBeforeItDrains) {
  open_small();
  locked(true);
  ASSERT_TRUE(push().ok());
  std::atomic<bool> closed{false};
  std::vector<std::thread> blocked;
  for (int i = 0; i < 3; ++i) {
    blocked.emplace_back([&] {
      EXPECT_EQ(push().code(), Errc::closed);
      EXPECT_FALSE(closed.load());
    });
  }
  std::this_thread::sleep_for(kMoment);
  std::thread closing([&] {
    EXPECT_EQ(journal_->close(kTooLong).end(End::committed), 1U);
    closed.store(true);
  });
  for (std::thread& thread : blocked) thread.join();
  locked(false);
  closing.join();
}

TEST_F(Waiting, ACloseWhoseTimeIsOverSettlesTheRestAsClosed) {
  open_small();
  locked(true);
  ASSERT_TRUE(push().ok());
  const CloseReport report = journal_->close(kMoment);
  EXPECT_EQ(report.status.code(), Errc::timed_out);
  EXPECT_EQ(report.end(End::closed), 1U);
}

// --- For a receipt.

TEST_F(Waiting, ATimedWaitThatIsOverCanWaitAgain) {
  open_small();
  locked(true);
  Receipt receipt = submit();
  EXPECT_EQ(receipt.wait_for(kMoment).status().code(), Errc::timed_out);
  EXPECT_EQ(receipt.wait_for(Duration(0)).status().code(), Errc::timed_out);
  locked(false);
  EXPECT_TRUE(ok(receipt.wait()).committed());
}

TEST_F(Waiting, ATimedWaitThatIsOverCanCancel) {
  open_small();
  locked(true);
  Receipt receipt = submit();
  EXPECT_EQ(receipt.wait_for(kMoment).status().code(), Errc::timed_out);
  // A tick that is just finding the database locked has taken it for the moment.
  while (!receipt.cancel()) std::this_thread::yield();
  EXPECT_EQ(receipt.poll()->end, End::cancelled);
  locked(false);
  EXPECT_TRUE(push().ok()) << "the cancelled unit's room is free again";
  EXPECT_TRUE(journal_->flush().ok());
  EXPECT_EQ(committed(0), 1U);
}

TEST_F(Waiting, AWaitAsLongAsAClockCanSayIsNoTimeout) {
  open_small();
  hold(true);
  Receipt receipt = submit();
  std::thread later([&] {
    std::this_thread::sleep_for(kMoment);
    hold(false);
  });
  EXPECT_TRUE(ok(receipt.wait_for(Duration::max())).committed());
  later.join();
}

TEST_F(Waiting, CancelWakesWhoWaits) {
  open_small();
  locked(true);
  Receipt receipt = submit();
  std::thread canceller([&] {
    std::this_thread::sleep_for(kMoment);
    while (!receipt.cancel() && !receipt.poll()) std::this_thread::yield();
  });
  EXPECT_EQ(ok(receipt.wait()).end, End::cancelled);
  canceller.join();
}

// Of a receipt that two threads use, and whose unit the lane has forgotten: the only reference
// left.
TEST(Watching, AWaiterAndACancelNeverMissEachOther) {
  class Nobody final : public detail::Waiter {
    void wake() noexcept override {}
  } waiter;
  std::vector<detail::EntryRef> entries(scaled(100'000));
  for (auto& entry : entries) entry.reset(detail::Entry::make());
  std::atomic<std::size_t> at_cancel{0}, at_watch{0};
  const auto together = [](auto& mine, const auto& other, std::size_t round) {
    mine.store(round);
    while (other.load() < round) continue;
  };
  std::vector<detail::Waiter*> to_wake;
  std::thread canceller([&] {
    for (auto& entry : entries) {
      together(at_cancel, at_watch, to_wake.size() + 1);
      ASSERT_TRUE(entry->settle_queued(End::cancelled));
      to_wake.push_back(entry->close_watch());
    }
  });
  std::vector<detail::Waiter*> waits;
  for (auto& entry : entries) {
    together(at_watch, at_cancel, waits.size() + 1);
    waits.push_back(entry->watch(waiter) == detail::Entry::Watch::begun ? &waiter : nullptr);
  }
  canceller.join();
  EXPECT_EQ(to_wake, waits);
}

TEST_F(Waiting, DeadlinesExpireOnTimeWhileTheDatabaseIsLocked) {
  open_small();
  locked(true);
  Receipt receipt = submit(0, {.deadline = class_->now() + kMoment});
  const Duration waited = time_of([&] { EXPECT_EQ(ok(receipt.wait()).end, End::expired); });
  EXPECT_LT(waited, kTooLong);
  EXPECT_GT(journal_->stats().busy, 0U);
}

TEST_F(Waiting, AReceiptOutlivesItsJournal) {
  open_small();
  Receipt committed = submit();
  (void)committed.wait();
  locked(true);
  Receipt closed = submit();
  EXPECT_EQ(journal_->close(Duration(0)).end(End::closed), 1U);
  journal_.reset();
  EXPECT_TRUE(ok(committed.wait()).committed());
  EXPECT_EQ(ok(closed.wait()).end, End::closed);
  EXPECT_FALSE(closed.cancel());
  EXPECT_EQ(push().code(), Errc::closed);
}

TEST_F(Waiting, ACoroutineResumesOnItsExecutor) {
  open_small();
  hold(true);
  PumpedExecutor executor;
  Receipt receipt = submit();
  std::atomic<bool> resumed{false};
  std::thread::id resumed_on;
  [](Receipt& awaited, PumpedExecutor& on, auto& done, auto& thread) -> Detached {
    const Outcome outcome = co_await awaited.on(on);
    EXPECT_TRUE(outcome.committed());
    thread = std::this_thread::get_id();
    done.store(true);
  }(receipt, executor, resumed, resumed_on);
  std::thread pump([&] {
    while (!resumed.load()) {
      executor.run();
      std::this_thread::yield();
    }
  });
  EXPECT_FALSE(resumed.load());
  const std::thread::id pump_id = pump.get_id();
  hold(false);
  pump.join();
  EXPECT_EQ(resumed_on, pump_id);
}

// --- Which thread commits.

TEST_F(Waiting, AWaitingCallerCommitsOnAnIdleJournal) {
  open_small();
  const TimePoint give_up = steady_clock().now() + kTooLong;
  while (journal_->stats().caller_ticks == 0 && steady_clock().now() < give_up) {
    EXPECT_TRUE(ok(submit().wait()).committed());
  }
  EXPECT_GT(journal_->stats().caller_ticks, 0U);
}

TEST_F(Waiting, CallersThatMayNotCommitNeverDo) {
  open({.callers_commit = false});
  add_class({.name = "any"});
  for (std::size_t i = 0; i < scaled(2000); ++i) EXPECT_TRUE(ok(submit().wait()).committed());
  EXPECT_EQ(journal_->stats().caller_ticks, 0U);
}

// Each write finds the committer asleep or about to be: one lost wake-up and this hangs.
TEST_F(Waiting, NoLoneWriteNeedsASecondOneToBeCommitted) {
  open({.callers_commit = false});
  add_class({.name = "any"});
  for (std::size_t i = 0; i < scaled(100'000); ++i) {
    Receipt receipt = submit();
    const Result<Outcome> outcome = receipt.wait_for(kTooLong);
    ASSERT_TRUE(outcome.ok()) << "write " << i << ": " << outcome.status().to_string();
  }
}

TEST_F(Waiting, CallersThatAllWaitAndMayCommitAllGetTheirTurn) {
  open();
  add_class({.name = "any"});
  std::vector<std::thread> threads;
  const std::size_t each = scaled(5000);
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      for (std::size_t n = 0; n < each; ++n) {
        Receipt receipt = submit();
        const Result<Outcome> outcome = receipt.wait_for(kTooLong);
        ASSERT_TRUE(outcome.ok() && outcome.value().committed());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(committed(0), 8 * each);
}

// --- For a flush, for the lane.

TEST_F(Waiting, AFlushReturnsOnceAllThatWasPushedBeforeIsCommitted) {
  open();
  add_class({.name = "any"});
  std::vector<std::thread> threads;
  for (std::size_t id = 1; id <= 4; ++id) {
    threads.emplace_back([&, id] {
      for (std::uint64_t n = 1; n <= scaled(2000); ++n) {
        ASSERT_TRUE(push(static_cast<std::int64_t>(id)).ok());
        if (n % 10 != 0) continue;
        ASSERT_TRUE(journal_->flush().ok());
        ASSERT_EQ(committed(id), n);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST_F(Waiting, AFlushGivesUpInTime) {
  open_small();
  locked(true);
  ASSERT_TRUE(push().ok());
  EXPECT_EQ(journal_->flush(kMoment).code(), Errc::timed_out);
  locked(false);
  EXPECT_TRUE(journal_->flush().ok());
}

TEST_F(Waiting, ClassesAndStatementsAreAddedWhileTheLaneIsNeverIdle) {
  constexpr std::size_t kAdded = 20;
  JournalOptions options;
  options.tick.records = 100;
  open(options);
  add_class({.name = "busy", .guarantee = {.records = 1, .bytes = 100}});
  std::atomic<bool> over{false};
  std::thread busy([&] {
    while (!over.load()) ASSERT_TRUE(push().ok());
  });
  for (std::size_t i = 0; i < kAdded; ++i) {
    const std::string name = "added-" + std::to_string(i);
    const Statement added =
        ok(journal_->add_statement({.sql = name, .columns = {{ColumnType::integer}}}));
    WriteClass fresh =
        ok(journal_->add_class({.name = name, .guarantee = {.records = 1, .bytes = 100}}));
    EXPECT_TRUE(ok(ok(fresh.submit(added, row(1))).wait()).committed());
  }
  over.store(true);
  busy.join();
  EXPECT_EQ(committed(1), kAdded);
}

// Takes the baton again at once, as the committer thread does on a busy lane. A plain mutex would
// give it to that thread every time.
TEST(Baton, WhoeverComesBackAtOnceLetsThoseInWhoWaited) {
  constexpr int kRounds = 20;
  int waited_first = 0;
  for (int i = 0; i < kRounds; ++i) {
    engine::Baton baton;
    std::atomic<bool> served{false};
    baton.lock();
    std::thread other([&] {
      const std::scoped_lock lock(baton);
      served.store(true);
    });
    std::this_thread::sleep_for(milliseconds(5));
    baton.unlock();
    baton.lock();
    if (served.load()) ++waited_first;
    baton.unlock();
    other.join();
  }
  EXPECT_GE(waited_first, kRounds / 2);  // not all: a thread may take longer to come
}

// Whether a caller that comes just after the baton was released gets it before a thread that
// waited.
bool overtakes(void (engine::Baton::*wait)()) {
  engine::Baton baton;
  std::atomic<bool> tried{false};
  baton.lock();
  std::thread other([&] {
    (baton.*wait)();
    tried.wait(false);
    baton.unlock();
  });
  while (!baton.awaited()) std::this_thread::yield();
  baton.unlock();
  const bool first = baton.try_lock();
  if (first) baton.unlock();
  tried.store(true);
  tried.notify_one();
  other.join();
  return first;
}

TEST(Baton, ALenderOvertakesNobodyButWhoGivesWay) {
  constexpr int kRounds = 20;
  constexpr int kRoundsMax = 5000;
  for (int i = 0; i < kRounds; ++i) EXPECT_FALSE(overtakes(&engine::Baton::lock));
  // Not each time: the thread that gives way may wake at once.
  bool overtaken = false;
  for (int i = 0; i < kRoundsMax && !overtaken; ++i) {
    overtaken = overtakes(&engine::Baton::lock_giving_way);
  }
  EXPECT_TRUE(overtaken);
}

TEST(Baton, ALenderFindsItTakenWhileSomebodyHasIt) {
  engine::Baton baton;
  baton.lock();
  EXPECT_TRUE(baton.mine());
  std::thread([&] {
    EXPECT_FALSE(baton.try_lock());
    EXPECT_FALSE(baton.mine());
  }).join();
  baton.unlock();
  EXPECT_FALSE(baton.mine());
  ASSERT_TRUE(baton.try_lock());
  baton.unlock();
}

}  // namespace
}  // namespace onelane::test
