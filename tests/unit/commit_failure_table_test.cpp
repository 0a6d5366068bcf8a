// The whole failure table against a literal copy of what the design says, cell by cell.
#include <gtest/gtest.h>

#include <array>
#include <set>

#include "src/commit/failure.h"

namespace onelane::commit {
namespace {

using enum Action;

struct Expected {
  Place place;
  Fault fault;
  std::array<Action, kEffectCount> actions;  // undone, kept, ended, unknown
};

constexpr std::array kExpected{
    Expected{Place::begin, Fault::none, {proceed, proceed, proceed, proceed}},
    Expected{Place::begin, Fault::record, {poison, poison, poison, poison}},
    Expected{
        Place::begin, Fault::busy, {wait_for_lock, wait_for_lock, wait_for_lock, wait_for_lock}},
    Expected{Place::begin, Fault::conflict, {back_off, back_off, back_off, back_off}},
    Expected{Place::begin, Fault::environment, {back_off, back_off, back_off, back_off}},
    Expected{Place::begin, Fault::read_only, {back_off, back_off, back_off, back_off}},
    Expected{Place::begin, Fault::sync, {poison, poison, poison, poison}},
    Expected{Place::begin, Fault::corrupt, {poison, poison, poison, poison}},
    Expected{Place::begin, Fault::internal, {poison, poison, poison, poison}},

    Expected{Place::unit, Fault::none, {proceed, proceed, proceed, proceed}},
    Expected{Place::unit, Fault::record, {reject, rerun_without, rerun_without, rerun_without}},
    Expected{Place::unit, Fault::busy, {back_off, back_off, back_off, back_off}},
    Expected{Place::unit, Fault::conflict, {rerun, rerun, rerun, rerun}},
    Expected{Place::unit, Fault::environment, {back_off, back_off, back_off, back_off}},
    Expected{Place::unit, Fault::read_only, {back_off, back_off, back_off, back_off}},
    Expected{Place::unit, Fault::sync, {poison, poison, poison, poison}},
    Expected{Place::unit, Fault::corrupt, {poison, poison, poison, poison}},
    Expected{Place::unit, Fault::internal, {poison, poison, poison, poison}},

    Expected{Place::commit, Fault::none, {proceed, proceed, proceed, proceed}},
    Expected{Place::commit, Fault::record, {back_off, back_off, back_off, fence}},
    Expected{Place::commit, Fault::busy, {back_off, back_off, back_off, fence}},
    Expected{Place::commit, Fault::conflict, {rerun, rerun, rerun, fence}},
    Expected{Place::commit, Fault::environment, {back_off, back_off, back_off, fence}},
    Expected{Place::commit, Fault::read_only, {back_off, back_off, back_off, fence}},
    Expected{Place::commit,
             Fault::sync,
             {poison_unknown, poison_unknown, poison_unknown, poison_unknown}},
    Expected{Place::commit, Fault::corrupt, {poison, poison, poison, poison_unknown}},
    Expected{Place::commit, Fault::internal, {poison, poison, poison, poison_unknown}},
};
static_assert(kExpected.size() == kPlaceCount * kFaultCount, "every place meets every fault");

template <class Visit>
void for_each_cell(const Visit& visit) {
  for (std::size_t place = 0; place < kPlaceCount; ++place) {
    for (std::size_t fault = 0; fault < kFaultCount; ++fault) {
      for (std::size_t effect = 0; effect < kEffectCount; ++effect) {
        visit(static_cast<Place>(place), static_cast<Fault>(fault), static_cast<Effect>(effect));
      }
    }
  }
}

TEST(FailureTable, EveryCellIsAsTheDesignSays) {
  std::set<std::pair<Place, Fault>> seen;
  for (const Expected& row : kExpected) {
    seen.emplace(row.place, row.fault);
    for (std::size_t effect = 0; effect < kEffectCount; ++effect) {
      EXPECT_EQ(action_for(row.place, row.fault, static_cast<Effect>(effect)), row.actions[effect])
          << "place " << static_cast<int>(row.place) << ", fault " << static_cast<int>(row.fault)
          << ", effect " << effect;
    }
  }
  EXPECT_EQ(seen.size(), kPlaceCount * kFaultCount);
}

TEST(FailureTable, NothingThatRecoveryMustTellIsEverCalledRejectedOrRunAgain) {
  for_each_cell([](Place place, Fault fault, Effect effect) {
    if (place != Place::commit || effect != Effect::unknown || fault == Fault::none) return;
    const Action action = action_for(place, fault, effect);
    EXPECT_TRUE(action == fence || action == poison_unknown) << static_cast<int>(fault);
  });
}

TEST(FailureTable, OnlyARecordsOwnFaultInItsOwnUnitIsRejected) {
  for_each_cell([](Place place, Fault fault, Effect effect) {
    const Action action = action_for(place, fault, effect);
    if (action != reject && action != rerun_without) return;
    EXPECT_EQ(place, Place::unit);
    EXPECT_EQ(fault, Fault::record);
  });
}

TEST(FailureTable, WhatIsStillInTheTransactionIsNeverCommittedAlong) {
  for_each_cell([](Place place, Fault fault, Effect effect) {
    if (fault == Fault::none || effect == Effect::undone) return;
    const Action action = action_for(place, fault, effect);
    EXPECT_TRUE(action != proceed && action != reject) << static_cast<int>(fault);
  });
}

TEST(FailureTable, ASyncThatFailedIsNeverTriedAgain) {
  for_each_cell([](Place place, Fault fault, Effect effect) {
    if (fault != Fault::sync) return;
    const Action action = action_for(place, fault, effect);
    EXPECT_TRUE(action == poison || action == poison_unknown);
  });
}

}  // namespace
}  // namespace onelane::commit
