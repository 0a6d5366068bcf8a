// Threads that wait for their commits to be durable while others sync, commit and close.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <future>
#include <thread>
#include <vector>

#include "onelane/onelane.h"
#include "tests/race/perturbing_clock.h"
#include "tests/support/fake_clock.h"
#include "tests/support/plain_sink.h"
#include "tests/support/scale.h"
#include "tests/support/temp_directory.h"

namespace onelane::test {
namespace {

template <class T>
T ok(Result<T> result) {
  EXPECT_TRUE(result.ok()) << result.status().to_string();
  return std::move(result).value();
}

Row row(std::int64_t id) {
  Row out;
  out.integer(id);
  return out;
}

// Counts the commits, and those that a finished sync covers: it began after they had returned.
class CountingSink final : public PlainSink, public CommitSync {
 public:
  struct Counts {
    std::atomic<std::uint64_t> committed{0};
    std::atomic<std::uint64_t> synced{0};
    std::atomic<int> syncing{0};
    std::atomic<bool> fails{false};
    std::atomic<bool> locked{false};
    std::atomic<int> probes{0};
    std::atomic<std::uint32_t> rejected{~0U};  // the statement whose rows are rejected
  };
  explicit CountingSink(std::shared_ptr<Counts> counts) : counts_(std::move(counts)) {}

  Reply apply(Statement statement, std::span<const std::byte>) override {
    if (statement.index != counts_->rejected.load()) return {};
    return {.fault = Fault::record, .cause = {Errc::record, "bad row"}};
  }
  Reply commit() override {
    counts_->committed.fetch_add(1);
    return {};
  }
  Reply probe() override {
    ++counts_->probes;
    if (!counts_->locked.load()) return commit();
    return {.fault = Fault::busy, .effect = Effect::ended, .cause = {Errc::locked, "locked"}};
  }
  Reply sync() override {
    EXPECT_EQ(counts_->syncing.fetch_add(1), 0) << "two syncs at once";
    const std::uint64_t covered = counts_->committed.load();
    std::this_thread::sleep_for(std::chrono::microseconds(50));
    counts_->syncing.fetch_sub(1);
    if (counts_->fails.load()) {
      return {.fault = Fault::sync, .effect = Effect::ended, .cause = {Errc::storage, "EIO"}};
    }
    counts_->synced.store(covered);
    return {};
  }
  CommitSync* commit_sync() noexcept override { return this; }
  Status close(CloseMode) override {
    EXPECT_EQ(counts_->syncing.load(), 0) << "closed while a sync runs";
    return {};
  }

 private:
  const std::shared_ptr<Counts> counts_;
};

class DurableWaits : public ::testing::TestWithParam<bool> {
 protected:
  void open(bool callers_commit) {
    JournalOptions options;
    options.callers_commit = callers_commit;
    journal_.emplace(
        ok(Journal::open(std::make_unique<CountingSink>(counts_), perturbed(options))));
    statement_ = ok(journal_->add_statement({.sql = "-", .columns = {{ColumnType::integer}}}));
    class_.emplace(ok(journal_->add_class({.name = "all", .promise = Promise::durable})));
  }
  std::shared_ptr<CountingSink::Counts> counts_ = std::make_shared<CountingSink::Counts>();
  std::optional<Journal> journal_;
  std::optional<WriteClass> class_;
  Statement statement_;
};

TEST_P(DurableWaits, EachIsToldAfterASyncThatBeganAfterItsCommit) {
  open(GetParam());
  const auto writes = static_cast<int>(scaled(300));
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < writes; ++i) {
        Outcome outcome;
        if (t % 2 == 0) {
          outcome = ok(class_->write(statement_, row(i)));
        } else {
          Receipt receipt = ok(class_->submit(statement_, row(i)));
          Result<Outcome> waited = receipt.wait_for(std::chrono::microseconds(i % 120));
          if (!waited) {
            EXPECT_EQ(waited.status().code(), Errc::timed_out);
          }
          outcome = ok(receipt.wait_durable());
        }
        EXPECT_TRUE(outcome.committed() && outcome.durable);
        EXPECT_LE(outcome.commit, counts_->synced.load());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const JournalStats stats = journal_->stats();
  EXPECT_EQ(stats.durable, stats.committed);
  EXPECT_EQ(stats.classes[0].end(End::committed), 8U * static_cast<unsigned>(writes));
}

TEST_P(DurableWaits, AFailedSyncAnswersEverybody) {
  for (std::size_t round = 0; round < scaled(20); ++round) {
    counts_ = std::make_shared<CountingSink::Counts>();
    open(GetParam());
    std::atomic<int> lost{0};
    std::vector<std::thread> threads;
    const int callers = round % 2 == 0 ? 6 : 160;
    for (int t = 0; t < callers; ++t) {
      threads.emplace_back([&] {
        for (;;) {
          Result<Outcome> outcome = class_->write(statement_, row(1));
          if (outcome.ok() && outcome->durable) continue;
          lost += outcome.status().code() == Errc::not_durable ? 1 : 0;
          return;
        }
      });
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    counts_->fails.store(true);
    for (std::thread& thread : threads) thread.join();
    EXPECT_GT(lost.load(), 0);
    EXPECT_EQ(journal_->close(std::chrono::seconds(1)).status.code(), Errc::poisoned);
    EXPECT_LE(journal_->stats().durable, counts_->synced.load());
  }
}

TEST_P(DurableWaits, ACloseBesideThemAnswersEverybody) {
  for (std::size_t round = 0; round < scaled(20); ++round) {
    counts_ = std::make_shared<CountingSink::Counts>();
    open(GetParam());
    std::vector<std::thread> threads;
    for (int t = 0; t < 6; ++t) {
      threads.emplace_back([&] {
        for (;;) {
          Result<Outcome> outcome = class_->write(statement_, row(1));
          if (!outcome.ok() || !outcome->committed()) return;
          EXPECT_TRUE(outcome->durable);
        }
      });
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    EXPECT_TRUE(journal_->close(std::chrono::seconds(5)).status.ok());
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(journal_->stats().durable, journal_->stats().committed);
  }
}

TEST_P(DurableWaits, ABarrierWaitsForSomebodyElsesLockAsLongAsItMay) {
  open(GetParam());
  counts_->locked.store(true);
  while (counts_->probes.load() < 2) {
    ASSERT_EQ(journal_->sync(std::chrono::milliseconds(5)).code(), Errc::timed_out);
  }
  std::atomic<bool> answered{false};
  std::thread holder([&] {
    const int before = counts_->probes.load();
    while (counts_->probes.load() < before + 3 && !answered.load()) std::this_thread::yield();
    counts_->locked.store(false);
  });
  EXPECT_TRUE(journal_->sync().ok());
  answered.store(true);
  holder.join();
  EXPECT_EQ(counts_->synced.load(), 1U);
}

TEST_P(DurableWaits, ABarrierThatWaitsForALockIsAnsweredByTheClose) {
  open(GetParam());
  counts_->locked.store(true);
  Status answer;
  std::atomic<bool> answered{false};
  std::thread waits([&] {
    answer = journal_->sync();
    answered.store(true);
  });
  while (counts_->probes.load() < 2 && !answered.load()) std::this_thread::yield();
  EXPECT_TRUE(journal_->close(std::chrono::seconds(5)).status.ok());
  waits.join();
  EXPECT_EQ(answer.code(), Errc::closed);
}

// A clock that stops the thread that runs a tick at its first question in the lane, when nothing is
// drained yet.
class StoppingClock final : public Clock {
 public:
  TimePoint now() const noexcept override {
    if (std::this_thread::get_id() == whom_.load() && !stopped_.load() && has_lane()) {
      stopped_.store(true);
      while (!may_go_.load()) std::this_thread::yield();
    }
    return steady_clock().now();
  }
  void stop_me(Journal& journal) {
    journal_ = &journal;
    whom_.store(std::this_thread::get_id());
  }
  bool stopped() const { return stopped_.load(); }
  void let_go() { may_go_.store(true); }

 private:
  // add_class() refuses a class without a name before it waits for the lane, but after it has asked
  // whether the caller is in the lane.
  bool has_lane() const { return journal_->add_class({}).status().code() == Errc::in_lane; }

  Journal* journal_ = nullptr;  // the journal with this clock: for the thread that is stopped
  std::atomic<std::thread::id> whom_{};
  mutable std::atomic<bool> stopped_{false};
  std::atomic<bool> may_go_{false};
};

// Waits for what a test cannot ask: that a thread has pushed and found the lane taken, or sleeps.
void pause() { std::this_thread::sleep_for(std::chrono::milliseconds(50)); }

template <class Holds>
void until(const Holds& holds) {
  while (!holds()) std::this_thread::yield();
}

TEST(DurableWait, IsSeenToByWhoTicksForItAndIsRejected) {
  const auto counts = std::make_shared<CountingSink::Counts>();
  const auto clock = std::make_shared<StoppingClock>();
  Journal journal =
      ok(Journal::open(std::make_unique<CountingSink>(counts), JournalOptions{.clock = clock}));
  const StatementSpec spec{.sql = "good", .columns = {{ColumnType::integer}}};
  const Statement good = ok(journal.add_statement(spec));
  const Statement bad = ok(journal.add_statement({.sql = "bad", .columns = spec.columns}));
  WriteClass all = ok(journal.add_class({.name = "all", .promise = Promise::durable}));
  counts->rejected.store(bad.index);
  const Receipt first = ok(all.submit(good, row(1)));
  until([&] { return first.poll() && first.poll()->durable; });
  pause();  // the committer thread is up, and sleeps: it would see to the sync
  std::thread ticks([&] {
    do {  // again where the committer thread ran the tick
      clock->stop_me(journal);
      EXPECT_EQ(ok(all.write(bad, row(1))).end, End::rejected);
    } while (!clock->stopped());
  });
  until([&] { return clock->stopped(); });
  const std::uint64_t accepted = journal.stats().classes[0].accepted;
  const std::uint64_t ran = journal.stats().ticks;
  std::future<Outcome> waits =
      std::async(std::launch::async, [&] { return ok(all.write(good, row(1))); });
  until([&] { return journal.stats().classes[0].accepted > accepted; });
  pause();
  clock->let_go();
  ticks.join();
  EXPECT_EQ(waits.wait_for(std::chrono::seconds(10)), std::future_status::ready);
  EXPECT_EQ(journal.stats().ticks, ran + 1) << "it was not ticked for";
  EXPECT_TRUE(journal.sync().ok());
  EXPECT_TRUE(waits.get().durable);
}

// A sink whose commits and first sync take time by the clock. Its next sync and its third commit
// end when the test says so.
class SteppedSink final : public PlainSink, public CommitSync {
 public:
  struct Steps {
    FakeClock clock;
    Duration sync{0};
    std::atomic<bool> syncing{false}, committing{false}, may_commit{false}, may_sync{false};
  };
  explicit SteppedSink(Steps& steps) : steps_(steps) {}

  Reply commit() override {
    steps_.clock.advance(std::chrono::milliseconds(1));
    if (++commits_ == 3) pass(steps_.committing, steps_.may_commit);
    return {};
  }
  Reply sync() override {
    if (++syncs_ == 1) {
      steps_.clock.advance(steps_.sync);
    } else {
      pass(steps_.syncing, steps_.may_sync);
    }
    return {};
  }
  CommitSync* commit_sync() noexcept override { return this; }

 private:
  static void pass(std::atomic<bool>& reached, const std::atomic<bool>& may) {
    reached.store(true);
    while (!may.load()) std::this_thread::yield();
  }

  Steps& steps_;
  int commits_ = 0;
  int syncs_ = 0;
};

// Four writers. The third has to wait for the second one's sync, and the fourth pushes while the
// third one's tick runs. Gives how many of their three ticks callers ran.
std::uint64_t ticks_of_callers(Duration sync) {
  const auto steps = std::make_shared<SteppedSink::Steps>();
  steps->sync = sync;
  Journal journal =
      ok(Journal::open(std::make_unique<SteppedSink>(*steps), {.clock = {steps, &steps->clock}}));
  const Statement statement =
      ok(journal.add_statement({.sql = "-", .columns = {{ColumnType::integer}}}));
  WriteClass all = ok(journal.add_class({.name = "all", .promise = Promise::durable}));
  const auto write = [&] { EXPECT_TRUE(ok(all.write(statement, row(1))).durable); };
  const Receipt first = ok(all.submit(statement, row(1)));
  until([&] { return first.poll() && first.poll()->durable; });  // the committer thread is up
  pause();
  const std::uint64_t before = journal.stats().caller_ticks;
  std::thread second(write);
  until([&] { return steps->syncing.load(); });
  std::thread third(write);
  until([&] { return steps->committing.load(); });
  std::thread fourth(write);
  until([&] { return journal.stats().classes[0].accepted == 4; });
  pause();
  steps->may_commit.store(true);
  until([&] { return journal.stats().committed == 4; });
  steps->may_sync.store(true);
  for (std::thread* writer : {&second, &third, &fourth}) writer->join();
  return journal.stats().caller_ticks - before;
}

TEST(DurableWait, CommitsWhatIsPushedMeanwhileIfThatTakesNoLongerThanASync) {
  EXPECT_EQ(ticks_of_callers(std::chrono::seconds(1)), 3U);
  EXPECT_EQ(ticks_of_callers(std::chrono::microseconds(1)), 2U)
      << "the last is not left to the thread";
}

TEST(DurableWait, OnAManualJournalIsSeenToByWhoSyncsForAnother) {
  const auto steps = std::make_shared<SteppedSink::Steps>();
  Journal journal = ok(Journal::open(std::make_unique<SteppedSink>(*steps),
                                     {.drive = Drive::manual, .clock = {steps, &steps->clock}}));
  const Statement statement =
      ok(journal.add_statement({.sql = "-", .columns = {{ColumnType::integer}}}));
  WriteClass all = ok(journal.add_class({.name = "all"}));
  const auto committed = [&] {
    Receipt receipt = ok(all.submit(statement, row(1)));
    EXPECT_TRUE(journal.tick().ok());
    return receipt;
  };
  Receipt first = committed();
  EXPECT_TRUE(ok(first.wait_durable()).durable);
  Receipt second = committed();
  std::thread syncs([&] { EXPECT_TRUE(ok(second.wait_durable()).durable); });
  until([&] { return steps->syncing.load(); });
  steps->may_commit.store(true);
  Receipt third = committed();
  std::future<Outcome> waits =
      std::async(std::launch::async, [&] { return ok(third.wait_durable()); });
  pause();
  steps->may_sync.store(true);
  syncs.join();
  EXPECT_EQ(waits.wait_for(std::chrono::seconds(10)), std::future_status::ready);
  EXPECT_TRUE(journal.tick().ok());  // syncs, if nobody did
  EXPECT_TRUE(waits.get().durable);
}

TEST(DurableWait, ForAJobThatCloseCutsEndsWithItsLastCommit) {
  const auto counts = std::make_shared<CountingSink::Counts>();
  Journal journal = ok(Journal::open(std::make_unique<CountingSink>(counts), {}));
  WriteClass all = ok(journal.add_class({.name = "all", .promise = Promise::durable}));
  Receipt receipt =
      ok(all.submit(Job{.step = [](Transaction&) -> Result<Step> { return Step::more; }}));
  std::future<Outcome> waits = std::async(std::launch::async, [&] { return ok(receipt.wait()); });
  until([&] { return journal.stats().committed > 0; });
  pause();
  EXPECT_EQ(journal.close(Duration(0)).status.code(), Errc::timed_out);
  const Outcome outcome = waits.get();
  EXPECT_EQ(outcome.end, End::incomplete);
  EXPECT_TRUE(outcome.durable);
  EXPECT_LE(outcome.commit, counts->synced.load());
}

INSTANTIATE_TEST_SUITE_P(CallersSyncOrNot, DurableWaits, ::testing::Bool());

}  // namespace
}  // namespace onelane::test
