// Whether a thread of a trace waited for what it pushed.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <vector>

#include "onelane/trace.h"

namespace onelane::test {
namespace {

using namespace std::chrono_literals;

class Habits : public ::testing::Test {
 protected:
  // `count` pushes, each so long after the one before, and each so long in the lane.
  std::vector<TracedUnit*> pushes(std::size_t count, Duration every, Duration in_lane) {
    const std::size_t first = trace_.units.size();
    for (std::size_t i = 0; i < count; ++i) {
      const TimePoint at = TimePoint(1s) + every * static_cast<int>(i);
      trace_.units.push_back({.pushed = at, .left = at + in_lane, .records = 1, .caller = 1});
    }
    std::vector<TracedUnit*> out;
    for (std::size_t i = first; i < trace_.units.size(); ++i) out.push_back(&trace_.units[i]);
    return out;
  }
  CallerHabit habit() const { return habits_of(trace_).at(1); }

  Trace trace_;
};

TEST_F(Habits, AThreadThatHasOneThingInTheLaneAtATimeWaitsForEach) {
  pushes(20, 10ms, 9ms);
  EXPECT_TRUE(habit().closed);
  EXPECT_TRUE(habit().one_by_one);
}

TEST_F(Habits, AThreadWhosePushesOverlapDoesNotWait) {
  pushes(20, 10ms, 11ms);
  EXPECT_FALSE(habit().closed);
}

TEST_F(Habits, AThreadThatIdlesMostOfTheTimeHasTimesOfItsOwn) {
  pushes(20, 10ms, 4ms);
  EXPECT_FALSE(habit().closed);
  for (TracedUnit& each : trace_.units) each.caller_waits = true;
  EXPECT_FALSE(habit().closed);
}

TEST_F(Habits, CallsOfWriteThatTakeMostOfItsTimeMakeAThreadClosed) {
  for (TracedUnit* each : pushes(4, 10ms, 9ms)) each->caller_waits = true;
  EXPECT_TRUE(habit().closed);
  EXPECT_FALSE(habit().one_by_one);
}

TEST_F(Habits, AThreadThatNowAndThenWaitedForRoomIsClosed) {
  const auto units = pushes(20, 10ms, 1s);
  units[3]->waited_for_room = units[9]->waited_for_room = true;
  EXPECT_TRUE(habit().closed);
}

TEST_F(Habits, OnePushSaysNothingOfHowThatThreadGoesOn) {
  pushes(1, 10ms, 9ms).front()->caller_waits = true;
  EXPECT_FALSE(habit().closed);
}

TEST_F(Habits, UnknownThreadsAndFlushesSayNothing) {
  for (TracedUnit* each : pushes(20, 10ms, 9ms)) each->caller = 0;
  EXPECT_FALSE(habits_of(trace_).at(0).closed);
  trace_.units.clear();
  for (TracedUnit* each : pushes(20, 10ms, 9ms)) each->records = 0;
  EXPECT_TRUE(habits_of(trace_).empty());
}

}  // namespace
}  // namespace onelane::test
