// Deadlines and cancellation: both win only while a unit is queued.
#include "tests/support/lane.h"

namespace onelane::test {
namespace {

using LaneDeadlines = QuietLane;
using LaneCancelling = QuietLane;

TEST_F(LaneDeadlines, AUnitThatNoTickTookInTimeEndsExpired) {
  open();
  Writes peers = add_class("peers");
  Receipt late = peers.submit(1, expiring_in(milliseconds(5)));
  Receipt other = peers.submit(2);
  advance(milliseconds(5));
  tick();
  EXPECT_EQ(end_of(late) + " " + end_of(other), "expired committed");
  EXPECT_EQ(committed(), "peers(2)");
}

TEST_F(LaneDeadlines, AUnitThatIsTakenInTimeCommits) {
  open();
  Writes peers = add_class("peers");
  Receipt in_time = peers.submit(1, expiring_in(milliseconds(5)));
  advance(milliseconds(5) - Duration(1));
  tick();
  EXPECT_EQ(end_of(in_time), "committed");
}

TEST_F(LaneDeadlines, PassingWhileTheTickRunsDoesNoHarm) {
  open();
  Writes peers = add_class("peers");
  sink_->set_cost(Call::begin, milliseconds(10));
  Receipt taken = peers.submit(1, expiring_in(milliseconds(5)));
  tick();
  EXPECT_EQ(end_of(taken), "committed");
}

TEST_F(LaneDeadlines, ExpireWhileTheDatabaseIsLockedByOthers) {
  open();
  Writes peers = add_class("peers");
  sink_->reply_next(Call::begin, failure(Fault::busy, Effect::ended), 100);
  Receipt late = peers.submit(1, expiring_in(milliseconds(5)));
  for (int i = 0; i < 50 && end_of(late) == "in flight"; ++i) {
    const TickReport report = tick();
    if (report.next) advance(*report.next - journal_->now());
  }
  EXPECT_EQ(end_of(late), "expired");
  EXPECT_EQ(journal_->stats().open, milliseconds(5)) << "on time";
}

TEST_F(LaneDeadlines, TellTheNextTickWhenToCome) {
  open();
  Writes peers = add_class("peers", {.gather = seconds(1)});
  Receipt later = peers.submit(1, expiring_in(milliseconds(50)));
  Receipt sooner = peers.submit(2, expiring_in(milliseconds(20)));
  EXPECT_EQ(tick().next, journal_->now() + milliseconds(20));
  advance(milliseconds(20));
  EXPECT_EQ(tick().next, journal_->now() + milliseconds(30));
  EXPECT_EQ(end_of(later) + " " + end_of(sooner), "in flight expired");
}

TEST_F(LaneDeadlines, OfWhatIsSettledDoNotKeepItInMemory) {
  constexpr int kJobs = 1200;
  open();
  Writes peers = add_class("peers");
  const auto held = std::make_shared<int>();
  for (int i = 0; i < kJobs; ++i) {
    Job job{.name = "j", .step = [held](Transaction&) { return Step::done; }};
    EXPECT_TRUE(peers.handle().submit(std::move(job), expiring_in(seconds(1))).ok());
  }
  run_ticks();
  EXPECT_EQ(stats_of("peers").end(End::committed), std::uint64_t{kJobs});
  EXPECT_LT(held.use_count(), kJobs / 2);
}

TEST_F(LaneDeadlines, HoldForGroupsAndForJobsThatHaveNotBegun) {
  open();
  Writes peers = add_class("peers");
  Receipt group = ok(peers.handle().submit(peers.group_of({1, 2}), expiring_in(milliseconds(5))));
  Receipt job =
      ok(peers.handle().submit(Job{.name = "j", .step = [](Transaction&) { return Step::done; }},
                               expiring_in(milliseconds(5))));
  advance(milliseconds(5));
  tick();
  EXPECT_EQ(end_of(group) + " " + end_of(job), "expired expired");
}

TEST_F(LaneDeadlines, DoNotEndAJobThatHasBegun) {
  open();
  Writes peers = add_class("peers");
  Receipt job = ok(peers.handle().submit(
      Job{.name = "j",
          .step = [](Transaction& t) { return t.steps() == 0 ? Step::more : Step::done; }},
      expiring_in(milliseconds(5))));
  tick();
  advance(milliseconds(5));
  tick();
  EXPECT_EQ(end_of(job), "committed");
}

TEST_F(LaneDeadlines, OfAFullClassOnAManualJournalAreNotWaitedFor) {
  open();
  Writes peers = add_class("peers", {.capacity_records = 1});
  peers.push(1);
  EXPECT_EQ(peers.try_submit(2, expiring_in(seconds(1))).status().code(), Errc::full);
}

TEST_F(LaneCancelling, AQueuedUnitIsNeverWritten) {
  open();
  Writes peers = add_class("peers");
  Receipt one = peers.submit(1), two = peers.submit(2);
  EXPECT_TRUE(one.cancel());
  EXPECT_EQ(end_of(one), "cancelled");
  tick();
  EXPECT_EQ(committed(), "peers(2)");
  EXPECT_EQ(stats_of("peers").end(End::cancelled), 1U);
  EXPECT_EQ(stats_of("peers").queued_records, 0U);
}

TEST_F(LaneCancelling, TwiceIsOnce) {
  open();
  Writes peers = add_class("peers");
  Receipt one = peers.submit(1);
  EXPECT_TRUE(one.cancel());
  EXPECT_FALSE(one.cancel());
}

TEST_F(LaneCancelling, TwiceGivesItsRoomBackOnce) {
  open();
  Writes peers = add_class("peers", {.capacity_records = 1});
  Receipt one = peers.submit(1);
  EXPECT_TRUE(one.cancel());
  EXPECT_FALSE(one.cancel());
  tick();
  EXPECT_EQ(stats_of("peers").queued_records, 0U);
  EXPECT_TRUE(peers.try_push(2).ok());
  EXPECT_EQ(peers.try_push(3).code(), Errc::full);
}

TEST_F(LaneCancelling, LosesOnceATickHasTakenTheUnit) {
  open();
  Writes peers = add_class("peers");
  Receipt one = peers.submit(1);
  sink_->on(Call::apply, [&](const std::string&) {
    EXPECT_FALSE(one.cancel());
    return Reply{};
  });
  tick();
  EXPECT_EQ(end_of(one), "committed");
  EXPECT_FALSE(one.cancel());
}

TEST_F(LaneCancelling, WinsAgainAfterTheTickWasRolledBack) {
  open();
  Writes peers = add_class("peers");
  Receipt one = peers.submit(1);
  sink_->reply_next(Call::commit, failure(Fault::environment, Effect::ended));
  tick();
  EXPECT_EQ(end_of(one), "in flight");
  EXPECT_TRUE(one.cancel());
  advance(seconds(1));
  run_ticks();
  EXPECT_EQ(end_of(one), "cancelled");
  EXPECT_EQ(committed(), "");
}

TEST_F(LaneCancelling, DroppingAReceiptCancelsNothing) {
  open();
  Writes peers = add_class("peers");
  { Receipt dropped = peers.submit(1); }
  tick();
  EXPECT_EQ(committed(), "peers(1)");
}

}  // namespace
}  // namespace onelane::test
