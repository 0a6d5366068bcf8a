// Durable receipts: what waits for a sync, what a sync covers, and what a failed one leaves.
#include <gtest/gtest.h>

#include <new>

#include "tests/support/coroutine.h"
#include "tests/support/lane.h"

namespace onelane::test {
namespace {

constexpr PushOptions kDurable{.promise = Promise::durable};

class Durable : public Lane {
 protected:
  Durable() { sink_->set_can_sync(); }
  void renew_sink() override {
    Lane::renew_sink();
    sink_->set_can_sync();
  }
  void open_with(Promise promise = Promise::committed) {
    open();
    peers_.emplace(add_class("peers", {.promise = promise}));
  }
  std::uint64_t durable() { return journal_->stats().durable; }

  const Reply failed_sync_ = failure(Fault::sync, Effect::ended);
  std::optional<Writes> peers_;
};

TEST_F(Durable, NothingIsSyncedForWhoAsksForCommitted) {
  open_with();
  const Receipt one = peers_->submit(1);
  tick();
  EXPECT_TRUE(outcome_of(one).committed());
  EXPECT_FALSE(outcome_of(one).durable);
  EXPECT_EQ(durable(), 0U);
  EXPECT_EQ(calls(), "begin, apply peers(1), verify, commit");
  sink_->calls_do_not_matter();
}

TEST_F(Durable, APromiseIsKeptByOneSyncAfterTheCommit) {
  open_with();
  const Receipt plain = peers_->submit(1);
  const Receipt promised = peers_->submit(2, kDurable);
  tick();
  EXPECT_EQ(calls(), "begin, apply peers(1), verify, apply peers(2), verify, commit, sync");
  EXPECT_TRUE(outcome_of(promised).durable);
  EXPECT_TRUE(outcome_of(plain).durable);
  EXPECT_EQ(durable(), 1U);
  EXPECT_EQ(journal_->stats().sync_ns.count(), 1U);
}

TEST_F(Durable, AClassCanPromiseItForAllItsUnits) {
  open_with(Promise::durable);
  Receipt one = peers_->submit(1);
  tick();
  EXPECT_EQ(calls(), "begin, apply peers(1), verify, commit, sync");
  EXPECT_TRUE(ok(one.wait()).durable);
  const Receipt two = peers_->submit(2, {.promise = Promise::committed});
  tick();
  EXPECT_EQ(calls(), "begin, apply peers(2), verify, commit");
  EXPECT_FALSE(outcome_of(two).durable);
  sink_->calls_do_not_matter();
}

TEST_F(Durable, AManualWaitSyncsOnTheCallersThreadOnceForAllThatIsCommitted) {
  open_with();
  Receipt one = peers_->submit(1);
  tick();
  Receipt two = peers_->submit(2);
  tick();
  sink_->calls_do_not_matter();
  EXPECT_TRUE(ok(one.wait_durable()).durable);
  EXPECT_TRUE(ok(two.wait_durable_for(Duration(0))).durable);
  EXPECT_EQ(journal_->stats().sync_ns.count(), 1U);
}

TEST_F(Durable, ASyncCoversNoCommitThatReturnsWhileItRuns) {
  open_with();
  Receipt one = peers_->submit(1);
  Receipt two;
  tick();
  sink_->on(Call::sync, [&](const std::string&) -> Reply {
    if (two.valid()) return {};
    two = peers_->submit(2);
    tick();
    return {};
  });
  EXPECT_TRUE(ok(one.wait_durable()).durable);
  EXPECT_EQ(durable(), 1U);
  EXPECT_FALSE(outcome_of(two).durable);
  EXPECT_TRUE(ok(two.wait_durable()).durable);
  sink_->calls_do_not_matter();
}

TEST_F(Durable, AUnitThatIsNotCommittedWaitsForNoSync) {
  open_with();
  sink_->fail_row("peers(1)", failure(Fault::record, Effect::undone));
  Receipt bad = peers_->submit(1, kDurable);
  Receipt gone = peers_->submit(2, kDurable);
  ASSERT_TRUE(gone.cancel());
  tick();
  EXPECT_EQ(ok(bad.wait()).end, End::rejected);
  EXPECT_EQ(ok(gone.wait_durable()).end, End::cancelled);
  EXPECT_EQ(durable(), 0U);
  EXPECT_EQ(calls(), "begin, apply peers(1), rollback");
}

TEST_F(Durable, AFailedSyncPoisonsAndWhatWasCommittedIsNeverCalledDurable) {
  open_with();
  Receipt one = peers_->submit(1, kDurable);
  sink_->reply_next(Call::sync, failed_sync_);
  EXPECT_EQ(journal_->tick().status().code(), Errc::poisoned);
  const Status lost = one.wait().status();
  EXPECT_EQ(lost.code(), Errc::not_durable);
  EXPECT_NE(lost.message().find("committed in commit 1, durability lost"), std::string::npos);
  EXPECT_EQ(lost.sqlite_code(), failed_sync_.cause.sqlite_code());
  EXPECT_TRUE(outcome_of(one).committed());
  EXPECT_EQ(outcome_of(one).cause.code(), Errc::not_durable);
  EXPECT_EQ(peers_->try_push(2).code(), Errc::poisoned);
  // The next sync would succeed, but is not asked.
  EXPECT_EQ(one.wait_durable().status().code(), Errc::not_durable);
  EXPECT_EQ(durable(), 0U);
  EXPECT_EQ(calls(), "begin, apply peers(1), verify, commit, sync");
  EXPECT_EQ(journal_->close(seconds(1)).status.code(), Errc::poisoned);
  EXPECT_EQ(sink_->closed(), CloseMode::poisoned);
}

TEST_F(Durable, ASyncWithoutMemoryCountsAsFailed) {
  open_with();
  Receipt one = peers_->submit(1, kDurable);
  sink_->on(Call::sync, [](const std::string&) -> Reply { throw std::bad_alloc(); });
  EXPECT_EQ(journal_->tick().status().code(), Errc::poisoned);
  const Status lost = one.wait().status();
  EXPECT_EQ(lost.code(), Errc::not_durable);
  EXPECT_NE(lost.message().find("out of memory"), std::string::npos);
  EXPECT_EQ(durable(), 0U);
  sink_->calls_do_not_matter();
}

TEST_F(Durable, AfterPoisonOfAnotherKindNothingMoreIsCalledDurable) {
  open_with();
  Receipt one = peers_->submit(1);
  tick();
  peers_->push(2);
  sink_->reply_next(Call::begin, failure(Fault::corrupt, Effect::ended));
  EXPECT_EQ(journal_->tick().status().code(), Errc::poisoned);
  EXPECT_EQ(one.wait_durable().status().code(), Errc::not_durable);
  EXPECT_EQ(durable(), 0U);
  EXPECT_EQ(calls(), "begin, apply peers(1), verify, commit, begin");
}

TEST_F(Durable, WhatWasDurableBeforePoisonStaysSo) {
  open_with();
  Receipt one = peers_->submit(1, kDurable);
  tick();
  const Receipt two = peers_->submit(2, kDurable);
  sink_->reply_next(Call::sync, failed_sync_);
  EXPECT_EQ(journal_->tick().status().code(), Errc::poisoned);
  EXPECT_TRUE(ok(one.wait_durable()).durable);
  EXPECT_FALSE(outcome_of(two).durable);
  sink_->calls_do_not_matter();
}

TEST_F(Durable, AFailedSyncBeyondTheCounterThatASyncReadTakesNothingBack) {
  open_with();
  Receipt one = peers_->submit(1, kDurable);
  // The lane is poisoned while the sync runs, which itself succeeds.
  sink_->on(Call::sync, [&](const std::string&) -> Reply {
    peers_->push(2);
    sink_->reply_next(Call::begin, failure(Fault::corrupt, Effect::ended));
    (void)journal_->tick();
    return {};
  });
  (void)journal_->tick();
  EXPECT_EQ(one.wait().status().code(), Errc::not_durable);
  EXPECT_EQ(durable(), 0U);
  sink_->calls_do_not_matter();
}

TEST_F(Durable, ABarrierCommitsOnceMoreAndSyncs) {
  open_with();
  const Receipt one = peers_->submit(1);
  EXPECT_TRUE(journal_->sync().ok());
  EXPECT_EQ(calls(), "begin, apply peers(1), verify, commit, probe, sync");
  EXPECT_TRUE(outcome_of(one).durable);
  EXPECT_EQ(durable(), 2U);
  EXPECT_TRUE(journal_->sync().ok());  // with nothing new it proves the disk all the same
  EXPECT_EQ(calls(), "probe, sync");
}

TEST_F(Durable, ABarrierWhoseCommitOrSyncFailsSaysSo) {
  open_with();
  sink_->reply_next(Call::probe, failure(Fault::busy, Effect::ended));
  EXPECT_EQ(journal_->sync().code(), Errc::would_block);
  sink_->reply_next(Call::probe, failure(Fault::environment, Effect::ended));
  EXPECT_EQ(journal_->sync().code(), Errc::storage);
  sink_->reply_next(Call::sync, failed_sync_);
  EXPECT_EQ(journal_->sync().code(), Errc::not_durable);
  EXPECT_EQ(journal_->sync().code(), Errc::poisoned);
  EXPECT_EQ(calls(), "probe, probe, probe, sync");
}

TEST_F(Durable, AnAwaitedPromiseResumesOnceItIsKept) {
  open_with();
  PumpedExecutor executor;
  std::string seen;
  Receipt one = peers_->submit(1, kDurable);
  const auto wait = [&]() -> Detached {
    const Outcome outcome = co_await one.on(executor);
    seen = outcome.durable ? "durable" : outcome.cause.ok() ? "committed" : "lost";
  };
  wait();
  sink_->on(Call::sync, [&](const std::string&) -> Reply {
    executor.run();
    EXPECT_EQ(seen, "");  // committed, but not durable yet
    return {};
  });
  tick();
  executor.run();
  EXPECT_EQ(seen, "durable");
  sink_->calls_do_not_matter();
}

TEST_F(Durable, AnAwaitedPromiseThatCannotBeKeptResumesWithTheCause) {
  open_with();
  PumpedExecutor executor;
  Outcome seen;
  Receipt one = peers_->submit(1, kDurable);
  const auto wait = [&]() -> Detached { seen = co_await one.on(executor); };
  wait();
  sink_->reply_next(Call::sync, failed_sync_);
  (void)journal_->tick();
  executor.run();
  EXPECT_TRUE(seen.committed());
  EXPECT_FALSE(seen.durable);
  EXPECT_EQ(seen.cause.code(), Errc::not_durable);
  sink_->calls_do_not_matter();
}

TEST_F(Durable, CloseMakesAllDurableAndReceiptsKnowAfterwards) {
  open_with();
  Receipt one = peers_->submit(1);
  EXPECT_TRUE(journal_->close(seconds(1)).status.ok());
  EXPECT_EQ(calls(), "begin, apply peers(1), verify, commit, sync");
  EXPECT_TRUE(ok(one.wait_durable()).durable);
}

TEST_F(Durable, ACloseWhoseSyncFailsIsNotHealthy) {
  open_with();
  Receipt one = peers_->submit(1);
  sink_->reply_next(Call::sync, failed_sync_);
  EXPECT_EQ(journal_->close(seconds(1)).status.code(), Errc::poisoned);
  EXPECT_EQ(sink_->closed(), CloseMode::poisoned);
  EXPECT_EQ(one.wait_durable().status().code(), Errc::not_durable);
  sink_->calls_do_not_matter();
}

TEST_F(Durable, ASyncThatFailsWithoutACausePoisonsLikeAnyOther) {
  open_with(Promise::durable);
  Receipt one = peers_->submit(1);
  sink_->reply_next(Call::sync, {.fault = Fault::sync});
  EXPECT_EQ(journal_->tick().status().code(), Errc::poisoned);
  EXPECT_EQ(journal_->stats().durable, 0U);
  EXPECT_EQ(one.wait_durable().status().code(), Errc::not_durable);
  sink_->calls_do_not_matter();
}

TEST_F(Durable, WhereACommitIsDurableByItselfNothingIsSynced) {
  sink_->set_durable();
  open_with(Promise::durable);
  Receipt one = peers_->submit(1);
  tick();
  EXPECT_EQ(calls(), "begin, apply peers(1), verify, commit");
  EXPECT_TRUE(ok(one.wait_durable()).durable);
  EXPECT_TRUE(journal_->sync().ok());
  EXPECT_EQ(calls(), "probe");
}

class Committed : public Lane {};

TEST_F(Committed, ASinkThatCannotSyncSaysSoToWhoWaitsForDurable) {
  open();
  Writes peers = add_class("peers");
  Receipt one = peers.submit(1);
  tick();
  const Status why = one.wait_durable().status();
  EXPECT_EQ(why.code(), Errc::not_durable);
  EXPECT_NE(why.message().find("cannot make a commit durable"), std::string::npos);
  EXPECT_TRUE(journal_->close(seconds(1)).status.ok());
  sink_->calls_do_not_matter();
}

}  // namespace
}  // namespace onelane::test
