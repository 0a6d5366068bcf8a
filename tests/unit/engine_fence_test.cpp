// A COMMIT whose outcome only recovery could tell, and the commit after it that settles it.
#include <gtest/gtest.h>

#include "tests/support/lane.h"

namespace onelane::test {
namespace {

class Fence : public Lane {
 protected:
  Fence() { sink_->set_can_sync(); }
  void renew_sink() override {
    Lane::renew_sink();
    sink_->set_can_sync();
  }
  // A tick of two units whose COMMIT leaves their outcome unknown.
  void lose_commit() { lose_commit(failure(Fault::environment, Effect::unknown)); }
  void lose_commit(const Reply& reply) {
    open();
    peers_.emplace(add_class("peers"));
    sink_->reply_next(Call::commit, reply);
    all_ = peers_->submit_all(1, 2);
  }

  std::optional<Writes> peers_;
  std::vector<Receipt> all_;
};

constexpr const char* kAttempt = "begin, apply peers(1), verify, apply peers(2), verify, commit";

TEST_F(Fence, ACommitAfterItThatIsDurableLetsTheTickRunAgain) {
  lose_commit();
  const TickReport report = tick();
  EXPECT_EQ(calls(), std::string(kAttempt) + ", rollback, probe, sync");
  EXPECT_EQ(ends_of(all_), "in flight in flight");
  ASSERT_TRUE(report.next.has_value());
  advance(seconds(1));
  run_ticks();
  EXPECT_EQ(calls(), kAttempt);
  EXPECT_EQ(ends_of(all_), "committed committed");
  EXPECT_EQ(committed(), "peers(1) peers(2)");
  EXPECT_EQ(journal_->stats().fences, 1U);
  EXPECT_EQ(outcome_of(all_[0]).commit, 2U);  // the fence is a commit, too
  EXPECT_EQ(journal_->stats().durable, 1U);
  sink_->calls_do_not_matter();
}

TEST_F(Fence, WhereCommitsAreDurableItNeedsNoSync) {
  sink_->set_durable();
  lose_commit();
  tick();
  EXPECT_EQ(calls(), std::string(kAttempt) + ", rollback, probe");
  EXPECT_EQ(ends_of(all_), "in flight in flight");
  sink_->calls_do_not_matter();
}

TEST_F(Fence, ACommitThatFailsWithoutACauseIsUnknownLikeAnyOther) {
  lose_commit({.fault = Fault::environment, .effect = Effect::unknown});
  sink_->reply_next(Call::probe, failure(Fault::busy, Effect::ended));
  tick();
  EXPECT_EQ(ends_of(all_), "in flight in flight");
  sink_->reply_next(Call::probe, failure(Fault::sync, Effect::ended));
  advance(seconds(1));
  EXPECT_EQ(journal_->tick().status().code(), Errc::poisoned);
  EXPECT_EQ(ends_of(all_), "unknown unknown");
  sink_->calls_do_not_matter();
}

TEST_F(Fence, OneThatFailsPoisonsWithTheFirstErrorAndTheUnitsEndUnknown) {
  for (const Fault fault : {Fault::sync, Fault::corrupt, Fault::read_only, Fault::internal}) {
    lose_commit();
    sink_->reply_next(Call::probe, failure(fault, Effect::ended));
    const Status poison = journal_->tick().status();
    EXPECT_EQ(poison.code(), Errc::poisoned);
    EXPECT_EQ(poison.sqlite_code(), 13);
    EXPECT_EQ(calls(), std::string(kAttempt) + ", rollback, probe");
    EXPECT_EQ(ends_of(all_), "unknown unknown");
    journal_->close(seconds(1));
    EXPECT_EQ(sink_->closed(), CloseMode::poisoned);
  }
}

TEST_F(Fence, OneWhoseSyncFailsPoisonsToo) {
  lose_commit();
  sink_->reply_next(Call::sync, failure(Fault::sync, Effect::ended));
  EXPECT_EQ(journal_->tick().status().code(), Errc::poisoned);
  EXPECT_EQ(calls(), std::string(kAttempt) + ", rollback, probe, sync");
  EXPECT_EQ(ends_of(all_), "unknown unknown");
  EXPECT_EQ(journal_->stats().durable, 0U);
}

TEST_F(Fence, ALockOfSomebodyElsesIsWaitedForWhileTheUnitsCanNeitherBeCancelledNorExpire) {
  open();
  peers_.emplace(add_class("peers"));
  sink_->reply_next(Call::commit, failure(Fault::environment, Effect::unknown));
  sink_->reply_next(Call::probe, failure(Fault::busy, Effect::ended), 2);
  Receipt one = peers_->submit(1, expiring_in(milliseconds(1)));
  Receipt late = peers_->submit(2);
  EXPECT_FALSE(tick().more);
  EXPECT_FALSE(one.cancel());
  advance(milliseconds(2));
  const TickReport waiting = tick();
  ASSERT_TRUE(waiting.next.has_value());
  EXPECT_EQ(end_of(one), "in flight");
  Receipt queued = peers_->submit(3);
  EXPECT_TRUE(queued.cancel());
  advance(seconds(1));
  tick();
  EXPECT_EQ(journal_->stats().fences, 1U);
  advance(seconds(1));
  run_ticks();
  EXPECT_EQ(end_of(one), "committed");  // a tick had taken it before its deadline
  EXPECT_EQ(end_of(late), "committed");
  sink_->calls_do_not_matter();
}

TEST_F(Fence, OneThatTheEnvironmentFailsIsTriedAgainAndMeanwhileIntakeStops) {
  lose_commit();
  sink_->reply_next(Call::probe, failure(Fault::environment, Effect::ended), 5);
  for (int i = 0; i < 5; ++i) {
    tick();
    EXPECT_EQ(ends_of(all_), "in flight in flight");
    advance(seconds(1));
  }
  EXPECT_EQ(calls(), std::string(kAttempt) + ", rollback, probe, probe, probe, probe, probe");
  const Status refused = peers_->try_submit(3).status();
  EXPECT_EQ(refused.code(), Errc::storage);
  EXPECT_EQ(refused.sqlite_code(), 13);
  tick();
  EXPECT_EQ(calls(), "probe, sync");
  EXPECT_TRUE(peers_->try_submit(3).ok());
  advance(seconds(1));
  run_ticks();
  EXPECT_EQ(ends_of(all_), "committed committed");
  EXPECT_EQ(committed(), "peers(1) peers(2) peers(3)");
  sink_->calls_do_not_matter();
}

TEST_F(Fence, AUnitWhoseFenceFailedTooIsNotToBlame) {
  open();
  peers_.emplace(add_class("peers"));
  sink_->calls_do_not_matter();
  Receipt one = peers_->submit(1);
  for (int i = 0; i < 5; ++i) {
    sink_->reply_next(Call::commit, failure(Fault::environment, Effect::unknown));
    sink_->reply_next(Call::probe, failure(Fault::environment, Effect::ended));
    for (int ticks = 0; ticks < 2; ++ticks) {
      tick();
      advance(seconds(1));
    }
  }
  EXPECT_EQ(end_of(one), "in flight");
  tick();
  EXPECT_EQ(end_of(one), "committed");
}

TEST_F(Fence, AUnitThatWasCancelledAsItsTickBeganIsForgottenWhileItIsWaitedFor) {
  open();
  Writes peers = add_class("peers", {.capacity_records = 2, .when_full = WhenFull::drop_oldest});
  sink_->calls_do_not_matter();
  Receipt one = peers.submit(1);
  Receipt two = peers.submit(2);
  sink_->on(Call::begin, [&](const std::string&) {
    two.cancel();
    return Reply{};
  });
  sink_->reply_next(Call::commit, failure(Fault::environment, Effect::unknown));
  sink_->reply_next(Call::probe, failure(Fault::busy, Effect::ended));
  tick();
  EXPECT_EQ(end_of(two), "cancelled");
  EXPECT_EQ(stats_of("peers").in_flight, 1U);
  Receipt three = peers.submit(3);
  Receipt four = peers.submit(4);
  tick();  // has to make room
  EXPECT_EQ(end_of(three), "dropped");
  advance(seconds(1));
  tick();
  advance(seconds(1));
  run_ticks();
  EXPECT_EQ(end_of(one), "committed");
  EXPECT_EQ(end_of(four), "committed");
}

TEST_F(Fence, ACloseTriesItOnceMoreAndThenNothingIsUnknown) {
  lose_commit();
  sink_->reply_next(Call::probe, failure(Fault::busy, Effect::ended));
  tick();
  EXPECT_EQ(journal_->close(Duration(0)).status.code(), Errc::timed_out);
  EXPECT_EQ(calls(), std::string(kAttempt) + ", rollback, probe, probe, sync");
  EXPECT_EQ(ends_of(all_), "closed closed");
  EXPECT_EQ(sink_->closed(), CloseMode::healthy);
}

TEST_F(Fence, ACloseBeforeItSucceedsEndsThemUnknown) {
  for (const Fault fault : {Fault::busy, Fault::conflict, Fault::environment}) {
    lose_commit();
    sink_->reply_next(Call::probe, failure(fault, Effect::ended), 100);
    tick();
    journal_->close(Duration(0));
    EXPECT_EQ(ends_of(all_), "unknown unknown");
    sink_->calls_do_not_matter();
  }
}

TEST_F(Fence, ACloseInWhichItFailsForGoodIsPoisonedAndItsStatisticsSaySo) {
  lose_commit();
  sink_->reply_next(Call::probe, failure(Fault::busy, Effect::ended));
  tick();
  sink_->reply_next(Call::probe, failure(Fault::sync, Effect::ended));
  EXPECT_EQ(journal_->close(Duration(0)).status.code(), Errc::poisoned);
  EXPECT_EQ(ends_of(all_), "unknown unknown");
  EXPECT_EQ(journal_->stats().poison.code(), Errc::poisoned);
  sink_->calls_do_not_matter();
}

TEST_F(Fence, AUnitThatLosesItsCommitTimeAndAgainIsWaitedForWhileTheOthersGoOn) {
  open();
  peers_.emplace(add_class("peers"));
  Writes others = add_class("others");
  sink_->calls_do_not_matter();
  sink_->reply_next(Call::commit, failure(Fault::environment, Effect::unknown), 1);
  Receipt one = peers_->submit(1);
  tick();
  for (int i = 0; i < 10; ++i) {
    Receipt other = others.submit(i);
    tick();
    EXPECT_EQ(end_of(other), "committed");
    sink_->reply_next(Call::commit, failure(Fault::environment, Effect::unknown), 1);
    advance(milliseconds(300));
    tick();
  }
  EXPECT_EQ(end_of(one), "in flight");
  advance(milliseconds(300));
  tick();
  EXPECT_EQ(end_of(one), "committed");
}

TEST_F(Fence, AfterThirtySecondsOfThatItIsRejectedWithTheStoresCode) {
  open();
  peers_.emplace(add_class("peers"));
  sink_->calls_do_not_matter();
  sink_->reply_next(Call::commit, failure(Fault::environment, Effect::unknown), 1000);
  const TimePoint began = journal_->now();
  Receipt one = peers_->submit(1);
  while (!one.poll() && journal_->now() - began < seconds(100)) {
    const TickReport report = tick();
    if (report.next) advance(*report.next - journal_->now());
  }
  EXPECT_GE(journal_->now() - began, seconds(30));
  EXPECT_EQ(end_of(one), "rejected");
  EXPECT_EQ(outcome_of(one).cause.code(), Errc::storage);
  EXPECT_EQ(outcome_of(one).cause.sqlite_code(), 13);
  EXPECT_EQ(committed(), "");
}

}  // namespace
}  // namespace onelane::test
