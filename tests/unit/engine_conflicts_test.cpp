// Ticks that lose to another transaction: they are run again as they are, a bounded number of
// times.
#include "tests/support/lane.h"

namespace onelane::test {
namespace {

using namespace std::chrono_literals;

class Conflicts : public Lane {
 protected:
  Conflicts() {
    open();
    peers_.emplace(add_class("peers"));
  }
  Writes& peers() { return *peers_; }
  // One attempt, as a tick that is not disturbed makes it.
  static constexpr char kAttempt[] =
      "begin, apply peers(1), verify, apply peers(2), verify, commit";

  std::optional<Writes> peers_;
};

TEST_F(Conflicts, ATickThatLosesInCommitRunsAgainAsItIs) {
  const std::vector<Receipt> both = peers().submit_all(1, 2);
  sink_->reply_next(Call::commit, failure(Fault::conflict, Effect::ended), 2);
  tick();
  EXPECT_EQ(ends_of(both), "committed committed");
  const std::string again = std::string(kAttempt) + ", rollback, ";
  EXPECT_EQ(calls(), again + again + kAttempt);
  const JournalStats stats = journal_->stats();
  EXPECT_EQ(stats.conflicts, 2U);
  EXPECT_EQ(stats.attempts, 3U);
  EXPECT_EQ(stats.ticks, 1U);
}

TEST_F(Conflicts, SoDoesOneThatLosesInAStatement) {
  const std::vector<Receipt> both = peers().submit_all(1, 2);
  sink_->reply_next(Call::apply, failure(Fault::conflict, Effect::kept));
  tick();
  EXPECT_EQ(ends_of(both), "committed committed");
  EXPECT_EQ(calls(), std::string("begin, apply peers(1), rollback, ") + kAttempt);
}

TEST_F(Conflicts, WhatLosesAllTheTimeIsTriedLaterAndHoldsUpNoOtherClass) {
  Writes visits = add_class("visits");
  const Receipt loses = peers().submit(1);
  const Receipt other = visits.submit(1);
  sink_->calls_do_not_matter();
  sink_->fail_row("peers(1)", failure(Fault::conflict, Effect::ended));
  tick();
  EXPECT_EQ(journal_->stats().conflicts, 8U);
  run_ticks();
  EXPECT_EQ(end_of(loses), "in flight");
  EXPECT_EQ(end_of(other), "committed");
  sink_->heal();
  advance(1s);
  run_ticks();
  EXPECT_EQ(end_of(loses), "committed");
}

TEST_F(Conflicts, ATickThatTakesLongToLoseIsNotRunAgainAtOnce) {
  const Receipt one = peers().submit(1);
  sink_->calls_do_not_matter();
  sink_->set_cost(Call::commit, 1s);  // as a deadlock takes
  sink_->reply_next(Call::commit, failure(Fault::conflict, Effect::ended));
  tick();
  EXPECT_EQ(end_of(one), "in flight");
  EXPECT_EQ(journal_->stats().conflicts, 0U);
  run_ticks();
  advance(1s);
  run_ticks();
  EXPECT_EQ(end_of(one), "committed");
}

TEST_F(Conflicts, WhatLosesAloneFor30SecondsOfPausesIsRejected) {
  const Receipt loses = peers().submit(1);
  sink_->calls_do_not_matter();
  sink_->fail_row("peers(1)", failure(Fault::conflict, Effect::ended));
  constexpr int kTicksMax = 1000;
  int ticks = 0;
  for (; ticks < kTicksMax && end_of(loses) == "in flight"; ++ticks) {
    tick();
    advance(256ms);
  }
  EXPECT_EQ(end_of(loses), "rejected");
  EXPECT_LT(journal_->stats().attempts, 2000U);
}

}  // namespace
}  // namespace onelane::test
