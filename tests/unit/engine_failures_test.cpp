// What becomes of a tick's units when the store, or one of them, fails.
#include "tests/support/lane.h"

namespace onelane::test {
namespace {

class LaneFailures : public QuietLane {
 protected:
  LaneFailures() {
    open();
    peers_.emplace(add_class("peers"));
  }
  Writes& peers() { return *peers_; }
  void fail_next(Call call, Fault fault, Effect effect, std::size_t times = 1) {
    sink_->reply_next(call, failure(fault, effect), times);
  }
  // Ticks and lets time pass until all is settled, or nothing has happened for very long.
  void run_with_pauses(int ticks = 200) {
    for (int i = 0; i < ticks && stats_of("peers").in_flight != 0; ++i) {
      const TickReport report = ok(journal_->tick());
      if (report.next) advance(std::max(Duration(0), *report.next - journal_->now()));
    }
  }
  Status push_status() { return peers().try_push(99); }

  std::optional<Writes> peers_;
};

using LaneLocked = LaneFailures;
using LanePoison = LaneFailures;
using LaneCulprits = LaneFailures;

class LaneStall : public LaneFailures {
 protected:
  // A lone unit fails until it is put to the proof, and the probes fail as well.
  Receipt stall(Fault fault, std::size_t probes, const PushOptions& options = {}) {
    fail_next(Call::commit, fault, Effect::ended, 3);
    fail_next(Call::probe, fault, Effect::ended, probes);
    Receipt queued = peers().submit(1, options);
    run_with_pauses(3);
    return queued;
  }
};

// --- Somebody else holds the lock.

TEST_F(LaneLocked, NothingIsLostAndItIsCounted) {
  fail_next(Call::begin, Fault::busy, Effect::ended, 3);
  const std::vector<Receipt> all = peers().submit_all(1, 3);
  run_with_pauses();
  EXPECT_EQ(ends_of(all), "committed committed committed");
  EXPECT_EQ(committed(), "peers(1) peers(2) peers(3)");
  EXPECT_EQ(journal_->stats().busy, 3U);
  EXPECT_EQ(journal_->stats().ticks, 1U);
}

TEST_F(LaneLocked, PausesDoubleUpToSixteenMilliseconds) {
  fail_next(Call::begin, Fault::busy, Effect::ended, 8);
  peers().push(1);
  std::string pauses;
  for (int i = 0; i < 8; ++i) {
    const TickReport report = tick();
    const Duration pause = report.next.value() - journal_->now();
    pauses += std::to_string(pause / microseconds(1)) + " ";
    advance(pause);
  }
  EXPECT_EQ(pauses, "500 1000 2000 4000 8000 16000 16000 16000 ");
}

TEST_F(LaneLocked, ATickBeforeThePauseIsOverTriesNothing) {
  fail_next(Call::begin, Fault::busy, Effect::ended);
  Receipt one = peers().submit(1);
  const TickReport locked = tick();
  EXPECT_EQ(locked.units, 0U);
  EXPECT_FALSE(locked.more);
  tick();
  EXPECT_EQ(end_of(one), "in flight");
  advance(milliseconds(1));
  tick();
  EXPECT_EQ(end_of(one), "committed");
}

TEST_F(LaneLocked, TheNextLockStartsWithTheShortestPauseAgain) {
  fail_next(Call::begin, Fault::busy, Effect::ended, 4);
  peers().push(1);
  run_with_pauses();
  fail_next(Call::begin, Fault::busy, Effect::ended);
  peers().push(2);
  EXPECT_EQ(tick().next, journal_->now() + microseconds(500));
}

// --- The record's own fault.

TEST_F(LaneCulprits, ABadRecordIsRejectedWithItsCauseAndTheOthersCommit) {
  sink_->fail_row("peers(2)", failure(Fault::record, Effect::undone));
  const std::vector<Receipt> all = peers().submit_all(1, 3);
  tick();
  EXPECT_EQ(ends_of(all), "committed rejected committed");
  EXPECT_EQ(outcome_of(all[1]).cause.sqlite_code(), 2067);
  EXPECT_EQ(outcome_of(all[1]).commit, 0U);
  EXPECT_EQ(committed(), "peers(1) peers(3)");
  EXPECT_EQ(journal_->stats().attempts, 1U);
}

TEST_F(LaneCulprits, ARecordThatEndsTheTransactionIsRejectedAndTheRestRunsAgain) {
  for (const Effect effect : {Effect::kept, Effect::ended}) {
    sink_->fail_row("peers(2)", failure(Fault::record, effect));
    const std::vector<Receipt> all = peers().submit_all(1, 3);
    tick();
    EXPECT_EQ(ends_of(all), "committed rejected committed");
    EXPECT_EQ(committed(), "peers(1) peers(3)");
  }
  EXPECT_EQ(journal_->stats().attempts, 4U);
  EXPECT_EQ(journal_->stats().ticks, 2U);
}

TEST_F(LaneCulprits, SeveralCostOneAttemptEachAndOneMore) {
  for (const char* row : {"peers(1)", "peers(3)", "peers(5)"}) {
    sink_->fail_row(row, failure(Fault::record, Effect::ended));
  }
  const std::vector<Receipt> all = peers().submit_all(1, 5);
  tick();
  EXPECT_EQ(ends_of(all), "rejected committed rejected committed rejected");
  EXPECT_EQ(journal_->stats().attempts, 4U);
}

TEST_F(LaneCulprits, AfterTheFirstTheOthersOfItsClassAreRejectedWhereTheyStand) {
  for (int i = 1; i <= 100; i += 2) {
    sink_->fail_row("peers(" + std::to_string(i) + ")", failure(Fault::record, Effect::kept));
  }
  Writes blobs = add_class("blobs");
  const std::vector<Receipt> all = peers().submit_all(1, 100);
  const Receipt other = blobs.submit(1);
  tick();
  EXPECT_EQ(end_of(other), "committed");
  for (std::size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(end_of(all[i]), i % 2 == 0 ? "rejected" : "committed") << i;
  }
  EXPECT_EQ(journal_->stats().attempts, 2U);
}

TEST_F(LaneCulprits, ThatEndTheTransactionEndTheirClasssPartOfATickAndKeepItsOrder) {
  for (int i = 1; i <= 9; ++i) {
    sink_->fail_row("peers(" + std::to_string(i) + ")", failure(Fault::record, Effect::ended));
  }
  Writes blobs = add_class("blobs");
  const std::vector<Receipt> all = peers().submit_all(1, 12);
  const Receipt other = blobs.submit(1);
  tick();
  EXPECT_EQ(end_of(other), "committed");
  EXPECT_EQ(end_of(all[2]), "rejected");
  EXPECT_EQ(end_of(all[3]), "in flight");
  EXPECT_EQ(journal_->stats().attempts, 4U);
  run_with_pauses();
  EXPECT_EQ(committed(), "blobs(1) peers(10) peers(11) peers(12)");
  EXPECT_EQ(end_of(all[8]), "rejected");
}

// Half of the hold is lost each time, so the second attempt ends where it must not go on.
TEST_F(LaneCulprits, TakeTheirTimeFromTheTicksHold) {
  sink_->fail_row("peers(50)", failure(Fault::record, Effect::ended));
  sink_->set_cost(test::Call::apply, microseconds(100));
  const std::vector<Receipt> all = peers().submit_all(1, 100);
  const TimePoint began = journal_->now();
  tick();
  EXPECT_EQ(end_of(all[49]), "rejected");
  EXPECT_EQ(journal_->stats().attempts, 2U);
  EXPECT_LT(journal_->now() - began, milliseconds(12));
}

TEST_F(LaneCulprits, ADeferredViolationIsTheUnitsThatLeftIt) {
  sink_->reply_next(Call::verify, Reply{});
  fail_next(Call::verify, Fault::record, Effect::kept);
  const std::vector<Receipt> all = peers().submit_all(1, 3);
  tick();
  EXPECT_EQ(ends_of(all), "committed rejected committed");
  EXPECT_EQ(committed(), "peers(1) peers(3)");
}

TEST_F(LaneCulprits, ATickOfNothingButBadRecordsCommitsNothing) {
  sink_->fail_row("peers(1)", failure(Fault::record, Effect::undone));
  Receipt bad = peers().submit(1);
  tick();
  EXPECT_EQ(end_of(bad), "rejected");
  EXPECT_EQ(sink_->commits(), 0U);
  EXPECT_EQ(journal_->stats().committed, 0U);
}

TEST_F(LaneCulprits, ARollbackThatFailsPoisons) {
  sink_->fail_row("peers(1)", failure(Fault::record, Effect::ended));
  fail_next(Call::rollback, Fault::environment, Effect::kept);
  Receipt bad = peers().submit(1), other = peers().submit(2);
  EXPECT_EQ(journal_->tick().status().code(), Errc::poisoned);
  EXPECT_EQ(end_of(bad) + " " + end_of(other), "rejected closed");
  EXPECT_EQ(committed(), "");
}

// --- The environment's fault.

TEST_F(LaneFailures, AFullDiskRollsTheTickBackAndItRunsAgain) {
  fail_next(Call::apply, Fault::environment, Effect::undone);
  const std::vector<Receipt> all = peers().submit_all(1, 2);
  EXPECT_EQ(tick().units, 0U);
  EXPECT_EQ(ends_of(all), "in flight in flight");
  run_with_pauses();
  EXPECT_EQ(ends_of(all), "committed committed");
  EXPECT_EQ(committed(), "peers(1) peers(2)");
}

TEST_F(LaneFailures, AFullDiskAtCommitThatUndidAllRunsAgain) {
  for (const Effect effect : {Effect::kept, Effect::ended}) {
    fail_next(Call::commit, Fault::environment, effect);
    Receipt one = peers().submit(1);
    tick();
    EXPECT_EQ(end_of(one), "in flight");
    run_with_pauses();
    EXPECT_EQ(end_of(one), "committed");
    EXPECT_EQ(committed(), "peers(1)");
  }
}

TEST_F(LaneFailures, PausesDoubleFromTwoMillisecondsToAQuarterSecond) {
  fail_next(Call::begin, Fault::environment, Effect::ended, 9);
  peers().push_all(1, 1000);
  std::string pauses;
  for (int i = 0; i < 9; ++i) {
    const Duration pause = tick().next.value() - journal_->now();
    pauses += std::to_string(pause / milliseconds(1)) + " ";
    advance(pause);
  }
  EXPECT_EQ(pauses, "2 4 8 16 32 64 128 256 256 ");
}

TEST_F(LaneFailures, AfterThreeFailuresTicksAreHalvedUntilOneUnitFailsAlone) {
  std::string sizes;
  int size = 0;
  sink_->on(Call::begin, [&](const std::string&) {
    size = 0;
    return Reply{};
  });
  sink_->on(Call::apply, [&](const std::string&) {
    ++size;
    return Reply{};
  });
  fail_next(Call::commit, Fault::environment, Effect::ended, 7);
  peers().push_all(1, 16);
  for (int i = 0; i < 6; ++i) {
    const TickReport report = tick();
    sizes += std::to_string(size) + " ";
    advance(report.next.value_or(journal_->now()) - journal_->now());
  }
  EXPECT_EQ(sizes, "16 16 16 8 4 2 ");
}

TEST_F(LaneFailures, BeginNeverFailsThroughAUnitHoweverOften) {
  fail_next(Call::begin, Fault::environment, Effect::ended, 20);
  Receipt one = peers().submit(1);
  run_with_pauses(20);
  EXPECT_EQ(end_of(one), "in flight");
  run_with_pauses();
  EXPECT_EQ(end_of(one), "committed");
}

TEST_F(LaneFailures, AnInterruptInAJobIsRunAgainWithTheNextAttemptNumber) {
  std::string attempts;
  Receipt job = peers().submit_job([&](Transaction& t) -> Result<Step> {
    attempts += std::to_string(t.attempt()) + " ";
    (void)t.execute("sql");
    return Step::done;
  });
  fail_next(Call::execute, Fault::environment, Effect::ended);
  run_with_pauses();
  EXPECT_EQ(end_of(job), "committed");
  EXPECT_EQ(attempts, "1 2 ");
}

// --- The store takes commits, but one unit fails all the same.

// Peers 5 cannot be written until heal().
class LaneQuarantine : public LaneFailures {
 protected:
  LaneQuarantine() : others_(add_class("others")) {
    sink_->fail_row("peers(5)", failure(Fault::environment, Effect::undone));
  }
  // Ticks whenever one is due, for this long.
  void run_for(Duration time) {
    const TimePoint end = journal_->now() + time;
    while (journal_->now() < end) {
      const TickReport report = tick();
      if (report.more) continue;
      const TimePoint next = std::min(report.next.value_or(end), end);
      if (next > journal_->now()) advance(next - journal_->now());
    }
  }

  Writes others_;
};

TEST_F(LaneQuarantine, TheOthersGoOnAtOnceAndItsClassWaitsBehindIt) {
  const std::vector<Receipt> all = peers().submit_all(1, 8);
  const std::vector<Receipt> others = others_.submit_all(1, 3);
  run_ticks();
  EXPECT_EQ(ends_of(others), "committed committed committed");
  EXPECT_EQ(ends_of(all),
            "committed committed committed committed in flight in flight in flight "
            "in flight");
}

TEST_F(LaneQuarantine, AnOutageOfTenSecondsRejectsNobodyAndIsOverAQuarterSecondLater) {
  const std::vector<Receipt> all = peers().submit_all(1, 8);
  for (int i = 0; i < 100; ++i) {
    Receipt other = others_.submit(i);
    run_for(milliseconds(100));
    ASSERT_EQ(end_of(other), "committed");
  }
  EXPECT_EQ(end_of(all[4]), "in flight");
  committed();
  sink_->heal();
  run_for(milliseconds(257));
  EXPECT_EQ(committed(), "peers(5) peers(6) peers(7) peers(8)");
}

TEST_F(LaneQuarantine, AfterThirtySecondsTheUnitEndsWithTheStoresCode) {
  const TimePoint began = journal_->now();
  const std::vector<Receipt> all = peers().submit_all(1, 8);
  while (!all[4].poll()) run_for(milliseconds(100));
  EXPECT_GE(journal_->now() - began, seconds(30));
  EXPECT_LE(journal_->now() - began, seconds(31));
  EXPECT_EQ(end_of(all[4]), "rejected");
  const Status cause = outcome_of(all[4]).cause;
  EXPECT_EQ(cause.code(), Errc::storage) << "a record's own fault is Errc::record";
  EXPECT_EQ(cause.sqlite_code(), 13);
  EXPECT_EQ(cause.message(),
            "database or disk is full (tried alone for 30 s, while other commits succeeded)");
  run_ticks();
  EXPECT_EQ(committed(), "peers(1) peers(2) peers(3) peers(4) peers(6) peers(7) peers(8)");
}

TEST_F(LaneQuarantine, EachUnitHasThirtySecondsOfItsOwn) {
  sink_->fail_row("peers(6)", failure(Fault::environment, Effect::undone));
  const std::vector<Receipt> both = peers().submit_all(5, 6);
  run_for(seconds(32));
  EXPECT_EQ(ends_of(both), "rejected in flight");
  run_for(seconds(31));
  EXPECT_EQ(ends_of(both), "rejected rejected");
}

TEST_F(LaneQuarantine, WhatTheStoreTakesFromNobodyCountsAgainstNoUnit) {
  fail_next(Call::probe, Fault::environment, Effect::ended, 1'000'000);
  Receipt one = peers().submit(5);
  run_for(seconds(100));
  EXPECT_EQ(push_status().code(), Errc::storage);
  EXPECT_EQ(end_of(one), "in flight");
  sink_->heal();
  run_for(seconds(1));
  EXPECT_EQ(end_of(one), "committed");
}

TEST_F(LaneQuarantine, DeadlinesExpireOnTime) {
  Receipt late = peers().submit(5, expiring_in(seconds(3)));
  Receipt behind = peers().submit(6, expiring_in(milliseconds(100)));
  run_for(milliseconds(99));
  EXPECT_EQ(end_of(behind), "in flight");
  run_for(milliseconds(1));
  tick();
  EXPECT_EQ(end_of(behind), "expired");
  run_for(milliseconds(2900));
  tick();
  EXPECT_EQ(end_of(late), "expired");
}

TEST_F(LaneQuarantine, AGroupThatDoesNotFitTheDiskLetsTheSmallRecordsOfOthersPass) {
  sink_->heal();
  bool group = false;
  sink_->on(Call::savepoint, [&](const std::string&) {
    group = true;
    return Reply{};
  });
  sink_->on(Call::begin, [&](const std::string&) {
    group = false;
    return Reply{};
  });
  sink_->on(Call::commit, [&](const std::string&) {
    return group ? failure(Fault::environment, Effect::ended) : Reply{};
  });
  Receipt large = peers().submit_group({1, 2, 3});
  const std::vector<Receipt> small = others_.submit_all(1, 8);
  run_for(seconds(1));
  EXPECT_EQ(end_of(large), "in flight");
  EXPECT_EQ(ends_of(small),
            "committed committed committed committed committed committed committed "
            "committed");
  Receipt another = others_.submit(9);
  tick();
  EXPECT_EQ(end_of(another), "committed");
  sink_->heal();
  run_for(seconds(1));
  EXPECT_EQ(end_of(large), "committed");
}

TEST_F(LaneQuarantine, WhatOnlyFailsTogetherIsCommittedInParts) {
  sink_->heal();
  int rows = 0;
  sink_->on(Call::begin, [&](const std::string&) {
    rows = 0;
    return Reply{};
  });
  sink_->on(Call::apply, [&](const std::string& row) {
    if (row.starts_with("peers") && ++rows > 5) return failure(Fault::environment, Effect::ended);
    return Reply{};
  });
  const std::vector<Receipt> all = peers().submit_all(1, 100);
  const std::vector<Receipt> others = others_.submit_all(1, 100);
  for (int i = 0; i < 200; ++i) tick();
  EXPECT_EQ(stats_of("peers").in_flight, 0U);
  EXPECT_EQ(stats_of("others").in_flight, 0U);
  EXPECT_EQ(stats_of("peers").end(End::committed), 100U);
  EXPECT_EQ(stats_of("others").end(End::committed), 100U);
}

TEST_F(LaneQuarantine, ACloseSettlesWhatIsStillTried) {
  const std::vector<Receipt> all = peers().submit_all(4, 6);
  run_for(seconds(1));
  EXPECT_EQ(journal_->close(seconds(1)).status.code(), Errc::timed_out);
  EXPECT_EQ(ends_of(all), "committed closed closed");
}

TEST_F(LaneQuarantine, ARecordsFaultThatOnlyCommitFindsIsRejectedWithoutPatience) {
  sink_->heal();
  fail_next(Call::commit, Fault::record, Effect::ended);
  Receipt one = peers().submit(1);
  tick();
  EXPECT_EQ(end_of(one), "rejected");
  EXPECT_EQ(outcome_of(one).cause.code(), Errc::record);
}

// --- The store takes no commits.

TEST_F(LaneStall, IntakeStopsWithTheCode) {
  Receipt queued = stall(Fault::environment, 2);
  EXPECT_EQ(push_status().code(), Errc::storage);
  EXPECT_EQ(push_status().sqlite_code(), 13);
  EXPECT_EQ(end_of(queued), "in flight");
}

TEST_F(LaneStall, AfterAProbeSucceededIntakeGoesOnAndNothingWasLost) {
  Receipt queued = stall(Fault::environment, 3);
  run_with_pauses();
  EXPECT_EQ(end_of(queued), "committed");
  peers().push(2);
  run_with_pauses();
  EXPECT_EQ(committed(), "peers(1) peers(2)");
}

TEST_F(LaneStall, ItEndsByItselfThoughNothingIsQueued) {
  Receipt late = stall(Fault::environment, 30, expiring_in(milliseconds(500)));
  TickReport report = tick();
  while (!late.poll()) {
    advance(report.next.value() - journal_->now());
    report = tick();
  }
  EXPECT_EQ(end_of(late), "expired");
  EXPECT_EQ(push_status().code(), Errc::storage);
  const TimePoint began = journal_->now();
  while (report.next && journal_->now() - began < seconds(60)) {
    advance(*report.next - journal_->now());
    report = tick();
  }
  EXPECT_TRUE(push_status().ok());
  EXPECT_LT(journal_->now() - began, seconds(8)) << "30 probes, a quarter second apart";
}

TEST_F(LaneStall, NothingIsTriedButProbesWhileItLasts) {
  Receipt queued = stall(Fault::read_only, 100);
  const std::uint64_t attempts = journal_->stats().attempts;
  run_with_pauses(50);
  EXPECT_EQ(journal_->stats().attempts, attempts);
}

TEST_F(LaneStall, AProbeThatFindsWhatNoProbeHealsPoisons) {
  for (const Fault fault : {Fault::sync, Fault::corrupt, Fault::internal}) {
    open();
    peers_.emplace(add_class("peers"));
    Receipt queued = stall(Fault::environment, 1);
    ASSERT_EQ(push_status().code(), Errc::storage);
    fail_next(Call::probe, fault, Effect::ended, 1000);
    advance(seconds(1));
    EXPECT_EQ(journal_->tick().status().code(), Errc::poisoned);
    EXPECT_EQ(journal_->stats().poison.code(), Errc::poisoned);
    EXPECT_EQ(push_status().code(), Errc::poisoned);
    EXPECT_EQ(end_of(queued), "closed") << "it was never applied";
  }
}

TEST_F(LaneStall, ALockedDatabaseIsNoProofThatTheStoreTakesNoCommits) {
  fail_next(Call::commit, Fault::environment, Effect::ended, 3);
  fail_next(Call::probe, Fault::busy, Effect::ended);
  peers().push(1);
  run_with_pauses(3);
  EXPECT_TRUE(push_status().ok());
}

TEST_F(LaneStall, DeadlinesGoOnExpiring) {
  Receipt late = stall(Fault::environment, 1000, expiring_in(seconds(5)));
  run_with_pauses();
  EXPECT_EQ(end_of(late), "expired");
}

TEST_F(LaneStall, CloseSettlesTheRestAndSaysWhy) {
  Receipt queued = stall(Fault::environment, 1000);
  EXPECT_EQ(journal_->close(seconds(1)).status.code(), Errc::storage);
  EXPECT_EQ(end_of(queued), "closed");
  EXPECT_EQ(outcome_of(queued).cause.sqlite_code(), 13);
}

// --- Only reopening helps.

TEST_F(LanePoison, ACommitOfUnknownOutcomeEndsItsUnitsAsUnknown) {
  fail_next(Call::commit, Fault::environment, Effect::unknown);
  const std::vector<Receipt> all = peers().submit_all(1, 2);
  EXPECT_EQ(journal_->tick().status().code(), Errc::poisoned);
  EXPECT_EQ(ends_of(all), "unknown unknown");
  EXPECT_EQ(outcome_of(all[0]).cause.code(), Errc::poisoned);
}

TEST_F(LanePoison, WhatWasQueuedEndsClosedWithTheCause) {
  fail_next(Call::commit, Fault::environment, Effect::unknown);
  std::optional<Receipt> queued;
  sink_->on(Call::apply, [&](const std::string&) {
    if (!queued) queued = peers().submit(2);
    return Reply{};
  });
  peers().push(1);
  (void)journal_->tick();
  (void)journal_->tick();
  EXPECT_EQ(end_of(*queued), "closed");
  EXPECT_EQ(outcome_of(*queued).cause.code(), Errc::poisoned);
  EXPECT_EQ(stats_of("peers").in_flight, 0U);
}

TEST_F(LanePoison, WhatWasRejectedBeforeAnUnknownCommitIsNotCalledUnknown) {
  sink_->fail_row("peers(1)", failure(Fault::record, Effect::undone));
  fail_next(Call::commit, Fault::environment, Effect::unknown);
  const std::vector<Receipt> all = peers().submit_all(1, 2);
  (void)journal_->tick();
  EXPECT_EQ(ends_of(all), "closed unknown");
}

TEST_F(LanePoison, EveryLaterPushGetsTheFirstError) {
  fail_next(Call::commit, Fault::sync, Effect::kept);
  peers().push(1);
  const Status poison = journal_->tick().status();
  EXPECT_EQ(poison.code(), Errc::poisoned);
  EXPECT_EQ(poison.sqlite_code(), 1034);
  EXPECT_NE(poison.message().find("disk I/O error"), std::string::npos);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(push_status().to_string(), poison.to_string());
    EXPECT_EQ(journal_->tick().status().to_string(), poison.to_string());
  }
  EXPECT_EQ(journal_->stats().poison.to_string(), poison.to_string());
  EXPECT_EQ(journal_->flush().to_string(), poison.to_string());
}

TEST_F(LanePoison, ARollbackThatFailsTooDoesNotHideTheFirstError) {
  fail_next(Call::commit, Fault::environment, Effect::unknown);
  fail_next(Call::rollback, Fault::internal, Effect::kept);
  Receipt one = peers().submit(1);
  EXPECT_EQ(journal_->tick().status().sqlite_code(), 13);
  EXPECT_EQ(end_of(one), "unknown");
}

TEST_F(LanePoison, FollowsFromEachFaultThatReopeningAloneCures) {
  for (const Fault fault : {Fault::sync, Fault::corrupt, Fault::internal}) {
    for (const Call call : {Call::begin, Call::apply, Call::commit}) {
      open();
      Writes writes = add_class("peers");
      fail_next(call, fault, Effect::ended);
      Receipt one = writes.submit(1);
      EXPECT_EQ(journal_->tick().status().code(), Errc::poisoned);
      const bool synced = call == Call::commit && fault == Fault::sync;
      EXPECT_EQ(end_of(one), synced ? "unknown" : "closed");
      EXPECT_EQ(journal_->close(seconds(1)).status.code(), Errc::poisoned);
      EXPECT_EQ(sink_->closed(), CloseMode::poisoned) << "the files are left as they are";
    }
  }
}

TEST_F(LanePoison, NothingThatMayBeAppliedIsEverCalledRejected) {
  for (std::size_t fault = 1; fault < kFaultCount; ++fault) {
    open();
    Writes writes = add_class("peers");
    fail_next(Call::commit, static_cast<Fault>(fault), Effect::unknown);
    const std::vector<Receipt> all = writes.submit_all(1, 2);
    (void)journal_->tick();
    EXPECT_EQ(ends_of(all), "unknown unknown") << fault;
  }
}

TEST_F(LanePoison, FlushSaysSoToWhoWaitedForIt) {
  fail_next(Call::commit, Fault::environment, Effect::unknown);
  peers().push(1);
  EXPECT_EQ(journal_->flush().code(), Errc::poisoned);
}

TEST_F(LanePoison, AJobAfterACommittedStepEndsIncomplete) {
  Receipt job = peers().submit_job([](Transaction&) { return Step::more; });
  tick();
  fail_next(Call::begin, Fault::corrupt, Effect::ended);
  (void)journal_->tick();
  EXPECT_EQ(end_of(job), "incomplete");
  EXPECT_EQ(outcome_of(job).steps, 1U);
  EXPECT_EQ(outcome_of(job).cause.code(), Errc::poisoned);
}

}  // namespace
}  // namespace onelane::test
