// What a program writes against the API first: handles as members, waiting on a manual journal,
// ends as one status, and why a class's units were refused.
#include <stdexcept>
#include <utility>

#include "tests/support/lane.h"

namespace onelane {

namespace {
struct Peer {
  std::int64_t id = 0;
};
}  // namespace

template <>
struct RecordTraits<Peer> {
  static constexpr std::string_view sql = "peer";
  static auto columns(const Peer& peer) { return std::tuple(peer.id); }
};

namespace test {
namespace {

using namespace std::chrono_literals;

// --- Members.

TEST(Empty, HandlesRefuseEveryCallByName) {
  Journal journal;
  WriteClass write_class;
  Producer<Peer> producer;
  EXPECT_FALSE(journal.valid());
  EXPECT_FALSE(write_class.valid());
  EXPECT_FALSE(producer.valid());
  for (const Status& status :
       {journal.flush(), journal.sync(), journal.tick().status(), journal.commits_of(1).status(),
        journal.close(1ms).status, journal.add_class({.name = "x"}).status()}) {
    EXPECT_EQ(status.code(), Errc::invalid_argument);
    EXPECT_NE(status.message().find("the journal is empty"), std::string::npos) << status.message();
  }
  for (const Status& status :
       {producer.push({}), producer.submit({}).status(), producer.write({}).status(),
        producer.journal({}).status(), write_class.push(Group())}) {
    EXPECT_EQ(status.code(), Errc::invalid_argument);
    EXPECT_NE(status.message().find("the write class is empty"), std::string::npos);
  }
  EXPECT_TRUE(journal.stats().classes.empty());
  EXPECT_EQ(journal.now(), TimePoint());
}

class Newcomer : public QuietLane {
 protected:
  Newcomer() { open(); }
};

TEST_F(Newcomer, AHandleIsFullOnceItIsAssignedAndEmptyOnceItIsMovedFrom) {
  WriteClass write_class;
  write_class = add_class("peers").handle();
  Producer<Peer> producer;
  producer = ok(journal_->producer<Peer>(write_class));
  EXPECT_TRUE(producer.valid());
  EXPECT_TRUE(producer.push({1}).ok());
  tick();
  EXPECT_EQ(committed(), "peer(1)");
  Journal moved = std::move(*journal_);
  EXPECT_TRUE(moved.valid());
  EXPECT_FALSE(journal_->valid());  // NOLINT(bugprone-use-after-move)
  *journal_ = std::move(moved);
}

// --- A manual journal.

TEST_F(Newcomer, AWriteOnAManualJournalRunsItsTick) {
  Writes peers = add_class("peers");
  const Result<Outcome> written = peers.try_write(1);
  ASSERT_TRUE(written.ok()) << written.status().to_string();
  EXPECT_TRUE(written->committed());
  EXPECT_EQ(committed(), "peers(1)");
}

TEST_F(Newcomer, AWaitOnAManualJournalRunsTicksUntilItsUnitIsSettled) {
  Writes peers = add_class("peers");
  Receipt job = peers.submit_job(
      [](Transaction& t) -> Result<Step> { return t.steps() < 2 ? Step::more : Step::done; });
  const Result<Outcome> outcome = job.wait();
  ASSERT_TRUE(outcome.ok()) << outcome.status().to_string();
  EXPECT_EQ(outcome->steps, 3U);
}

TEST_F(Newcomer, AWriteWhoseTickIsNotDueIsTakenBack) {
  Writes peers = add_class("peers", {.gather = 100ms});
  EXPECT_EQ(peers.try_write(1).status().code(), Errc::would_block);
  advance(100ms);
  run_ticks();
  EXPECT_EQ(committed(), "");
  EXPECT_EQ(stats_of("peers").end(End::cancelled), 1U);
}

class NewcomerWithSyncs : public QuietLane {
 protected:
  NewcomerWithSyncs() {
    sink_->set_can_sync();
    open();
  }
};

TEST_F(NewcomerWithSyncs, AWriteThatCannotBeTakenBackSaysThatItIsUnderWay) {
  Writes peers = add_class("peers");
  sink_->reply_next(Call::commit, failure(Fault::environment, Effect::unknown));
  sink_->reply_next(Call::probe, failure(Fault::busy, Effect::ended), 100);
  const Status why = peers.try_write(1).status();
  EXPECT_EQ(why.code(), Errc::timed_out) << why.to_string();
  sink_->heal();
  advance(1s);
  run_ticks();
  EXPECT_EQ(stats_of("peers").end(End::cancelled), 0U);
}

TEST_F(Newcomer, AWaitWhoseTickIsNotDueLeavesTheUnitWhereItIs) {
  Writes peers = add_class("peers", {.gather = 100ms});
  Receipt one = peers.submit(1);
  EXPECT_EQ(one.wait().status().code(), Errc::would_block);
  EXPECT_EQ(one.wait_for(Duration(0)).status().code(), Errc::timed_out);
  advance(100ms);
  EXPECT_TRUE(one.wait()->committed());
}

// --- Timeouts.

TEST_F(Newcomer, ATimeoutIsADeadlineFromTheCallOnAndTheEarlierOneCounts) {
  Writes peers = add_class("peers");
  Receipt by_timeout = ok(peers.try_submit(1, {.timeout = 10ms}));
  Receipt by_deadline = ok(peers.try_submit(2, {.deadline = clock_->now() + 10ms, .timeout = 1s}));
  Receipt in_time = ok(peers.try_submit(3, {.deadline = clock_->now() + 30ms, .timeout = 20ms}));
  advance(15ms);
  tick();
  EXPECT_EQ(end_of(by_timeout), "expired");
  EXPECT_EQ(end_of(by_deadline), "expired");
  EXPECT_EQ(end_of(in_time), "committed");
}

// --- Ends as one status.

TEST_F(Newcomer, AnEndIsAlsoAStatus) {
  sink_->fail_row("peers(2)", failure(Fault::record, Effect::undone));
  Writes peers = add_class("peers");
  EXPECT_TRUE(status_of(peers.try_write(1)).ok());
  EXPECT_EQ(status_of(peers.try_write(2)).code(), Errc::record);
  EXPECT_EQ(status_of(Result<Outcome>(Status(Errc::full, "no room"))).code(), Errc::full);
  const auto of = [](End end, Status cause = {}) {
    return Outcome{.end = end, .cause = std::move(cause)}.status();
  };
  EXPECT_EQ(of(End::expired).code(), Errc::expired);
  EXPECT_EQ(of(End::closed).code(), Errc::closed);
  EXPECT_EQ(of(End::closed, {Errc::poisoned, "a sync failed"}).code(), Errc::poisoned);
  EXPECT_EQ(of(End::committed, {Errc::not_durable, "a sync failed"}).code(), Errc::not_durable);
  for (const End end : {End::superseded, End::dropped, End::cancelled, End::incomplete,
                        End::unknown, End::carried}) {
    const Status status = of(end, {Errc::storage, "the cause", 10});
    EXPECT_EQ(status.code(), Errc::not_committed) << name(end);
    EXPECT_NE(status.message().find(name(end)), std::string::npos) << status.message();
    EXPECT_NE(status.message().find("the cause"), std::string::npos) << status.message();
    EXPECT_EQ(status.sqlite_code(), 10);
  }
}

TEST_F(Newcomer, AnOutcomeIsALineForALog) {
  EXPECT_EQ((Outcome{.end = End::committed, .commit = 7}.to_string()), "committed in commit 7");
  EXPECT_EQ(
      (Outcome{.end = End::incomplete, .steps = 3, .cause = {Errc::record, "why"}}.to_string()),
      "incomplete after 3 steps: record: why");
}

// --- Why units were rejected.

TEST_F(Newcomer, AClassCountsItsRejectionsByReason) {
  Reply unique = failure(Fault::record, Effect::undone);
  unique.cause = Status(Errc::record, "not unique", 2067);
  sink_->fail_row("peers(1)", unique);
  sink_->fail_row("peers(2)", unique);
  Reply other = failure(Fault::record, Effect::undone);
  other.cause = Status(Errc::record, "a check", 275);
  sink_->fail_row("peers(3)", other);
  Writes peers = add_class("peers");
  peers.push_all(1, 4);
  run_ticks();
  const std::vector<RejectionStats> reasons = stats_of("peers").rejections;
  ASSERT_EQ(reasons.size(), 2U);
  EXPECT_EQ(reasons[0].units, 2U);
  EXPECT_EQ(reasons[0].last.constraint(), Constraint::unique);
  EXPECT_EQ(reasons[0].when, clock_->now());
  EXPECT_EQ(reasons[1].units, 1U);
  EXPECT_EQ(reasons[1].last.constraint(), Constraint::check);
}

TEST_F(Newcomer, BeyondSixteenReasonsOthersAreCountedWithTheLast) {
  Writes peers = add_class("peers");
  for (int i = 1; i <= 20; ++i) {
    Reply reply = failure(Fault::record, Effect::undone);
    reply.cause = Status(Errc::record, "reason", 19 + 256 * i);
    sink_->fail_row("peers(" + std::to_string(i) + ")", reply);
  }
  peers.push_all(1, 20);
  run_ticks();
  const std::vector<RejectionStats> reasons = stats_of("peers").rejections;
  ASSERT_EQ(reasons.size(), 16U);
  EXPECT_EQ(reasons[15].units, 5U);
  EXPECT_EQ(reasons[15].last.sqlite_code(), 19 + 256 * 20);
}

// --- Statistics as text.

TEST_F(Newcomer, StatisticsAndACloseReportAreLinesForALog) {
  Writes peers = add_class("peers");
  peers.push(1);
  run_ticks();
  const std::string line = journal_->stats().to_string();
  EXPECT_NE(line.find("commits 1, "), std::string::npos) << line;
  EXPECT_NE(line.find(" | peers: offered 1, committed 1, wait p50"), std::string::npos) << line;
  EXPECT_EQ(line.find('\n'), std::string::npos);
  EXPECT_EQ(journal_->close(1s).to_string(), "ok, committed 1");
}

// --- A class that commits at most once in an interval.

class Interval : public Newcomer {
 protected:
  Writes counters_ = add_class("counters", {.interval = 100ms});
};

TEST_F(Interval, AClassCommitsOnceInItAndTheNextTickIsTold) {
  counters_.push(1);
  tick();
  EXPECT_EQ(committed(), "counters(1)");
  counters_.push(2);
  const TickReport report = tick();
  EXPECT_EQ(committed(), "");
  EXPECT_FALSE(report.more);
  EXPECT_EQ(report.next, clock_->now() + 100ms);
  advance(99ms);
  counters_.push(3);
  tick();
  EXPECT_EQ(committed(), "");
  advance(1ms);
  tick();
  EXPECT_EQ(committed(), "counters(2) counters(3)");
}

TEST_F(Interval, OthersTicksGoOnWithoutIt) {
  Writes peers = add_class("peers");
  counters_.push(1);
  tick();
  (void)committed();
  counters_.push(2);
  peers.push(1);
  tick();
  EXPECT_EQ(committed(), "peers(1)");
}

TEST_F(Interval, AFlushAndACloseDoNotWaitForIt) {
  counters_.push(1);
  tick();
  counters_.push(2);
  EXPECT_TRUE(journal_->flush().ok());
  EXPECT_EQ(committed(), "counters(1) counters(2)");
  counters_.push(3);
  EXPECT_EQ(journal_->close(1s).end(End::committed), 3U);
}

TEST_F(Interval, OfAClockBelowZeroAFirstTickIsDueAtOnce) {
  clock_->advance(-5s);
  counters_.push(1);
  tick();
  EXPECT_EQ(committed(), "counters(1)");
}

// After a failure its units are tried one by one, in turns with the others.
TEST_F(Interval, AClassInQuarantineHasItsNextTurnWhenItsOwnIntervalEnds) {
  Writes gathering = add_class("gathering", {.gather = std::chrono::hours(1)});
  sink_->reply_next(Call::apply, failure(Fault::environment, Effect::undone));
  counters_.push_all(1, 3);
  gathering.push(1);
  const TimePoint began = clock_->now();
  std::string all;
  while (all.find("counters(3)") == std::string::npos && clock_->now() < began + 10s) {
    const TickReport report = tick();
    all += committed();
    if (!report.more) advance(report.next.value_or(clock_->now() + 1h) - clock_->now());
  }
  EXPECT_LT(clock_->now(), began + 1s);
}

// --- Jobs that are asked to end.

TEST_F(Newcomer, AJobCancelledBetweenItsStepsEndsAsIncompleteWithoutAnotherStep) {
  Writes peers = add_class("peers");
  int steps = 0;
  Receipt job = peers.submit_job([&](Transaction& t) -> Result<Step> {
    ++steps;
    EXPECT_FALSE(t.stop_requested());
    return steps < 5 ? Step::more : Step::done;
  });
  tick();
  EXPECT_FALSE(job.cancel());
  run_ticks();
  EXPECT_EQ(steps, 1);
  const Outcome outcome = outcome_of(job);
  EXPECT_EQ(outcome.end, End::incomplete);
  EXPECT_EQ(outcome.steps, 1U);
  EXPECT_NE(outcome.cause.message().find("cancelled between its steps"), std::string::npos);
}

TEST_F(Newcomer, AStepSeesThatItsJobWasCancelledOrTheJournalCloses) {
  Writes peers = add_class("peers");
  Receipt job;
  job = peers.submit_job([&](Transaction& t) -> Result<Step> {
    EXPECT_FALSE(job.cancel());
    EXPECT_TRUE(t.stop_requested());
    return Step::done;
  });
  run_ticks();
  EXPECT_EQ(end_of(job), "committed");
  Receipt other = peers.submit_job(
      [](Transaction& t) -> Result<Step> { return t.stop_requested() ? Step::done : Step::more; });
  tick();
  EXPECT_EQ(end_of(other), "in flight");
  EXPECT_TRUE(journal_->close(1s).status.ok());
  EXPECT_EQ(end_of(other), "committed");
}

// --- The sink in memory.

TEST(MemorySink, WhatItsJudgeThrowsRejectsTheRowAndWhatIsCommittedIsDurable) {
  const auto store = std::make_shared<onelane::testing::MemoryStore>();
  Journal journal = ok(Journal::open(std::make_unique<onelane::testing::MemorySink>(store),
                                     {.drive = Drive::manual}));
  const WriteClass peers = ok(journal.add_class({.name = "peers", .promise = Promise::durable}));
  const Producer<Peer> producer = ok(journal.producer<Peer>(peers));
  EXPECT_TRUE(ok(producer.write({1})).durable);
  EXPECT_TRUE(journal.sync().ok());
  store->refuse([](const auto&) -> Status { throw std::runtime_error("of the judge"); });
  EXPECT_EQ(status_of(producer.write({2})).message(), "of the judge");
  store->refuse([](const auto&) -> Status { throw 42; });
  EXPECT_EQ(status_of(producer.write({3})).code(), Errc::record);
  EXPECT_EQ(store->rows().size(), 1U);
}

// --- Imports.

TEST_F(Newcomer, AnImportsStepThatIsRunAgainTakesUpItsRecordsAgainAndAsksForNoneTwice) {
  Writes peers = add_class("peers");
  std::int64_t asked = 0;
  Receipt import =
      ok(peers.handle().submit(import_job<Peer>({.name = "import",
                                                 .next = [&]() -> std::optional<Peer> {
                                                   return asked < 5 ? std::optional(Peer{++asked})
                                                                    : std::nullopt;
                                                 },
                                                 .bytes_per_step = 30})));  // three records
  tick();
  EXPECT_EQ(committed(), "peer(1) peer(2) peer(3)");
  sink_->reply_next(Call::commit, failure(Fault::environment, Effect::ended));
  tick();
  EXPECT_EQ(committed(), "");
  EXPECT_EQ(asked, 5);
  while (!import.poll()) {
    advance(1s);
    run_ticks();
  }
  EXPECT_EQ(committed(), "peer(4) peer(5)");
  EXPECT_EQ(outcome_of(import).steps, 2U);
  EXPECT_EQ(asked, 5);
}

TEST_F(Newcomer, AStepIsToldToYieldOnceItHasBoundItsBytes) {
  Writes peers = add_class("peers");
  std::vector<bool> due;
  const Job job{.name = "job",
                .step = [&](Transaction& t) -> Result<Step> {
                  for (int i = 0; i < 3; ++i) {
                    due.push_back(t.yield_due());
                    (void)t.execute("sql", std::int64_t{1});  // 10 bytes
                  }
                  due.push_back(t.yield_due());
                  return Step::done;
                },
                .bytes_per_step = 20};
  Receipt receipt = ok(peers.handle().submit(job));
  run_ticks();
  EXPECT_EQ(due, (std::vector{false, false, true, true}));
}

}  // namespace
}  // namespace test
}  // namespace onelane
