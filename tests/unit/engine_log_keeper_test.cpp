// The log keeper on a scripted log, driven by hand: what it asks for, in which order, and what it
// tells.
#include <gtest/gtest.h>

#include "onelane/options.h"
#include "src/engine/log_keeper.h"
#include "tests/support/fake_clock.h"
#include "tests/support/scripted_log.h"

namespace onelane::engine {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::ScriptedLog;

constexpr std::uint64_t kLimit = 64 * kMiB;
constexpr std::uint64_t kCloseAt = 48 * kMiB;
constexpr Duration kHold = milliseconds(10);

class LogKeeperTest : public ::testing::Test {
 protected:
  LogKeeperTest() {
    keeper_.use({
        .close_in = [](Log& log) { return Closing{.pass = log.close_in()}; },
        .poison = [this](const Status& cause) { state_.poison(cause); },
    });
  }
  void commit(std::uint64_t bytes) {
    const std::uint64_t before = bytes > log_.now.bytes ? log_.now.bytes : 0;
    log_.now = {.bytes = bytes,
                .commits = log_.now.commits + 1,
                .written_bytes = log_.now.written_bytes + (bytes - before),
                .may_copy = true};
    pause_ = keeper_.tick_ended(milliseconds(1));
  }
  // What was asked of the log.
  std::string run() {
    keeper_.run_due();
    return log_.taken();
  }
  void expect_poisoned_by(Fault fault) {
    log_.answer.fault = fault;
    log_.answer.cause = {Errc::storage, "no way back"};
    commit(kCloseAt);
    EXPECT_EQ(run(), "write");
    EXPECT_NE(state_.first_error().message().find("no way back"), std::string::npos);
    clock_.advance(seconds(1));
    commit(kLimit);
    EXPECT_EQ(run(), "");
  }
  LogStats stats() const {
    LogStats out;
    keeper_.snapshot(out);
    return out;
  }

  test::FakeClock clock_;
  ScriptedLog log_;
  engine::LaneState state_;
  Duration pause_{0};  // that the last commit's classes make
  LogKeeper keeper_{{.log = &log_, .state = state_, .clock = clock_},
                    {.limit = kLimit, .hold = kHold}};
};

TEST_F(LogKeeperTest, WritesTheLogOutCopiesItBackAndClosesInOnWhatCameMeanwhile) {
  log_.written_meanwhile = 100 * kKiB;
  commit(kCloseAt);
  EXPECT_EQ(run(), "write copy sync close");
  EXPECT_EQ(stats().passes, 1U);
}

TEST_F(LogKeeperTest, LeavesTheClosingPassOutWhereACopyReachedTheEnd) {
  commit(kCloseAt);
  EXPECT_EQ(run(), "write copy sync");
}

TEST_F(LogKeeperTest, WritesNothingOutWhereCommitsDo) {
  LogKeeper keeper({.log = &log_, .state = state_, .clock = clock_},
                   {.limit = kLimit, .hold = kHold, .commits_sync = true});
  log_.now = {.bytes = kCloseAt, .commits = 1, .may_copy = true};
  keeper.run_due();
  EXPECT_EQ(log_.taken(), "copy sync");
}

TEST_F(LogKeeperTest, BringsAShortLogHomeWhenItHasBeenQuietForAWhile) {
  commit(kLimit / 4);
  EXPECT_EQ(run(), "write");
  clock_.advance(milliseconds(199));
  EXPECT_EQ(run(), "");
  clock_.advance(milliseconds(1));
  EXPECT_EQ(run(), "write copy sync");
  clock_.advance(seconds(10));
  EXPECT_EQ(run(), "") << "once";
}

// Foreign commits ring no bell and are none of its own: they are looked for.
TEST_F(LogKeeperTest, WhatSomebodyElseWritesBesideAnIdleLaneIsCopiedBack) {
  commit(kKiB);
  EXPECT_EQ(run(), "");
  clock_.advance(seconds(1));
  log_.written_by_others = kLimit / 4;
  log_.now.may_copy = false;
  EXPECT_EQ(run(), "close");
  EXPECT_EQ(stats().bytes, kLimit / 4);
  EXPECT_EQ(stats().bytes_max, kLimit / 4);
}

TEST_F(LogKeeperTest, WhatSomebodyElseWritesLeavesLessRoomToo) {
  commit(kKiB);
  run();
  ASSERT_FALSE(keeper_.room().paced);
  log_.written_by_others = 2 * kLimit;
  log_.answer.fault = Fault::busy;
  run();
  EXPECT_EQ(keeper_.room().hold, Duration(0));
}

TEST_F(LogKeeperTest, AFailedSyncPoisonsAndNothingIsAskedOfTheLogAnyMore) {
  expect_poisoned_by(Fault::sync);
}

TEST_F(LogKeeperTest, ADamagedFilePoisonsAndNothingIsAskedOfTheLogAnyMore) {
  expect_poisoned_by(Fault::corrupt);
}

TEST_F(LogKeeperTest, AnotherFailureIsTriedAgainLater) {
  commit(kCloseAt);
  log_.fails = "copy";
  log_.answer.fault = Fault::environment;
  EXPECT_EQ(run(), "write copy");
  EXPECT_FALSE(state_.poisoned());
  log_.answer = {};
  clock_.advance(milliseconds(20));
  EXPECT_EQ(run(), "write copy sync");
}

TEST_F(LogKeeperTest, NamesWhoPinsTheLogAndSinceWhen) {
  log_.takes = [this] { clock_.advance(milliseconds(30)); };
  log_.pinned_from = kMiB;
  log_.others = {{.pid = 4711, .name = "reader"}};
  commit(kCloseAt);
  EXPECT_EQ(run(), "write copy sync");
  commit(kCloseAt + kMiB);
  EXPECT_EQ(run(), "write copy");
  EXPECT_EQ(stats().pinned_bytes, kCloseAt);
  EXPECT_EQ(stats().pinned_since, clock_.now());
  ASSERT_EQ(stats().readers.size(), 1U);
  EXPECT_EQ(stats().readers[0].pid, 4711);

  log_.pinned_from = UINT64_MAX;
  clock_.advance(seconds(1));
  commit(kCloseAt + 2 * kMiB);
  EXPECT_EQ(run(), "write copy sync");
  EXPECT_EQ(stats().pinned_bytes, 0U);
  EXPECT_FALSE(stats().pinned_since);
  EXPECT_TRUE(stats().readers.empty());
}

TEST_F(LogKeeperTest, TicksAreShorterTheLessRoomTheLogHas) {
  commit(kMiB);
  run();
  const Duration much = keeper_.room().hold;
  EXPECT_GT(keeper_.room().most, much) << "what nobody waits for may take all of the log";
  commit(6 * kMiB);
  EXPECT_LT(keeper_.room().hold, much);
  EXPECT_GT(keeper_.room().hold, Duration(0));
  commit(2 * kLimit);
  EXPECT_EQ(keeper_.room().hold, Duration(0)) << "guarantees alone";
  EXPECT_EQ(keeper_.room().most, Duration(0));
  EXPECT_FALSE(keeper_.room().paced) << "nothing runs";
  EXPECT_EQ(pause_, Duration(0));
}

TEST_F(LogKeeperTest, WhoAddsMuchToAFullLogWaitsAndWhoAddsLittleHardly) {
  log_.answer.fault = Fault::busy;  // so that the next pass is some time away
  log_.fails = "copy";
  commit(kCloseAt);
  run();
  commit(kLimit);
  commit(kLimit + 4 * kMiB);
  const Duration much = pause_;
  EXPECT_GT(much, milliseconds(5));
  EXPECT_TRUE(keeper_.room().paced);
  commit(kLimit + 4 * kMiB + 8 * kKiB);
  EXPECT_GT(pause_, Duration(0));
  EXPECT_LT(pause_, much / 50);
  pause_ = keeper_.tick_ended(milliseconds(1));
  EXPECT_EQ(pause_, Duration(0)) << "a tick that committed nothing";
}

TEST_F(LogKeeperTest, WhatAnotherConnectionAddedIsNobodysHere) {
  log_.answer.fault = Fault::busy;  // so that the next pass is some time away
  log_.fails = "copy";
  commit(kCloseAt);
  run();
  log_.now.bytes = kLimit + 30 * kMiB;
  commit(kLimit + 30 * kMiB + 4 * kKiB);
  EXPECT_LT(pause_, milliseconds(1));
}

TEST_F(LogKeeperTest, TellsWhatItLearnedOfTheDisk) {
  EXPECT_EQ(stats().disk.log.bytes_per_s, 0);
  log_.takes = [this] { clock_.advance(milliseconds(20)); };
  commit(8 * kMiB);
  EXPECT_EQ(run(), "write");
  EXPECT_GT(stats().disk.log.bytes_per_s, 100e6);
  EXPECT_EQ(stats().disk.database.bytes_per_s, 0) << "nothing was copied back";
  commit(kCloseAt);
  run();
  EXPECT_GT(stats().disk.database.bytes_per_s, 0);
}

TEST_F(LogKeeperTest, CountsClosingPassesThatHeldTheLaneLongerThanTheirBudget) {
  Duration held{0};
  keeper_.use({.close_in =
                   [&held](Log& log) {
                     return Closing{log.close_in(), held};
                   },
               .poison = [](const Status&) {}});
  log_.written_meanwhile = 100 * kKiB;
  commit(kCloseAt);
  run();
  EXPECT_EQ(stats().late_closings, 0U);
  commit(kKiB);
  run();
  held = seconds(1);
  commit(kCloseAt);
  run();
  EXPECT_EQ(stats().late_closings, 1U);
}

TEST_F(LogKeeperTest, TellsOfTheLogOnlyWhatHoldsNow) {
  log_.pinned_from = kMiB;
  commit(kLimit / 4);
  ASSERT_EQ(run(), "write");
  clock_.advance(seconds(1));
  EXPECT_EQ(run(), "write copy sync close");
  ASSERT_GT(stats().pinned_bytes, 0U);
  log_.now.bytes = kKiB;  // somebody else copied all of it, and began it anew
  EXPECT_EQ(run(), "");
  EXPECT_EQ(stats().pinned_bytes, 0U);
  EXPECT_FALSE(stats().pinned_since);
}

TEST_F(LogKeeperTest, TellsWhyTheLastPassCouldNotRun) {
  commit(kLimit / 4);
  ASSERT_EQ(run(), "write");
  log_.answer = {.fault = Fault::busy, .cause = {Errc::locked, "somebody else writes"}};
  log_.fails = "copy";
  clock_.advance(seconds(1));
  EXPECT_EQ(run(), "write copy");
  EXPECT_EQ(stats().blocked.message(), "somebody else writes");
  log_.answer = {};
  clock_.advance(seconds(1));
  EXPECT_EQ(run(), "write copy sync");
  EXPECT_TRUE(stats().blocked.ok());
}

TEST_F(LogKeeperTest, IsWantedOnceTheLogHasGrownEnoughOrBegunAnew) {
  run();
  commit(100 * kKiB);
  EXPECT_FALSE(keeper_.wanted()) << "too little";
  commit(kLimit / 8);
  EXPECT_TRUE(keeper_.wanted());
  run();
  EXPECT_FALSE(keeper_.wanted()) << "it was looked at";
  commit(kKiB);
  EXPECT_TRUE(keeper_.wanted()) << "whatever was waited for is void";
}

TEST_F(LogKeeperTest, TellsHowLargeTheLogIsAndWas) {
  commit(3 * kMiB);
  commit(kMiB);
  EXPECT_EQ(stats().bytes, kMiB);
  EXPECT_EQ(stats().bytes_max, 3 * kMiB);
  EXPECT_EQ(stats().limit_bytes, kLimit);
  EXPECT_EQ(stats().hazard, "a hazard");
}

TEST_F(LogKeeperTest, AfterItsStopNothingIsAskedOfTheLog) {
  keeper_.stop();
  commit(kLimit);
  EXPECT_EQ(run(), "");
}

}  // namespace
}  // namespace onelane::engine
