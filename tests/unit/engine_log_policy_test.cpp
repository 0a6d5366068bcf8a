// When the log is written out, copied back and closed in on, and what classes may add meanwhile:
// literal inputs, decisions.
#include <gtest/gtest.h>

#include <chrono>

#include "onelane/options.h"
#include "src/engine/log_policy.h"

namespace onelane::engine {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::uint64_t kLimit = 64 * kMiB;
constexpr std::uint64_t kCloseAt = 48 * kMiB;
constexpr Duration kHold = milliseconds(10);
const TimePoint kNow{seconds(100)};

Duration bytes_ns(std::uint64_t bytes, Duration for_a_mebibyte) {
  return for_a_mebibyte * static_cast<Duration::rep>(bytes / kKiB) / 1024;
}
DiskTime line(Duration floor, Duration for_a_mebibyte) {
  DiskTime out;
  for (int i = 0; i < 30; ++i) {
    const std::uint64_t bytes = (i % 2 == 0 ? 100 : 10'000) * kKiB;
    out.learn(bytes, floor + bytes_ns(bytes, for_a_mebibyte));
  }
  return out;
}

// A disk that syncs in 1 ms and takes 10 ms for each MiB, of the log and of the copy.
DiskModel disk() {
  return {.log = line(milliseconds(1), milliseconds(10)),
          .database = line(milliseconds(1), milliseconds(10))};
}

LogView busy(std::uint64_t bytes) {
  return {.limit = kLimit,
          .hold = kHold,
          .disk = disk(),
          .log = {.bytes = bytes, .commits = 1, .may_copy = true}};
}
LogView quiet(std::uint64_t bytes) {
  LogView view = busy(bytes);
  view.quiet = seconds(1);
  return view;
}
// So much of a log is on the disk and copied back, and the copy is synced.
LogCycle copied(std::uint64_t bytes) {
  return {.began = kNow - seconds(1), .written = bytes, .copied = bytes};
}
LogCycle written(std::uint64_t bytes, std::uint64_t copied = 0) {
  return {.began = kNow - seconds(1), .written = bytes, .copied = copied};
}
LogAction action(const LogView& view, const LogCycle& cycle) {
  return decide(view, cycle, kNow).action;
}
// A closing pass that copied all.
Closing closed(std::uint64_t bytes, Duration held = {}) {
  return {.pass = {.bytes = bytes, .copied = bytes}, .held = held};
}
void expect_near(std::uint64_t bytes, std::uint64_t expected) {
  EXPECT_NEAR(static_cast<double>(bytes), static_cast<double>(expected), 0.4 * kMiB);
}

// --- What is dirty of the log.

// What the disk takes in 50 ms, five full ticks: a little less than 5 MiB.
TEST(LogPolicy, TheLogIsWrittenOutOnceHalfAWindowIsDirty) {
  const LogCycle cycle = written(2 * kMiB);
  EXPECT_EQ(action(busy(4 * kMiB), cycle), LogAction::wait);
  EXPECT_EQ(action(busy(5 * kMiB), cycle), LogAction::write);
  const LogDecision waits = decide(busy(4 * kMiB), cycle, kNow);
  expect_near(waits.wake_bytes, 2 * kMiB + 2450 * kKiB);
}

TEST(LogPolicy, AWindowIsAtLeastSevenFloorsLong) {
  LogView view = busy(6 * kMiB);
  view.disk.log = line(milliseconds(50), milliseconds(10));
  const LogDecision decision =
      decide(view, {}, kNow);  // 350 ms: 30 MiB, but an eighth of the limit
  EXPECT_EQ(decision.room.free, 6 * kMiB + 8 * kMiB);
}

TEST(LogPolicy, WhereCommitsSyncTheLogNothingIsWrittenOut) {
  LogView view = busy(16 * kMiB);
  view.commits_sync = true;
  EXPECT_EQ(action(view, {}), LogAction::wait);
}

TEST(LogPolicy, OfADirtyLogClassesAddAWindowBeyondTheirGuaranteesAndAnotherWithThem) {
  const LogDecision decision = decide(busy(5 * kMiB), {}, kNow);
  ASSERT_EQ(decision.action, LogAction::write);
  expect_near(decision.room.free, 5 * kMiB + 4900 * kKiB);
  expect_near(decision.room.most, 5 * kMiB + 2 * 4900 * kKiB);
  expect_near(decision.restarted.free, 4900 * kKiB);
  EXPECT_NEAR(std::chrono::duration<double>(decision.takes).count(), 0.051, 0.005);
}

// --- Rounds.

TEST(LogPolicy, ARoundBeginsWithHalfOfTheLimit) {
  EXPECT_NE(action(busy(32 * kMiB - 1), written(32 * kMiB - 1)), LogAction::copy);
  EXPECT_EQ(action(busy(32 * kMiB), written(32 * kMiB)), LogAction::copy);
}

TEST(LogPolicy, OrWithWhatTheDiskTakesASecondFor) {
  LogView view = busy(20 * kMiB);
  view.disk.database = line(milliseconds(1), milliseconds(100));
  EXPECT_EQ(action(view, written(20 * kMiB, 9 * kMiB)), LogAction::copy);
  EXPECT_NE(action(view, written(20 * kMiB, 11 * kMiB)), LogAction::copy);
}

// Nobody else's sync waits for all of a round.
TEST(LogPolicy, ARoundIsSyncedInPiecesOfTwoTicks) {
  const LogDecision copy = decide(busy(32 * kMiB), written(32 * kMiB), kNow);
  ASSERT_EQ(copy.action, LogAction::copy);
  expect_near(copy.piece, 2 * kMiB);
  LogCycle cycle = written(32 * kMiB);
  note_copy(cycle, {.bytes = 32 * kMiB, .copied = 32 * kMiB}, kNow);
  const LogDecision sync = decide(busy(32 * kMiB), cycle, kNow);
  ASSERT_EQ(sync.action, LogAction::sync);
  EXPECT_NEAR(std::chrono::duration<double>(sync.takes).count(), 0.021, 0.002)
      << "the others are on the disk";
}

TEST(LogPolicy, WhatWasCopiedIsSyncedBeforeAnythingElse) {
  LogCycle cycle = written(kCloseAt);
  note_copy(cycle, {.bytes = kCloseAt, .copied = kCloseAt}, kNow);
  EXPECT_EQ(action(busy(kLimit), cycle), LogAction::sync);
  EXPECT_EQ(action(quiet(kCloseAt), cycle), LogAction::sync);
  note_sync(cycle);
  EXPECT_NE(action(busy(kLimit), cycle), LogAction::sync);
}

TEST(LogPolicy, WithoutACommitSinceTheLastPassItWaitsForOne) {
  LogView view = busy(kCloseAt);
  view.log.may_copy = false;
  const LogDecision decision = decide(view, written(kCloseAt), kNow);
  EXPECT_EQ(decision.action, LogAction::wait);
  EXPECT_EQ(decision.wake_bytes, 0U);
  EXPECT_TRUE(decision.wake_at) << "it may stay quiet";
}

// A quarter beyond guarantees, a quarter with them: so each round is at most half of the last.
TEST(LogPolicy, WhileARoundRunsAQuarterOfItMayBeAddedAndAQuarterWithGuarantees) {
  const LogCycle before = written(24 * kMiB);
  const LogDecision copy = decide(busy(32 * kMiB), before, kNow);
  ASSERT_EQ(copy.action, LogAction::copy);
  EXPECT_EQ(copy.room.free, 40 * kMiB);
  EXPECT_EQ(copy.room.most, 48 * kMiB);
  LogCycle cycle = before;
  note_write(cycle, 32 * kMiB);
  note_copy(cycle, {.bytes = 36 * kMiB, .copied = 36 * kMiB}, kNow);
  const LogDecision sync = decide(busy(37 * kMiB), cycle, kNow);
  ASSERT_EQ(sync.action, LogAction::sync);
  EXPECT_EQ(sync.room.free, 40 * kMiB) << "the copy and its sync have one room";
  EXPECT_EQ(sync.room.most, 48 * kMiB);
}

TEST(LogPolicy, ANearEndOfTheLogLeavesRoundsLessRoom) {
  const LogDecision copy = decide(busy(kCloseAt), copied(32 * kMiB), kNow);
  ASSERT_EQ(copy.action, LogAction::copy);
  EXPECT_EQ(copy.room.free, kCloseAt + 4 * kMiB);
  EXPECT_EQ(copy.room.most, kCloseAt + 8 * kMiB);
}

TEST(LogPolicy, TheLastEighthOfTheLimitIsForGuarantees) {
  const LogDecision copy = decide(busy(55 * kMiB), copied(32 * kMiB), kNow);
  ASSERT_EQ(copy.action, LogAction::copy);
  EXPECT_EQ(copy.room.free, 56 * kMiB);
}

TEST(LogPolicy, GuaranteesStopAnEighthBeyondTheLimit) {
  const LogDecision copy = decide(busy(66 * kMiB), copied(46 * kMiB), kNow);
  ASSERT_EQ(copy.action, LogAction::copy);
  EXPECT_EQ(copy.room.most, 72 * kMiB);
}

TEST(LogPolicy, ALogThatWasCopiedToItsEndNeedsNothingSinceTheNextCommitBeginsItAnew) {
  const LogDecision decision = decide(busy(kCloseAt), copied(kCloseAt), kNow);
  EXPECT_EQ(decision.action, LogAction::wait);
  EXPECT_EQ(action(quiet(kCloseAt), copied(kCloseAt)), LogAction::wait);
  EXPECT_EQ(decision.room.free, kCloseAt + 1) << "the next tick is not paced";
}

// --- Closing in.

TEST(LogPolicy, FromThreeQuartersOfTheLimitItClosesInOnceThatKeepsItsBudget) {
  // A full tick of 10 ms, less two floors: 20 ms for each MiB leave 0.4 MiB.
  EXPECT_EQ(action(busy(kCloseAt), copied(kCloseAt - 300 * kKiB)), LogAction::close);
  EXPECT_EQ(action(busy(kCloseAt), copied(kCloseAt - 500 * kKiB)), LogAction::copy);
  EXPECT_NE(action(busy(kCloseAt - 1), copied(kCloseAt - 300 * kKiB)), LogAction::close);
  EXPECT_EQ(decide(busy(kCloseAt), copied(kCloseAt - 300 * kKiB), kNow).takes, kHold);
}

TEST(LogPolicy, ClosingPassesAreATwentiethOfTheLanesTime) {
  LogCycle cycle = copied(kCloseAt - 350 * kKiB);
  cycle.began = kNow - milliseconds(160);
  const LogDecision decision = decide(busy(kCloseAt), cycle, kNow);
  EXPECT_EQ(decision.action, LogAction::copy) << "8 ms leave 0.3 MiB";
  cycle.copied = kCloseAt - 250 * kKiB;
  EXPECT_EQ(action(busy(kCloseAt), cycle), LogAction::close);
}

TEST(LogPolicy, WhereTheFloorsAreLongAClosingPassMayTakeTwoOfThem) {
  LogView view = busy(kCloseAt);
  view.disk = {.log = line(milliseconds(50), milliseconds(10)),
               .database = line(milliseconds(50), milliseconds(10))};
  const LogDecision decision = decide(view, copied(kCloseAt - 4 * kMiB), kNow);
  EXPECT_EQ(decision.action, LogAction::close);
  EXPECT_NEAR(std::chrono::duration<double>(decision.takes).count(), 0.2, 0.02);
  EXPECT_EQ(action(view, copied(kCloseAt - 6 * kMiB)), LogAction::copy);
}

TEST(LogPolicy, ItClosesInWhateverThatTakesWhereAnotherRoundCouldTakeTheLogTooFar) {
  EXPECT_EQ(action(busy(69 * kMiB), copied(58 * kMiB)), LogAction::copy) << "2.75 MiB may come";
  EXPECT_EQ(action(busy(69 * kMiB), copied(57 * kMiB)), LogAction::close) << "3 MiB may come";
}

TEST(LogPolicy, ButNeverWithMuchInOneHold) {
  EXPECT_EQ(action(busy(69 * kMiB), copied(52 * kMiB)), LogAction::copy) << "more than a quarter";
  LogCycle cycle = copied(10 * kLimit - 10 * kMiB);
  EXPECT_EQ(action(busy(10 * kLimit), cycle), LogAction::copy) << "it is too far already";
  cycle.round = 21 * kMiB;
  EXPECT_EQ(action(busy(10 * kLimit), cycle), LogAction::copy);
  cycle.round = 20 * kMiB;
  EXPECT_EQ(action(busy(10 * kLimit), cycle), LogAction::close) << "rounds make it no less";
}

TEST(LogPolicy, InAQuietMomentAShortLogIsBroughtHomeToo) {
  EXPECT_EQ(action(quiet(kLimit / 8), copied(kLimit / 8 - 100 * kKiB)), LogAction::close);
  EXPECT_EQ(action(quiet(kLimit / 8), {}), LogAction::copy)
      << "not in the lane, if that takes long";
  EXPECT_NE(action(quiet(kLimit / 8 - 1), copied(kLimit / 8 - 100 * kKiB)), LogAction::close);
  LogView others = quiet(kLimit / 8);
  others.log.may_copy = false;
  EXPECT_EQ(action(others, {}), LogAction::close) << "without a commit of our own";
}

TEST(LogPolicy, AQuietMomentIsWaitedFor) {
  LogView view = busy(kLimit / 8);
  view.quiet = milliseconds(50);
  const LogDecision decision = decide(view, written(kLimit / 8), kNow);
  EXPECT_EQ(decision.action, LogAction::wait);
  EXPECT_EQ(decision.wake_at, kNow + milliseconds(150));
}

TEST(LogPolicy, AFullStoreIsClosedInOnWhateverTheLogHolds) {
  LogView view = busy(kMiB);
  EXPECT_NE(action(view, {}), LogAction::close);
  view.log.full = true;
  EXPECT_EQ(action(view, {}), LogAction::close);
  LogCycle failed;
  note_close(failed, {.pass = {.fault = Fault::environment}}, kNow);
  const LogDecision waits = decide(view, failed, kNow);
  EXPECT_EQ(waits.action, LogAction::wait);
  EXPECT_GT(waits.wake_at, kNow);
}

// Between the look and the pass, while the lane was waited for.
TEST(LogPolicy, AClosingPassCopiesWhatWasCommittedBeforeItBegan) {
  LogCycle cycle = copied(kCloseAt);
  note_close(cycle, closed(58 * kMiB, seconds(1)), kNow);
  observe(cycle, {.bytes = 58 * kMiB}, kNow);
  const LogDecision decision = decide(busy(58 * kMiB), cycle, kNow);
  EXPECT_EQ(decision.action, LogAction::wait);
  EXPECT_GT(decision.room.free, 58 * kMiB);
}

TEST(LogPolicy, ALogThatBeganAnewIsANewCycle) {
  LogCycle cycle = copied(kCloseAt);
  observe(cycle, {.bytes = kCloseAt}, kNow);
  observe(cycle, {.bytes = kMiB}, kNow + seconds(1));
  EXPECT_EQ(cycle.copied, 0U);
  EXPECT_EQ(cycle.written, 0U);
  EXPECT_EQ(cycle.began, kNow) << "when it was last seen whole";
}

TEST(LogPolicy, AfterAClosingPassThatDidNotHelpTheNextComesLater) {
  LogCycle cycle = copied(kCloseAt);
  note_close(cycle, closed(kCloseAt, milliseconds(10)), kNow);
  // A reader at the log's very end kept it from being restarted.
  const LogDecision decision = decide(busy(49 * kMiB), cycle, kNow + milliseconds(199));
  EXPECT_EQ(decision.action, LogAction::wait);
  EXPECT_EQ(decision.wake_at, kNow + milliseconds(200));
  EXPECT_EQ(decide(busy(49 * kMiB), cycle, kNow + milliseconds(200)).action, LogAction::copy);
}

TEST(LogPolicy, AFailedPassIsTriedAgainALittleLater) {
  LogCycle cycle = written(kCloseAt);
  note_copy(cycle, {.fault = Fault::busy}, kNow);
  const LogDecision decision = decide(busy(kCloseAt), cycle, kNow);
  EXPECT_EQ(decision.action, LogAction::wait);
  EXPECT_EQ(decision.wake_at, kNow + milliseconds(20));
  EXPECT_EQ(decision.takes, milliseconds(20)) << "guarantees are spread meanwhile";
  EXPECT_EQ(decide(busy(kCloseAt), cycle, kNow + milliseconds(20)).action, LogAction::copy);
}

// --- Who is held back.

TEST(LogPolicy, WhoAddedAPartOfWhatIsLeftWaitsForThatPartOfTheTime) {
  const auto pause = [](std::uint64_t added, Duration ago) {
    return pause_for(added, 4 * kMiB, milliseconds(100), ago);
  };
  EXPECT_EQ(pause(kMiB, Duration(0)), milliseconds(25));
  EXPECT_EQ(pause(kMiB, milliseconds(40)), milliseconds(15));
  EXPECT_EQ(pause(8 * kMiB, Duration(0)), milliseconds(200)) << "two such times";
  EXPECT_EQ(pause(4 * kKiB, Duration(0)), Duration(97'656)) << "who adds little";
  EXPECT_EQ(pause(0, Duration(0)), Duration(0));
}

TEST(LogPolicy, WhatTakesLongerThanPredictedMayTakeAsLongAgain) {
  EXPECT_EQ(pause_for(kMiB, 4 * kMiB, milliseconds(100), milliseconds(400)), milliseconds(100));
  EXPECT_EQ(pause_for(kMiB, 4 * kMiB, Duration(0), seconds(1)), Duration(0)) << "nothing runs";
}

TEST(LogPolicy, HoweverFullTheLogIsASmallTickHasRoom) {
  const LogRoom room{.free = 8 * kMiB, .most = 10 * kMiB};
  EXPECT_EQ(left(room, 4 * kMiB, kLimit), 6 * kMiB);
  EXPECT_EQ(left(room, 10 * kMiB, kLimit), kMiB);
  EXPECT_EQ(left(room, 90 * kMiB, kLimit), kMiB);
  EXPECT_EQ(left(room, 90 * kMiB, 1), 1U) << "the smallest limit";
  EXPECT_EQ(left_to_limit(10 * kMiB, kLimit), kLimit / 8 * 7 - 10 * kMiB);
  EXPECT_EQ(left_to_limit(2 * kLimit, kLimit), 0U);
}

TEST(LogPolicy, ATickIsAsLongAsItsRoomInTheLogAllowsAtTheFastestOfLate) {
  LogGrowth growth;
  EXPECT_GE(growth.time_of(1), seconds(1)) << "nothing is known";
  growth.tick(4 * kMiB, Duration(0));
  EXPECT_GE(growth.time_of(1), seconds(1)) << "a commit outside of ticks";
  growth.tick(4 * kMiB, milliseconds(10));
  growth.tick(4 * kKiB, milliseconds(1));
  const double ms = std::chrono::duration<double, std::milli>(growth.time_of(kMiB)).count();
  EXPECT_NEAR(ms, 2.5, 0.1);
  for (int i = 0; i < 1000; ++i) growth.tick(4 * kKiB, milliseconds(1));
  EXPECT_GT(growth.time_of(kMiB), milliseconds(200)) << "that was long ago";
}

// --- A reader that stays.

LogCycle pinned() {
  LogCycle cycle = written(56 * kMiB, kCloseAt);
  note_copy(cycle, {.bytes = 56 * kMiB, .copied = kCloseAt}, kNow);
  return cycle;
}

TEST(LogPolicy, APassThatGetsNowhereMeansAReaderPinsTheLog) {
  const LogCycle cycle = pinned();
  EXPECT_EQ(cycle.pinned, 8 * kMiB);
  EXPECT_EQ(cycle.pinned_since, kNow);
  EXPECT_EQ(action(busy(56 * kMiB), cycle), LogAction::wait);
}

TEST(LogPolicy, APinnedLogIsStillWrittenOut) {
  EXPECT_EQ(action(busy(60 * kMiB), pinned()), LogAction::write);
}

TEST(LogPolicy, APinnedLogIsAskedAboutLessAndLessOften) {
  LogCycle cycle = pinned();
  note_copy(cycle, {.bytes = 60 * kMiB, .copied = kCloseAt}, kNow + seconds(2));
  EXPECT_EQ(cycle.not_before, kNow + seconds(2) + milliseconds(500));
  note_copy(cycle, {.bytes = 60 * kMiB, .copied = kCloseAt}, kNow + seconds(200));
  EXPECT_EQ(cycle.not_before, kNow + seconds(201));
  EXPECT_EQ(cycle.pinned_since, kNow);
}

TEST(LogPolicy, APinnedLogIsNeverClosedInOnAndHoldsNobodyBackSinceThatMakesNoReaderLeave) {
  const LogCycle cycle = pinned();
  EXPECT_EQ(decide(busy(2 * kLimit), cycle, kNow).action, LogAction::write);
  EXPECT_GT(decide(busy(2 * kLimit), cycle, kNow).room.free, 100 * kLimit);
  const TimePoint later = kNow + seconds(5);
  EXPECT_EQ(decide(busy(2 * kLimit), cycle, later).action, LogAction::copy);
  EXPECT_EQ(decide(quiet(2 * kLimit), cycle, later).action, LogAction::copy);
}

// The try that gets somewhere may have ten times the limit to copy.
TEST(LogPolicy, ATryOnAPinnedLogIsPacedByHowLongItLasts) {
  const LogDecision decision = decide(busy(10 * kLimit), pinned(), kNow + seconds(5));
  ASSERT_EQ(decision.action, LogAction::copy);
  EXPECT_EQ(decision.takes, milliseconds(1));
  EXPECT_LT(decision.room.most, 10 * kLimit);
  const auto pause = [&](Duration ago) {
    const std::uint64_t room = left(decision.room, 10 * kLimit, kLimit);
    return pause_for(100 * kKiB, room, decision.takes, ago);
  };
  EXPECT_LT(pause(Duration(0)), milliseconds(1));
  EXPECT_GT(pause(seconds(1)), milliseconds(90));
}

// By another connection, which had copied it back itself.
TEST(LogPolicy, ALogThatIsShorterThanWhatWasWrittenOutHasBegunAnew) {
  LogCycle cycle = written(20 * kMiB, kMiB);
  observe(cycle, {.bytes = 2 * kMiB}, kNow);
  EXPECT_EQ(cycle.written, 0U);
  EXPECT_EQ(cycle.copied, 0U);
}

TEST(LogPolicy, ACopyThatCouldNotBeSyncedForWantOfMemoryIsTriedAgainLater) {
  LogCycle cycle = written(kCloseAt);
  note_copy(cycle, {.bytes = kCloseAt, .copied = kCloseAt}, kNow);
  note_copy(cycle, {.fault = Fault::environment}, kNow);
  EXPECT_EQ(action(busy(kLimit), cycle), LogAction::write);
  cycle.written = kLimit;
  const LogDecision decision = decide(busy(kLimit), cycle, kNow);
  EXPECT_EQ(decision.action, LogAction::wait);
  EXPECT_EQ(decision.wake_at, kNow + milliseconds(20));
  EXPECT_EQ(decide(busy(kLimit), cycle, kNow + milliseconds(20)).action, LogAction::sync);
}

// A reader that was there for a moment must not let the log outgrow its limit.
TEST(LogPolicy, ALogThatDidNotBeginAnewAfterItsClosingPassHasAWindowsRoom) {
  LogCycle cycle = copied(kCloseAt);
  note_close(cycle, closed(58 * kMiB), kNow);
  const LogDecision decision = decide(busy(58 * kMiB + 1), cycle, kNow);
  expect_near(decision.room.free, 58 * kMiB + 4900 * kKiB);
}

TEST(LogPolicy, AReaderThatMovedOnPinsTheLogNoMore) {
  LogCycle cycle = pinned();
  note_copy(cycle, {.bytes = 60 * kMiB, .copied = 56 * kMiB}, kNow + seconds(2));
  EXPECT_EQ(cycle.pinned, 0U);
  EXPECT_FALSE(cycle.pinned_since);
  EXPECT_EQ(decide(busy(60 * kMiB), cycle, kNow).room.free, 56 * kMiB);
}

TEST(LogPolicy, WhenTheReaderIsGoneThePassesGoOn) {
  LogCycle cycle = pinned();
  note_copy(cycle, {.bytes = 60 * kMiB, .copied = 60 * kMiB}, kNow + seconds(2));
  EXPECT_EQ(cycle.pinned, 0U);
  EXPECT_FALSE(cycle.pinned_since);
  EXPECT_EQ(action(busy(60 * kMiB), cycle), LogAction::sync);
}

TEST(LogPolicy, AClosingPassThatAReaderStoppedMeansThatItPinsTheLog) {
  LogCycle cycle = copied(kCloseAt);
  note_close(cycle, {.pass = {.bytes = 49 * kMiB, .copied = kCloseAt}}, kNow);
  EXPECT_EQ(cycle.pinned, kMiB);
}

// What it copied is what the pass found, whatever was known of the log before it.
TEST(LogPolicy, ALogThatSomebodyElseWroteToIsClosedOnOnce) {
  LogView others = quiet(kLimit / 2);
  others.log.may_copy = false;
  LogCycle cycle;
  observe(cycle, others.log, kNow);
  ASSERT_EQ(action(others, cycle), LogAction::close);
  note_close(cycle, closed(2 * kLimit), kNow);
  others.log.bytes = 2 * kLimit;
  observe(cycle, others.log, kNow);
  EXPECT_EQ(action(others, cycle), LogAction::wait);
}

}  // namespace
}  // namespace onelane::engine
