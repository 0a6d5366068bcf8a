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

  std::string told_;
  std::optional<Writes> peers_;
};

TEST_F(Events, NothingIsToldOfAHealthyLane) {
  peers().push_all(1, 10);
  run_for(3s);
  EXPECT_EQ(told(), "");
}

TEST_F(Events, ALockOfSomebodyElsesIsToldAfterASecondAndWhenItIsOver) {
  sink_->reply_next(Call::begin, failure(Fault::busy, Effect::ended), 10'000);
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

TEST_F(Events, AStoreThatTakesNoCommitsIsToldAndWhenItDoesAgain) {
  sink_->reply_next(Call::begin, failure(Fault::environment, Effect::ended), 10'000);
  sink_->reply_next(Call::probe, failure(Fault::environment, Effect::ended), 10'000);
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

// In the lane it would be refused as in_lane.
TEST_F(Events, TheHandlerIsOutsideTheLaneAndMayCallTheJournal) {
  Status flushed(Errc::internal, "not called");
  begin([&](const Event&) {
    sink_->heal();
    peers().push(2);
    flushed = journal_->flush();
  });
  sink_->reply_next(Call::begin, failure(Fault::busy, Effect::ended), 10'000);
  peers().push(1);
  run_for(1100ms);
  EXPECT_EQ(flushed.code(), Errc::would_block) << flushed.to_string();
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
