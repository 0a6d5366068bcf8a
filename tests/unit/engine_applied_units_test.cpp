// What a commit says of the journaled units of a class, and what stays to be applied.
#include <gtest/gtest.h>

#include <initializer_list>
#include <string>
#include <vector>

#include "src/engine/applied_units.h"

namespace onelane::engine {
namespace {

class AppliedUnitsTest : public ::testing::Test {
 protected:
  // "position: what waits", as the store has it after a commit that makes these done.
  std::string commit(std::initializer_list<Position> done) {
    if (!prepare(done)) return "nothing to say";
    units_.committed();
    return told();
  }
  bool prepare(std::initializer_list<Position> done) {
    units_.begin();
    for (const Position each : done) units_.add(each);
    return units_.prepare();
  }
  std::string told() {
    std::string out = std::to_string(units_.position()) + ":";
    // What it would say if the commit repeated it.
    units_.begin();
    units_.add(units_.position());
    EXPECT_TRUE(units_.prepare());
    for (const Position each : units_.next_waiting()) out += " " + std::to_string(each);
    return out;
  }
  void supersede(Position position) {
    units_.make_room(1);
    units_.skip(position);
  }

  AppliedUnits units_;
};

TEST_F(AppliedUnitsTest, WhatIsDoneInOrderLeavesNothingWaiting) {
  EXPECT_EQ(commit({1, 2, 3}), "3:");
  EXPECT_EQ(units_.done_up_to(), 3U);
}

TEST_F(AppliedUnitsTest, WhatIsPassedOverWaitsUntilItIsDone) {
  EXPECT_EQ(commit({1, 3, 6}), "6: 2 4 5");
  EXPECT_EQ(units_.done_up_to(), 1U);
  EXPECT_EQ(commit({2, 7}), "7: 4 5");
  EXPECT_EQ(units_.done_up_to(), 3U);
  EXPECT_EQ(commit({4, 5}), "7:");
  EXPECT_EQ(units_.done_up_to(), 7U);
}

TEST_F(AppliedUnitsTest, ACommitWithoutUnitsOfTheClassHasNothingToSay) {
  EXPECT_EQ(commit({}), "nothing to say");
}

TEST_F(AppliedUnitsTest, ARollbackLeavesThemAsTheyWere) {
  EXPECT_EQ(commit({1}), "1:");
  EXPECT_TRUE(prepare({2, 4}));
  EXPECT_EQ(units_.next_position(), 4U);
  EXPECT_EQ(commit({3}), "3: 2");
}

TEST_F(AppliedUnitsTest, WhatIsSupersededOutsideACommitIsDoneWithTheNext) {
  supersede(2);
  EXPECT_EQ(commit({1, 3}), "3:");
}

TEST_F(AppliedUnitsTest, ItIsNotForgottenByACommitThatFails) {
  supersede(2);
  EXPECT_TRUE(prepare({1, 3}));
  EXPECT_EQ(commit({1, 3}), "3:");
}

// It was superseded while a tick had it in hand, behind the newer record that the tick commits.
TEST_F(AppliedUnitsTest, AUnitThatIsDoneTwiceIsDone) {
  supersede(2);
  EXPECT_EQ(commit({1, 2, 3, 4, 5}), "5:");
}

TEST_F(AppliedUnitsTest, ItGoesOnFromWhatTheStoreHas) {
  units_.start(7, {3, 5});
  EXPECT_EQ(units_.done_up_to(), 2U);
  EXPECT_EQ(commit({3, 8}), "8: 5");
}

}  // namespace
}  // namespace onelane::engine
