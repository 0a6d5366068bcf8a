// What a prediction takes over of the recorded machine and program: when the disk was slow, how
// long jobs' steps are, and which threads wait for what they pushed.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "onelane/trace.h"
#include "tests/support/traced_lane.h"

namespace onelane::test {
namespace {

class Predicted : public TracedLane {
 protected:
  // A row each millisecond, for so long; a tick takes 300 us.
  void push_each_millisecond(Writes& peers, int count) {
    for (int i = 0; i < count; ++i) {
      peers.push(i);
      tick();
      advance(microseconds(700));
    }
  }
  static Replay predicted(const Trace& trace, const Budgets& budgets) {
    Result<Replay> replay = predict(trace, budgets);
    EXPECT_TRUE(replay.ok()) << replay.status().to_string();
    return replay.ok() ? *std::move(replay) : Replay{};
  }
};

// Nothing was pushed while the commit hung, and so nothing waits for it.
TEST_F(Predicted, ACommitThatHangsDoesSoAtTheTimeAtWhichItDid) {
  open_traced();
  Writes peers = add_class("peers");
  commits_take(microseconds(300));
  push_each_millisecond(peers, 300);
  commits_take(milliseconds(100));
  push_each_millisecond(peers, 1);
  commits_take(microseconds(300));
  push_each_millisecond(peers, 300);
  const Trace trace = close_and_read();
  Budgets gathering = trace.budgets;
  gathering.classes[0].gather = milliseconds(4);
  const Replay replay = predicted(trace, gathering);
  ASSERT_LT(replay.ticks, 200U) << "a third of the recorded ones, or less";
  EXPECT_GE(replay.hold_ns.max(), 90'000'000U);
  EXPECT_LT(replay.classes[0].total_ns.p99(), 10'000'000U);
}

TEST_F(Predicted, APassThatClosesTheLogHoldsTheLaneOnce) {
  open_traced();
  Writes peers = add_class("peers");
  commits_take(microseconds(300));
  push_each_millisecond(peers, 100);
  const TimePoint began = clock_->now();
  peers.push_all(1, 20);
  advance(milliseconds(40));
  push_each_millisecond(peers, 100);
  Trace trace = close_and_read();
  for (int i = 0; i < 20; ++i) {
    trace.closing_passes.push_back({began - milliseconds(80 - 2 * i), microseconds(500)});
  }
  trace.closing_passes.push_back({began, milliseconds(40)});
  const auto longest = [&](const Budgets& budgets) {
    return static_cast<double>(predicted(trace, budgets).classes[0].total_ns.max());
  };
  EXPECT_NEAR(longest(trace.budgets), 40e6, 1e6);
  Budgets shorter = trace.budgets;
  shorter.tick.hold = milliseconds(5);
  EXPECT_NEAR(longest(shorter), 5e6, 1e6) << "no pass is longer than a tick";
  trace.closing_passes = {{began, milliseconds(40)}};
  EXPECT_NEAR(longest(shorter), 40e6, 1e6) << "but for the shortest of them";
}

TEST_F(Predicted, PassesOnADiskThatWasBehindDoNotGetShorterWithTheHold) {
  open_traced();
  Writes peers = add_class("peers");
  commits_take(microseconds(300));
  push_each_millisecond(peers, 100);
  const TimePoint began = clock_->now();
  peers.push_all(1, 20);
  advance(milliseconds(40));
  push_each_millisecond(peers, 100);
  Trace trace = close_and_read();
  for (TracedTick& each : trace.ticks) each.paced = true;
  for (int i = 0; i < 20; ++i) {
    trace.closing_passes.push_back({began - milliseconds(80 - 2 * i), microseconds(500)});
  }
  trace.closing_passes.push_back({began, milliseconds(40)});
  Budgets shorter = trace.budgets;
  shorter.tick.hold = milliseconds(5);
  const Replay replay = predicted(trace, shorter);
  EXPECT_NEAR(static_cast<double>(replay.classes[0].total_ns.max()), 40e6, 1e6);
}

// The thread never has two units in the lane, and always has one.
TEST_F(Predicted, AThreadThatWaitsOnReceiptsPushesAgainWhenItsUnitIsSettled) {
  open_traced();
  Writes peers = add_class("peers");
  commits_take(milliseconds(4));
  push_each_millisecond(peers, 100);
  const Trace trace = close_and_read();
  const Replay own = predicted(trace, trace.budgets);
  ASSERT_FALSE(own.assumptions.empty());
  EXPECT_TRUE(own.assumptions[0].starts_with("Of 1 threads that pushed, 1 push again"))
      << own.assumptions[0];
  Budgets gathering = trace.budgets;
  gathering.classes[0].gather = milliseconds(16);
  const Replay replay = predicted(trace, gathering);
  EXPECT_NEAR(replay.classes[0].units_per_s, 1000 / (16 + 4.7), 5);
  EXPECT_NEAR(static_cast<double>(replay.classes[0].total_ns.p50()), 20e6, 1e6);
}

TEST_F(Predicted, AThreadThatOnlyPushesGoesOnAsItDid) {
  open_traced();
  Writes peers = add_class("peers");
  commits_take(milliseconds(4));
  for (int i = 0; i < 100; ++i) {
    peers.push_all(1, 3);
    tick();
  }
  const Trace trace = close_and_read();
  Budgets gathering = trace.budgets;
  gathering.classes[0].gather = milliseconds(16);
  const Replay replay = predicted(trace, gathering);
  EXPECT_NEAR(replay.classes[0].units_per_s, 750, 75);
}

// Of a job that goes on until it should yield.
TEST_F(Predicted, AJobsStepIsAsShortAsTheHoldWants) {
  const auto run = [&](Duration hold) {
    open_traced({.tick = {.hold = hold}});
    Writes blobs = add_class("blobs");
    commits_take(microseconds(100));
    for (int i = 0; i < 20; ++i) {
      const TimePoint begin = clock_->now();
      Duration done{0};
      Receipt job = blobs.submit_job([&](Transaction& transaction) {
        while (!transaction.yield_due() && done < milliseconds(30)) {
          advance(microseconds(50));
          done += microseconds(50);
        }
        return done < milliseconds(30) ? Step::more : Step::done;
      });
      while (!job.poll()) tick();
      EXPECT_GT(clock_->now() - begin, milliseconds(30));
    }
    return close_and_read();
  };
  const Trace trace = run(milliseconds(10));
  Budgets shorter = trace.budgets;
  shorter.tick.hold = milliseconds(2);
  const Replay replay = predicted(trace, shorter);
  const Trace measured = run(milliseconds(2));
  ASSERT_GT(measured.ticks.size(), 3 * trace.ticks.size());
  EXPECT_NEAR(static_cast<double>(replay.ticks), static_cast<double>(measured.ticks.size()),
              0.25 * static_cast<double>(measured.ticks.size()));
  EXPECT_NEAR(static_cast<double>(replay.hold_ns.p50()), 2e6, 0.5e6);
}

// For 50 ms in the middle, and no longer.
TEST_F(Predicted, AClassPausesWhileTheDiskWasBehind) {
  open_traced();
  Writes peers = add_class("peers");
  commits_take(microseconds(300));
  sink_->on(Call::apply, [this](const std::string&) {
    advance(microseconds(100));
    return Reply{};
  });
  push_each_millisecond(peers, 200);
  Trace trace = close_and_read();
  trace.drive = Drive::thread;
  for (std::size_t i = 100; i < 150; ++i) {
    trace.ticks[i].log_bytes = 4096;
    trace.ticks[i].pause = milliseconds(8);
    trace.ticks[i].paced = true;
  }
  const Replay replay = predicted(trace, trace.budgets);
  EXPECT_GE(replay.classes[0].wait_ns.max(), 5'000'000U);
  EXPECT_LT(replay.classes[0].wait_ns.p50(), 1'000'000U);
  EXPECT_TRUE(std::any_of(replay.assumptions.begin(), replay.assumptions.end(), [](auto& each) {
    return each.starts_with("In 50 of 200 ticks the disk was behind");
  }));
}

// The one long pass met nobody. Another time it would.
TEST_F(Predicted, AWantThatWasKeptByChanceIsNotMet) {
  open_traced();
  Writes peers = add_class("peers");
  commits_take(microseconds(300));
  std::vector<TracedHold> passes;
  for (int i = 0; i < 4; ++i) {
    passes.push_back({clock_->now() + milliseconds(50), microseconds(500)});
    push_each_millisecond(peers, 100);
    if (i == 1) passes.push_back({clock_->now() + milliseconds(5), milliseconds(40)});
    if (i == 1) advance(milliseconds(60));
  }
  Trace trace = close_and_read();
  for (TracedTick& each : trace.ticks) each.paced = true;
  const Want want = ok(parse_want("peers:max<=10ms"));
  trace.closing_passes = {passes[0], passes[1], passes[3], passes[4]};
  EXPECT_TRUE(ok(tune(trace, {want})).met) << "without it";
  trace.closing_passes = passes;
  const Tuning tuned = ok(tune(trace, {want}));
  EXPECT_LT(tuned.wants[0].before, 5e6);
  EXPECT_FALSE(tuned.met);
  EXPECT_TRUE(tuned.in_the_way.ends_with("the disk is in the way, which was behind"))
      << tuned.in_the_way;
}

// Classes may have paused, and once that is over no plan tells of it.
TEST_F(Predicted, WhileTheDiskIsBehindTheTimeUntilTheNextPlanSaysNothingOfTheLane) {
  open_traced({.tick = {.records = 1}});
  Writes peers = add_class("peers", {.guarantee = {.records = 1}});
  commits_take(microseconds(300));
  for (int i = 0; i < 50; ++i) {
    peers.push_all(1, 2);
    tick();
    advance(milliseconds(20));
    tick();
    advance(milliseconds(100));
  }
  Trace trace = close_and_read();
  ASSERT_EQ(trace.ticks.size(), 100U);
  EXPECT_GE(predicted(trace, trace.budgets).classes[0].wait_ns.max(), 20'000'000U);
  for (std::size_t i = 0; i < trace.ticks.size(); i += 2) trace.ticks[i].paced = true;
  EXPECT_LT(predicted(trace, trace.budgets).classes[0].wait_ns.max(), 2'000'000U);
}

}  // namespace
}  // namespace onelane::test
