// What an operator must know is told as it begins and as it is over: outside the lane, in no lock.
#include <stdexcept>

#include "tests/support/lane.h"

namespace onelane::test {
namespace {

using namespace std::chrono_literals;

class Events : public QuietLane {
 protected:
  Events() { begin(); }
  void begin(const EventHandler& handler = {}) {
    JournalOptions options;
    options.on_event = [this, handler](const Event& event) {
      told_ += std::string(told_.empty() ? "" : ", ") + (event.over ? "no more " : "") +
               std::string(name(event.condition));
      EXPECT_EQ(event.cause.ok(), event.over);
      EXPECT_EQ(event.when, clock_->now());
      if (handler) handler(event);
    };
    open(options);
    peers_.emplace(add_class("peers"));
  }
  std::string told() { return std::exchange(told_, ""); }
  // Ticks for so long, as a journal with a thread would.
  void run_for(Duration time) {
    for (const TimePoint end = clock_->now() + time; clock_->now() < end; advance(10ms)) {
      (void)journal_->tick();
    }
  }
  Writes& peers() { return *peers_; }
  // Somebody else has the write lock, for so many BEGINs or until the sink is healed.
  void lock(std::size_t begins = 10'000) {
    sink_->reply_next(Call::begin, failure(Fault::busy, Effect::ended), begins);
  }
  // The store takes no commits, until the sink is healed.
  void fail(Call call) {
    sink_->reply_next(call, failure(Fault::environment, Effect::ended), 10'000);
    sink_->reply_next(Call::probe, failure(Fault::environment, Effect::ended), 10'000);
  }

  std::string told_;
  std::optional<Writes> peers_;
};

TEST_F(Events, NothingIsToldOfAHealthyLane) {
  peers().push_all(1, 10);
  run_for(3s);
  EXPECT_EQ(told(), "");
}

TEST_F(Events, ALockOfSomebodyElsesIsToldAfterASecondAndWhenItIsOver) {
  lock();
  peers().push(1);
  run_for(900ms);
  EXPECT_EQ(told(), "");
  run_for(200ms);
  EXPECT_EQ(told(), "locked_out");
  run_for(2s);
  EXPECT_EQ(told(), "");
  sink_->heal();
  run_for(900ms);
  EXPECT_EQ(told(), "");
  run_for(200ms);
  EXPECT_EQ(told(), "no more locked_out");
}

TEST_F(Events, ALockThatNobodyWaitsForAnyMoreIsNotTold) {
  lock();
  Receipt late = ok(peers().try_submit(1, {.timeout = 50ms}));
  run_for(5s);
  EXPECT_EQ(end_of(late), "expired");
  EXPECT_EQ(told(), "");
}

TEST_F(Events, ALockThatIsReleasedIsNotToldWhereTheStoreThenFailsOtherwise) {
  lock(5);
  peers().push(1);
  fail(Call::commit);
  run_for(3s);
  EXPECT_EQ(told(), "stalled");
}

// The tick in which the unit expires is within the pause after the last try.
TEST_F(Events, ALockIsForgottenWithTheLastUnitThatWaitedForIt) {
  lock(6);
  (void)ok(peers().try_submit(1, {.timeout = 20ms}));
  for (int ms = 0; ms < 21; ++ms) {
    tick();
    advance(1ms);
  }
  sink_->heal();
  advance(3s);
  lock();
  peers().push(2);
  run_for(900ms);
  EXPECT_EQ(told(), "");
}

// A journal with a thread sleeps as long as TickReport::next says.
TEST_F(Events, AnIdleJournalLooksAgainUntilItHasToldThatItIsOver) {
  lock();
  peers().push(1);
  run_for(1100ms);
  EXPECT_EQ(told(), "locked_out");
  sink_->heal();
  advance(1s);
  TickReport report = tick();
  EXPECT_EQ(committed(), "peers(1)");
  for (int ticks = 0; ticks < 3 && report.next; ++ticks) {
    advance(*report.next - clock_->now());
    report = tick();
  }
  EXPECT_EQ(told(), "no more locked_out");
  EXPECT_FALSE(report.next.has_value());
}

TEST_F(Events, AStoreThatTakesNoCommitsIsToldAndWhenItDoesAgain) {
  fail(Call::begin);
  peers().push(1);
  run_for(2s);
  EXPECT_EQ(told(), "stalled");
  sink_->heal();
  run_for(2s);
  EXPECT_EQ(told(), "no more stalled");
}

TEST_F(Events, APoisonedJournalIsToldOnceAndNeverOver) {
  sink_->reply_next(Call::commit, failure(Fault::sync, Effect::kept));
  peers().push(1);
  run_for(5s);
  EXPECT_EQ(told(), "poisoned");
}

// In the lane a tick would be refused. Whatever else the thread is at, a wait might be for itself.
TEST_F(Events, TheHandlerIsOutsideTheLaneAndMayPushAndTickButNotWait) {
  Status ticked(Errc::internal, "not called");
  std::vector<Status> waited;
  begin([&](const Event&) {
    sink_->heal();
    peers().push(2);
    ticked = journal_->tick().status();
    waited = {journal_->flush(), journal_->sync(), journal_->close(1s).status,
              peers().try_write(3).status()};
  });
  lock();
  peers().push(1);
  run_for(1100ms);
  EXPECT_TRUE(ticked.ok()) << ticked.to_string();
  EXPECT_EQ(waited.size(), 4U);
  for (const Status& each : waited) EXPECT_EQ(each.code(), Errc::in_lane) << each.to_string();
  EXPECT_EQ(committed(), "peers(1) peers(2)");
}

TEST_F(Events, WhatTheHandlerThrowsIsDropped) {
  begin([](const Event&) { throw std::runtime_error("of the handler"); });
  sink_->reply_next(Call::commit, failure(Fault::sync, Effect::kept));
  peers().push(1);
  run_for(100ms);
  EXPECT_EQ(told(), "poisoned");
}

}  // namespace
}  // namespace onelane::test
