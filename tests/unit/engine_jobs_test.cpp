// Jobs: steps, their places, their ends, and what a step may not do.
#include <stdexcept>

#include "tests/support/lane.h"

namespace onelane::test {
namespace {

class LaneJobs : public QuietLane {
 protected:
  LaneJobs() {
    open();
    peers_.emplace(add_class("peers"));
  }
  Writes& peers() { return *peers_; }
  // A step that writes its number, and is the last of `steps`.
  static StepFunction steps(std::uint32_t steps) {
    return [steps](Transaction& t) -> Result<Step> {
      (void)t.execute("step", t.steps() + 1);
      return t.steps() + 1 < steps ? Step::more : Step::done;
    };
  }
  // Runs what is given inside the lane.
  template <class Action>
  void in_lane(const Action& action) {
    Receipt job = peers().submit_job([&](Transaction&) {
      action();
      return Step::done;
    });
    run_ticks();
    EXPECT_EQ(end_of(job), "committed");
  }

  std::optional<Writes> peers_;
};

using LaneJobCalls = Lane;
using LaneJobFailures = LaneJobs;
using InLane = LaneJobs;

TEST_F(LaneJobCalls, AStepRunsInsideASavepointAndNoStatementSurvivesIt) {
  open();
  Writes peers = add_class("peers");
  Receipt job = peers.submit_job([](Transaction& t) -> Result<Step> {
    (void)t.execute("sql", 1);
    return Step::done;
  });
  tick();
  EXPECT_EQ(calls(), "begin, savepoint, execute sql(1), end_step, verify, release, commit");
}

TEST_F(LaneJobs, EachStepHasATickOfItsOwnAndTheReceiptCountsThem) {
  Receipt job = peers().submit_job(steps(3));
  for (int step = 1; step <= 3; ++step) {
    EXPECT_EQ(end_of(job), "in flight");
    EXPECT_EQ(tick().units, 1U);
    EXPECT_EQ(committed(), "step(" + std::to_string(step) + ")");
  }
  const Outcome outcome = outcome_of(job);
  EXPECT_EQ(outcome.end, End::committed);
  EXPECT_EQ(outcome.steps, 3U);
  EXPECT_EQ(outcome.commit, 3U);
  EXPECT_EQ(outcome.changes, 3U);
}

TEST_F(LaneJobs, NothingOfItsClassStartsBeforeAJobEndsWhileOtherClassesGoOn) {
  Writes other = add_class("other");
  peers().push(1);
  Receipt job = peers().submit_job(steps(2));
  peers().push(2);
  other.push(1);
  tick();
  EXPECT_EQ(committed(), "peers(1) step(1) other(1)");
  other.push(2);
  tick();
  EXPECT_EQ(committed(), "step(2) other(2)");
  tick();
  EXPECT_EQ(committed(), "peers(2)");
}

// What a closure captured: says whether it was let go of within the lane.
struct Captured {
  explicit Captured(std::function<bool()> asks) : in_lane(std::move(asks)) {}
  Captured(const Captured&) = delete;
  Captured& operator=(const Captured&) = delete;
  ~Captured() { in_lane(); }
  std::function<bool()> in_lane;
};

TEST_F(LaneJobs, AClosureIsDestroyedOutsideTheLaneHoweverItsJobEnds) {
  std::vector<Errc> seen;
  const auto closure = [&](Step answer) -> StepFunction {
    auto held = std::make_shared<Captured>([&] {
      seen.push_back(journal_->commits_of(1).status().code());
      return true;
    });
    return [held, answer](Transaction& t) -> Result<Step> {
      if (answer == Step::more && t.steps() == 0) return Step::more;
      if (answer == Step::more) return Status(Errc::invalid_argument, "no more");
      return answer;
    };
  };
  Receipt done = peers().submit_job(closure(Step::done));
  Receipt incomplete = peers().submit_job(closure(Step::more));
  Receipt cancelled = peers().submit_job(closure(Step::done));
  EXPECT_TRUE(cancelled.cancel());
  run_ticks();
  EXPECT_EQ(end_of(done) + " " + end_of(incomplete), "committed incomplete");
  ASSERT_EQ(seen.size(), 3U);
  for (const Errc code : seen) EXPECT_NE(code, Errc::in_lane);
}

TEST_F(LaneJobs, AJobThatHasNotBegunCanBeCancelled) {
  Receipt job = peers().submit_job(steps(1));
  EXPECT_TRUE(job.cancel());
  run_ticks();
  EXPECT_EQ(committed(), "");
}

TEST_F(LaneJobs, AFailedStatementReturnsItsErrorAndLeavesEarlierWork) {
  sink_->fail_row("bad()", failure(Fault::record, Effect::undone));
  Receipt job = peers().submit_job([](Transaction& t) -> Result<Step> {
    EXPECT_TRUE(t.execute("good").ok());
    EXPECT_EQ(t.execute("bad").status().code(), Errc::record);
    EXPECT_EQ(*t.execute("better"), 1U);
    return Step::done;
  });
  tick();
  EXPECT_EQ(end_of(job), "committed");
  EXPECT_EQ(outcome_of(job).changes, 2U);
  EXPECT_EQ(committed(), "good() better()");
}

TEST_F(LaneJobs, AValueThatCannotBeKeptFailsTheStatementAlone) {
  Receipt job = peers().submit_job([](Transaction& t) -> Result<Step> {
    EXPECT_EQ(t.execute("sql", ~std::uint64_t{0}).status().code(), Errc::invalid_argument);
    return Step::done;
  });
  tick();
  EXPECT_EQ(end_of(job), "committed");
  EXPECT_EQ(committed(), "");
}

TEST_F(LaneJobs, AStepThatWasRolledBackIsCalledAgainAndToldWhichAttemptItIs) {
  std::string seen;
  Receipt job = peers().submit_job([&](Transaction& t) -> Result<Step> {
    seen += std::to_string(t.steps()) + "/" + std::to_string(t.attempt()) + " ";
    return t.steps() == 0 ? Step::more : Step::done;
  });
  tick();
  sink_->reply_next(Call::commit, failure(Fault::environment, Effect::ended), 2);
  for (int i = 0; i < 3; ++i) {
    tick();
    advance(seconds(1));
  }
  EXPECT_EQ(end_of(job), "committed");
  EXPECT_EQ(seen, "0/1 1/1 1/2 1/3 ");
}

TEST_F(LaneJobs, AnotherUnitsDeathRunsTheStepAgainInTheSameTick) {
  Writes other = add_class("other");
  std::string attempts;
  Receipt job = peers().submit_job([&](Transaction& t) {
    attempts += std::to_string(t.attempt()) + " ";
    return Step::done;
  });
  sink_->fail_row("other(1)", failure(Fault::record, Effect::ended));
  other.push(1);
  tick();
  EXPECT_EQ(attempts, "1 2 ");
  EXPECT_EQ(end_of(job), "committed");
}

TEST_F(LaneJobs, YieldIsDueOnceTheStepHasUsedUpItsShareOfTheTick) {
  Receipt job = peers().submit_job([&](Transaction& t) {
    EXPECT_FALSE(t.yield_due());
    advance(kDefaultTick.hold);
    EXPECT_TRUE(t.yield_due());
    return Step::done;
  });
  tick();
}

// How long steps may take, by class.
TEST_F(LaneJobs, AStepYieldsWithinItsClasssBudgetOfHold) {
  open({.tick = {.records = 4096, .bytes = 1 << 20, .hold = milliseconds(10)}});
  Writes quick = add_class("quick", {.budget = {.hold = milliseconds(2)}});
  Writes slow = add_class("slow", {.budget = {.hold = milliseconds(4)}});
  const auto timed = [this](Duration& took) {
    return [this, &took](Transaction& transaction) -> Result<Step> {
      const TimePoint began = clock_->now();
      while (!transaction.yield_due()) advance(microseconds(100));
      took = clock_->now() - began;
      return Step::done;
    };
  };
  Duration first{0}, second{0};
  Receipt one = quick.submit_job(timed(first));
  Receipt other = slow.submit_job(timed(second));
  run_ticks();
  EXPECT_EQ(end_of(one) + " " + end_of(other), "committed committed");
  EXPECT_EQ(first, milliseconds(2));
  EXPECT_EQ(second, milliseconds(4));
}

TEST_F(LaneJobs, AStepLargerThanATickMayHoldOfItsClassIsRefused) {
  open({.tick = {.records = 4096, .bytes = 1 << 20, .hold = milliseconds(10)}});
  Writes sync = add_class("sync", {.budget = {.bytes = 100'000}});
  const auto submit = [&](std::uint64_t bytes) {
    return sync.handle().submit(Job{.name = "import",
                                    .step = [](Transaction&) -> Result<Step> { return Step::done; },
                                    .bytes_per_step = bytes});
  };
  EXPECT_TRUE(submit(100'000).ok());
  const Status refused = submit(100'001).status();
  EXPECT_EQ(refused.code(), Errc::invalid_argument);
  EXPECT_NE(refused.to_string().find("bytes_per_step 100001 is above"), std::string::npos)
      << refused.to_string();
}

TEST_F(LaneJobs, APushFromAStepLandsInALaterTick) {
  Receipt job = peers().submit_job([&](Transaction&) {
    peers().push(7);
    return Step::done;
  });
  EXPECT_TRUE(tick().more);
  EXPECT_EQ(committed(), "");
  tick();
  EXPECT_EQ(committed(), "peers(7)");
}

TEST_F(LaneJobs, WithoutAStepAreRefused) {
  EXPECT_EQ(peers().handle().submit(Job{.name = "empty"}).status().message(),
            "job \"empty\" has no step");
}

// --- How a job fails.

TEST_F(LaneJobFailures, AnErrorInTheFirstStepRejectsTheJobAndUndoesTheStep) {
  Receipt job = peers().submit_job(
      [](Transaction& t) -> Result<Step> {
        (void)t.execute("half");
        return Status(Errc::invalid_argument, "no such block");
      },
      "sync");
  Receipt after = peers().submit(1);
  run_ticks();
  EXPECT_EQ(end_of(job) + " " + end_of(after), "rejected committed");
  EXPECT_EQ(outcome_of(job).cause.message(), "job \"sync\": no such block");
  EXPECT_EQ(committed(), "peers(1)");
}

TEST_F(LaneJobFailures, AnErrorAfterACommittedStepEndsIncomplete) {
  Receipt job = peers().submit_job([](Transaction& t) -> Result<Step> {
    (void)t.execute("step", t.steps() + 1);
    if (t.steps() == 0) return Step::more;
    return Status(Errc::record, "enough");
  });
  run_ticks();
  EXPECT_EQ(end_of(job), "incomplete");
  EXPECT_EQ(outcome_of(job).steps, 1U);
  EXPECT_EQ(outcome_of(job).commit, 1U);
  EXPECT_EQ(committed(), "step(1)");
}

TEST_F(LaneJobFailures, AnExceptionIsAnErrorWithItsText) {
  Receipt job = peers().submit_job(
      [](Transaction&) -> Result<Step> { throw std::runtime_error("boom"); }, "sync");
  run_ticks();
  EXPECT_EQ(end_of(job), "rejected");
  EXPECT_EQ(outcome_of(job).cause.message(), "job \"sync\": boom");
}

TEST_F(LaneJobFailures, SomethingElseThatIsThrownIsAnErrorToo) {
  Receipt job = peers().submit_job([](Transaction&) -> Result<Step> { throw 42; }, "sync");
  run_ticks();
  EXPECT_EQ(end_of(job), "rejected");
  EXPECT_EQ(outcome_of(job).cause.message(),
            "job \"sync\": threw something that is not a std::exception");
}

TEST_F(LaneJobFailures, AStatementThatEndsTheTransactionEndsTheJobWhateverTheStepReturns) {
  sink_->fail_row("bad()", failure(Fault::record, Effect::ended));
  Receipt job = peers().submit_job([](Transaction& t) -> Result<Step> {
    (void)t.execute("bad");
    EXPECT_FALSE(t.execute("more").ok()) << "it would commit by itself";
    return Step::done;
  });
  Receipt after = peers().submit(1);
  run_ticks();
  EXPECT_EQ(end_of(job) + " " + end_of(after), "rejected committed");
  EXPECT_EQ(committed(), "peers(1)");
}

TEST_F(LaneJobFailures, ADeferredViolationAtTheEndOfAStepRejectsTheJob) {
  sink_->reply_next(Call::verify, failure(Fault::record, Effect::kept));
  Receipt job = peers().submit_job(steps(1));
  run_ticks();
  EXPECT_EQ(end_of(job), "rejected");
  EXPECT_EQ(committed(), "");
}

TEST_F(LaneJobFailures, ClosedBeforeItsFirstStepEndsClosedAndBetweenStepsIncomplete) {
  Writes other = add_class("other");
  Receipt begun = peers().submit_job(steps(1000));
  tick();
  Receipt fresh = other.submit_job(steps(1000));
  EXPECT_EQ(journal_->close(Duration(0)).status.code(), Errc::timed_out);
  EXPECT_EQ(end_of(begun) + " " + end_of(fresh), "incomplete closed");
  EXPECT_EQ(outcome_of(begun).cause.code(), Errc::closed);
}

TEST_F(LaneJobFailures, AnUnknownCommitOfALaterStepEndsTheJobUnknown) {
  Receipt job = peers().submit_job(steps(2));
  tick();
  sink_->reply_next(Call::commit, failure(Fault::sync, Effect::unknown));
  EXPECT_EQ(journal_->tick().status().code(), Errc::poisoned);
  EXPECT_EQ(end_of(job), "unknown");
  EXPECT_EQ(outcome_of(job).steps, 1U);
}

// --- What a step may not do.

TEST_F(InLane, WaitingForAReceiptIsAnErrorAtOnce) {
  Writes other = add_class("other");
  Receipt later = other.submit(1);
  Receipt job = peers().submit_job([&](Transaction&) {
    later = other.submit(2);
    EXPECT_EQ(later.wait().status().code(), Errc::in_lane);
    EXPECT_EQ(later.wait_for(seconds(1)).status().code(), Errc::in_lane);
    return Step::done;
  });
  run_ticks();
  EXPECT_EQ(end_of(job) + " " + end_of(later), "committed committed");
}

TEST_F(InLane, AWriteIsAnErrorAtOnceAndPushesNothing) {
  Writes other = add_class("other");
  in_lane([&] { EXPECT_EQ(other.try_write(1).status().code(), Errc::in_lane); });
  EXPECT_EQ(journal_->stats().classes.back().offered, 0U);
}

TEST_F(InLane, ASettledReceiptIsNoWait) {
  Receipt settled = peers().submit(1);
  tick();
  in_lane([&] { EXPECT_TRUE(settled.wait().ok()); });
}

TEST_F(InLane, FlushCloseAndTickAreErrorsAtOnce) {
  in_lane([&] {
    EXPECT_EQ(journal_->flush().code(), Errc::in_lane);
    EXPECT_EQ(journal_->flush().message(), "flush: inside the lane it would wait for itself");
    EXPECT_EQ(journal_->close(seconds(1)).status.code(), Errc::in_lane);
    EXPECT_EQ(journal_->tick().status().code(), Errc::in_lane);
  });
  EXPECT_TRUE(peers().try_push(1).ok()) << "nothing was closed";
}

TEST_F(InLane, AddingAClassOrAStatementIsAnErrorAtOnce) {
  in_lane([&] {
    EXPECT_EQ(journal_->add_class({.name = "late"}).status().code(), Errc::in_lane);
    EXPECT_EQ(journal_->add_statement({"late", {}, {}}).status().code(), Errc::in_lane);
  });
}

TEST_F(InLane, APushToAFullClassOfAManualJournalIsRefusedAndDoesNotWait) {
  Writes small = add_class("small", {.capacity_records = 1, .when_full = WhenFull::block});
  in_lane([&] {
    small.push(1);
    EXPECT_EQ(small.try_push(2).code(), Errc::full);
  });
}

TEST_F(InLane, StatisticsPollAndCancelAreAllowed) {
  Writes other = add_class("other");
  in_lane([&] {
    EXPECT_EQ(stats_of("peers").accepted, 1U);
    Receipt one = other.submit(1);
    EXPECT_FALSE(one.poll());
    EXPECT_TRUE(one.cancel());
  });
}

}  // namespace
}  // namespace onelane::test
