// What goes into a tick, rule by rule. A plan is written as its slices: "0:16! 1:2" is sixteen
// units of class 0 as its guarantee and two of class 1 from what was left.
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "src/schedule/costs.h"
#include "src/schedule/plan.h"

namespace onelane::schedule {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kMicrosecondPs = 1'000'000;
constexpr TimePoint kNow{1h};

// A tick of 100 records, 100 kB and 10 ms; a record takes 1 us, bytes and commits nothing.
class Planning : public ::testing::Test {
 protected:
  std::uint32_t add_class(Guarantee guarantee) {
    shares_.push_back({.guarantee = guarantee, .budget = tick_});
    backlogs_.emplace_back();
    costs_.classes.push_back({.per_record_ps = kMicrosecondPs});
    state_.classes.emplace_back();
    return static_cast<std::uint32_t>(shares_.size() - 1);
  }

  void push(std::uint32_t klass, std::size_t count, Unit unit = {.bytes = 10, .records = 1}) {
    if (unit.pushed == TimePoint{}) unit.pushed = kNow;
    backlogs_[klass].insert(backlogs_[klass].end(), count, unit);
  }

  Plan make() const {
    const std::vector<std::span<const Unit>> spans(backlogs_.begin(), backlogs_.end());
    return plan({tick_, shares_, spans, costs_, state_, now_});
  }

  static std::string text(const Plan& plan) {
    std::string out;
    for (const Slice& slice : plan.slices) {
      out += (out.empty() ? "" : " ") + std::to_string(slice.klass) + ":" +
             std::to_string(slice.count) + (slice.guaranteed ? "!" : "");
    }
    return out;
  }
  std::string planned() const { return text(make()); }

  // Carries out a plan whole.
  std::string tick() {
    const Plan plan = make();
    state_ = plan.next;
    for (const Slice& slice : plan.slices) {
      auto& backlog = backlogs_[slice.klass];
      backlog.erase(backlog.begin(), backlog.begin() + slice.count);
    }
    return text(plan);
  }

  // What a unit of so many records needs in bytes and records to be larger than a guarantee of 10.
  static Unit heavy(std::uint32_t records) { return {.bytes = 10 * records, .records = records}; }

  Budget tick_{.records = 100, .bytes = 100'000, .hold = 10ms};
  std::vector<Share> shares_;
  std::vector<std::vector<Unit>> backlogs_;
  Costs costs_;
  State state_;
  TimePoint now_ = kNow;
};

TEST_F(Planning, NothingComesOfNoBacklog) {
  add_class({10, 1000});
  EXPECT_EQ(planned(), "");
  EXPECT_EQ(make().end, TickEnd::drained);
  EXPECT_EQ(make().not_before, std::nullopt);
}

TEST_F(Planning, ALoneUnitGoesAtOnce) {
  push(add_class({10, 1000}), 1);
  EXPECT_EQ(planned(), "0:1!");
  EXPECT_EQ(make().end, TickEnd::drained);
}

TEST_F(Planning, ALoneUnitLargerThanEverythingGoesAtOnce) {
  push(add_class({10, 1000}), 1, {.bytes = 200'000, .records = 50'000});
  EXPECT_EQ(planned(), "0:1");
}

// ---- guarantees

TEST_F(Planning, EveryClassGetsItsGuaranteeBeforeAnySharing) {
  push(add_class({10, 1000}), 500);
  push(add_class({20, 1000}), 500);
  const Plan plan = make();
  ASSERT_GE(plan.slices.size(), 2U);
  EXPECT_EQ(text(plan).substr(0, 11), "0:10! 1:20!");
  EXPECT_EQ(plan.end, TickEnd::records);
}

TEST_F(Planning, AGuaranteeEndsBeforeTheUnitThatExceedsItInBytes) {
  const auto blobs = add_class({10, 1000});
  tick_.bytes = 1000;
  push(blobs, 5, {.bytes = 400, .records = 1});
  EXPECT_EQ(planned(), "0:2! 0:1") << "the third would exceed 1000 bytes, so it is shared";
}

TEST_F(Planning, AGuaranteeEndsBeforeTheUnitThatExceedsItInRecords) {
  const auto groups = add_class({10, 1000});
  tick_.records = 10;
  push(groups, 5, {.bytes = 1, .records = 4});
  EXPECT_EQ(planned(), "0:2! 0:1");
}

TEST_F(Planning, AnUnusedGuaranteeIsNotCarriedOver) {
  const auto groups = add_class({10, 1000});
  const auto rival = add_class({90, 90'000});
  push(groups, 9, {.bytes = 1, .records = 6});
  push(rival, 500);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(tick().substr(0, 10), "0:1! 1:90!");
}

TEST_F(Planning, CancelledUnitsAndBarriersAreFree) {
  const auto small = add_class({1, 10});
  push(small, 1);
  push(small, 50, {});
  push(small, 1);
  push(small, 3, {});
  tick_.records = 1;
  EXPECT_EQ(planned(), "0:51!");
}

TEST_F(Planning, AFreeUnitGoesAlongWithWhatIsBeforeIt) {
  const auto small = add_class({1, 10});
  tick_.records = 3;
  push(small, 3);
  push(small, 1, {});
  EXPECT_EQ(planned(), "0:1! 0:3") << "though the tick is full";
  backlogs_[small] = {heavy(50), {}};
  EXPECT_EQ(planned(), "0:2");
}

TEST_F(Planning, AGuaranteeIsServedHoweverLongItTakes) {
  push(add_class({10, 1000}), 20);
  push(add_class({10, 1000}), 20);
  costs_.classes[0].per_record_ps = 1000 * kMicrosecondPs;
  costs_.commit_fixed_ps = 10'000 * kMicrosecondPs;
  EXPECT_EQ(planned(), "0:10! 1:10!");
  EXPECT_EQ(make().end, TickEnd::hold);
}

TEST_F(Planning, AClassBudgetBelowTheGuaranteeIsTheGuarantee) {
  push(add_class({10, 1000}), 50);
  shares_[0].budget.records = 4;
  EXPECT_EQ(planned(), "0:4!");
}

// ---- credit

// A rival fills what is left of every tick, so that only credit brings a large head forward.
class Credit : public Planning {
 protected:
  Credit() {
    heavy_ = add_class({10, 10'000});
    push(heavy_, 3, heavy(35));
    const auto rival = add_class({60, 60'000});
    push(rival, 5000);
    shares_[rival].weight = 1000;
    state_.classes[heavy_] = {.balance_ps = -1'000'000'000'000, .last_records = 1U << 31};
  }
  std::uint32_t heavy_ = 0;
};

TEST_F(Credit, AHeadLargerThanItsGuaranteeWaitsSizeOverGuaranteeTicks) {
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(tick(), "1:60! 1:40");
    EXPECT_EQ(tick(), "1:60! 1:40");
    EXPECT_EQ(tick(), "1:60! 1:40");
    EXPECT_EQ(tick().substr(0, 10), "0:1! 1:60!");
  }
}

TEST_F(Credit, CreditCountsTheLargerOfRecordsAndBytes) {
  backlogs_[heavy_][0] = {.bytes = 55'000, .records = 11};
  for (int i = 0; i < 5; ++i) tick();
  EXPECT_EQ(planned().substr(0, 10), "0:1! 1:60!");
}

TEST_F(Credit, OneHeadOfAClassPerTick) {
  state_.classes[heavy_].head_ticks = 1000;
  EXPECT_EQ(tick().substr(0, 10), "0:1! 1:60!");
  EXPECT_EQ(state_.classes[heavy_].head_ticks, 0U);
}

TEST_F(Credit, AFreeUnitBeforeALargeHeadCostsItNoTick) {
  for (int i = 0; i < 3; ++i) {
    backlogs_[heavy_].insert(backlogs_[heavy_].begin(), Unit{});
    EXPECT_EQ(tick(), "0:1! 1:60! 1:40");
  }
  EXPECT_EQ(planned().substr(0, 10), "0:1! 1:60!");
}

TEST_F(Credit, IsLostOnceTheHeadFitsItsGuarantee) {
  tick();
  backlogs_[heavy_].insert(backlogs_[heavy_].begin(), Unit{.bytes = 1, .records = 1});
  tick();
  EXPECT_EQ(state_.classes[heavy_].head_ticks, 0U);
}

TEST_F(Planning, WhoIsDueLongestGoesFirstAndAFullTickMakesTheOtherWait) {
  for (int i = 0; i < 3; ++i) push(add_class({10, 10'000}), 2, heavy(100));
  state_.classes[0].head_ticks = 9;
  state_.classes[1].head_ticks = 11;
  state_.classes[2].head_ticks = 9;
  EXPECT_EQ(tick(), "1:1!");
  EXPECT_EQ(tick(), "0:1!") << "of two that are due as long, the lower class first";
  EXPECT_EQ(tick(), "2:1!");
}

TEST_F(Planning, CreditLeavesRoomUntilABudgetIsMet) {
  for (int i = 0; i < 3; ++i) push(add_class({10, 10'000}), 1, heavy(60));
  for (auto& of : state_.classes) of.head_ticks = 5;
  EXPECT_EQ(tick(), "0:1! 1:1!") << "60 + 60 exceed 100 records by one unit";
}

TEST_F(Credit, IsKeptWhenTheSharedSliceOfTheHeadIsCut) {
  state_.classes[heavy_].balance_ps = 0;
  shares_[heavy_].weight = 1000;
  shares_[1].weight = 1;
  tick_.records = 170;
  shares_[0].budget.records = 1;
  for (int i = 0; i < 3; ++i) {
    const Plan plan = make();
    ASSERT_EQ(text(plan).substr(0, 10), "1:60! 0:1 ") << "the head goes by the shared part";
    state_ = plan.next;
    EXPECT_EQ(state_.classes[heavy_].head_ticks, 0U);
    refund(state_, costs_, {.klass = heavy_}, std::span(backlogs_[heavy_]).first(1));
    EXPECT_EQ(state_.classes[heavy_].head_ticks, static_cast<std::uint64_t>(i + 1));
  }
}

TEST_F(Credit, IsKeptThoughFreeUnitsOfTheCutSliceAreNotRefunded) {
  state_.classes[heavy_].balance_ps = 0;
  shares_[heavy_].weight = 1000;
  shares_[1].weight = 1;
  backlogs_[heavy_] = {heavy(35), {}, {}};
  const Plan plan = make();
  ASSERT_EQ(text(plan).substr(0, 9), "1:60! 0:3");
  state_ = plan.next;
  refund(state_, costs_, {.klass = heavy_}, std::span(backlogs_[heavy_]).first(1));
  EXPECT_EQ(state_.classes[heavy_].head_ticks, 1U);
}

TEST_F(Credit, IsPaidWhenOnlyTheRestOfTheSharedSliceIsCut) {
  state_.classes[heavy_].balance_ps = 0;
  shares_[heavy_].weight = 1000;
  shares_[1].weight = 1;
  tick_.records = 130;
  const Plan plan = make();
  ASSERT_EQ(text(plan).substr(0, 9), "1:60! 0:2");
  state_ = plan.next;
  refund(state_, costs_, {.klass = heavy_}, std::span(backlogs_[heavy_]).subspan(1, 1));
  EXPECT_EQ(state_.classes[heavy_].head_ticks, 0U);
}

// ---- sharing

TEST_F(Planning, WhatIsLeftGoesByWeightOfLaneTime) {
  push(add_class({1, 1000}), 5000);
  push(add_class({1, 1000}), 5000);
  shares_[1].weight = 3;
  costs_.classes[0].per_record_ps = 2 * kMicrosecondPs;
  tick_ = {.records = 5000, .bytes = 1'000'000, .hold = 4003us};
  for (auto& share : shares_) share.budget = tick_;
  EXPECT_EQ(planned(), "0:1! 1:1! 0:500 1:3000");
  EXPECT_EQ(make().end, TickEnd::hold);
}

TEST_F(Planning, ADearUnitGoesAtOnceAndIsWorkedOffInTheNextTicks) {
  push(add_class({1, 1000}), 100, {.bytes = 1, .records = 1});
  push(add_class({1, 1000}), 5000);
  push(add_class({1, 1000}), 5000);
  backlogs_[0][0].records = 900;
  backlogs_[0][1].records = 900;
  tick_ = {.records = 1403, .bytes = 1'000'000, .hold = 10ms};
  for (auto& share : shares_) share.budget = tick_;
  EXPECT_NE(tick().find("0:1"), std::string::npos);
  EXPECT_LT(state_.classes[0].balance_ps, -500'000'000);
  int ticks = 1;
  while (tick().find("0:") == std::string::npos) ++ticks;
  EXPECT_EQ(ticks, 1) << "it owes 650 us, and each of the others takes as much in one more tick";
}

TEST_F(Planning, ADebtIsNoMoreThanItsUnitIsPredictedToCostNow) {
  push(add_class({1, 1000}), 100, {.bytes = 1, .records = 10});
  push(add_class({1, 1000}), 500);
  state_.classes[0] = {.balance_ps = -1'000'000'000'000, .last_bytes = 1, .last_records = 10};
  EXPECT_NE(planned().find("0:"), std::string::npos) << "it owes 10 us, and not a second";
}

TEST_F(Planning, WhatAClassIsOwedCountsForAFewTicksAtMost) {
  push(add_class({1, 1000}), 10'000);
  push(add_class({1, 1000}), 10'000);
  tick_ = {.records = 10'000, .bytes = 1'000'000, .hold = 1ms};
  for (auto& share : shares_) share.budget = tick_;
  state_.classes[0].balance_ps = 1'000'000'000'000;  // a second
  int ticks = 0;
  while (tick().find(" 1:") == std::string::npos || state_.classes[0].balance_ps > 0) ++ticks;
  EXPECT_LE(ticks, 8);
}

TEST_F(Planning, AClassThatHasTheSharesToItselfIsChargedNothing) {
  push(add_class({1, 1000}), 500);
  add_class({1, 1000});
  Plan alone = make();
  ASSERT_EQ(text(alone), "0:1! 0:99");
  refund(alone.next, costs_, alone.slices[1], std::span(backlogs_[0]).subspan(1, 99));
  EXPECT_EQ(alone.next.classes[0].balance_ps, 0);
}

TEST_F(Planning, DebtsAreWorkedOffWhileAnotherClassHasTheSharesToItself) {
  push(add_class({1, 1000}), 500);
  add_class({1, 1000});
  state_.classes[1] = {.balance_ps = -150'000'000, .last_bytes = 1, .last_records = 300};
  tick();
  EXPECT_EQ(state_.classes[1].balance_ps, -51'000'000) << "99 us went to the other one";
  tick();
  EXPECT_EQ(state_.classes[1].balance_ps, 0);
}

TEST_F(Planning, AClassThatIsExhaustedLosesWhatItIsOwed) {
  push(add_class({1, 1000}), 3);
  push(add_class({1, 1000}), 500);
  state_.classes[0].balance_ps = 1'000'000'000;
  tick();
  EXPECT_EQ(state_.classes[0].balance_ps, 0);
}

TEST_F(Planning, AUnitManyRoundsAwayIsReachedAtOnce) {
  push(add_class({1, 1000}), 1, {.bytes = 1, .records = 90});
  push(add_class({1, 1000}), 1, {.bytes = 1, .records = 95});
  costs_.classes = {{.per_record_ps = 1'000'000'000'000'000}, {.per_record_ps = 1ULL << 62}};
  EXPECT_EQ(planned(), "0:1");
}

TEST_F(Planning, TheTickEndsAtTheFirstBudgetItMeets) {
  push(add_class({1, 1000}), 5000, {.bytes = 100, .records = 1});
  EXPECT_EQ(make().end, TickEnd::records);
  tick_.bytes = 5000;
  EXPECT_EQ(planned(), "0:1! 0:49");
  EXPECT_EQ(make().end, TickEnd::bytes);
  tick_.hold = 30us;
  EXPECT_EQ(planned(), "0:1! 0:29");
  EXPECT_EQ(make().end, TickEnd::hold);
}

TEST_F(Planning, AUnitThatWouldOvershootTheHoldWaits) {
  push(add_class({10, 1000}), 1, {.bytes = 1, .records = 10});
  push(add_class({10, 1000}), 9, {.bytes = 1, .records = 30});
  tick_.hold = 60us;
  EXPECT_EQ(planned(), "0:1! 1:1");
  EXPECT_EQ(make().end, TickEnd::hold);
}

TEST_F(Planning, TheHoldIncludesTheCommit) {
  push(add_class({10, 1000}), 90);
  costs_.commit_fixed_ps = 20 * kMicrosecondPs;
  costs_.commit = {.per_record_ps = kMicrosecondPs / 2, .per_byte_ps = kMicrosecondPs / 20};
  tick_.hold = 80us;
  EXPECT_EQ(planned(), "0:10! 0:20") << "2 us a record with its ten bytes";
}

TEST_F(Planning, ACommitDearerThanTheHoldStillLetsOneUnitThrough) {
  push(add_class({10, 1000}), 5, heavy(20));
  costs_.commit_fixed_ps = 50'000 * kMicrosecondPs;
  EXPECT_EQ(planned(), "0:1");
}

TEST_F(Planning, AUnitLargerThanTheTickGoesWithNothingButGuarantees) {
  push(add_class({10, 1000}), 500);
  push(add_class({10, 1000}), 1, heavy(300));
  state_.classes[0].balance_ps = 40'000'000;
  EXPECT_EQ(tick(), "0:10! 0:90") << "while it is not owed as much";
  state_.classes[1].balance_ps = 300'000'000;
  EXPECT_EQ(planned(), "0:10! 1:1");
  EXPECT_EQ(make().end, TickEnd::records);
}

TEST_F(Planning, AUnitLargerThanTheTickIsNotAddedToAnythingShared) {
  push(add_class({10, 1000}), 20);
  push(add_class({10, 1000}), 1, {.bytes = 100'001, .records = 1});
  state_.classes[0].balance_ps = 1'000'000'000;
  state_.classes[1].balance_ps = 1'000'000'000;
  EXPECT_EQ(tick(), "0:10! 0:10");
  EXPECT_EQ(tick(), "1:1");
}

TEST_F(Planning, WhatIsOwedAtTheEndOfATickGoesFirstInTheNext) {
  for (int i = 0; i < 3; ++i) push(add_class({1, 1000}), 100, {.bytes = 1, .records = 200});
  tick_ = {.records = 10'000, .bytes = 100'000, .hold = 590us};
  for (auto& share : shares_) share.budget = tick_;
  EXPECT_EQ(tick(), "0:1 1:1");
  EXPECT_EQ(tick(), "2:1 0:1");
  EXPECT_EQ(tick(), "1:1 2:1");
}

TEST_F(Planning, AClassBudgetEndsItsOwnPartOnly) {
  push(add_class({10, 1000}), 500);
  push(add_class({10, 1000}), 30);
  shares_[0].budget.records = 25;
  EXPECT_EQ(planned(), "0:10! 1:10! 0:15 1:20");
  EXPECT_EQ(make().end, TickEnd::share);
  shares_[0].budget = {.records = 100, .bytes = 195, .hold = 10ms};
  EXPECT_EQ(planned(), "0:10! 1:10! 0:10 1:20") << "over by at most one unit";
  shares_[0].budget = {.records = 100, .bytes = 100'000, .hold = 17us};
  EXPECT_EQ(planned(), "0:10! 1:10! 0:7 1:20");
}

TEST_F(Planning, NothingOfAClassFollowsAUnitThatClosesItsSlice) {
  const auto jobs = add_class({10, 1000});
  push(jobs, 2);
  push(jobs, 1, {.bytes = 1, .records = 1, .closes_slice = true});
  push(jobs, 4);
  EXPECT_EQ(planned(), "0:3!");
  EXPECT_EQ(make().end, TickEnd::share);
  backlogs_[jobs][2].records = 11;
  EXPECT_EQ(planned(), "0:2! 0:1");
}

// ---- max_delay

class MaxDelay : public Planning {
 protected:
  MaxDelay() {
    bulk_ = add_class({10, 1000});
    urgent_ = add_class({10, 1000});
    push(bulk_, 500);
    push(urgent_, 10);
    push(urgent_, 1, {.bytes = 10, .records = 1, .pushed = kNow - 5ms});
    shares_[urgent_].max_delay = 5040us;
    tick_ = {.records = 10'000, .bytes = 1'000'000, .hold = 200us};
    for (auto& share : shares_) share.budget = tick_;
    state_.classes[bulk_].balance_ps = 60'000'000;  // less than its part
  }
  std::uint32_t bulk_ = 0, urgent_ = 0;
};

TEST_F(MaxDelay, ShortensTheTickForOthersWhenAUnitWouldMissIt) {
  shares_[urgent_].budget.records = 10;
  EXPECT_EQ(planned(), "0:10! 1:10! 0:20") << "40 us, 20 of them guarantees";
  EXPECT_EQ(make().end, TickEnd::max_delay);
  EXPECT_EQ(make().hold, 40us);
}

TEST_F(MaxDelay, LeavesOthersTheirGuaranteeWhenItIsMissedAlready) {
  shares_[urgent_].budget.records = 10;
  now_ += 1ms;
  EXPECT_EQ(planned(), "0:10! 1:10!");
  EXPECT_EQ(make().end, TickEnd::max_delay);
}

TEST_F(MaxDelay, OthersStandBackUntilTheyAreOwedAPartOfATick) {
  push(urgent_, 5000, {.bytes = 10, .records = 1, .pushed = kNow - 60ms});
  push(bulk_, 5000);
  std::size_t urgent = 0, bulk = 0;
  for (int ticks = 0; ticks < 20; ++ticks) {
    const Plan plan = make();
    state_ = plan.next;
    for (const Slice& slice : plan.slices) {
      if (!slice.guaranteed) (slice.klass == bulk_ ? bulk : urgent) += slice.count;
      backlogs_[slice.klass].erase(backlogs_[slice.klass].begin(),
                                   backlogs_[slice.klass].begin() + slice.count);
    }
  }
  EXPECT_NEAR(static_cast<double>(bulk), static_cast<double>(urgent), 200)
      << "of 180 us a tick, though one is overloaded and always overdue";
}

TEST_F(MaxDelay, DoesNotShortenWhenTheUnitGoesByTheGuarantee) {
  backlogs_[urgent_].pop_back();
  EXPECT_EQ(planned(), "0:10! 1:10! 0:180");
  EXPECT_EQ(make().end, TickEnd::hold);
  EXPECT_EQ(make().hold, 200us);
}

TEST_F(MaxDelay, DoesNotShortenOnceTheUnitIsInTheTick) {
  now_ += 1ms;
  EXPECT_EQ(planned(), "0:10! 1:10! 1:1 0:179");
  EXPECT_EQ(make().hold, 200us);
}

TEST_F(MaxDelay, OverloadedClassesDoNotKeepEachOtherOut) {
  backlogs_[bulk_].clear();
  push(bulk_, 500, {.bytes = 10, .records = 1, .pushed = kNow - 60ms});
  push(urgent_, 500, {.bytes = 10, .records = 1, .pushed = kNow - 60ms});
  shares_[bulk_].max_delay = shares_[urgent_].max_delay;
  EXPECT_EQ(make().end, TickEnd::hold);
  EXPECT_EQ(make().hold, 200us);
}

// ---- gathering

class Gathering : public Planning {
 protected:
  Gathering() {
    lazy_ = add_class({10, 1000});
    shares_[lazy_].gather = 5ms;
    push(lazy_, 1, {.bytes = 10, .records = 1, .pushed = kNow - 2ms});
  }
  std::uint32_t lazy_ = 0;
};

TEST_F(Gathering, AClassWaitsUntilItsOldestUnitIsOldEnough) {
  EXPECT_EQ(planned(), "");
  EXPECT_EQ(make().not_before, kNow + 3ms);
  now_ += 3ms;
  EXPECT_EQ(planned(), "0:1!");
  EXPECT_EQ(make().not_before, std::nullopt);
}

TEST_F(Gathering, TheEarliestWindowCounts) {
  const auto other = add_class({10, 1000});
  shares_[other].gather = 4ms;
  push(other, 1);
  EXPECT_EQ(make().not_before, kNow + 3ms);
  backlogs_[other][0].pushed = kNow - 3ms;
  EXPECT_EQ(make().not_before, kNow + 1ms);
}

TEST_F(Gathering, OneClassThatIsDueTakesAllAlong) {
  push(add_class({10, 1000}), 1);
  EXPECT_EQ(planned(), "0:1! 1:1!");
}

TEST_F(Gathering, EndsWhenAWholeBudgetIsStaged) {
  push(lazy_, 38);
  shares_[lazy_].budget.records = 40;
  EXPECT_EQ(planned(), "");
  push(lazy_, 1);
  EXPECT_EQ(planned(), "0:10! 0:30");
}

TEST_F(Gathering, EndsWhenAWholeTickOfBytesIsStaged) {
  tick_.bytes = 500;
  push(lazy_, 1, {.bytes = 489, .records = 1});
  EXPECT_EQ(planned(), "");
  push(lazy_, 1, {.bytes = 1, .records = 1});
  EXPECT_NE(planned(), "");
}

TEST_F(Gathering, DoesNotOutlastMaxDelay) {
  shares_[lazy_].max_delay = 4ms;
  EXPECT_EQ(make().not_before, kNow + 2ms);
}

// ---- stop and refund

TEST(Stop, EndsTheTickWhenTheNextUnitAndItsCommitWouldNotFit) {
  const Costs costs{.classes = {{.per_record_ps = kMicrosecondPs}},
                    .commit = {.per_byte_ps = kMicrosecondPs},
                    .commit_fixed_ps = 10 * kMicrosecondPs};
  Progress progress{.elapsed = 50us,
                    .records = 50,
                    .bytes = 20,
                    .next_class = 0,
                    .next = {.bytes = 15, .records = 5}};  // 5 + 35 + 10 to come
  EXPECT_FALSE(stop(progress, costs, 100us));
  EXPECT_TRUE(stop(progress, costs, 100us - 1ns));
  progress.elapsed += 1ns;
  EXPECT_TRUE(stop(progress, costs, 100us));
}

TEST(Stop, NeverLeavesATickEmpty) {
  const Costs costs{.classes = {{.per_record_ps = kMicrosecondPs}}, .commit = {}};
  EXPECT_FALSE(stop({.elapsed = 1s, .next = {.bytes = 1, .records = 1}}, costs, 1ms));
}

TEST(Refund, GivesBackWhatThePlanHadCharged) {
  const Costs costs{.classes = {{.per_record_ps = 7, .per_byte_ps = 2}}, .commit = {}};
  State state{.classes = {{.balance_ps = 100, .charged_ps = 50}}};
  const std::vector<Unit> units = {{.bytes = 10, .records = 1}, {.bytes = 1, .records = 2}, {}};
  refund(state, costs, {.klass = 0}, units);
  EXPECT_EQ(state.classes[0].balance_ps, 100 + 27 + 16);
  EXPECT_EQ(state.classes[0].charged_ps, 50U - 27 - 16);
}

TEST(Refund, GivesBackNoMoreThanThePlanHadCharged) {
  const Costs costs{.classes = {{.per_record_ps = 7}}, .commit = {}};
  State state{.classes = {{.charged_ps = 10}}};
  refund(state, costs, {.klass = 0}, std::vector<Unit>(3, {.bytes = 1, .records = 1}));
  EXPECT_EQ(state.classes[0].balance_ps, 10);
}

TEST_F(Planning, AWholePlanRefundedLeavesTheDeficitsAsTheRoundsHadGrantedThem) {
  tick_.records = 302;
  push(add_class({1, 1000}), 500);
  push(add_class({1, 1000}), 500);
  const Plan plan = make();
  state_ = plan.next;
  for (const Slice& slice : plan.slices) {
    if (slice.guaranteed) continue;
    refund(state_, costs_, slice,
           std::span(backlogs_[slice.klass]).subspan(slice.first, slice.count));
  }
  for (const auto& of : state_.classes) EXPECT_EQ(of.balance_ps, 150'000'000);
  for (auto& backlog : backlogs_) backlog.erase(backlog.begin());
  EXPECT_EQ(planned(), "0:1! 1:1! 0:150 1:150");
}

// ---- what follows from the options

TEST(Guarantees, FitWhenTheirLargerFractionsAddUpToATick) {
  const Budget tick{.records = 90, .bytes = 900, .hold = 1ms};
  const auto fit = [&](std::vector<Guarantee> guarantees) {
    std::vector<Share> shares;
    for (const auto& guarantee : guarantees)
      shares.push_back({.guarantee = guarantee, .budget = tick});
    return guarantees_fit(tick, shares);
  };
  EXPECT_TRUE(fit({}));
  EXPECT_TRUE(fit({{30, 300}, {30, 1}, {1, 300}}));
  EXPECT_FALSE(fit({{30, 300}, {30, 1}, {1, 301}}));
  EXPECT_FALSE(fit({{31, 300}, {30, 1}, {1, 300}}));
  EXPECT_FALSE(fit({{91, 1}}));
  EXPECT_FALSE(fit({{1, UINT64_MAX}, {1, UINT64_MAX}}));
}

class WorstWait : public ::testing::Test {
 protected:
  std::uint64_t ticks(Unit ahead, Unit largest, std::uint64_t rivals = 4) const {
    return worst_wait_ticks(share_, ahead, largest, rivals);
  }
  Share share_{.guarantee = {10, 1000}, .budget = {100, 100'000, 10ms}};
};

TEST_F(WorstWait, IsOneTickForWhatFitsTheGuarantee) {
  EXPECT_EQ(ticks({.bytes = 10, .records = 1}, {.bytes = 10, .records = 1}), 1U);
  EXPECT_EQ(ticks({.bytes = 100, .records = 10}, {.bytes = 10, .records = 1}), 1U);
  EXPECT_EQ(ticks({.bytes = 1000, .records = 10}, {.bytes = 1000, .records = 10}), 1U);
  EXPECT_EQ(ticks({}, {}), 1U);
}

TEST_F(WorstWait, GrowsByATickPerGuarantee) {
  EXPECT_EQ(ticks({.bytes = 110, .records = 11}, {.bytes = 10, .records = 1}), 2U);
  EXPECT_EQ(ticks({.bytes = 1000, .records = 100}, {.bytes = 10, .records = 1}), 10U + 1U);
}

TEST_F(WorstWait, CountsUnitsOfMoreThanHalfAGuaranteeOneATick) {
  EXPECT_EQ(ticks({.bytes = 6, .records = 6 * 9}, {.bytes = 1, .records = 6}), 10U);
}

TEST_F(WorstWait, OfALargeHeadIsItsCreditAndATickPerRival) {
  EXPECT_EQ(ticks({.bytes = 1, .records = 35}, {.bytes = 1, .records = 35}), 4U + 4U);
  EXPECT_EQ(ticks({.bytes = 5500, .records = 35}, {.bytes = 5500, .records = 35}, 0), 6U);
}

TEST_F(WorstWait, FollowsTheClassBudgetWhereItIsBelowTheGuarantee) {
  share_.budget.records = 5;
  EXPECT_EQ(ticks({.bytes = 10, .records = 50}, {.bytes = 1, .records = 1}), 10U);
}

// ---- learning

class Learning : public ::testing::Test {
 protected:
  Learning() { model_.add_class(); }
  // Statements that take 3 us a record and 500 ps a byte.
  static Duration statements(std::uint64_t records, std::uint64_t bytes) {
    return Duration(3000 * records + bytes / 2);
  }
  // Commits of 400 us and 1 ns a byte, a record counting as 256.
  static Duration commit(std::uint64_t records, std::uint64_t bytes) {
    return Duration(400'000 + bytes + 256 * records);
  }
  const LinearCost& learned() const { return model_.costs().classes[0]; }
  CostModel model_;
};

void expect_near(std::uint64_t value, double wanted, double tolerance) {
  EXPECT_NEAR(static_cast<double>(value), wanted, wanted * tolerance);
}

TEST_F(Learning, StartsWithCostsThatLetATickBeMoreThanOneRecordAndLessThanASecond) {
  const Costs& costs = model_.costs();
  EXPECT_GT(learned().per_record_ps, kMicrosecondPs / 10);
  EXPECT_LT(learned().per_record_ps, 100 * kMicrosecondPs);
  EXPECT_GT(learned().per_byte_ps, 0U);
  EXPECT_GT(costs.commit_fixed_ps, 0U);
  EXPECT_LT(costs.commit_fixed_ps, 5000 * kMicrosecondPs);
}

TEST_F(Learning, TellsRecordsFromBytes) {
  for (std::uint64_t i = 1; i < 50; ++i) {
    const std::uint64_t records = i * 37 % 50 + 1, bytes = i * i * 7919 % 60'000;
    model_.learn_slice(0, records, bytes, statements(records, bytes));
  }
  expect_near(learned().per_record_ps, 3e6, 0.05);
  expect_near(learned().per_byte_ps, 500, 0.05);
}

TEST_F(Learning, TellsACommitsFixedPartFromItsBytes) {
  for (std::uint64_t i = 1; i < 50; ++i) {
    const std::uint64_t records = i * 37 % 500 + 1, bytes = i * i * 7919 % 3'000'000;
    model_.learn_commit(records, bytes, commit(records, bytes));
  }
  expect_near(model_.costs().commit_fixed_ps, 400e6, 0.05);
  expect_near(model_.costs().commit.per_byte_ps, 1000, 0.05);
  expect_near(model_.costs().commit.per_record_ps, 256'000, 0.05);
}

TEST_F(Learning, PredictsWhatItSawWhenRecordsAndBytesGrowTogether) {
  for (std::uint64_t i = 1; i < 50; ++i) {
    model_.learn_slice(0, i, 100 * i, statements(i, 100 * i));
  }
  const double predicted = static_cast<double>(learned().per_record_ps) +
                           100 * static_cast<double>(learned().per_byte_ps);
  EXPECT_NEAR(predicted, 3e6 + 100 * 500, 0.01 * 3.05e6);
}

TEST_F(Learning, LearnsOfRecordsWithoutBytes) {
  for (int i = 0; i < 10; ++i) model_.learn_slice(0, 100, 0, statements(100, 0));
  expect_near(learned().per_record_ps, 3e6, 0.01);
}

TEST_F(Learning, CostsAreNeverNegativeAndTheOtherOneMakesUpForIt) {
  for (std::uint64_t i = 0; i < 100; ++i) {  // 20 us a record less 0.3 ns a byte
    const std::uint64_t records = 40 + i % 11, bytes = i * 7919 % 101 * 10'000;
    model_.learn_slice(0, records, bytes, Duration(20'000 * records - bytes * 3 / 10));
  }
  EXPECT_EQ(learned().per_byte_ps, 0U);
  expect_near(learned().per_record_ps, 16.7e6, 0.05);

  model_ = CostModel();
  model_.add_class();
  for (std::uint64_t i = 0; i < 100; ++i) {  // 1 ns a byte less 5 us a record
    const std::uint64_t records = i % 51, bytes = 500'000 + i * 7919 % 101 * 5000;
    model_.learn_slice(0, records, bytes, Duration(bytes - 5000 * records));
  }
  EXPECT_EQ(learned().per_record_ps, 0U);
  expect_near(learned().per_byte_ps, 835, 0.05);
}

TEST_F(Learning, NoiseDoesNotTellApartWhatGrowsTogether) {
  const double ratio =
      static_cast<double>(learned().per_record_ps) / static_cast<double>(learned().per_byte_ps);
  for (std::uint64_t i = 1; i < 50; ++i) {
    const Duration noise(i % 3 == 2 ? 300 * i : 0);
    model_.learn_slice(0, i, 100 * i + i % 3, statements(i, 100 * i) + noise);
  }
  expect_near(learned().per_record_ps, ratio * static_cast<double>(learned().per_byte_ps), 0.5);
}

TEST_F(Learning, ForgetsWhatIsNoLongerSo) {
  for (int i = 0; i < 500; ++i) model_.learn_slice(0, 100, 0, statements(100, 0));
  for (int i = 0; i < 300; ++i) model_.learn_slice(0, 100, 0, 5 * statements(100, 0));
  expect_near(learned().per_record_ps, 15e6, 0.05);
}

TEST_F(Learning, CountsACheckpointWholeInTheMean) {
  for (int i = 0; i < 2000; ++i) model_.learn_commit(1, 0, (i % 10 == 0 ? 10 : 1) * commit(1, 0));
  const Costs& costs = model_.costs();
  const double mean = static_cast<double>(costs.commit_fixed_ps + costs.commit.per_record_ps);
  EXPECT_NEAR(mean, 1.9 * 400e6, 0.2 * 400e6);
}

TEST_F(Learning, AFreakDoesNotCutTicksToNothing) {
  for (int i = 0; i < 100; ++i) model_.learn_slice(0, 100, 0, statements(100, 0));
  model_.learn_slice(0, 100, 0, 1min);
  EXPECT_LT(learned().per_record_ps, 2 * 3'000'000U);
}

TEST_F(Learning, GetsOverTimesThatWereNothing) {
  for (int i = 0; i < 500; ++i) model_.learn_slice(0, 100, 1000, Duration(0));
  EXPECT_EQ(learned().per_record_ps, 0U);
  for (int i = 0; i < 300; ++i) model_.learn_slice(0, 100, 1000, statements(100, 1000));
  EXPECT_GT(learned().per_record_ps, kMicrosecondPs);
}

TEST_F(Learning, EmptySamplesTeachNothing) {
  model_.learn_slice(0, 10, 100, statements(10, 100));
  const std::uint64_t before = learned().per_record_ps;
  for (int i = 0; i < 100'000; ++i) model_.learn_slice(0, 0, 0, 1ms);
  EXPECT_EQ(learned().per_record_ps, before);
  model_.learn_slice(0, 10, 100, 2 * statements(10, 100));
  EXPECT_LT(learned().per_record_ps, 2 * before);
}

}  // namespace
}  // namespace onelane::schedule
