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
constexpr std::uint64_t kBegin = 48 * kMiB;
constexpr Duration kFull = milliseconds(10);

class LogKeeperTest : public ::testing::Test {
 protected:
  LogKeeperTest() {
    keeper_.use({
        .close_in = [](Log& log) { return Closing{.pass = log.close_in()}; },
        .poison = [this](const Status& cause) { state_.poison(cause); },
    });
  }
  void commit(std::uint64_t bytes) {
    log_.now = {.bytes = bytes, .commits = log_.now.commits + 1, .may_copy = true};
    keeper_.tick_ended();
  }
  // What was asked of the log.
  std::string run() {
    keeper_.run_due();
    return log_.taken();
  }
  void expect_poisoned_by(Fault fault) {
    log_.answer.fault = fault;
    log_.answer.cause = {Errc::storage, "no way back"};
    commit(kBegin);
    EXPECT_EQ(run(), "copy");
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
  LogKeeper keeper_{{.log = &log_, .state = state_, .clock = clock_}, kLimit};
};

TEST_F(LogKeeperTest, CopiesASecondTimeWhatWasWrittenMeanwhileAndThenClosesIn) {
  log_.written_meanwhile = 100 * kKiB;
  commit(kBegin);
  EXPECT_EQ(run(), "copy sync close");
  EXPECT_EQ(stats().passes, 1U);
}

TEST_F(LogKeeperTest, LeavesTheClosingPassOutWhereACopyReachedTheEnd) {
  commit(kBegin);
  EXPECT_EQ(run(), "copy sync");
}

TEST_F(LogKeeperTest, ClosesInWhenItHasBeenQuietForAWhile) {
  commit(kLimit / 4);
  EXPECT_EQ(run(), "");
  clock_.advance(milliseconds(199));
  EXPECT_EQ(run(), "");
  clock_.advance(milliseconds(1));
  EXPECT_EQ(run(), "close");
  clock_.advance(seconds(10));
  EXPECT_EQ(run(), "") << "once";
}

// Foreign commits ring no bell and are none of its own: they are looked for.
TEST_F(LogKeeperTest, WhatSomebodyElseWritesBesideAnIdleLaneIsCopiedBack) {
  commit(kKiB);
  EXPECT_EQ(run(), "");
  clock_.advance(seconds(1));
  log_.written_by_others = kLimit / 4;
  EXPECT_EQ(run(), "close");
  EXPECT_EQ(stats().bytes, kLimit / 4);
  EXPECT_EQ(stats().bytes_max, kLimit / 4);
}

TEST_F(LogKeeperTest, WhatSomebodyElseWritesHoldsBackToo) {
  commit(kKiB);
  run();
  ASSERT_FALSE(keeper_.pause(kFull));
  log_.written_by_others = kLimit;
  log_.now.may_copy = false;
  run();
  EXPECT_TRUE(keeper_.pause(kFull));
}

TEST_F(LogKeeperTest, AFailedSyncPoisonsAndNothingIsAskedOfTheLogAnyMore) {
  expect_poisoned_by(Fault::sync);
}

TEST_F(LogKeeperTest, ADamagedFilePoisonsAndNothingIsAskedOfTheLogAnyMore) {
  expect_poisoned_by(Fault::corrupt);
}

TEST_F(LogKeeperTest, AnotherFailureIsTriedAgainLater) {
  log_.answer.fault = Fault::environment;
  commit(kBegin);
  EXPECT_EQ(run(), "copy");
  EXPECT_FALSE(state_.poisoned());
  log_.answer = {};
  clock_.advance(milliseconds(20));
  EXPECT_EQ(run(), "copy sync");
}

TEST_F(LogKeeperTest, NamesWhoPinsTheLogAndSinceWhen) {
  log_.pinned_from = kMiB;
  log_.others = {{.pid = 4711, .name = "reader"}};
  commit(kBegin);
  EXPECT_EQ(run(), "copy sync");
  clock_.advance(milliseconds(1));
  commit(kBegin + kMiB);
  EXPECT_EQ(run(), "copy");
  EXPECT_EQ(stats().pinned_bytes, kBegin);
  EXPECT_EQ(stats().pinned_since, clock_.now());
  ASSERT_EQ(stats().readers.size(), 1U);
  EXPECT_EQ(stats().readers[0].pid, 4711);

  log_.pinned_from = UINT64_MAX;
  clock_.advance(seconds(1));
  commit(kBegin + 2 * kMiB);
  EXPECT_EQ(run(), "copy sync");
  EXPECT_EQ(stats().pinned_bytes, 0U);
  EXPECT_FALSE(stats().pinned_since);
  EXPECT_TRUE(stats().readers.empty());
}

TEST_F(LogKeeperTest, HoldsBackOnceTheLogNearsItsLimit) {
  EXPECT_FALSE(keeper_.pause(kFull));
  commit(kBegin);
  run();
  EXPECT_FALSE(keeper_.pause(kFull));
  commit(kLimit / 8 * 7);
  EXPECT_TRUE(keeper_.pause(kFull));
  commit(kMiB);
  EXPECT_FALSE(keeper_.pause(kFull));
}

TEST_F(LogKeeperTest, HeldBackTicksPauseByWhatTheLastOneThatCommittedAdded) {
  commit(kBegin);
  run();
  commit(kLimit / 8 * 7);
  EXPECT_EQ(keeper_.pause(kFull), kFull) << "a flood";
  commit(kLimit / 8 * 7 + kLimit / 256);
  EXPECT_EQ(keeper_.pause(kFull), kFull / 2);
  keeper_.tick_ended();
  EXPECT_EQ(keeper_.pause(kFull), kFull / 2) << "a tick that committed nothing";
}

TEST_F(LogKeeperTest, TellsOfTheLogOnlyWhatHoldsNow) {
  log_.pinned_from = kMiB;
  commit(kLimit / 4);
  ASSERT_EQ(run(), "");
  clock_.advance(seconds(1));
  EXPECT_EQ(run(), "close");
  ASSERT_GT(stats().pinned_bytes, 0U);
  log_.now.bytes = kKiB;  // somebody else copied all of it, and began it anew
  EXPECT_EQ(run(), "");
  EXPECT_EQ(stats().pinned_bytes, 0U);
  EXPECT_FALSE(stats().pinned_since);
}

TEST_F(LogKeeperTest, TellsWhyTheLastPassCouldNotRun) {
  log_.answer = {.fault = Fault::busy, .cause = {Errc::locked, "somebody else writes"}};
  commit(kLimit / 4);
  ASSERT_EQ(run(), "");
  clock_.advance(seconds(1));
  EXPECT_EQ(run(), "close");
  EXPECT_EQ(stats().blocked.message(), "somebody else writes");
  log_.answer = {};
  clock_.advance(seconds(1));
  EXPECT_EQ(run(), "close");
  EXPECT_TRUE(stats().blocked.ok());
}

TEST_F(LogKeeperTest, IsWantedOnceTheLogHasGrownEnoughOrBegunAnew) {
  run();
  commit(kLimit / 8 - 1);
  EXPECT_FALSE(keeper_.wanted()) << "too little";
  commit(kLimit / 8);
  EXPECT_TRUE(keeper_.wanted());
  run();
  EXPECT_FALSE(keeper_.wanted()) << "it was looked at";
  commit(kMiB);
  EXPECT_TRUE(keeper_.wanted()) << "whatever was waited for is void";
}

TEST_F(LogKeeperTest, TellsHowLargeTheLogIsAndWas) {
  commit(3 * kMiB);
  commit(kMiB);
  EXPECT_EQ(stats().bytes, kMiB);
  EXPECT_EQ(stats().bytes_max, 3 * kMiB);
  EXPECT_EQ(stats().limit, kLimit);
  EXPECT_EQ(stats().hazard, "a hazard");
}

TEST_F(LogKeeperTest, AfterItsStopNothingIsAskedOfTheLog) {
  keeper_.stop();
  commit(kLimit);
  EXPECT_EQ(run(), "");
}

}  // namespace
}  // namespace onelane::engine
