// The figures, by a clock that moves only when a call costs something.
#include "tests/support/lane.h"

namespace onelane::test {
namespace {

class LaneStats : public QuietLane {
 protected:
  std::uint64_t tick_ends(TickEnd end) {
    return journal_->stats().tick_ends[static_cast<std::size_t>(end)];
  }
};

TEST_F(LaneStats, OfferedIsAcceptedAndRefused) {
  open();
  Writes peers = add_class("peers", {.capacity_records = 2, .when_full = WhenFull::reject});
  peers.push_all(1, 2);
  EXPECT_FALSE(peers.try_push(3).ok());
  EXPECT_FALSE(peers.handle().push(peers.one(), Row().text("wrong")).ok());
  EXPECT_FALSE(peers.handle().push(Statement{77}, Row().integer(1)).ok());
  const ClassStats stats = stats_of("peers");
  EXPECT_EQ(stats.offered, 5U);
  EXPECT_EQ(stats.accepted, 2U);
  EXPECT_EQ(stats.refused, 3U);
  EXPECT_EQ(stats.in_flight, 2U);
}

TEST_F(LaneStats, WaitIsFromPushToBeginAndTotalToTheSettledReceipt) {
  open();
  Writes peers = add_class("peers");
  sink_->set_cost(Call::begin, milliseconds(1));
  sink_->set_cost(Call::apply, milliseconds(2));
  sink_->set_cost(Call::commit, milliseconds(3));
  peers.push(1);
  advance(milliseconds(10));
  tick();
  const ClassStats stats = stats_of("peers");
  EXPECT_EQ(stats.wait_ns.max(), 10'000'000U);
  EXPECT_EQ(stats.total_ns.max(), 16'000'000U);
  EXPECT_EQ(stats.wait_ns.count(), 1U);
  EXPECT_EQ(stats.total_ns.count(), 1U);
}

TEST_F(LaneStats, WhatWasNeverTakenHasATotalButNoWait) {
  open();
  Writes peers = add_class("peers");
  Receipt late = peers.submit(1, expiring_in(milliseconds(5)));
  advance(milliseconds(7));
  tick();
  EXPECT_EQ(stats_of("peers").wait_ns.count(), 0U);
  EXPECT_EQ(stats_of("peers").total_ns.max(), 7'000'000U);
}

TEST_F(LaneStats, AJobWaitsOnceHoweverManySteps) {
  open();
  Writes peers = add_class("peers");
  Receipt job =
      peers.submit_job([](Transaction& t) { return t.steps() < 4 ? Step::more : Step::done; });
  run_ticks();
  EXPECT_EQ(stats_of("peers").wait_ns.count(), 1U);
  EXPECT_EQ(stats_of("peers").total_ns.count(), 1U);
}

TEST_F(LaneStats, HoldIsFromBeginToTheReturnOfCommitAndOccupancyItsShareOfTime) {
  open();
  Writes peers = add_class("peers");
  sink_->set_cost(Call::apply, milliseconds(2));
  sink_->set_cost(Call::commit, milliseconds(3));
  peers.push(1);
  tick();
  advance(milliseconds(15));
  const JournalStats stats = journal_->stats();
  EXPECT_EQ(stats.hold_ns.max(), 5'000'000U);
  EXPECT_EQ(stats.held, milliseconds(5));
  EXPECT_EQ(stats.open, milliseconds(20));
  EXPECT_DOUBLE_EQ(stats.occupancy, 0.25);
}

TEST_F(LaneStats, AFailedTickIsHeldTooButCommitsNothing) {
  open();
  Writes peers = add_class("peers");
  sink_->set_cost(Call::begin, milliseconds(2));
  sink_->reply_next(Call::commit, failure(Fault::environment, Effect::ended));
  peers.push(1);
  tick();
  EXPECT_EQ(journal_->stats().held, milliseconds(2));
  EXPECT_EQ(journal_->stats().committed, 0U);
  EXPECT_EQ(tick_ends(TickEnd::failed), 1U);
}

TEST_F(LaneStats, UnitsAndBytesPerTickAreOfWhatWasApplied) {
  open();
  Writes peers = add_class("peers");
  sink_->fail_row("peers(2)", failure(Fault::record, Effect::undone));
  peers.push_all(1, 3);
  tick();
  EXPECT_EQ(journal_->stats().units_per_tick.max(), 2U);
  EXPECT_EQ(journal_->stats().bytes_per_tick.max(), 2 * Row().integer(1).bytes().size());
}

TEST_F(LaneStats, CommitsAreNumberedFromOneAndReceiptsNameTheirs) {
  open();
  Writes peers = add_class("peers");
  for (std::uint64_t commit = 1; commit <= 3; ++commit) {
    Receipt one = peers.submit(1);
    tick();
    EXPECT_EQ(outcome_of(one).commit, commit);
    EXPECT_EQ(journal_->stats().committed, commit);
  }
}

TEST_F(LaneStats, DurableDoesNotFollowCommittedByItself) {
  open();
  Writes peers = add_class("peers");
  peers.push(1);
  tick();
  EXPECT_EQ(journal_->stats().durable, 0U);
}

TEST_F(LaneStats, DurableFollowsCommittedWhereACommitIsDurable) {
  sink_->set_durable();
  open();
  Writes peers = add_class("peers");
  peers.push(1);
  EXPECT_EQ(journal_->stats().durable, 0U);
  tick();
  EXPECT_EQ(journal_->stats().durable, 1U);
}

TEST_F(LaneStats, ATickThatLeftNothingEndedDrained) {
  open();
  Writes peers = add_class("peers");
  peers.push(1);
  tick();
  EXPECT_EQ(tick_ends(TickEnd::drained), 1U);
}

TEST_F(LaneStats, ATickEndsByItsRecordsItsBytesItsHoldOrItsShares) {
  const Guarantee one{.records = 1, .bytes = 64};
  open({.tick = {.records = 4, .bytes = kMiB, .hold = seconds(1)}});
  add_class("records", {.guarantee = one}).push_all(1, 5);
  tick();
  EXPECT_EQ(tick_ends(TickEnd::records), 1U);

  open({.tick = {.records = 100, .bytes = 4 * kKiB, .hold = seconds(1)}});
  Writes bytes = add_class("bytes", {.guarantee = one});
  for (int i = 0; i < 8; ++i) bytes.push(i, std::string(1000, 'x'));
  tick();
  EXPECT_EQ(tick_ends(TickEnd::bytes), 1U);

  open({.tick = {.records = 100, .bytes = kMiB, .hold = seconds(1)}});
  add_class("share", {.guarantee = one, .budget = {.records = 2}}).push_all(1, 5);
  tick();
  EXPECT_EQ(tick_ends(TickEnd::share), 1U);

  open({.tick = {.records = 1000, .bytes = kMiB, .hold = milliseconds(10)}});
  Writes hold = add_class("hold", {.guarantee = one});
  sink_->set_cost(Call::apply, milliseconds(3));
  hold.push_all(1, 100);
  tick();
  EXPECT_EQ(tick_ends(TickEnd::hold), 1U);
}

TEST_F(LaneStats, AnOverlongStepIsCountedAndNamed) {
  open();
  Writes peers = add_class("peers");
  const auto step_of = [&](Duration time) {
    return [this, time](Transaction&) {
      advance(time);
      return Step::done;
    };
  };
  Receipt short_one = peers.submit_job(step_of(milliseconds(10)), "short");
  Receipt long_one = peers.submit_job(step_of(milliseconds(11)), "long");
  Receipt other = peers.submit_job(step_of(milliseconds(1)), "other");
  run_ticks();
  const JournalStats stats = journal_->stats();
  EXPECT_EQ(stats.overlong_steps, 1U);
  EXPECT_EQ(stats.longest_step, "long");
  EXPECT_EQ(stats.longest_step_time, milliseconds(11));
}

TEST_F(LaneStats, ClassesComeInTheOrderOfAddingWithTheirWorstWait) {
  open();
  add_class("b");
  add_class("a");
  const JournalStats stats = journal_->stats();
  ASSERT_EQ(stats.classes.size(), 2U);
  EXPECT_EQ(stats.classes[0].name + stats.classes[1].name, "ba");
  EXPECT_GT(stats.classes[0].worst_wait_ticks, 0U);
}

}  // namespace
}  // namespace onelane::test
