// When the log is checkpointed and when a closing pass runs: literal inputs, decisions.
#include <gtest/gtest.h>

#include <chrono>

#include "onelane/options.h"
#include "src/engine/log_policy.h"

namespace onelane::engine {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::uint64_t kLimit = 64 * kMiB;
constexpr std::uint64_t kBegin = 48 * kMiB;
const TimePoint kNow{seconds(100)};

LogView busy(std::uint64_t bytes) {
  return {.limit = kLimit, .log = {.bytes = bytes, .commits = 1, .may_copy = true}};
}
LogView quiet(std::uint64_t bytes) {
  LogView view = busy(bytes);
  view.quiet = seconds(1);
  return view;
}
LogAction action(const LogView& view, const LogCycle& cycle) {
  return decide(view, cycle, kNow).action;
}
bool holds_back(const LogView& view, const LogCycle& cycle) {
  return view.log.bytes >= decide(view, cycle, kNow).pace_bytes;
}

// A cycle after passes that began with these numbers of bytes left.
LogCycle after_rounds(std::initializer_list<std::uint64_t> rounds) {
  LogCycle cycle;
  for (const std::uint64_t round : rounds) {
    const std::uint64_t all = cycle.copied + round;
    observe(cycle, {.bytes = all}, kNow);
    note_copy(cycle, {.bytes = all, .copied = all}, kLimit, kNow);
    note_sync(cycle);
  }
  return cycle;
}

// A closing pass that copied all.
Closing closed(std::uint64_t bytes, Duration held = {}) {
  return {.pass = {.bytes = bytes, .copied = bytes}, .held = held};
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

TEST(LogPolicy, AShortLogIsLeftAlone) {
  const LogDecision decision = decide(busy(kMiB), {}, kNow);
  EXPECT_EQ(decision.action, LogAction::wait);
  EXPECT_EQ(decision.wake_bytes, kLimit / 8);
  EXPECT_FALSE(decision.wake_at);
}

TEST(LogPolicy, FromAnEighthOfTheLimitAQuietMomentIsWaitedFor) {
  LogView view = busy(kLimit / 8);
  view.quiet = milliseconds(50);
  const LogDecision decision = decide(view, {}, kNow);
  EXPECT_EQ(decision.action, LogAction::wait);
  EXPECT_EQ(decision.wake_bytes, kBegin);
  EXPECT_EQ(decision.wake_at, kNow + milliseconds(150));
}

TEST(LogPolicy, InAQuietMomentItClosesInAtOnce) {
  EXPECT_EQ(action(quiet(kLimit / 8), {}), LogAction::close);
  EXPECT_EQ(action(quiet(kLimit / 8 - 1), {}), LogAction::wait);
}

TEST(LogPolicy, FromThreeQuartersOfTheLimitItCopies) {
  EXPECT_EQ(action(busy(kBegin - 1), {}), LogAction::wait);
  EXPECT_EQ(action(busy(kBegin), {}), LogAction::copy);
}

TEST(LogPolicy, ALogThatFillsTooFastIsCopiedEarlier) {
  LogCycle cycle;
  observe(cycle, {}, kNow);
  const LogView view = busy(kLimit / 8);
  EXPECT_EQ(decide(view, cycle, kNow + milliseconds(12)).action, LogAction::copy);
  EXPECT_EQ(decide(view, cycle, kNow + milliseconds(13)).action, LogAction::wait);
  note_copy(cycle, {.bytes = kLimit / 8, .copied = kLimit / 8}, kLimit, kNow);
  note_sync(cycle);
  EXPECT_EQ(decide(busy(kLimit / 4 - 1), cycle, kNow + milliseconds(20)).action, LogAction::wait);
  EXPECT_EQ(decide(busy(kLimit / 4), cycle, kNow + milliseconds(20)).action, LogAction::copy);
  EXPECT_EQ(cycle.rounds, 0U) << "closing in comes later";
}

TEST(LogPolicy, ASmallLogIsNotCopiedEarlierHoweverFastItFills) {
  LogCycle cycle;
  observe(cycle, {}, kNow);
  LogView view = busy(3 * kMiB - 1);
  view.limit = 4 * kMiB;
  const LogDecision decision = decide(view, cycle, kNow + milliseconds(1));
  EXPECT_EQ(decision.action, LogAction::wait);
  EXPECT_EQ(decision.wake_bytes, 3 * kMiB);
}

TEST(LogPolicy, WithoutACommitSinceTheLastPassItWaitsForOne) {
  LogView view = busy(kBegin);
  view.log.may_copy = false;
  const LogDecision decision = decide(view, {}, kNow);
  EXPECT_EQ(decision.action, LogAction::wait);
  EXPECT_EQ(decision.wake_bytes, 0U);
  EXPECT_TRUE(decision.wake_at) << "it may stay quiet";
}

TEST(LogPolicy, WhatWasCopiedIsSyncedBeforeAnythingElse) {
  LogCycle cycle;
  note_copy(cycle, {.bytes = kBegin, .copied = kBegin}, kLimit, kNow);
  EXPECT_EQ(action(busy(kLimit), cycle), LogAction::sync);
  EXPECT_EQ(action(quiet(kBegin), cycle), LogAction::sync);
}

TEST(LogPolicy, WhileRoundsConvergeThereIsAnother) {
  const LogCycle cycle = after_rounds({48 * kMiB, 8 * kMiB});
  EXPECT_EQ(action(busy(58 * kMiB), cycle), LogAction::copy);
}

TEST(LogPolicy, WhenLittleIsLeftItClosesIn) {
  const LogCycle cycle = after_rounds({48 * kMiB});
  EXPECT_EQ(action(busy(49 * kMiB), cycle), LogAction::close);
  EXPECT_EQ(action(busy(49 * kMiB + 1), cycle), LogAction::copy);
}

TEST(LogPolicy, ALogThatWasCopiedToItsEndNeedsNothing) {
  const LogCycle cycle = after_rounds({48 * kMiB});
  EXPECT_EQ(action(busy(48 * kMiB), cycle), LogAction::wait);
  EXPECT_EQ(action(quiet(48 * kMiB), cycle), LogAction::wait);
}

TEST(LogPolicy, WhereRoundsDoNotConvergeClassesAreHeldBackAndThenItClosesIn) {
  LogCycle cycle = after_rounds({48 * kMiB, 3 * kMiB});
  EXPECT_FALSE(holds_back(busy(53 * kMiB), cycle));
  EXPECT_EQ(action(busy(53 * kMiB), cycle), LogAction::copy) << "nobody was held back yet";
  cycle = after_rounds({48 * kMiB, 3 * kMiB, 2560 * kKiB});
  constexpr std::uint64_t kCopied = 48 * kMiB + 3 * kMiB + 2560 * kKiB;
  EXPECT_TRUE(holds_back(busy(kCopied + 1200 * kKiB), cycle));
  EXPECT_EQ(action(busy(kCopied + 1200 * kKiB), cycle), LogAction::copy) << "it may converge";
  EXPECT_EQ(action(busy(kCopied + 1300 * kKiB), cycle), LogAction::close) << "it grows no more";
}

TEST(LogPolicy, BeforeTheLimitClassesAreHeldBackWhateverHappens) {
  EXPECT_FALSE(holds_back(busy(55 * kMiB), {}));
  EXPECT_TRUE(holds_back(busy(56 * kMiB), {}));
}

TEST(LogPolicy, ALogThatIsWhollyCopiedHoldsNobodyBackSinceTheNextCommitBeginsItAnew) {
  LogCycle cycle = after_rounds({48 * kMiB, 3 * kMiB, 8 * kMiB});
  EXPECT_FALSE(holds_back(busy(59 * kMiB), cycle));
  EXPECT_TRUE(holds_back(busy(59 * kMiB + 1), cycle)) << "it did not";
}

// Between the look and the pass, while the lane was waited for.
TEST(LogPolicy, AClosingPassCopiesWhatWasCommittedBeforeItBegan) {
  LogCycle cycle = after_rounds({48 * kMiB});
  observe(cycle, {.bytes = 57 * kMiB}, kNow);
  note_close(cycle, closed(58 * kMiB, seconds(1)), kNow);
  observe(cycle, {.bytes = 58 * kMiB}, kNow);
  const LogDecision decision = decide(busy(58 * kMiB), cycle, kNow);
  EXPECT_EQ(decision.action, LogAction::wait);
  EXPECT_FALSE(decision.wake_at) << "nothing is left";
  EXPECT_FALSE(holds_back(busy(58 * kMiB), cycle));
}

TEST(LogPolicy, WhoIsHeldBackWaitsAsLongAsWhatWasAddedAllows) {
  constexpr Duration kFull = milliseconds(10);
  constexpr std::uint64_t kAllowed = kLimit / 128;
  EXPECT_EQ(pause_after(0, kLimit, kFull), Duration(0));
  EXPECT_EQ(pause_after(kAllowed / 4, kLimit, kFull), kFull / 4);
  EXPECT_EQ(pause_after(kAllowed, kLimit, kFull), kFull);
  EXPECT_EQ(pause_after(100 * kAllowed, kLimit, kFull), kFull) << "no more than a full tick takes";
  EXPECT_EQ(pause_after(1, 1, kFull), kFull) << "the smallest limit";
}

TEST(LogPolicy, FromTheLimitOnItClosesInUnlessARoundBeginsWithHalfTheLastOneOrLess) {
  const LogCycle cycle = after_rounds({48 * kMiB, 12 * kMiB});
  EXPECT_EQ(action(busy(66 * kMiB), cycle), LogAction::copy);
  EXPECT_EQ(action(busy(66 * kMiB + 1), cycle), LogAction::close);
  EXPECT_EQ(action(busy(kLimit - 1), after_rounds({48 * kMiB, 4 * kMiB})), LogAction::copy);
  EXPECT_EQ(action(busy(kLimit), after_rounds({48 * kMiB, 4 * kMiB})), LogAction::close);
  EXPECT_EQ(action(busy(kLimit), {}), LogAction::copy) << "but not the whole log in one hold";
}

TEST(LogPolicy, ItClosesInWhereARoundCouldTakeTheLogAQuarterBeyondItsLimit) {
  const LogCycle cycle = after_rounds({48 * kMiB});
  EXPECT_EQ(action(busy(69 * kMiB), cycle), LogAction::copy) << "21 MiB are left, 10 may come";
  EXPECT_EQ(action(busy(70 * kMiB), cycle), LogAction::close) << "22 MiB are left, 11 may come";
}

TEST(LogPolicy, ALogThatBeganAnewIsANewCycle) {
  LogCycle cycle = after_rounds({48 * kMiB, 6 * kMiB});
  observe(cycle, {.bytes = kMiB}, kNow);
  EXPECT_EQ(action(busy(kMiB), cycle), LogAction::wait);
  EXPECT_EQ(cycle.copied, 0U);
}

TEST(LogPolicy, ClosingPassesTakeASmallPartOfTheLane) {
  LogCycle cycle = after_rounds({48 * kMiB});
  note_close(cycle, closed(48 * kMiB, milliseconds(10)), kNow);
  // A reader at the log's very end kept it from being restarted.
  const LogDecision decision = decide(busy(56 * kMiB), cycle, kNow + milliseconds(199));
  EXPECT_EQ(decision.action, LogAction::wait);
  EXPECT_EQ(decision.wake_at, kNow + milliseconds(200));
  EXPECT_EQ(decide(busy(56 * kMiB), cycle, kNow + milliseconds(200)).action, LogAction::copy);
}

TEST(LogPolicy, AFailedPassIsTriedAgainALittleLater) {
  LogCycle cycle;
  note_copy(cycle, {.fault = Fault::busy}, kLimit, kNow);
  const LogDecision decision = decide(busy(kBegin), cycle, kNow);
  EXPECT_EQ(decision.action, LogAction::wait);
  EXPECT_EQ(decision.wake_at, kNow + milliseconds(20));
  EXPECT_EQ(decide(busy(kBegin), cycle, kNow + milliseconds(20)).action, LogAction::copy);
}

// --- A reader that stays.

LogCycle pinned() {
  LogCycle cycle = after_rounds({48 * kMiB});
  note_copy(cycle, {.bytes = 56 * kMiB, .copied = 48 * kMiB}, kLimit, kNow);
  return cycle;
}

TEST(LogPolicy, APassThatGetsNowhereMeansAReaderPinsTheLog) {
  const LogCycle cycle = pinned();
  EXPECT_EQ(cycle.pinned, 8 * kMiB);
  EXPECT_EQ(cycle.pinned_since, kNow);
  EXPECT_EQ(action(busy(56 * kMiB), cycle), LogAction::wait);
}

TEST(LogPolicy, APinnedLogIsAskedAboutLessAndLessOften) {
  LogCycle cycle = pinned();
  note_copy(cycle, {.bytes = 60 * kMiB, .copied = 48 * kMiB}, kLimit, kNow + seconds(2));
  EXPECT_EQ(cycle.not_before, kNow + seconds(2) + milliseconds(500));
  note_copy(cycle, {.bytes = 60 * kMiB, .copied = 48 * kMiB}, kLimit, kNow + seconds(200));
  EXPECT_EQ(cycle.not_before, kNow + seconds(201));
  EXPECT_EQ(cycle.pinned_since, kNow);
}

TEST(LogPolicy, APinnedLogIsNeverClosedInOnAndHoldsNobodyBackSinceThatMakesNoReaderLeave) {
  const LogCycle cycle = pinned();
  const TimePoint later = kNow + seconds(5);
  EXPECT_EQ(decide(busy(2 * kLimit), cycle, later).action, LogAction::copy);
  EXPECT_EQ(decide(quiet(2 * kLimit), cycle, later).action, LogAction::copy);
  EXPECT_FALSE(holds_back(busy(2 * kLimit), cycle));
}

// A reader that was there for a moment must not let the log outgrow its limit.
TEST(LogPolicy, ALogThatDidNotBeginAnewAfterItsClosingPassHoldsClassesBack) {
  LogCycle cycle = after_rounds({48 * kMiB});
  note_close(cycle, closed(58 * kMiB), kNow);
  EXPECT_FALSE(holds_back(busy(58 * kMiB), cycle));
  EXPECT_TRUE(holds_back(busy(58 * kMiB + 1), cycle));
}

TEST(LogPolicy, AReaderThatMovedOnPinsTheLogNoMore) {
  LogCycle cycle = pinned();
  note_copy(cycle, {.bytes = 60 * kMiB, .copied = 56 * kMiB}, kLimit, kNow + seconds(2));
  EXPECT_EQ(cycle.pinned, 0U);
  EXPECT_FALSE(cycle.pinned_since);
  EXPECT_TRUE(holds_back(busy(60 * kMiB), cycle));
}

TEST(LogPolicy, WhenTheReaderIsGoneThePassesGoOn) {
  LogCycle cycle = pinned();
  note_copy(cycle, {.bytes = 60 * kMiB, .copied = 60 * kMiB}, kLimit, kNow + seconds(2));
  EXPECT_EQ(cycle.pinned, 0U);
  EXPECT_FALSE(cycle.pinned_since);
  EXPECT_EQ(action(busy(60 * kMiB), cycle), LogAction::sync);
}

TEST(LogPolicy, AClosingPassThatAReaderStoppedMeansThatItPinsTheLog) {
  LogCycle cycle = after_rounds({48 * kMiB});
  note_close(cycle, {.pass = {.bytes = 49 * kMiB, .copied = 48 * kMiB}}, kNow);
  EXPECT_EQ(cycle.pinned, kMiB);
}

// What it copied is what the pass found, whatever was known of the log before it.
TEST(LogPolicy, ALogThatSomebodyElseWroteToIsClosedOnOnce) {
  LogCycle cycle;
  observe(cycle, quiet(kLimit / 2).log, kNow);
  ASSERT_EQ(action(quiet(kLimit / 2), cycle), LogAction::close);
  note_close(cycle, closed(2 * kLimit), kNow);
  observe(cycle, quiet(2 * kLimit).log, kNow);
  EXPECT_EQ(action(quiet(2 * kLimit), cycle), LogAction::wait);
}

}  // namespace
}  // namespace onelane::engine
