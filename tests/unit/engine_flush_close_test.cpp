// Flush, close, and what is still possible afterwards.
#include <algorithm>
#include <random>

#include "tests/support/lane.h"

namespace onelane::test {
namespace {

class LaneFlush : public QuietLane {
 protected:
  LaneFlush() {
    open();
    peers_.emplace(add_class("peers"));
  }
  Writes& peers() { return *peers_; }

  std::optional<Writes> peers_;
};

using LaneClose = LaneFlush;
using LaneAfterClose = LaneFlush;
using LaneAccounting = QuietLane;

TEST_F(LaneFlush, ReturnsWhenEverythingPushedBeforeIsSettled) {
  Writes other = add_class("other");
  const std::vector<Receipt> all = peers().submit_all(1, 20'000);
  Receipt one = other.submit(1);
  EXPECT_TRUE(journal_->flush().ok());
  EXPECT_EQ(stats_of("peers").end(End::committed), 20'000U);
  EXPECT_EQ(end_of(one), "committed");
}

TEST_F(LaneFlush, OfNothingTouchesNothing) {
  EXPECT_TRUE(journal_->flush().ok());
  EXPECT_EQ(journal_->stats().attempts, 0U);
}

TEST_F(LaneFlush, DoesNotWaitForWhatComesAfterIt) {
  open({.tick = {.records = 2, .bytes = kMiB, .hold = seconds(1)}});
  Writes few = add_class("few", {.guarantee = {.records = 1, .bytes = kKiB}});
  few.push_all(1, 2);
  bool pushed = false;
  sink_->on(Call::begin, [&](const std::string&) {
    if (!pushed) few.push_all(3, 10);
    pushed = true;
    return Reply{};
  });
  EXPECT_TRUE(journal_->flush().ok());
  EXPECT_EQ(committed(), "few(1) few(2)");
}

TEST_F(LaneFlush, IsNoUnitInTheFigures) {
  peers().push(1);
  EXPECT_TRUE(journal_->flush().ok());
  EXPECT_EQ(stats_of("peers").accepted, 1U);
  EXPECT_EQ(stats_of("peers").end(End::committed), 1U);
  EXPECT_EQ(stats_of("peers").in_flight, 0U);
  EXPECT_EQ(stats_of("peers").total_ns.count(), 1U);
}

TEST_F(LaneFlush, OnAManualJournalDoesNotWaitForALock) {
  sink_->reply_next(Call::begin, failure(Fault::busy, Effect::ended));
  peers().push(1);
  EXPECT_EQ(journal_->flush().code(), Errc::would_block);
  advance(seconds(1));
  EXPECT_TRUE(journal_->flush().ok());
}

TEST_F(LaneFlush, ThatWasGivenUpLeavesNothingBehind) {
  sink_->reply_next(Call::begin, failure(Fault::busy, Effect::ended), 1'000'000);
  peers().push(1);
  for (int i = 0; i < 10'000; ++i) {
    ASSERT_EQ(journal_->flush(Duration(0)).code(), Errc::timed_out);
    if (i % 1000 == 0) tick();
  }
  EXPECT_EQ(stats_of("peers").in_flight, 1U);
  sink_->heal();
  advance(seconds(1));
  EXPECT_TRUE(journal_->flush().ok());
  EXPECT_EQ(committed(), "peers(1)");
}

TEST_F(LaneFlush, BeyondAFewThousandBetweenTwoDrainsIsRefused) {
  peers().push(1);
  for (int i = 0; i < 4096; ++i) {
    ASSERT_EQ(journal_->flush(Duration(0)).code(), Errc::timed_out);
  }
  EXPECT_EQ(journal_->flush(Duration(0)).code(), Errc::full);
  tick();
  EXPECT_TRUE(journal_->flush().ok());
}

TEST_F(LaneFlush, SaysTimedOutOnceTheTimeGivenIsOver) {
  open({.tick = {.records = 1, .bytes = kMiB, .hold = seconds(1)}});
  Writes slow = add_class("slow", {.guarantee = {.records = 1, .bytes = kKiB}});
  sink_->set_cost(Call::commit, milliseconds(10));
  slow.push_all(1, 10);
  EXPECT_EQ(journal_->flush(milliseconds(25)).code(), Errc::timed_out);
  EXPECT_EQ(committed(), "slow(1) slow(2) slow(3)");
  EXPECT_TRUE(journal_->flush(Duration::max()).ok());
}

TEST_F(LaneClose, DrainsAndReportsEveryEnd) {
  sink_->fail_row("peers(2)", failure(Fault::record, Effect::undone));
  const std::vector<Receipt> all = peers().submit_all(1, 5);
  Receipt cancelled = peers().submit(6);
  EXPECT_TRUE(cancelled.cancel());
  const CloseReport report = journal_->close(Duration::max());
  EXPECT_TRUE(report.status.ok()) << report.status.to_string();
  EXPECT_EQ(report.end(End::committed), 4U);
  EXPECT_EQ(report.end(End::rejected), 1U);
  EXPECT_EQ(report.end(End::cancelled), 1U);
  EXPECT_EQ(sink_->closed(), CloseMode::healthy);
}

TEST_F(LaneClose, WithDeadlineZeroSettlesWhatIsQueuedAsClosed) {
  const std::vector<Receipt> all = peers().submit_all(1, 2);
  const CloseReport report = journal_->close(Duration(0));
  EXPECT_EQ(report.status.code(), Errc::timed_out);
  EXPECT_EQ(report.end(End::closed), 2U);
  EXPECT_EQ(ends_of(all), "closed closed");
  EXPECT_EQ(outcome_of(all[0]).cause.code(), Errc::closed);
  EXPECT_EQ(committed(), "");
}

TEST_F(LaneClose, WithDeadlineZeroAndNothingQueuedIsWhole) {
  EXPECT_TRUE(journal_->close(Duration(0)).status.ok());
}

TEST_F(LaneClose, ThatTheDeadlineCutSettlesTheRest) {
  open({.tick = {.records = 2, .bytes = kMiB, .hold = seconds(1)}});
  Writes slow = add_class("slow", {.guarantee = {.records = 1, .bytes = kKiB}});
  sink_->set_cost(Call::commit, milliseconds(10));
  const std::vector<Receipt> all = slow.submit_all(1, 5);
  EXPECT_EQ(journal_->close(milliseconds(15)).status.code(), Errc::timed_out);
  EXPECT_EQ(ends_of(all), "committed committed committed committed closed");
}

TEST_F(LaneClose, TheDeadlineOfAUnitThatIsSettledCutsNothing) {
  EXPECT_TRUE(peers().try_push(1, expiring_in(seconds(5))).ok());
  EXPECT_TRUE(journal_->close(seconds(1)).status.ok());
  EXPECT_EQ(committed(), "peers(1)");
}

TEST_F(LaneClose, AgainGivesTheSameReport) {
  peers().push(1);
  const CloseReport first = journal_->close(seconds(1));
  const CloseReport second = journal_->close(Duration(0));
  EXPECT_EQ(first.ends, second.ends);
  EXPECT_EQ(first.status.to_string(), second.status.to_string());
}

TEST_F(LaneClose, ReportsASinkThatDidNotCloseWell) {
  sink_->set_close_status({Errc::storage, "the checkpoint failed", 10});
  EXPECT_EQ(journal_->close(seconds(1)).status.message(), "the checkpoint failed");
}

TEST_F(LaneClose, WhileTheDatabaseIsLockedSettlesTheRest) {
  sink_->reply_next(Call::begin, failure(Fault::busy, Effect::ended), 1000);
  Receipt one = peers().submit(1);
  EXPECT_EQ(journal_->close(seconds(1)).status.code(), Errc::timed_out);
  EXPECT_EQ(end_of(one), "closed");
}

TEST_F(LaneAfterClose, EveryCallSaysClosed) {
  EXPECT_TRUE(journal_->close(seconds(1)).status.ok());
  EXPECT_EQ(peers().try_push(1).code(), Errc::closed);
  EXPECT_EQ(peers().handle().push(peers().group_of({1})).code(), Errc::closed);
  EXPECT_EQ(
      peers().handle().submit(Job{.step = [](Transaction&) { return Step::done; }}).status().code(),
      Errc::closed);
  EXPECT_EQ(journal_->flush().code(), Errc::closed);
  EXPECT_EQ(journal_->tick().status().code(), Errc::closed);
  EXPECT_EQ(journal_->add_class({.name = "late"}).status().code(), Errc::closed);
  EXPECT_EQ(journal_->add_statement({"late", {}, {}}).status().code(), Errc::closed);
  EXPECT_EQ(stats_of("peers").refused, 3U);
}

TEST_F(LaneAfterClose, TheDestructorHasDrained) {
  Receipt one = peers().submit(1);
  journal_.reset();
  EXPECT_EQ(end_of(one), "committed");
  EXPECT_EQ(sink_->closed(), CloseMode::healthy);
}

TEST_F(LaneAfterClose, ADestructorWithoutTimeSettlesTheRestAsClosed) {
  open({.close_timeout = Duration(0)});
  Writes writes = add_class("peers");
  Receipt one = writes.submit(1);
  journal_.reset();
  EXPECT_EQ(end_of(one), "closed");
}

TEST_F(LaneAfterClose, ReceiptsAndClassesOutliveTheJournal) {
  Receipt one = peers().submit(1);
  journal_.reset();
  EXPECT_EQ(one.wait()->end, End::committed);
  EXPECT_FALSE(one.cancel());
  EXPECT_EQ(peers().try_push(2).code(), Errc::closed);
  EXPECT_EQ(peers().handle().name(), "peers");
}

TEST_F(LaneAfterClose, AMovedJournalGoesOn) {
  Receipt one = peers().submit(1);
  Journal moved = *std::move(journal_);
  EXPECT_TRUE(moved.flush().ok());
  EXPECT_EQ(end_of(one), "committed");
  journal_.reset();
  EXPECT_TRUE(peers().try_push(2).ok());
}

TEST_F(LaneAfterClose, AssigningOverAJournalClosesIt) {
  Receipt one = peers().submit(1);
  const auto first = std::exchange(sink_, std::make_shared<Recording>());
  sink_->calls_do_not_matter();
  *journal_ = ok(Journal::open(std::make_unique<RecordingSink>(sink_), {.drive = Drive::manual}));
  EXPECT_EQ(end_of(one), "committed");
  EXPECT_EQ(first->closed(), CloseMode::healthy);
}

// --- accepted = the sum of the ends + what is in flight, after every single operation.

class Ledger {
 public:
  void add(Receipt receipt) { receipts_.push_back(std::move(receipt)); }
  std::vector<Receipt>& receipts() { return receipts_; }

  // What a tick has seen of it: a unit that its receipt cancelled counts as in flight till then.
  void expect_matches(const ClassStats& stats) const {
    std::uint64_t ended = 0;
    for (const std::uint64_t end : stats.ends) ended += end;
    EXPECT_EQ(stats.accepted, ended + stats.in_flight);
    EXPECT_EQ(stats.accepted, receipts_.size());
    EXPECT_EQ(stats.offered, stats.accepted + stats.refused);
    EXPECT_EQ(stats.in_flight - unsettled(), cancelled() - stats.end(End::cancelled));
  }
  std::uint64_t unsettled() const {
    return static_cast<std::uint64_t>(std::count_if(receipts_.begin(), receipts_.end(),
                                                    [](const Receipt& r) { return !r.poll(); }));
  }

 private:
  std::uint64_t cancelled() const {
    return static_cast<std::uint64_t>(std::count_if(
        receipts_.begin(), receipts_.end(),
        [](const Receipt& r) { return r.poll() && r.poll()->end == End::cancelled; }));
  }
  std::vector<Receipt> receipts_;
};

TEST_F(LaneAccounting, HoldsAfterEverySingleOperation) {
  constexpr unsigned kSeed = 20;
  std::mt19937 random(kSeed);
  const auto one_in = [&](unsigned n) { return random() % n == 0; };
  open({.tick = {.records = 8, .bytes = 64 * kKiB, .hold = milliseconds(10)}});
  Writes peers = add_class("peers", {.guarantee = {.records = 4, .bytes = kKiB},
                                     .capacity_records = 20,
                                     .when_full = WhenFull::drop_oldest,
                                     .coalesce = true});
  sink_->on(Call::apply, [&](const std::string&) {
    return one_in(8) ? failure(Fault::record, static_cast<Effect>(random() % 3)) : Reply{};
  });
  sink_->on(Call::begin, [&](const std::string&) {
    return one_in(8) ? failure(Fault::busy, Effect::ended) : Reply{};
  });
  sink_->on(Call::commit, [&](const std::string&) {
    return one_in(8) ? failure(Fault::environment, Effect::ended) : Reply{};
  });
  Ledger ledger;
  const auto keep = [&](Result<Receipt> receipt) {
    if (receipt) ledger.add(*std::move(receipt));
  };
  for (int i = 0; i < 3000; ++i) {
    switch (random() % 6) {
      case 0:
        keep(peers.try_submit(random() % 8));
        break;
      case 1:
        keep(peers.try_submit(random() % 8, expiring_in(milliseconds(random() % 8))));
        break;
      case 2:
        keep(peers.handle().submit(peers.group_of({1, 2, 3})));
        break;
      case 3:
        keep(peers.handle().submit(Job{.step = [&](Transaction& t) -> Result<Step> {
          if (one_in(4)) return Status(Errc::record, "no");
          return t.steps() < 2 ? Step::more : Step::done;
        }}));
        break;
      case 4:
        if (!ledger.receipts().empty()) (void)ledger.receipts().back().cancel();
        break;
      case 5:
        advance(milliseconds(random() % 4));
        tick();
    }
    ledger.expect_matches(stats_of("peers"));
    ASSERT_FALSE(HasFailure()) << "seed " << kSeed << ", operation " << i;
  }
  const CloseReport report = journal_->close(seconds(1));
  ledger.expect_matches(stats_of("peers"));
  EXPECT_EQ(ledger.unsettled(), 0U);
  EXPECT_EQ(stats_of("peers").queued_records, 0U);
  EXPECT_EQ(stats_of("peers").queued_bytes, 0U);
  for (const End end : {End::committed, End::rejected, End::superseded, End::dropped, End::expired,
                        End::cancelled, End::incomplete}) {
    EXPECT_GT(report.end(end), 0U) << name(end);
  }
}

}  // namespace
}  // namespace onelane::test
