// How long a tick at a server waits for the callers that the one before has answered.
#include <gtest/gtest.h>

#include "src/engine/returning.h"

namespace onelane::engine {
namespace {

using namespace std::chrono_literals;

class ReturningCallers : public ::testing::Test {
 protected:
  static constexpr Duration kHold = 8ms;
  static constexpr Duration kMost = kHold / 4;

  void answered(std::uint64_t callers, std::uint64_t queued = 5, Duration hold = kHold) {
    returning_.answered({.units = 10, .callers = callers, .queued = queued, .hold = hold}, now_);
  }
  bool waits(std::uint64_t queued) { return returning_.until(queued, now_).has_value(); }
  // A tick answers `callers` callers, and `back` of them have pushed again when the time is over.
  // Whether the next tick waited for them.
  bool tick(std::uint64_t callers, std::uint64_t back) {
    answered(callers);
    const bool waited = waits(5);
    now_ += kMost;
    EXPECT_FALSE(waits(5 + back));
    return waited;
  }

  Returning returning_;
  TimePoint now_{1s};
};

TEST_F(ReturningCallers, AreWaitedForUntilAllAreBack) {
  answered(10);
  EXPECT_TRUE(waits(5));
  EXPECT_TRUE(waits(14));
  EXPECT_FALSE(waits(15));
  EXPECT_FALSE(waits(5));
}

TEST_F(ReturningCallers, AreWaitedForNoLongerThanAQuarterOfTheTick) {
  answered(10);
  EXPECT_EQ(returning_.until(5, now_), now_ + kMost);
  now_ += kMost - 1us;
  EXPECT_TRUE(waits(14));
  now_ += 1us;
  EXPECT_FALSE(waits(14));
}

TEST_F(ReturningCallers, OneAloneIsNotWaitedFor) {
  answered(1);
  EXPECT_FALSE(waits(5));
}

TEST_F(ReturningCallers, AfterAShortTickNobodyIsWaitedFor) {
  answered(10, 5, 399us);
  EXPECT_FALSE(waits(5));
}

TEST_F(ReturningCallers, WhereTheyStayAwayTheyAreWaitedForEverMoreSeldom) {
  std::string waited;
  for (int i = 0; i < 16; ++i) waited += tick(10, 4) ? 'w' : '.';
  EXPECT_EQ(waited, "w..w....w.......");
  int seldom = 0;
  for (int i = 0; i < 1000; ++i) seldom += tick(10, 0) ? 1 : 0;
  EXPECT_NEAR(seldom, 1000 / 65, 3);
}

TEST_F(ReturningCallers, OnceMostComeBackTheyAreWaitedForEachTime) {
  EXPECT_TRUE(tick(10, 0));
  EXPECT_FALSE(tick(10, 0));
  EXPECT_FALSE(tick(10, 0));
  EXPECT_TRUE(tick(10, 5));
  EXPECT_TRUE(tick(10, 5));
}

TEST_F(ReturningCallers, AreNotWaitedForWhereTheNextTickIsFullWithoutThem) {
  answered(10, 20);
  EXPECT_TRUE(waits(20));
  answered(10, 21);
  EXPECT_FALSE(waits(21));
}

TEST_F(ReturningCallers, AreForgottenAfterATickThatAnsweredNobody) {
  answered(10);
  answered(0);
  EXPECT_FALSE(waits(5));
}

}  // namespace
}  // namespace onelane::engine
