// Who makes the others wait: the sentences, of snapshots made by hand.
#include <gtest/gtest.h>

#include <chrono>

#include "onelane/render.h"
#include "tests/support/snapshots.h"

namespace onelane::test {
namespace {

using namespace std::chrono_literals;
using render::judge;
using render::Offender;
using render::Standing;
using render::Verdict;

// Nobody waits for anything.
JournalStats calm_snapshot() {
  JournalStats stats = busy_snapshot();
  for (ClassStats& one : stats.classes) one.behind_minute = {};
  return stats;
}

JournalStats behind_obstacle(Obstacle which, Duration time) {
  JournalStats stats = busy_snapshot();
  stats.classes[1].behind_minute.obstacles[static_cast<std::size_t>(which)] = time;
  return stats;
}

TEST(Judge, TheOffenderIsTheClassThatOthersWaitedBehindMost) {
  const Verdict verdict = judge(busy_snapshot());
  EXPECT_TRUE(verdict.ok);
  EXPECT_EQ(verdict.condition, "All is well.");
  EXPECT_EQ(verdict.offender, Offender::write_class);
  EXPECT_EQ(verdict.offender_name, "blobs");
  EXPECT_EQ(verdict.blame,
            "blobs held the lane for 71 % of the last minute; the others waited 34 s behind it, "
            "all in all.");
}

TEST(Judge, AVictimIsNamedWithItsWaitAndWhatItWasBehind) {
  const Verdict verdict = judge(busy_snapshot());
  ASSERT_EQ(verdict.victims.size(), 1U);
  EXPECT_EQ(verdict.victims[0],
            "connect waited 9.4 ms at p99, 9.5 ms at most, most of it behind blobs (62 %) and "
            "checkpoints (20 %).");
}

TEST(Judge, AClassIsNotBlamedForItsOwnWaiting) {
  JournalStats stats = busy_snapshot();
  stats.classes[0].behind_minute.classes[0] = 60s;  // blobs behind blobs
  stats.classes[1].behind_minute = {};
  EXPECT_EQ(judge(stats).offender_name, "connect");  // whom blobs waited for
}

TEST(Judge, AJobWhoseStepsAreMostOfTheLongTicksIsNamedInsteadOfItsClass) {
  JournalStats stats = busy_snapshot();
  for (TickStats& tick : stats.slowest_ticks) {
    tick.longest_step = "compact";
    tick.longest_step_time = tick.hold * 8 / 10;
  }
  const Verdict verdict = judge(stats);
  EXPECT_EQ(verdict.offender, Offender::job);
  EXPECT_EQ(verdict.offender_name, "compact");
  EXPECT_NE(verdict.blame.find("steps of the job compact"), std::string::npos) << verdict.blame;
}

TEST(Judge, AShortStepInALongTickDoesNotMakeAJobTheOffender) {
  JournalStats stats = busy_snapshot();
  stats.slowest_ticks[0].longest_step = "compact";
  stats.slowest_ticks[0].longest_step_time = 100us;
  EXPECT_EQ(judge(stats).offender, Offender::write_class);
}

TEST(Judge, TheClassThatHoldsMostIsNotExcusedByItsOwnPausesForTheDisk) {
  JournalStats stats = busy_snapshot();
  stats.classes[0].behind_minute.obstacles[static_cast<std::size_t>(Obstacle::disk)] = 55s;
  EXPECT_EQ(judge(stats).offender_name, "blobs");
  stats.classes[1].behind_minute = {};  // it is the only one that waits
  EXPECT_EQ(judge(stats).offender, Offender::disk);
}

TEST(Judge, AForeignLockIsTheOffenderWhereMostWaitingIsForIt) {
  JournalStats stats = behind_obstacle(Obstacle::lock, 50s);
  stats.foreign.lock_waits = 7;
  stats.foreign.lock_wait_ns.record(Duration(9s));
  const Verdict verdict = judge(stats);
  EXPECT_EQ(verdict.offender, Offender::foreign_writer);
  EXPECT_NE(verdict.blame.find("7 times, 9 s at most"), std::string::npos) << verdict.blame;
}

TEST(Judge, ALockAtAServerIsTheFaultOfWhoeverWasSeenToHaveIt) {
  JournalStats stats = behind_obstacle(Obstacle::lock, 50s);
  stats.server = {.name = "host=db", .lock_holders = {{.pid = 12, .name = "report"}}};
  const Verdict verdict = judge(stats);
  EXPECT_EQ(verdict.offender, Offender::foreign_writer);
  EXPECT_EQ(verdict.offender_name, "report (process 12)");
  EXPECT_NE(verdict.blame.find("It was report (process 12)"), std::string::npos) << verdict.blame;
}

TEST(Judge, WaitingForCommitAtAServerIsNotBlamedOnADiskHere) {
  JournalStats stats = behind_obstacle(Obstacle::sync, 50s);
  stats.server = {.name = "host=db"};
  const Verdict verdict = judge(stats);
  EXPECT_EQ(verdict.offender, Offender::disk);
  EXPECT_TRUE(verdict.blame.starts_with("COMMIT at the server")) << verdict.blame;
}

TEST(Judge, SyncsCheckpointsAndPausesTogetherAreTheDisk) {
  JournalStats stats = behind_obstacle(Obstacle::sync, 15s);
  auto& obstacles = stats.classes[1].behind_minute.obstacles;
  obstacles[static_cast<std::size_t>(Obstacle::disk)] = 15s;
  const Verdict verdict = judge(stats);  // 11 s of checkpoints, too
  EXPECT_EQ(verdict.offender, Offender::disk);
  EXPECT_NE(verdict.blame.find("41 s"), std::string::npos) << verdict.blame;
}

TEST(Judge, AReaderThatPinsTheLogIsTheOffenderWhateverElseIsWaitedFor) {
  JournalStats stats = busy_snapshot();
  stats.log.pinned_bytes = 48 << 20;
  stats.log.pinned_since = stats.when - 90s;
  stats.log.readers = {{4711, "backup"}, {12, ""}};
  const Verdict verdict = judge(stats);
  EXPECT_FALSE(verdict.ok);
  EXPECT_EQ(verdict.offender, Offender::reader);
  EXPECT_EQ(verdict.offender_name, "backup (process 4711)");
  EXPECT_NE(verdict.blame.find("backup (process 4711) and process 12 have kept 48 MiB"),
            std::string::npos)
      << verdict.blame;
  EXPECT_NE(verdict.blame.find("1 min 30 s"), std::string::npos) << verdict.blame;
}

TEST(Judge, ThePinnedLogIsNotExplainedByTheCauseOfAnotherCondition) {
  JournalStats stats = busy_snapshot();
  stats.log.pinned_bytes = 1;
  const render::About about{.health = {Condition::held_back, Status(Errc::storage, "slow")}};
  EXPECT_EQ(judge(stats, about).condition,
            "The log is pinned, a reader keeps it from being copied back.");
}

TEST(Judge, WhereNobodyWaitsForLongThereIsNoOffender) {
  EXPECT_EQ(judge(calm_snapshot()).offender, Offender::nobody);
  JournalStats stats = calm_snapshot();
  stats.classes[1].behind_minute.classes = {600ms, 0s};  // of 62 s: under 1 %
  EXPECT_EQ(judge(stats).offender, Offender::nobody);
  stats.classes[1].behind_minute.classes = {650ms, 0s};
  EXPECT_EQ(judge(stats).offender_name, "blobs");
}

TEST(Judge, AnEmptySnapshotIsJudgedToo) {
  const Verdict verdict = judge(JournalStats());
  EXPECT_TRUE(verdict.ok);
  EXPECT_EQ(verdict.offender, Offender::nobody);
  EXPECT_TRUE(verdict.victims.empty());
}

TEST(Judge, AnIndexOfAClassThatIsNotInTheSnapshotDoesNoHarm) {
  JournalStats stats = busy_snapshot();
  stats.classes[0].minute.wait_ns = Histogram();
  stats.classes[1].behind_minute.classes = {0s, 0s, 0s, 59s};
  stats.slowest_ticks[0].parts[0].write_class = 9;
  EXPECT_NE(judge(stats).victims[0].find("class 3"), std::string::npos);
}

struct ConditionCase {
  Condition condition;
  std::string_view says;
  Offender offender;
};

class JudgeOfConditions : public testing::TestWithParam<ConditionCase> {};

TEST_P(JudgeOfConditions, SaysWhatIsWrongAndWhy) {
  const render::About about{.health = {GetParam().condition, Status(Errc::storage, "the cause")}};
  const Verdict verdict = judge(calm_snapshot(), about);
  EXPECT_FALSE(verdict.ok);
  EXPECT_TRUE(verdict.condition.starts_with(GetParam().says)) << verdict.condition;
  EXPECT_TRUE(verdict.condition.ends_with("the cause.")) << verdict.condition;
  EXPECT_EQ(verdict.offender, GetParam().offender);
}

INSTANTIATE_TEST_SUITE_P(
    All, JudgeOfConditions,
    testing::Values(ConditionCase{Condition::stalled, "Stalled", Offender::disk},
                    ConditionCase{Condition::locked_out, "Locked out", Offender::foreign_writer},
                    ConditionCase{Condition::log_pinned, "The log is pinned", Offender::nobody},
                    ConditionCase{Condition::held_back, "Held back", Offender::disk},
                    ConditionCase{Condition::poisoned, "Poisoned", Offender::nobody}));

TEST(Judge, PoisonInTheSnapshotIsEnough) {
  JournalStats stats = calm_snapshot();
  stats.poison = Status(Errc::storage, "a sync failed");
  EXPECT_EQ(judge(stats).condition,
            "Poisoned, only reopening can cure it: storage: a sync failed.");
}

TEST(Judge, AClosedJournalAndAForkedChildsAreNotWell) {
  EXPECT_EQ(judge(calm_snapshot(), {.standing = Standing::closed}).condition,
            "The journal is closed; these are its last figures.");
  const Verdict forked = judge(JournalStats(), {.standing = Standing::forked});
  EXPECT_FALSE(forked.ok);
  EXPECT_TRUE(forked.blame.empty());
}

}  // namespace
}  // namespace onelane::test
