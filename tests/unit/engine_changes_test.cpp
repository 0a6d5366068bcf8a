// Options that change while the journal runs: set_class and set_tick.
#include <functional>

#include "tests/support/lane.h"

namespace onelane::test {
namespace {

class LaneChanges : public QuietLane {
 protected:
  // A class that reserves little, so that ticks may be small.
  static ClassOptions small(ClassOptions options = {}) {
    options.guarantee = {.records = 1, .bytes = 64};
    return options;
  }
  Writes add_small(const std::string& name, ClassOptions options = {}) {
    return add_class(name, small(std::move(options)));
  }
  ClassOptions options_of(std::string_view name) { return stats_of(name).options; }
  // Changes what `change` changes of the options in force.
  template <class Change>
  Status try_set(Writes& writes, const Change& change) {
    ClassOptions options = options_of(writes.handle().name());
    change(options);
    return journal_->set_class(writes.handle(), options);
  }
  template <class Change>
  void set(Writes& writes, const Change& change) {
    const Status why = try_set(writes, change);
    EXPECT_TRUE(why.ok()) << why.to_string();
  }
  void set_tick(const Budget& tick) {
    const Status why = journal_->set_tick(tick);
    EXPECT_TRUE(why.ok()) << why.to_string();
  }
  std::uint64_t written(std::string_view name) { return stats_of(name).end(End::committed); }
  std::uint64_t written_by_a_tick(std::string_view name) {
    const std::uint64_t before = written(name);
    tick();
    return written(name) - before;
  }
  static void keep_full(Writes& writes) {
    while (writes.try_push(1).ok()) {
    }
  }
};

// --- Budgets.

TEST_F(LaneChanges, TheNextTickHasTheNewBudget) {
  open({.tick = {.records = 10}});
  Writes peers = add_small("peers");
  peers.push_all(1, 100);
  EXPECT_EQ(written_by_a_tick("peers"), 10U);
  set_tick({.records = 4});
  EXPECT_EQ(written_by_a_tick("peers"), 4U);
  set_tick({.records = 30});
  EXPECT_EQ(written_by_a_tick("peers"), 30U);
  set_tick({});
  EXPECT_EQ(journal_->stats().tick.records, kDefaultTick.records);
  EXPECT_EQ(written_by_a_tick("peers"), 56U);
}

TEST_F(LaneChanges, AClassHasItsOwnNewBudgetAndWithoutOneTheTicks) {
  open({.tick = {.records = 20}});
  Writes peers = add_small("peers", {.budget = {.records = 8}});
  peers.push_all(1, 100);
  EXPECT_EQ(written_by_a_tick("peers"), 8U);
  set(peers, [](ClassOptions& options) { options.budget.records = 5; });
  EXPECT_EQ(written_by_a_tick("peers"), 5U);
  set(peers, [](ClassOptions& options) { options.budget.records = 0; });
  EXPECT_EQ(written_by_a_tick("peers"), 20U);
  set_tick({.records = 12});
  EXPECT_EQ(written_by_a_tick("peers"), 12U);
}

TEST_F(LaneChanges, TheHoldThatATickIsPlannedForFollows) {
  open({.tick = {.records = 4096, .hold = milliseconds(10)}});
  Writes peers = add_small("peers");
  sink_->set_cost(Call::apply, microseconds(100));
  for (int i = 0; i < 20; ++i) {
    keep_full(peers);
    tick();
  }
  EXPECT_NEAR(static_cast<double>(written_by_a_tick("peers")), 100, 10);
  set_tick({.hold = milliseconds(2)});
  EXPECT_NEAR(static_cast<double>(written_by_a_tick("peers")), 20, 2);
}

TEST_F(LaneChanges, AGuaranteeHoldsFromTheNextTickOn) {
  open({.tick = {.records = 100}});
  Writes peers = add_small("peers");
  Writes heavy = add_small("heavy", {.weight = 1000});
  const auto of_peers = [&] {
    peers.push_all(1, 100);
    heavy.push_all(1, 100);
    return written_by_a_tick("peers");
  };
  EXPECT_LT(of_peers(), 30U);
  set(peers, [](ClassOptions& options) { options.guarantee.records = 60; });
  EXPECT_GE(of_peers(), 60U);
}

TEST_F(LaneChanges, AHeadThatSavedUpCreditIsTakenWithinTheTicksOfItsNewGuarantee) {
  open({.tick = {.records = 20}});
  Writes large = add_small("large");
  Writes heavy = add_small("heavy", {.weight = 1000});
  Group rows;
  for (int key = 1; key <= 20; ++key) large.add_to(rows, key);
  Receipt group = ok(large.handle().submit(rows));
  const auto busy_tick = [&] {
    keep_full(heavy);
    tick();
  };
  for (int i = 0; i < 3; ++i) busy_tick();
  ASSERT_EQ(end_of(group), "in flight") << "20 ticks of a record each";
  set(large, [](ClassOptions& options) { options.guarantee.records = 5; });  // 4 ticks
  busy_tick();
  EXPECT_EQ(end_of(group), "committed");
}

TEST_F(LaneChanges, SharesAreByTheNewWeightsWithinATenthOverAHundredTicks) {
  open({.tick = {.records = 4096, .bytes = kMiB, .hold = milliseconds(1)}});
  Writes first = add_small("first", {.weight = 1, .capacity_records = 400});
  Writes second = add_small("second", {.weight = 9, .capacity_records = 400});
  sink_->set_cost(Call::apply, microseconds(10));
  const auto ratio_over = [&](int ticks) {
    const std::uint64_t one = written("first"), other = written("second");
    for (int i = 0; i < ticks; ++i) {
      keep_full(first);
      keep_full(second);
      tick();
    }
    return static_cast<double>(written("first") - one) /
           static_cast<double>(written("second") - other);
  };
  EXPECT_NEAR(ratio_over(100), 1.0 / 9, 0.02);
  set(first, [](ClassOptions& options) { options.weight = 3; });
  set(second, [](ClassOptions& options) { options.weight = 1; });
  EXPECT_NEAR(ratio_over(100), 3, 0.3);
  set(first, [](ClassOptions& options) { options.weight = 1; });
  EXPECT_NEAR(ratio_over(100), 1, 0.1);
}

// --- What is refused.

TEST_F(LaneChanges, AGuaranteeThatTheTickHasNoRoomForIsRefusedWithBothNumbers) {
  open({.tick = {.records = 100}});
  Writes peers = add_class("peers", {.guarantee = {.records = 40}});
  add_class("blobs", {.guarantee = {.records = 50}});
  const Status why = try_set(peers, [](ClassOptions& o) { o.guarantee.records = 51; });
  EXPECT_EQ(why.code(), Errc::invalid_argument);
  EXPECT_NE(why.message().find("\"peers\": its guarantee (51 records, 65536 bytes)"),
            std::string::npos)
      << why.message();
  EXPECT_NE(why.message().find("the tick (100 records, 8388608 bytes)"), std::string::npos)
      << why.message();
  set(peers, [](ClassOptions& options) { options.guarantee.records = 50; });
}

TEST_F(LaneChanges, ATickWithoutRoomForTheGuaranteesIsRefusedWithBothNumbers) {
  open({.tick = {.records = 100}});
  add_class("peers", {.guarantee = {.records = 40}});
  add_class("blobs", {.guarantee = {.records = 50}});
  const Status why = journal_->set_tick({.records = 89});
  EXPECT_EQ(why.code(), Errc::invalid_argument);
  EXPECT_NE(why.message().find("a tick of (89 records, 8388608 bytes)"), std::string::npos)
      << why.message();
  EXPECT_NE(why.message().find("\"blobs\" has the largest (50 records, 65536 bytes)"),
            std::string::npos)
      << why.message();
  set_tick({.records = 91});
}

TEST_F(LaneChanges, ANewClassIsHeldAgainstTheNewTick) {
  open({.tick = {.records = 100}});
  add_class("peers", {.guarantee = {.records = 50}});
  set_tick({.records = 60});
  EXPECT_FALSE(journal_->add_class({.name = "blobs", .guarantee = {.records = 20}}));
  set_tick({.records = 70});
  EXPECT_TRUE(journal_->add_class({.name = "blobs", .guarantee = {.records = 19}}));
}

TEST_F(LaneChanges, WhatIsRefusedChangesNothing) {
  open({.tick = {.records = 100}});
  Writes peers = add_small("peers", {.weight = 2, .capacity_records = 5});
  struct Case {
    std::function<void(ClassOptions&)> change;
    const char* message;
  };
  const std::vector<Case> cases{
      {[](auto& o) { o.name = "others"; }, R"("peers": name is "others"; it stays "peers")"},
      {[](auto& o) { o.coalesce = true; }, R"("peers": coalesce is true; it stays false)"},
      {[](auto& o) { o.intake = true; }, R"("peers": intake is true; it stays false)"},
      {[](auto& o) { o.weight = 0; }, R"("peers": weight is 0)"},
      {[](auto& o) { o.capacity_records = 0; }, R"("peers": capacity_records is 0)"},
      {[](auto& o) { o.promise = Promise::journaled; }, R"("peers": promise is journaled)"},
      {[](auto& o) { o.guarantee.records = 101; }, R"("peers": its guarantee (101 records)"},
  };
  for (const Case& each : cases) {
    const Status why = try_set(peers, [&](ClassOptions& options) {
      options.weight = 7;
      options.capacity_records = 50;
      options.when_full = WhenFull::drop_oldest;
      each.change(options);
    });
    EXPECT_EQ(why.code(), Errc::invalid_argument);
    EXPECT_NE(why.message().find(each.message), std::string::npos) << why.message();
  }
  EXPECT_EQ(journal_->set_tick({.hold = seconds(11)}).code(), Errc::invalid_argument);
  EXPECT_EQ(journal_->stats().tick.records, 100U);
  EXPECT_EQ(journal_->stats().tick_changes, 0U);
  EXPECT_EQ(stats_of("peers").changes, 0U);
  EXPECT_EQ(options_of("peers").weight, 2U);
  peers.push_all(1, 5);
  EXPECT_EQ(peers.try_push(6).code(), Errc::full);
}

TEST_F(LaneChanges, AClassOfAnotherJournalIsRefused) {
  open();
  Journal other =
      ok(Journal::open(std::make_unique<RecordingSink>(std::make_shared<Recording>(clock_.get()))));
  const WriteClass theirs = ok(other.add_class({.name = "peers"}));
  EXPECT_EQ(journal_->set_class(theirs, {.name = "peers"}).code(), Errc::invalid_argument);
  EXPECT_EQ(journal_->set_class(WriteClass(), {.name = "peers"}).code(), Errc::invalid_argument);
}

TEST_F(LaneChanges, AJobCannotChangeTheTickThatItIsIn) {
  open();
  Writes peers = add_class("peers");
  std::vector<Errc> codes;
  const Receipt job = peers.submit_job([&](Transaction&) {
    codes = {journal_->set_class(peers.handle(), {.name = "peers"}).code(),
             journal_->set_tick({}).code()};
    return Step::done;
  });
  tick();
  EXPECT_EQ(codes, (std::vector{Errc::in_lane, Errc::in_lane}));
}

TEST_F(LaneChanges, AClosedJournalIsChangedNoMore) {
  open();
  Writes peers = add_class("peers");
  journal_->close(Duration(0));
  EXPECT_EQ(journal_->set_class(peers.handle(), {.name = "peers"}).code(), Errc::closed);
  EXPECT_EQ(journal_->set_tick({}).code(), Errc::closed);
}

TEST_F(LaneChanges, AStoreThatTakesNoCommitsKeepsNobodyFromChanging) {
  open();
  Writes peers = add_class("peers");
  sink_->on(Call::begin,
            [](const std::string&) { return failure(Fault::environment, Effect::ended); });
  sink_->on(Call::probe,
            [](const std::string&) { return failure(Fault::environment, Effect::ended); });
  peers.push(1);
  tick();
  ASSERT_FALSE(peers.try_push(2).ok());
  set(peers, [](ClassOptions& options) { options.weight = 7; });
  set_tick({.records = 5000});
}

// --- Capacity, and what a full class does.

TEST_F(LaneChanges, WhatIsQueuedStaysInACapacityThatShrinksAndNothingElseGetsIn) {
  open();
  Writes peers = add_class("peers", {.capacity_records = 10, .when_full = WhenFull::reject});
  const std::vector<Receipt> queued = peers.submit_all(1, 4);
  set(peers, [](ClassOptions& options) { options.capacity_records = 2; });
  EXPECT_EQ(peers.try_push(5).code(), Errc::full);
  tick();
  EXPECT_EQ(ends_of(queued), "committed committed committed committed");
  peers.push_all(5, 6);
  EXPECT_EQ(peers.try_push(7).code(), Errc::full);
  set(peers, [](ClassOptions& options) { options.capacity_records = 3; });
  peers.push(7);
  EXPECT_EQ(peers.try_push(8).code(), Errc::full);
}

TEST_F(LaneChanges, AQueueLongerThanTheNewCapacityIsDrainedAtOnce) {
  open();
  Writes peers = add_class("peers");
  peers.push_all(1, 3000);
  set(peers, [](ClassOptions& options) { options.capacity_records = 1; });
  EXPECT_EQ(written_by_a_tick("peers"), 3000U);
}

TEST_F(LaneChanges, UnitsThatAreLargerThanWhatTheirClassMayNowHoldAreCommittedAllTheSame) {
  open();
  Writes peers = add_small("peers", {.when_full = WhenFull::reject});
  Receipt group = peers.submit_group({1, 2, 3, 4, 5});
  Receipt row = peers.submit(6, std::string(100 * kKiB, 'x'));
  set_tick({.records = 3, .bytes = 4 * kKiB});
  set(peers, [](ClassOptions& options) {
    options.capacity_records = 2;
    options.capacity_bytes = 4 * kKiB;
    options.budget = {.records = 1, .bytes = 1};
  });
  EXPECT_EQ(peers.handle().push(peers.group_of({1, 2, 3})).code(), Errc::invalid_argument);
  run_ticks();
  EXPECT_EQ(end_of(group) + " " + end_of(row), "committed committed");
}

TEST_F(LaneChanges, TheRoomOfCancelledUnitsIsBoundedByTheNewCapacity) {
  open();
  Writes peers = add_class("peers", {.capacity_records = 2, .when_full = WhenFull::reject});
  set(peers, [](ClassOptions& options) { options.capacity_records = 4; });
  int taken = 0;
  for (; taken < 100; ++taken) {
    Result<Receipt> receipt = peers.try_submit(taken);
    if (!receipt) break;
    EXPECT_TRUE(receipt->cancel());
  }
  EXPECT_EQ(taken, 8);  // its capacity, and as much again that was cancelled
}

TEST_F(LaneChanges, AClassThatDropsItsOldestDropsWhatItHasNoRoomForAnyMore) {
  open();
  Writes peers = add_class("peers", {.capacity_records = 4, .when_full = WhenFull::drop_oldest});
  const std::vector<Receipt> queued = peers.submit_all(1, 4);
  set(peers, [](ClassOptions& options) { options.capacity_records = 1; });
  tick();
  EXPECT_EQ(ends_of(queued), "dropped dropped dropped committed");
}

TEST_F(LaneChanges, AClassCanBeginToDropItsOldestAndCease) {
  open();
  Writes peers = add_class("peers", {.capacity_records = 2, .when_full = WhenFull::reject});
  std::vector<Receipt> all = peers.submit_all(1, 2);
  EXPECT_EQ(peers.try_push(3).code(), Errc::full);
  set(peers, [](ClassOptions& options) { options.when_full = WhenFull::drop_oldest; });
  all.push_back(peers.submit(3));
  EXPECT_EQ(ends_of(all), "dropped in flight in flight");
  set(peers, [](ClassOptions& options) { options.when_full = WhenFull::reject; });
  EXPECT_EQ(peers.try_push(4).code(), Errc::full);
  tick();
  EXPECT_EQ(ends_of(all), "dropped committed committed");
}

TEST_F(LaneChanges, AClassThatBeganToDropMakesRoomWhileATickHasTheLane) {
  open();
  Writes peers = add_class("peers", {.capacity_records = 2, .when_full = WhenFull::reject});
  set(peers, [](ClassOptions& options) { options.when_full = WhenFull::drop_oldest; });
  std::vector<Receipt> during;
  peers.push(1);
  sink_->on(Call::apply, [&](const std::string&) {
    if (during.empty()) during = peers.submit_all(2, 5);
    return Reply{};
  });
  tick();
  EXPECT_EQ(ends_of(during), "dropped dropped in flight in flight");
}

TEST_F(LaneChanges, TheWaitAtTheWorstIsThatOfTheNewOptions) {
  open();
  Writes peers = add_small("peers", {.capacity_records = 1000});
  const std::uint64_t before = stats_of("peers").worst_wait_ticks;
  set(peers, [](ClassOptions& options) { options.capacity_records = 10; });
  const std::uint64_t smaller = stats_of("peers").worst_wait_ticks;
  EXPECT_LT(smaller, before);
  set(peers, [](ClassOptions& options) { options.guarantee = Guarantee{}; });
  EXPECT_LT(stats_of("peers").worst_wait_ticks, smaller);
}

// --- Times and promises.

TEST_F(LaneChanges, AGatheringWindowThatIsClosedLetsTheNextTickGo) {
  open();
  Writes peers = add_class("peers", {.gather = seconds(60)});
  Receipt one = peers.submit(1);
  tick();
  ASSERT_EQ(end_of(one), "in flight");
  set(peers, [](ClassOptions& options) { options.gather = Duration(0); });
  tick();
  EXPECT_EQ(end_of(one), "committed");
  set(peers, [](ClassOptions& options) { options.gather = seconds(60); });
  Receipt two = peers.submit(2);
  tick();
  EXPECT_EQ(end_of(two), "in flight");
}

TEST_F(LaneChanges, AnIntervalCountsFromTheLastTickHoweverItIsSetNow) {
  open();
  Writes peers = add_class("peers", {.interval = seconds(60)});
  peers.push(1);
  tick();
  Receipt two = peers.submit(2);
  advance(seconds(5));
  tick();
  ASSERT_EQ(end_of(two), "in flight");
  set(peers, [](ClassOptions& options) { options.interval = seconds(6); });
  EXPECT_EQ(tick().next, journal_->now() + seconds(1));
  advance(seconds(1));
  tick();
  EXPECT_EQ(end_of(two), "committed");
}

TEST_F(LaneChanges, OldersStopGivingWayOnceTheyAreAsOldAsTheNewMaxDelay) {
  open();
  Writes peers = add_class("peers", {.gather = seconds(60), .coalesce = true});
  Receipt first = peers.submit(1);
  tick();
  advance(milliseconds(5));
  set(peers, [](ClassOptions& options) {
    options.gather = Duration(0);
    options.max_delay = milliseconds(2);
  });
  Receipt second = peers.submit(1);
  tick();
  EXPECT_EQ(end_of(first) + " " + end_of(second), "committed committed");
}

TEST_F(LaneChanges, ADeadlineThatWasSetBeforeHoldsStill) {
  open();
  Writes peers = add_class("peers", {.gather = seconds(60)});
  Receipt late = peers.submit(1, expiring_in(milliseconds(5)));
  set(peers, [](ClassOptions& options) {
    options.capacity_records = 1;
    options.gather = seconds(30);
  });
  EXPECT_EQ(tick().next, journal_->now() + milliseconds(5));
  advance(milliseconds(5));
  tick();
  EXPECT_EQ(end_of(late), "expired");
}

TEST_F(LaneChanges, TheLargestStepOfAJobIsThatOfTheNewBudget) {
  open();
  Writes peers = add_small("peers");
  const auto offer = [&] {
    const StepFunction step = [](Transaction&) { return Step::done; };
    return peers.handle().submit(Job{.name = "j", .step = step, .bytes_per_step = 100 * kKiB});
  };
  const Receipt queued = ok(offer());
  set_tick({.bytes = 64 * kKiB});
  EXPECT_EQ(offer().status().code(), Errc::invalid_argument);
  tick();
  EXPECT_EQ(end_of(queued), "committed");
  set_tick({.bytes = 200 * kKiB});
  EXPECT_TRUE(offer().ok());
}

TEST_F(LaneChanges, AStepIsOverlongByTheNewHold) {
  open({.tick = {.hold = milliseconds(10)}});
  Writes peers = add_small("peers");
  const auto step = [&](Transaction&) {
    advance(milliseconds(5));
    return Step::done;
  };
  const Receipt before = peers.submit_job(step);
  tick();
  EXPECT_EQ(journal_->stats().overlong_steps, 0U);
  set_tick({.hold = milliseconds(4)});
  const Receipt after = peers.submit_job(step);
  tick();
  EXPECT_EQ(journal_->stats().overlong_steps, 1U);
}

// --- The statistics.

TEST_F(LaneChanges, AreInTheStatisticsWithTheirNumber) {
  open({.tick = {.records = 200}});
  Writes peers = add_class("peers", {.weight = 2});
  EXPECT_EQ(journal_->stats().tick.records, 200U);
  EXPECT_EQ(journal_->stats().tick.bytes, kDefaultTick.bytes);
  EXPECT_EQ(options_of("peers").weight, 2U);
  set(peers, [](ClassOptions& options) {
    options.weight = 5;
    options.max_delay = milliseconds(7);
    options.block_timeout = seconds(3);
    options.promise = Promise::durable;
  });
  set(peers, [](ClassOptions& options) { options.weight = 6; });
  set_tick({.records = 300, .hold = milliseconds(3)});
  const ClassStats stats = stats_of("peers");
  EXPECT_EQ(stats.options.name, "peers");
  EXPECT_EQ(stats.options.weight, 6U);
  EXPECT_EQ(stats.options.max_delay, milliseconds(7));
  EXPECT_EQ(stats.options.block_timeout, seconds(3));
  EXPECT_EQ(stats.options.promise, Promise::durable);
  EXPECT_EQ(stats.changes, 2U);
  EXPECT_EQ(journal_->stats().tick.records, 300U);
  EXPECT_EQ(journal_->stats().tick.hold, milliseconds(3));
  EXPECT_EQ(journal_->stats().tick_changes, 1U);
}

}  // namespace
}  // namespace onelane::test
