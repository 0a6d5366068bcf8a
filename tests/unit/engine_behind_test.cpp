// What becomes of a record that waits behind a newer one of its key, which is not committed.
#include <initializer_list>
#include <vector>

#include "tests/support/lane.h"

namespace onelane::test {
namespace {

class LaneBehind : public QuietLane {
 protected:
  LaneBehind() { sink_->set_can_sync(); }

  Writes add_coalescing(ClassOptions options = {}) {
    options.coalesce = true;
    return add_class("peers", options);
  }
  void reject(const std::string& row) {
    sink_->fail_row(row, failure(Fault::record, Effect::undone));
  }
  // Takes the transaction along.
  void end_transaction_at(const std::string& row) {
    sink_->fail_row(row, failure(Fault::record, Effect::ended));
  }
  // Of what was pushed, with nothing committed.
  void stage() {
    sink_->reply_next(Call::begin, failure(Fault::busy, Effect::ended));
    tick();
  }
  void tick_later() {
    advance(seconds(1));
    tick();
  }
  // 101 records of one key, of which only the oldest can be written, beside a record of another
  // class.
  void reject_in_one_place_until_a_tick_is_over() {
    open();
    Writes peers = add_coalescing(), others = add_class("others");
    sink_->set_cost(Call::apply, milliseconds(1));
    reject("peers(1, bad)");
    all_.push_back(peers.submit(1, "old"));
    for (int i = 0; i < 99; ++i) peers.push(1, "bad");
    all_.push_back(peers.submit(1, "bad"));
    others.push(3);
  }
  // Of one key, so that each waits behind the next.
  static std::vector<Receipt> submit_all(Writes& peers, std::initializer_list<const char*> texts) {
    std::vector<Receipt> all;
    for (const char* text : texts) all.push_back(peers.submit(1, text));
    return all;
  }

  std::vector<Receipt> all_;  // the oldest and the newest
};

TEST_F(LaneBehind, ItIsWrittenInThePlaceOfOneThatIsRejected) {
  open();
  Writes peers = add_coalescing();
  reject("peers(1, bad)");
  Receipt old = peers.submit(1, "old"), bad = peers.submit(1, "bad");
  tick();
  EXPECT_EQ(end_of(old) + " " + end_of(bad), "committed rejected");
  EXPECT_EQ(outcome_of(bad).cause.code(), Errc::record);
  EXPECT_EQ(committed(), "peers(1, old)");
  EXPECT_EQ(stats_of("peers").queued_records, 0U);
}

TEST_F(LaneBehind, OfManyTheNewestIsWrittenThatCanBe) {
  open();
  Writes peers = add_coalescing();
  reject("peers(1, c)");
  reject("peers(1, d)");
  std::vector<Receipt> all = submit_all(peers, {"a", "b", "c", "d"});
  tick();
  EXPECT_EQ(ends_of(all), "superseded committed rejected rejected");
  EXPECT_EQ(committed(), "peers(1, b)");
}

TEST_F(LaneBehind, WhereNoneCanBeWrittenAllAreRejected) {
  open();
  Writes peers = add_coalescing();
  reject("peers(1, a)");
  reject("peers(1, b)");
  std::vector<Receipt> all = submit_all(peers, {"a", "b"});
  tick();
  EXPECT_EQ(ends_of(all), "rejected rejected");
  EXPECT_EQ(stats_of("peers").queued_records, 0U);
}

TEST_F(LaneBehind, ItComesBeforeWhatWasPushedAfterTheNewerOne) {
  open();
  Writes peers = add_coalescing();
  reject("peers(1, bad)");
  peers.push(1, "old");
  peers.push(2);
  peers.push(1, "bad");
  peers.push(3);
  tick();
  EXPECT_EQ(committed(), "peers(2) peers(1, old) peers(3)");
}

TEST_F(LaneBehind, ItIsSupersededOnlyWhenTheNewerOneIsCommitted) {
  open();
  Writes peers = add_coalescing();
  Receipt old = peers.submit(1, "old"), fresh = peers.submit(1, "new");
  stage();
  EXPECT_EQ(end_of(old) + " " + end_of(fresh), "in flight in flight");
  EXPECT_EQ(stats_of("peers").in_flight, 2U);
  EXPECT_EQ(stats_of("peers").queued_records, 2U);
  tick_later();
  EXPECT_EQ(end_of(old) + " " + end_of(fresh), "superseded committed");
  EXPECT_EQ(stats_of("peers").in_flight, 0U);
  EXPECT_EQ(stats_of("peers").end(End::superseded), 1U);
}

TEST_F(LaneBehind, ItRunsInTheSameTickAfterOneThatTookTheTransactionAlong) {
  open();
  Writes peers = add_coalescing();
  end_transaction_at("peers(1, bad)");
  Receipt old = peers.submit(1, "old"), bad = peers.submit(1, "bad");
  tick();
  EXPECT_EQ(end_of(old) + " " + end_of(bad), "committed rejected");
  EXPECT_EQ(committed(), "peers(1, old)");
}

TEST_F(LaneBehind, ManyThatAreRejectedInOnePlaceTakeNoMoreThanTheTicksHold) {
  open();
  Writes peers = add_coalescing(), others = add_class("others");
  sink_->set_cost(Call::apply, milliseconds(1));
  reject("peers(1, bad)");
  Receipt old = peers.submit(1, "old");
  for (int i = 0; i < 100; ++i) peers.push(1, "bad");
  peers.push(2);
  others.push(3);
  const TimePoint began = clock_->now();
  tick();
  EXPECT_LE(clock_->now() - began, milliseconds(13));  // and what was guaranteed after it
  EXPECT_GE(stats_of("peers").end(End::rejected), 5U);
  EXPECT_EQ(committed(), "others(3)");
  run_ticks();
  EXPECT_EQ(stats_of("peers").end(End::rejected), 100U);
  EXPECT_EQ(end_of(old), "committed");
  EXPECT_EQ(committed(), "peers(1, old) peers(2)");
}

TEST_F(LaneBehind, ManyThatTakeTheTransactionAlongEndInTheirTicksAndNothingOvertakesTheRest) {
  open();
  Writes peers = add_coalescing();
  end_transaction_at("peers(1, bad)");
  Receipt old = peers.submit(1, "old");
  for (int i = 0; i < 7; ++i) peers.push(1, "bad");
  peers.push(2);
  tick();
  EXPECT_EQ(stats_of("peers").end(End::rejected), 3U);
  EXPECT_EQ(committed(), "");
  tick();
  EXPECT_EQ(stats_of("peers").end(End::rejected), 6U);
  tick();
  EXPECT_EQ(stats_of("peers").end(End::rejected), 7U);
  EXPECT_EQ(end_of(old), "committed");
  EXPECT_EQ(committed(), "peers(1, old) peers(2)");
}

TEST_F(LaneBehind, ItTakesThePlaceOfOneThatIsCancelled) {
  open();
  Writes peers = add_coalescing();
  Receipt old = peers.submit(1, "old"), fresh = peers.submit(1, "new");
  peers.push(2);
  stage();
  EXPECT_TRUE(fresh.cancel());
  tick_later();
  EXPECT_EQ(end_of(old) + " " + end_of(fresh), "committed cancelled");
  EXPECT_EQ(committed(), "peers(1, old) peers(2)");
}

TEST_F(LaneBehind, ItTakesThePlaceOfOneThatIsCancelledWhileItsTickBegins) {
  open();
  Writes peers = add_coalescing();
  Receipt old = peers.submit(1, "old"), fresh = peers.submit(1, "new");
  sink_->on(Call::begin, [&](const std::string&) {
    EXPECT_TRUE(fresh.cancel());
    return Reply{};
  });
  tick();
  EXPECT_EQ(end_of(old) + " " + end_of(fresh), "committed cancelled");
  EXPECT_EQ(committed(), "peers(1, old)");
}

TEST_F(LaneBehind, ItTakesThePlaceOfOneThatExpires) {
  open();
  Writes peers = add_coalescing();
  Receipt old = peers.submit(1), fresh = peers.submit(1, expiring_in(milliseconds(1)));
  peers.push(2);
  stage();
  tick_later();
  EXPECT_EQ(end_of(old) + " " + end_of(fresh), "committed expired");
  EXPECT_EQ(committed(), "peers(1) peers(2)");
}

TEST_F(LaneBehind, ItsOwnCancelAndDeadlineHold) {
  open();
  Writes peers = add_coalescing();
  Receipt oldest = peers.submit(1), late = peers.submit(1, expiring_in(microseconds(1))),
          given_up = peers.submit(1), bad = peers.submit(1);
  stage();
  EXPECT_TRUE(given_up.cancel());
  advance(microseconds(1));
  tick();
  EXPECT_EQ(end_of(given_up) + " " + end_of(late), "cancelled expired");
  sink_->reply_next(Call::apply, failure(Fault::record, Effect::undone));
  tick_later();
  EXPECT_EQ(end_of(oldest) + " " + end_of(bad), "committed rejected");
  EXPECT_EQ(stats_of("peers").queued_records, 0U);
}

TEST_F(LaneBehind, ANewerOneStillSupersedesWhatTookAnOthersPlace) {
  open();
  Writes peers = add_coalescing();
  Receipt old = peers.submit(1, "old"), fresh = peers.submit(1, "new");
  stage();
  EXPECT_TRUE(fresh.cancel());
  tick();
  Receipt newest = peers.submit(1, "newest");
  tick_later();
  EXPECT_EQ(end_of(old) + " " + end_of(newest), "superseded committed");
}

TEST_F(LaneBehind, WhatARolledBackTickHadRejectedIsTriedAgainFirst) {
  open();
  Writes peers = add_coalescing();
  int attempts = 0;
  sink_->on(Call::apply, [&](const std::string& row) {
    if (row == "peers(2)" && attempts == 1) return failure(Fault::environment, Effect::ended);
    if (row != "peers(1, new)") return Reply{};
    return ++attempts == 1 ? failure(Fault::record, Effect::undone) : Reply{};
  });
  Receipt old = peers.submit(1, "old"), fresh = peers.submit(1, "new"), other = peers.submit(2);
  tick();
  ASSERT_EQ(attempts, 1);
  EXPECT_EQ(end_of(old) + " " + end_of(fresh), "in flight in flight");
  advance(seconds(1));
  run_ticks();
  EXPECT_EQ(end_of(old) + " " + end_of(fresh) + " " + end_of(other),
            "superseded committed committed");
}

TEST_F(LaneBehind, WhatTookTheTransactionAlongIsNotTriedAgainWhenTheTickIsRolledBack) {
  open();
  Writes peers = add_coalescing();
  end_transaction_at("peers(1, bad)");
  sink_->reply_next(Call::commit, failure(Fault::busy, Effect::undone));
  Receipt old = peers.submit(1, "old"), bad = peers.submit(1, "bad"), other = peers.submit(2);
  tick();
  EXPECT_EQ(end_of(old) + " " + end_of(bad), "in flight rejected");
  advance(seconds(1));
  run_ticks();
  EXPECT_EQ(end_of(old) + " " + end_of(other), "committed committed");
}

TEST_F(LaneBehind, WhatWasRejectedInAnAttemptThatFailedRunsAgainWhereTheNextDoesNotReachIt) {
  open();
  Writes peers = add_coalescing({.guarantee = {.records = 1}});
  sink_->set_cost(Call::apply, milliseconds(2));
  reject("peers(1, bad)");
  end_transaction_at("peers(3)");
  peers.push(4);
  peers.push(5);
  Receipt old = peers.submit(1, "old"), bad = peers.submit(1, "bad"), culprit = peers.submit(3);
  tick();
  EXPECT_EQ(end_of(culprit), "rejected");
  EXPECT_EQ(committed(), "peers(4)");
  EXPECT_EQ(end_of(old) + " " + end_of(bad), "in flight in flight");
  run_ticks();
  EXPECT_EQ(end_of(old) + " " + end_of(bad), "committed rejected");
}

TEST_F(LaneBehind, ItRunsOnceTheNewerOneHasFailedAloneForTooLong) {
  open();
  Writes peers = add_coalescing();
  sink_->fail_row("peers(1, bad)", failure(Fault::environment, Effect::ended));
  Receipt old = peers.submit(1, "old"), bad = peers.submit(1, "bad");
  for (int i = 0; i < 200; ++i) tick_later();
  EXPECT_EQ(end_of(old) + " " + end_of(bad), "committed rejected");
}

TEST_F(LaneBehind, ACommitOfUnknownOutcomeThatIsFencedRunsAgainFromTheNewest) {
  open();
  Writes peers = add_coalescing();
  reject("peers(1, bad)");
  sink_->reply_next(Call::commit, failure(Fault::environment, Effect::unknown));
  Receipt oldest = peers.submit(1, "oldest"), old = peers.submit(1, "old"),
          bad = peers.submit(1, "bad"), other = peers.submit(2);
  tick();
  ASSERT_EQ(journal_->stats().fences, 1U);
  EXPECT_EQ(end_of(oldest) + " " + end_of(old) + " " + end_of(bad),
            "in flight in flight in flight");
  advance(seconds(1));
  run_ticks();
  EXPECT_EQ(end_of(oldest) + " " + end_of(old) + " " + end_of(bad) + " " + end_of(other),
            "superseded committed rejected committed");
}

TEST_F(LaneBehind, WhatGaveWayToOneThatWasCancelledRunsAgainAfterAFence) {
  open();
  Writes peers = add_coalescing();
  reject("peers(1, bad)");
  sink_->reply_next(Call::commit, failure(Fault::environment, Effect::unknown));
  Receipt old = peers.submit(1, "old"), bad = peers.submit(1, "bad"), other = peers.submit(2),
          third = peers.submit(3);
  sink_->on(Call::begin, [&](const std::string&) {
    (void)old.cancel();
    return Reply{};
  });
  tick();
  ASSERT_EQ(journal_->stats().fences, 1U);
  EXPECT_EQ(end_of(old) + " " + end_of(bad), "cancelled in flight");
  advance(seconds(1));
  run_ticks();
  EXPECT_EQ(end_of(bad) + " " + end_of(other) + " " + end_of(third),
            "rejected committed committed");
  EXPECT_EQ(stats_of("peers").queued_records, 0U);
}

TEST_F(LaneBehind, ItIsUnknownWithTheNewerOne) {
  open();
  Writes peers = add_coalescing();
  reject("peers(1, bad)");
  sink_->reply_next(Call::commit, failure(Fault::environment, Effect::unknown));
  sink_->reply_next(Call::probe, failure(Fault::sync, Effect::ended));
  Receipt oldest = peers.submit(1, "oldest"), old = peers.submit(1, "old"),
          bad = peers.submit(1, "bad");
  EXPECT_EQ(journal_->tick().status().code(), Errc::poisoned);
  EXPECT_EQ(end_of(oldest) + " " + end_of(old) + " " + end_of(bad), "unknown unknown closed");
  EXPECT_EQ(outcome_of(oldest).cause.code(), Errc::poisoned);
  EXPECT_EQ(stats_of("peers").in_flight, 0U);
}

// Of the newest records many are rejected, until the tick has no time for the next older one.
TEST_F(LaneBehind, WhatGaveWayToOneThatTheTickDidNotReachIsClosedWhereCommitPoisons) {
  reject_in_one_place_until_a_tick_is_over();
  sink_->reply_next(Call::commit, failure(Fault::sync, Effect::unknown));
  EXPECT_EQ(journal_->tick().status().code(), Errc::poisoned);
  EXPECT_EQ(ends_of(all_), "closed closed");
  EXPECT_EQ(stats_of("peers").end(End::closed), 101U);
  EXPECT_EQ(stats_of("others").end(End::unknown), 1U);
  EXPECT_EQ(stats_of("peers").in_flight, 0U);
}

TEST_F(LaneBehind, WhatGaveWayToOneThatTheTickDidNotReachRunsAgainAfterAFence) {
  reject_in_one_place_until_a_tick_is_over();
  sink_->reply_next(Call::commit, failure(Fault::environment, Effect::unknown));
  tick();
  ASSERT_EQ(journal_->stats().fences, 1U);
  EXPECT_EQ(stats_of("peers").in_flight, 101U);
  advance(seconds(1));
  run_ticks();
  EXPECT_EQ(ends_of(all_), "committed rejected");
  EXPECT_EQ(stats_of("peers").end(End::rejected), 100U);
  EXPECT_EQ(stats_of("peers").in_flight, 0U);
}

TEST_F(LaneBehind, ItIsClosedWithTheNewerOne) {
  open();
  Writes peers = add_coalescing();
  std::vector<Receipt> all = submit_all(peers, {"a", "b", "c"});
  sink_->reply_next(Call::begin, failure(Fault::corrupt, Effect::ended));
  EXPECT_EQ(journal_->tick().status().code(), Errc::poisoned);
  EXPECT_EQ(ends_of(all), "closed closed closed");
}

TEST_F(LaneBehind, ACloseThatDrainsWritesIt) {
  open();
  Writes peers = add_coalescing();
  reject("peers(1, bad)");
  Receipt old = peers.submit(1, "old"), bad = peers.submit(1, "bad");
  journal_->close(seconds(1));
  EXPECT_EQ(end_of(old) + " " + end_of(bad), "committed rejected");
}

TEST_F(LaneBehind, AFlushWaitsForNothingThatIsBehindWhatWasPushedAfterIt) {
  open();
  Writes peers = add_coalescing({.budget = {.records = 1}});
  peers.push(2);
  peers.push(3);
  Receipt old = peers.submit(1, "old"), fresh;
  sink_->on(Call::begin, [&](const std::string&) {
    if (!fresh.valid()) fresh = peers.submit(1, "new");  // while old waits for its turn
    return Reply{};
  });
  EXPECT_TRUE(journal_->flush(seconds(1)).ok());
  EXPECT_EQ(end_of(old) + " " + end_of(fresh), "committed in flight");
  run_ticks();
  EXPECT_EQ(end_of(fresh), "committed");
}

TEST_F(LaneBehind, TheOldestCountsForMaxDelay) {
  open();
  Writes peers = add_coalescing({.max_delay = milliseconds(10)});
  std::vector<Receipt> all;
  for (const char* text : {"a", "b", "c", "d"}) {
    all.push_back(peers.submit(1, text));
    advance(milliseconds(4));
    stage();
  }
  tick_later();
  EXPECT_EQ(ends_of(all), "superseded committed superseded committed");
  EXPECT_EQ(committed(), "peers(1, b) peers(1, d)");
}

TEST_F(LaneBehind, AFullClassSupersedesOfThemJustAsManyAsItMustOldestFirst) {
  open();
  Writes peers = add_coalescing({.capacity_records = 4, .when_full = WhenFull::reject});
  std::vector<Receipt> all = submit_all(peers, {"a", "b", "c", "d"});
  peers.push(2);
  EXPECT_EQ(ends_of(all), "superseded in flight in flight in flight");
  peers.push(3);
  EXPECT_EQ(ends_of(all), "superseded superseded in flight in flight");
  EXPECT_EQ(stats_of("peers").queued_records, 4U);
  EXPECT_EQ(stats_of("peers").end(End::superseded), 2U);
  reject("peers(1, d)");
  tick();
  EXPECT_EQ(ends_of(all), "superseded superseded committed rejected");
}

TEST_F(LaneBehind, AnOverfullClassSupersedesThemWhenATickStagesThem) {
  open();
  Writes peers = add_coalescing({.capacity_records = 1, .when_full = WhenFull::reject});
  Receipt old = peers.submit(1, "old");
  peers.push(1, "new");  // takes its place
  EXPECT_EQ(stats_of("peers").queued_records, 2U);
  stage();
  EXPECT_EQ(end_of(old), "superseded");
  EXPECT_EQ(stats_of("peers").queued_records, 1U);
}

TEST_F(LaneBehind, WhatIsBehindWhatATickHasInHandMakesRoomAtOnce) {
  open();
  Writes peers = add_coalescing({.capacity_records = 3, .when_full = WhenFull::reject});
  std::vector<Receipt> all = submit_all(peers, {"a", "b", "c"});
  bool pushed = false;
  sink_->on(Call::begin, [&](const std::string&) {
    if (std::exchange(pushed, true)) return Reply{};
    peers.push(2);
    EXPECT_EQ(ends_of(all), "superseded in flight in flight");
    EXPECT_EQ(stats_of("peers").queued_records, 3U);
    return Reply{};
  });
  reject("peers(1, c)");
  run_ticks();
  ASSERT_TRUE(pushed);
  EXPECT_EQ(ends_of(all), "superseded committed rejected");
  EXPECT_EQ(committed(), "peers(1, b) peers(2)");
  EXPECT_EQ(stats_of("peers").queued_records, 0U);
}

TEST_F(LaneBehind, WhatMadeRoomDuringATickThatFailedIsSupersededOnce) {
  open();
  Writes peers = add_coalescing({.capacity_records = 3, .when_full = WhenFull::reject});
  std::vector<Receipt> all = submit_all(peers, {"a", "b", "c"});
  bool pushed = false;
  sink_->on(Call::begin, [&](const std::string&) {
    if (std::exchange(pushed, true)) return Reply{};
    peers.push(2);
    peers.push(3);
    EXPECT_EQ(ends_of(all), "superseded superseded in flight");
    EXPECT_EQ(peers.try_push(4).code(), Errc::full);
    return failure(Fault::busy, Effect::ended);
  });
  tick();
  ASSERT_TRUE(pushed);
  advance(seconds(1));
  run_ticks();
  EXPECT_EQ(ends_of(all), "superseded superseded committed");
  EXPECT_EQ(stats_of("peers").end(End::superseded), 2U);
  EXPECT_EQ(stats_of("peers").in_flight, 0U);
  EXPECT_EQ(stats_of("peers").queued_records, 0U);
}

TEST_F(LaneBehind, AFullClassDoesNotKeepTwoOfAKeyForAFlush) {
  open();
  Writes peers = add_coalescing(
      {.budget = {.records = 1}, .capacity_records = 3, .when_full = WhenFull::reject});
  peers.push(2);
  peers.push(3);
  Receipt old = peers.submit(1, "old"), fresh;
  sink_->on(Call::begin, [&](const std::string&) {
    if (fresh.valid()) return Reply{};
    fresh = peers.submit(1, "new");
    EXPECT_EQ(peers.try_push(4).code(), Errc::full);
    EXPECT_EQ(end_of(old), "superseded");
    return Reply{};
  });
  EXPECT_TRUE(journal_->flush(seconds(1)).ok());
  ASSERT_TRUE(fresh.valid());
  run_ticks();
  EXPECT_EQ(end_of(fresh), "committed");
}

TEST_F(LaneBehind, ATickKeepsItsBytesWhereTheOlderOnesAreLarger) {
  open({.tick = {.records = 4096, .bytes = 4 * kKiB, .hold = milliseconds(10)}});
  Writes peers = add_coalescing({.guarantee = {.records = 1, .bytes = kKiB}});
  const std::string large(1000, 'x');
  for (int key = 0; key < 20; ++key) {
    peers.push(key, large);
    peers.push(key, "bad");
    reject("peers(" + std::to_string(key) + ", bad)");
  }
  tick();
  const std::uint64_t committed_now = stats_of("peers").end(End::committed);
  EXPECT_GE(committed_now, 3U);
  EXPECT_LE(committed_now, 5U);
  run_ticks();
  EXPECT_EQ(stats_of("peers").end(End::committed), 20U);
}

}  // namespace
}  // namespace onelane::test
