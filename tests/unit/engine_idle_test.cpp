// When a tick runs, how much it takes, and what it waits for.
#include "tests/support/lane.h"

namespace onelane::test {
namespace {

using LaneIdle = Lane;
using LaneTick = QuietLane;
using LaneGathering = QuietLane;

TEST_F(LaneIdle, ALoneWriteCommitsInTheFirstTick) {
  open();
  Writes peers = add_class("peers");
  Receipt lone = peers.submit(1);
  EXPECT_EQ(tick().units, 1U);
  EXPECT_EQ(end_of(lone), "committed");
  EXPECT_EQ(calls(), "begin, apply peers(1), verify, commit");
}

TEST_F(LaneIdle, AWriteOnAManualJournalIsOneTick) {
  open();
  EXPECT_TRUE(ok(add_class("peers").try_write(1)).committed());
  EXPECT_EQ(calls(), "begin, apply peers(1), verify, commit");
}

TEST_F(LaneIdle, ATickWithNothingToDoTouchesNothing) {
  open();
  add_class("peers");
  const TickReport report = tick();
  EXPECT_EQ(report.units, 0U);
  EXPECT_FALSE(report.more);
  EXPECT_FALSE(report.next);
  EXPECT_EQ(calls(), "");
}

TEST_F(LaneIdle, WhatIsQueuedTogetherIsCommittedTogetherInOrder) {
  open();
  Writes peers = add_class("peers");
  const std::vector<Receipt> all = peers.submit_all(1, 3);
  EXPECT_FALSE(tick().more);
  EXPECT_EQ(ends_of(all), "committed committed committed");
  EXPECT_EQ(
      calls(),
      "begin, apply peers(1), verify, apply peers(2), verify, apply peers(3), verify, commit");
}

TEST_F(LaneIdle, ATransactionIsOverBeforeItsReceiptsSettle) {
  open();
  Writes peers = add_class("peers");
  Receipt first = peers.submit(1);
  sink_->on(Call::commit, [&](const std::string&) {
    EXPECT_EQ(end_of(first), "in flight");
    return Reply{};
  });
  tick();
  EXPECT_EQ(end_of(first), "committed");
  sink_->calls_do_not_matter();
}

TEST_F(LaneTick, TakesNoMoreRecordsThanItsBudget) {
  open({.tick = {.records = 4, .bytes = kMiB, .hold = seconds(1)}});
  Writes peers = add_class("peers", {.guarantee = {.records = 1, .bytes = kKiB}});
  peers.push_all(1, 10);
  EXPECT_TRUE(tick().more);
  EXPECT_EQ(committed(), "peers(1) peers(2) peers(3) peers(4)");
  run_ticks();
  EXPECT_EQ(committed(), "peers(5) peers(6) peers(7) peers(8) peers(9) peers(10)");
  EXPECT_EQ(sink_->commits(), 3U);
}

TEST_F(LaneTick, ARecordLargerThanTheByteBudgetCommitsAlone) {
  open({.tick = {.records = 100, .bytes = 4 * kKiB, .hold = seconds(1)}});
  Writes peers = add_class("peers", {.guarantee = {.records = 1, .bytes = 64}});
  peers.push_all(1, 2);
  peers.push(3, std::string(10'000, 'x'));
  peers.push(4);
  tick();
  EXPECT_EQ(committed(), "peers(1) peers(2)");
  tick();
  EXPECT_EQ(committed(), "peers(3, <10000>)");
  tick();
  EXPECT_EQ(committed(), "peers(4)");
}

TEST_F(LaneTick, AHeavyClassCannotShutASmallOneOut) {
  open({.tick = {.records = 10, .bytes = kMiB, .hold = seconds(1)}});
  Writes heavy = add_class("heavy", {.guarantee = {.records = 1, .bytes = kKiB}});
  Writes small = add_class("small", {.guarantee = {.records = 2, .bytes = kKiB}});
  heavy.push_all(1, 50);
  const std::vector<Receipt> receipts = small.submit_all(1, 2);
  tick();
  EXPECT_EQ(ends_of(receipts), "committed committed");
}

TEST_F(LaneTick, EndsBeforeItsHoldIsOver) {
  open({.tick = {.records = 1000, .bytes = kMiB, .hold = milliseconds(10)}});
  Writes peers = add_class("peers", {.guarantee = {.records = 1, .bytes = kKiB}});
  sink_->set_cost(Call::apply, milliseconds(1));
  peers.push_all(1, 200);
  for (int learning = 0; learning < 5; ++learning) tick();
  const Duration before = journal_->stats().held;
  tick();
  const Duration held = journal_->stats().held - before;
  EXPECT_GE(held, milliseconds(5));
  EXPECT_LE(held, milliseconds(10));
}

TEST_F(LaneTick, IsPlannedShorterWhenAnotherClassWouldMissItsMaxDelay) {
  open({.tick = {.records = 1000, .bytes = kMiB, .hold = milliseconds(100)}});
  const Guarantee one{.records = 1, .bytes = kKiB};
  Writes heavy = add_class("heavy", {.guarantee = one});
  Writes quick = add_class(
      "quick", {.guarantee = one, .budget = {.records = 1}, .max_delay = milliseconds(20)});
  sink_->set_cost(Call::apply, milliseconds(1));
  heavy.push_all(1, 1000);
  for (int learning = 0; learning < 5; ++learning) tick();
  quick.push_all(1, 2);
  const Duration before = journal_->stats().held;
  tick();
  EXPECT_LE(journal_->stats().held - before, milliseconds(20));
  EXPECT_EQ(journal_->stats().tick_ends[static_cast<std::size_t>(TickEnd::max_delay)], 1U);
}

TEST_F(LaneGathering, ALoneWriteWaitsForCompanyUntilItIsAsOldAsTheWindow) {
  open();
  Writes peers = add_class("peers", {.gather = milliseconds(5)});
  Receipt first = peers.submit(1);
  const TickReport early = tick();
  EXPECT_FALSE(early.more);
  ASSERT_TRUE(early.next);
  EXPECT_EQ(*early.next - journal_->now(), milliseconds(5));
  advance(milliseconds(4));
  Receipt second = peers.submit(2);
  tick();
  EXPECT_EQ(end_of(first), "in flight");
  advance(milliseconds(1));
  tick();
  EXPECT_EQ(end_of(first) + " " + end_of(second), "committed committed");
  EXPECT_EQ(sink_->commits(), 1U);
}

TEST_F(LaneGathering, AnotherClassWithoutAWindowTakesTheWaitingAlong) {
  open();
  Writes patient = add_class("patient", {.gather = milliseconds(5)});
  Writes peers = add_class("peers");
  patient.push(1);
  peers.push(2);
  tick();
  EXPECT_EQ(committed(), "patient(1) peers(2)");
}

TEST_F(LaneGathering, AFullTickDoesNotWait) {
  open({.tick = {.records = 4, .bytes = kMiB, .hold = seconds(1)}});
  Writes peers =
      add_class("peers", {.guarantee = {.records = 1, .bytes = kKiB}, .gather = milliseconds(5)});
  peers.push_all(1, 4);
  tick();
  EXPECT_EQ(sink_->commits(), 1U);
}

TEST_F(LaneGathering, FlushDoesNotWaitForTheWindow) {
  open();
  Writes peers = add_class("peers", {.gather = milliseconds(5)});
  peers.push(1);
  EXPECT_TRUE(journal_->flush().ok());
  EXPECT_EQ(committed(), "peers(1)");
}

TEST_F(LaneGathering, CloseDoesNotWaitForTheWindow) {
  open();
  Writes peers = add_class("peers", {.gather = milliseconds(5)});
  Receipt first = peers.submit(1);
  EXPECT_TRUE(journal_->close(seconds(1)).status.ok());
  EXPECT_EQ(end_of(first), "committed");
}

}  // namespace
}  // namespace onelane::test
