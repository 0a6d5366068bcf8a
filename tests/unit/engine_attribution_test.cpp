// Which class, lock or disk had the lane, and how long each class waited behind it.
#include <numeric>

#include "tests/support/lane.h"
#include "tests/support/plain_sink.h"
#include "tests/support/scripted_log.h"

namespace onelane::test {
namespace {

using namespace std::chrono_literals;

class Attributed : public QuietLane {
 protected:
  Attributed() {
    open();
    heavy_.emplace(add_class("heavy"));
    peers_.emplace(add_class("peers"));
    sink_->set_cost(Call::apply, 2ms);
    sink_->set_cost(Call::commit, 1ms);
  }
  Writes& heavy() { return *heavy_; }
  Writes& peers() { return *peers_; }
  // While heavy's next record is applied, so that it waits for the rest of that tick.
  void push_to_peers_meanwhile() {
    sink_->on(Call::apply, [this](const std::string& row) {
      if (row.starts_with("heavy") && !std::exchange(pushed_, true)) peers().push(1);
      return Reply();
    });
  }
  std::string behind(const WaitedBehind& what) {
    std::string out;
    const auto add = [&](std::string_view name, Duration time) {
      if (time < 1us) return;
      out += (out.empty() ? "" : ", ") + std::string(name) + " " +
             std::to_string((time + 500us) / 1ms) + " ms";
    };
    const JournalStats stats = journal_->stats();
    for (std::size_t i = 0; i < what.classes.size(); ++i) {
      add(stats.classes[i].name, what.classes[i]);
    }
    for (std::size_t i = 0; i < kObstacleCount; ++i) {
      add(name(static_cast<Obstacle>(i)), what.obstacles[i]);
    }
    return out;
  }
  std::string peers_behind() { return behind(stats_of("peers").behind); }

  std::optional<Writes> heavy_;
  std::optional<Writes> peers_;
  bool pushed_ = false;
};

TEST_F(Attributed, AClassWaitsBehindTheOneWhoseTickItMissed) {
  heavy().push_all(1, 3);
  push_to_peers_meanwhile();
  tick();
  tick();
  EXPECT_EQ(peers_behind(), "heavy 7 ms");
}

TEST_F(Attributed, WhatWaitsBehindItsOwnClassSaysSo) {
  heavy().push_all(1, 40);  // the tick's hold is 10 ms, and it is learned on the way
  run_ticks();
  const WaitedBehind behind = stats_of("heavy").behind;
  EXPECT_GT(behind.classes[0], 60ms);
  EXPECT_EQ(behind.classes[1], 0ms);
}

TEST_F(Attributed, TheLanesTimeIsDividedAmongItsClasses) {
  heavy().push_all(1, 3);
  peers().push(1);
  tick();
  const JournalStats stats = journal_->stats();
  EXPECT_EQ(stats.classes[0].held + stats.classes[1].held, stats.held);
  EXPECT_GT(stats.classes[0].held, 6ms);
  EXPECT_LT(stats.classes[0].held, 7ms);
  EXPECT_EQ(stats.classes[0].commits, 1U);
  EXPECT_EQ(stats.classes[1].commits, 1U);
}

TEST_F(Attributed, EachOfManyClassesInATickHasItsPart) {
  std::vector<Writes> classes;
  for (int i = 0; i < 12; ++i) classes.push_back(add_class("class" + std::to_string(i)));
  for (Writes& each : classes) each.push(1);
  tick();
  const JournalStats stats = journal_->stats();
  Duration held{0};
  for (std::size_t i = 2; i < stats.classes.size(); ++i) {
    EXPECT_EQ(stats.classes[i].commits, 1U) << i;
    EXPECT_GE(stats.classes[i].held, 2ms) << i;
    EXPECT_EQ(stats.classes[i].recent.commits, 1U) << i;
    held += stats.classes[i].held;
  }
  EXPECT_NEAR(static_cast<double>(held.count()), static_cast<double>(stats.held.count()), 1e3);
}

TEST_F(Attributed, ACommitCountsThoughItTookNoTime) {
  sink_->set_cost(Call::apply, 0ms);
  sink_->set_cost(Call::commit, 0ms);
  peers().push(1);
  tick();
  EXPECT_EQ(stats_of("peers").commits, 1U);
}

TEST_F(Attributed, ACommitIsNoneOfAClassWhoseUnitsWereRejected) {
  sink_->fail_row("peers(1)", failure(Fault::record, Effect::undone));
  peers().push(1);
  heavy().push(1);
  tick();
  EXPECT_EQ(stats_of("heavy").commits, 1U);
  EXPECT_EQ(stats_of("peers").commits, 0U);
  EXPECT_GE(stats_of("peers").held, 2ms);  // its statement ran all the same
}

TEST_F(Attributed, ALockOfSomebodyElsesIsWhatWasWaitedBehind) {
  sink_->reply_next(Call::begin, failure(Fault::busy, Effect::ended), 1);
  peers().push(1);
  tick();
  advance(30ms);
  tick();
  EXPECT_EQ(peers_behind(), "lock 30 ms");
  const JournalStats stats = journal_->stats();
  EXPECT_EQ(stats.foreign.lock_waits, 1U);
  EXPECT_GE(stats.foreign.lock_wait_ns.max(), 30'000'000U);
}

TEST_F(Attributed, AStoreThatTakesNoCommitsIsADisk) {
  sink_->reply_next(Call::commit, failure(Fault::environment, Effect::ended), 10'000);
  sink_->reply_next(Call::probe, failure(Fault::environment, Effect::ended), 10'000);
  peers().push(1);
  for (int i = 0; i < 100; ++i) {
    tick();
    advance(10ms);
  }
  sink_->heal();
  tick();
  const WaitedBehind behind = stats_of("peers").behind;
  EXPECT_GE(behind.of(Obstacle::disk), 900ms);
  EXPECT_EQ(behind.of(Obstacle::lock), 0ms);
}

TEST_F(Attributed, AGatheringWindowIsItsOwnChoice) {
  Writes slow = add_class("slow", {.gather = 50ms});
  slow.push(1);
  tick();
  advance(50ms);
  tick();
  EXPECT_EQ(behind(stats_of("slow").behind), "window 50 ms");
}

TEST_F(Attributed, AnIntervalIsItsOwnChoice) {
  Writes slow = add_class("slow", {.interval = 50ms});
  slow.push(1);
  tick();
  slow.push(2);
  tick();
  advance(60ms);
  tick();
  EXPECT_GE(stats_of("slow").behind.of(Obstacle::window), 50ms);
}

TEST_F(Attributed, ALaneThatWasNotTickedIsNobodysWork) {
  peers().push(1);
  advance(7ms);
  tick();
  EXPECT_EQ(peers_behind(), "other 7 ms");
}

TEST_F(Attributed, WhereCommitSyncsThatIsTheDisksTimeAndNoClasss) {
  journal_.reset();
  sink_ = std::make_shared<Recording>(clock_.get());
  sink_->calls_do_not_matter();
  sink_->set_durable();
  sink_->set_cost(Call::apply, 2ms);
  sink_->set_cost(Call::commit, 20ms);
  journal_.emplace(ok(Journal::open(std::make_unique<RecordingSink>(sink_),
                                    {.drive = Drive::manual, .clock = clock_})));
  heavy_.emplace(add_class("heavy"));
  peers_.emplace(add_class("peers"));
  heavy().push(1);
  push_to_peers_meanwhile();
  tick();
  tick();
  EXPECT_EQ(peers_behind(), "heavy 2 ms, sync 20 ms");
  EXPECT_EQ(stats_of("heavy").held, 22ms);
}

TEST_F(Attributed, WhatWasWaitedBehindAddsUpToTheWaits) {
  heavy().push_all(1, 100);
  for (int i = 0; i < 20; ++i) {
    peers().push(i);
    advance(Duration(i * 100us));
    tick();
  }
  run_ticks();
  // Where one unit of a class waits at a time, its class waits as long as they all do.
  const ClassStats stats = stats_of("peers");
  EXPECT_NEAR(static_cast<double>(stats.behind.sum().count()),
              static_cast<double>(stats.wait_ns.sum()), 1e6);
}

TEST_F(Attributed, TheSlowestTicksAreToldWithTheirParts) {
  heavy().push_all(1, 3);
  peers().push(1);
  tick();
  advance(5ms);
  peers().push(2);
  tick();
  const JournalStats stats = journal_->stats();
  ASSERT_EQ(stats.slowest_ticks.size(), 2U);
  const TickStats& slowest = stats.slowest_ticks[0];
  EXPECT_EQ(slowest.hold, 9ms);
  EXPECT_EQ(slowest.statements, 8ms);
  EXPECT_EQ(slowest.commit_time, 1ms);
  EXPECT_EQ(slowest.commit, 1U);
  ASSERT_EQ(slowest.parts.size(), 2U);
  EXPECT_EQ(slowest.parts[0].write_class, 0U);
  EXPECT_EQ(slowest.parts[0].units, 3U);
  EXPECT_EQ(slowest.parts[0].records, 3U);
  EXPECT_EQ(slowest.parts[0].statements, 6ms);
  EXPECT_EQ(slowest.parts[1].statements, 2ms);
}

TEST_F(Attributed, TheSlowestTickNamesTheJobInIt) {
  (void)peers().submit_job(
      [this](Transaction&) {
        advance(40ms);
        return Step::done;
      },
      "vacuuming");
  tick();
  const JournalStats stats = journal_->stats();
  ASSERT_FALSE(stats.slowest_ticks.empty());
  EXPECT_EQ(stats.slowest_ticks[0].longest_step, "vacuuming");
  EXPECT_EQ(stats.slowest_ticks[0].longest_step_time, 40ms);
}

TEST_F(Attributed, TheSlowestUnitsAreToldWithWhatTheyWaitedBehind) {
  heavy().push_all(1, 3);
  push_to_peers_meanwhile();
  tick();
  tick();
  const JournalStats stats = journal_->stats();
  const auto slow = std::find_if(stats.slowest_units.begin(), stats.slowest_units.end(),
                                 [](const SlowUnitStats& unit) { return unit.write_class == 1; });
  ASSERT_NE(slow, stats.slowest_units.end());
  EXPECT_EQ(slow->wait, 7ms);
  EXPECT_EQ(slow->total, 10ms);
  EXPECT_EQ(slow->commit, 2U);
  EXPECT_EQ(behind(slow->behind), "heavy 7 ms");
  EXPECT_TRUE(slow->label.starts_with("lane.h:")) << slow->label;
}

TEST_F(Attributed, OnlyTheEightSlowestOfThisMinuteAndTheLastAreKept) {
  for (int i = 1; i <= 20; ++i) {
    sink_->set_cost(Call::apply, i * 1ms);
    peers().push(i);
    tick();
  }
  JournalStats stats = journal_->stats();
  ASSERT_EQ(stats.slowest_ticks.size(), 8U);
  EXPECT_EQ(stats.slowest_ticks.front().hold, 21ms);
  EXPECT_EQ(stats.slowest_ticks.back().hold, 14ms);
  advance(60s);
  EXPECT_EQ(journal_->stats().slowest_ticks.size(), 8U);
  advance(60s);
  EXPECT_EQ(journal_->stats().slowest_ticks.size(), 0U);
}

TEST_F(Attributed, AReceiptTellsWhereItsTimeWent) {
  sink_->set_can_sync();
  heavy().push_all(1, 3);
  std::optional<Receipt> receipt;
  sink_->on(Call::apply, [&](const std::string& row) {
    if (row == "heavy(1)") receipt = peers().submit(1);
    return Reply();
  });
  tick();
  ASSERT_TRUE(receipt);
  EXPECT_FALSE(receipt->journey());
  tick();
  const std::optional<Journey> journey = receipt->journey();
  ASSERT_TRUE(journey);
  EXPECT_EQ(journey->waited, 7ms);
  EXPECT_EQ(behind(journey->behind), "heavy 7 ms");
  EXPECT_EQ(journey->executed, 2ms);
  EXPECT_EQ(journey->committed, 1ms);
  EXPECT_FALSE(journey->synced);
}

TEST_F(Attributed, AJourneyEndsWithTheSyncThatMadeItDurable) {
  journal_.reset();
  sink_ = std::make_shared<Recording>(clock_.get());
  sink_->calls_do_not_matter();
  sink_->set_can_sync();
  sink_->set_cost(Call::sync, 4ms);
  journal_.emplace(ok(Journal::open(std::make_unique<RecordingSink>(sink_),
                                    {.drive = Drive::manual, .clock = clock_})));
  peers_.emplace(add_class("peers", {.promise = Promise::durable}));
  Receipt receipt = peers().submit(1);
  tick();
  const std::optional<Journey> journey = receipt.journey();
  ASSERT_TRUE(journey);
  EXPECT_EQ(journey->synced, std::optional<Duration>(4ms));
}

TEST_F(Attributed, AJourneyIsForgottenWithItsTick) {
  Receipt receipt = peers().submit(1);
  tick();
  ASSERT_TRUE(receipt.journey());
  for (int i = 0; i < 600; ++i) {
    peers().push(i);
    tick();
  }
  EXPECT_FALSE(receipt.journey());
}

TEST_F(Attributed, WhatWasNotCommittedHasNoJourney) {
  sink_->fail_row("peers(1)", failure(Fault::record, Effect::undone));
  Receipt receipt = peers().submit(1);
  tick();
  EXPECT_EQ(end_of(receipt), "rejected");
  EXPECT_FALSE(receipt.journey());
  EXPECT_FALSE(Receipt().journey());
}

TEST_F(Attributed, WindowsForgetAndTotalsDoNot) {
  peers().push(1);
  tick();
  advance(7s);
  EXPECT_EQ(stats_of("peers").recent.ended, 1U);
  advance(10s);
  EXPECT_EQ(stats_of("peers").recent.ended, 0U);
  EXPECT_EQ(stats_of("peers").minute.ended, 1U);
  advance(60s);
  const ClassStats stats = stats_of("peers");
  EXPECT_EQ(stats.minute.ended, 0U);
  EXPECT_EQ(stats.minute.held, 0ms);
  EXPECT_EQ(stats.behind_minute.sum(), 0ms);
  EXPECT_EQ(stats.total_ns.count(), 1U);
  EXPECT_GT(stats.held, 0ms);
}

TEST_F(Attributed, AWindowIsAsLongAsTheJournalWasOpenAtMost) {
  advance(3s);
  EXPECT_EQ(stats_of("peers").recent.span, 3s);
  EXPECT_EQ(stats_of("peers").minute.span, 3s);
  advance(500s);
  const ClassStats stats = stats_of("peers");
  EXPECT_GE(stats.recent.span, 10s);
  EXPECT_LT(stats.recent.span, 15s);
  EXPECT_GE(stats.minute.span, 60s);
  EXPECT_LT(stats.minute.span, 65s);
}

TEST_F(Attributed, AWindowKnowsRatesSharesAndPercentiles) {
  advance(100s);
  for (int i = 0; i < 1000; ++i) {
    peers().push(i);
    advance(7ms);
    tick();  // and 3 ms more
  }
  const Activity recent = stats_of("peers").recent;
  EXPECT_NEAR(recent.offered_per_s(), 100, 50);  // the window began before them
  EXPECT_NEAR(static_cast<double>(recent.wait_ns.p50()), 7e6, 0.13 * 7e6);
  EXPECT_EQ(recent.wait_ns.max(), 7'000'000U);
  EXPECT_EQ(recent.commits, recent.ended);
  EXPECT_NEAR(recent.share_of_lane(), 0.3, 0.15);
}

TEST_F(Attributed, TheTimelineHasAPointForEachFiveSeconds) {
  for (int i = 0; i < 30; ++i) {
    peers().push(i);
    tick();
    advance(1s);
  }
  const std::vector<ActivityPoint> timeline = stats_of("peers").timeline;
  ASSERT_GE(timeline.size(), 6U);
  const auto ended = std::accumulate(
      timeline.begin(), timeline.end(), std::uint64_t{0},
      [](std::uint64_t sum, const ActivityPoint& point) { return sum + point.ended; });
  EXPECT_EQ(ended, 30U);
  for (std::size_t i = 2; i < timeline.size(); ++i) {  // the first one began with the journal
    EXPECT_EQ(timeline[i].from - timeline[i - 1].from, 5s);
  }
}

TEST_F(Attributed, AnIntervalIsTheDifferenceOfTwoSnapshots) {
  heavy().push_all(1, 3);
  run_ticks();
  const JournalStats before = journal_->stats();
  EXPECT_EQ(before.since(before).classes[0].total_ns.count(), 0U);
  sink_->fail_row("peers(9)", failure(Fault::record, Effect::undone));
  peers().push_all(8, 9);
  advance(4ms);
  run_ticks();
  const JournalStats all = journal_->stats();
  const JournalStats between = all.since(before);
  EXPECT_EQ(between.classes[0].end(End::committed), 0U);
  EXPECT_EQ(between.classes[1].end(End::committed), 1U);
  EXPECT_EQ(between.classes[1].end(End::rejected), 1U);
  EXPECT_EQ(between.classes[1].offered, 2U);
  EXPECT_EQ(between.classes[1].rejections.size(), 1U);
  EXPECT_EQ(between.classes[1].wait_ns.count(), 2U);
  EXPECT_NEAR(static_cast<double>(between.classes[1].wait_ns.max()), 4e6, 0.04 * 4e6);
  EXPECT_EQ(between.committed, 1U);
  EXPECT_EQ(between.open, all.open - before.open);
  EXPECT_EQ(between.held, all.held - before.held);
  EXPECT_EQ(between.hold_ns.count(), 1U);
  EXPECT_EQ(between.classes[1].in_flight, all.classes[1].in_flight);
}

TEST_F(Attributed, AClassThatWasAddedMeanwhileCountsFromZero) {
  const JournalStats before = journal_->stats();
  Writes late = add_class("late");
  late.push(1);
  tick();
  const JournalStats between = journal_->stats().since(before);
  ASSERT_EQ(between.classes.size(), 3U);
  EXPECT_EQ(between.classes[2].end(End::committed), 1U);
}

TEST_F(Attributed, HealthIsTheGravestConditionAndWhy) {
  EXPECT_TRUE(journal_->health().ok());
  sink_->reply_next(Call::begin, failure(Fault::busy, Effect::ended), 100'000);
  peers().push(1);
  for (int i = 0; i < 120; ++i) {
    tick();
    advance(10ms);
  }
  Health health = journal_->health();
  EXPECT_EQ(health.condition, Condition::locked_out);
  EXPECT_EQ(health.cause.code(), Errc::locked);
  sink_->heal();
  advance(1s);
  tick();
  EXPECT_TRUE(journal_->health().ok());
  sink_->reply_next(Call::commit, failure(Fault::corrupt, Effect::ended));
  peers().push(2);
  EXPECT_EQ(journal_->tick().status().code(), Errc::poisoned);
  health = journal_->health();
  EXPECT_EQ(health.condition, Condition::poisoned);
  EXPECT_FALSE(health.cause.ok());
  EXPECT_EQ(health.cause.message(), journal_->stats().poison.message());
}

TEST_F(Attributed, AnEmptyJournalIsInGoodHealth) { EXPECT_TRUE(Journal().health().ok()); }

// A store whose first commit begins its log anew, which takes 6 ms, and whose log is over its limit
// then; it is copied back in the lane, which takes 8 ms.
class SinkWithLog final : public PlainSink {
 public:
  explicit SinkWithLog(FakeClock& clock) : clock_(clock) {
    log_.written_meanwhile = kMiB;
    log_.takes = [this] {
      if (log_.calls.back() != "close") return;
      in_closing_pass();
      clock_.advance(8ms);
    };
  }
  Log* log() noexcept override { return &log_; }
  bool begins_log_anew() const override { return anew_; }
  Reply probe() override {
    clock_.advance(6ms);
    anew_ = false;
    return {};
  }
  Reply commit() override {
    log_.now = {.bytes = 64 * kMiB, .commits = ++commits_, .may_copy = true};
    return {};
  }

  std::function<void()> in_closing_pass;

 private:
  FakeClock& clock_;
  ScriptedLog log_;
  bool anew_ = true;
  std::uint64_t commits_ = 0;
};

TEST_F(Attributed, CopyingTheLogBackAndBeginningItAnewAreCheckpoints) {
  auto sink = std::make_unique<SinkWithLog>(*clock_);
  SinkWithLog& store = *sink;
  journal_.emplace(ok(Journal::open(std::move(sink), {.drive = Drive::manual, .clock = clock_})));
  Writes users = add_class("users");
  store.in_closing_pass = [&, pushed = false]() mutable {
    if (!std::exchange(pushed, true)) users.push(2);
  };
  users.push(1);
  tick();
  EXPECT_EQ(behind(stats_of("users").behind), "checkpoint 6 ms");
  EXPECT_EQ(journal_->stats().log.closings, 1U);
  tick();
  EXPECT_EQ(behind(stats_of("users").behind), "checkpoint 14 ms");
}

}  // namespace
}  // namespace onelane::test
