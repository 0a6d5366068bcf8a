// What a push meets when its class is full.
#include "src/engine/class_lane.h"
#include "src/model/entry.h"
#include "tests/support/lane.h"
#include "tests/support/resident.h"
#include "tests/support/scale.h"

namespace onelane::test {
namespace {

class LaneCapacity : public QuietLane {
 protected:
  Writes add_full(WhenFull policy, std::uint64_t records) {
    return add_class("peers", {.capacity_records = records, .when_full = policy});
  }
};

TEST_F(LaneCapacity, RejectSaysFullAtOnceAndCountsIt) {
  open();
  Writes peers = add_full(WhenFull::reject, 3);
  peers.push_all(1, 3);
  const Status fourth = peers.try_push(4);
  EXPECT_EQ(fourth.code(), Errc::full);
  EXPECT_EQ(
      fourth.message(),
      "class \"peers\" is full: 3 of 3 records and 1536 of 67108864 bytes are taken; waited 0 ns "
      "for room");
  EXPECT_EQ(stats_of("peers").refused, 1U);
  EXPECT_EQ(stats_of("peers").accepted, 3U);
  EXPECT_EQ(stats_of("peers").offered, 4U);
}

TEST_F(LaneCapacity, BlockNeverBlocksOnAManualJournal) {
  open();
  Writes peers = add_full(WhenFull::block, 3);
  peers.push_all(1, 3);
  EXPECT_EQ(peers.try_push(4).code(), Errc::full);
}

TEST_F(LaneCapacity, IsThereAgainOnceATickSettledWhatHeldIt) {
  open();
  Writes peers = add_full(WhenFull::reject, 3);
  peers.push_all(1, 3);
  EXPECT_EQ(stats_of("peers").queued_records, 3U);
  tick();
  EXPECT_EQ(stats_of("peers").queued_records, 0U);
  EXPECT_EQ(stats_of("peers").queued_bytes, 0U);
  EXPECT_TRUE(peers.try_push(4).ok());
}

TEST_F(LaneCapacity, BytesCountAnEntrysWholeFootprint) {
  open();
  Writes peers = add_class("peers", {.capacity_bytes = 4 * kKiB, .when_full = WhenFull::reject});
  std::uint64_t pushed = 0;
  while (peers.try_push(1).ok()) ++pushed;
  const std::uint64_t each = stats_of("peers").queued_bytes / pushed;
  EXPECT_GT(each, sizeof(detail::Entry));
  EXPECT_EQ(pushed, 4 * kKiB / each);
}

TEST_F(LaneCapacity, DropOldestTakesTheNewAndDropsTheOldestAtOnce) {
  open();
  Writes peers = add_full(WhenFull::drop_oldest, 4);
  const std::vector<Receipt> all = peers.submit_all(1, 5);
  EXPECT_EQ(ends_of(all), "dropped in flight in flight in flight in flight");
  EXPECT_EQ(stats_of("peers").queued_records, 4U);
  tick();
  EXPECT_EQ(ends_of(all), "dropped committed committed committed committed");
  EXPECT_EQ(committed(), "peers(2) peers(3) peers(4) peers(5)");
  EXPECT_EQ(stats_of("peers").end(End::dropped), 1U);
}

TEST_F(LaneCapacity, DropOldestRefusesNothingWithoutATick) {
  open();
  Writes peers = add_full(WhenFull::drop_oldest, 8);
  peers.push_all(1, 10'000);
  EXPECT_EQ(stats_of("peers").refused, 0U);
  EXPECT_EQ(stats_of("peers").end(End::dropped), 9'992U);
  EXPECT_EQ(stats_of("peers").queued_records, 8U);
  tick();
  EXPECT_EQ(committed(),
            "peers(9993) peers(9994) peers(9995) peers(9996) peers(9997) peers(9998) peers(9999) "
            "peers(10000)");
}

TEST_F(LaneCapacity, DropOldestGoesOnWhileATickHoldsTheLane) {
  open();
  Writes peers = add_full(WhenFull::drop_oldest, 4);
  const std::vector<Receipt> in_hand = peers.submit_all(1, 4);
  std::vector<Receipt> meanwhile;
  sink_->on(Call::begin, [&](const std::string&) {
    if (meanwhile.empty()) meanwhile = peers.submit_all(5, 12);
    return Reply{};
  });
  tick();
  EXPECT_EQ(ends_of(in_hand), "committed committed committed committed");
  EXPECT_EQ(ends_of(meanwhile),
            "dropped dropped dropped dropped in flight in flight in flight in flight");
  EXPECT_EQ(stats_of("peers").queued_records, 4U);
  run_ticks();
  EXPECT_EQ(committed(),
            "peers(1) peers(2) peers(3) peers(4) peers(9) peers(10) peers(11) peers(12)");
}

TEST_F(LaneCapacity, WhatATickHadInHandIsTheOldestOnceItIsPutBack) {
  open();
  Writes peers = add_full(WhenFull::drop_oldest, 4);
  const std::vector<Receipt> in_hand = peers.submit_all(1, 4);
  std::vector<Receipt> meanwhile;
  sink_->on(Call::begin, [&](const std::string&) {
    if (!meanwhile.empty()) return Reply{};
    meanwhile = peers.submit_all(5, 8);
    return failure(Fault::busy, Effect::ended);
  });
  tick();
  EXPECT_EQ(stats_of("peers").queued_records, 8U);  // four of them had been in hand
  advance(seconds(1));
  run_ticks();
  EXPECT_EQ(ends_of(in_hand), "dropped dropped dropped dropped");
  EXPECT_EQ(ends_of(meanwhile), "committed committed committed committed");
}

TEST_F(LaneCapacity, WhatIsDroppedWhileATickHoldsTheLaneTakesNoMemory) {
  if (!kResidentTells) GTEST_SKIP() << "a sanitizer keeps what is freed";
  open();
  Writes peers = add_full(WhenFull::drop_oldest, 4);
  peers.push_all(1, 4);
  const long before = resident_kb();
  sink_->on(Call::begin, [&](const std::string&) {
    if (stats_of("peers").accepted == 4) peers.push_all(5, 300'000);
    return Reply{};
  });
  tick();
  EXPECT_EQ(stats_of("peers").end(End::dropped), 299'992U);
  EXPECT_LT(resident_kb() - before, 2000);  // a block each would be 112 MiB, a slot 14
}

TEST_F(LaneCapacity, DropOldestOfTheSmallestClassKeepsTheNewest) {
  open();
  Writes peers = add_full(WhenFull::drop_oldest, 1);
  const std::vector<Receipt> all = peers.submit_all(1, 3);
  tick();
  EXPECT_EQ(ends_of(all), "dropped dropped committed");
}

TEST_F(LaneCapacity, DropOldestCountsBytesToo) {
  open();
  Writes peers = add_class("peers", {.capacity_bytes = 10'000, .when_full = WhenFull::drop_oldest});
  const std::string text(4300, 'x');
  Receipt first = peers.submit(1, text), second = peers.submit(2, text);
  Receipt third = peers.submit(3, text);
  EXPECT_EQ(end_of(first), "dropped");
  tick();
  EXPECT_EQ(end_of(second) + " " + end_of(third), "committed committed");
}

TEST_F(LaneCapacity, WhatItsReceiptCancelledIsNotHeldAgainstTheLiving) {
  open();
  Writes peers = add_full(WhenFull::drop_oldest, 4);
  Receipt cancelled = peers.submit(1);
  EXPECT_TRUE(cancelled.cancel());
  const std::vector<Receipt> living = peers.submit_all(2, 5);
  tick();
  EXPECT_EQ(ends_of(living), "committed committed committed committed");
}

TEST_F(LaneCapacity, OfACancelledUnitIsThereAgainAtOnceAndTheUnitIsCounted) {
  open();
  Writes peers = add_full(WhenFull::reject, 3);
  std::vector<Receipt> all = peers.submit_all(1, 3);
  for (Receipt& receipt : all) EXPECT_TRUE(receipt.cancel());
  EXPECT_EQ(stats_of("peers").end(End::cancelled), 3U);
  EXPECT_EQ(stats_of("peers").in_flight, 0U);
  EXPECT_EQ(stats_of("peers").queued_records, 0U);
  peers.push_all(4, 6);
  tick();
  EXPECT_EQ(committed(), "peers(4) peers(5) peers(6)");
  EXPECT_EQ(stats_of("peers").end(End::cancelled), 3U);
  EXPECT_EQ(stats_of("peers").queued_bytes, 0U);
}

TEST_F(LaneCapacity, BoundsWhatIsCancelledBetweenTwoDrains) {
  open();
  Writes peers = add_full(WhenFull::reject, 4);
  int taken = 0;
  for (; taken < 100; ++taken) {
    Result<Receipt> receipt = peers.try_submit(taken);
    if (!receipt) break;
    EXPECT_TRUE(receipt->cancel());
  }
  EXPECT_EQ(taken, 8);  // its capacity, and as much again that was cancelled
  tick();
  EXPECT_EQ(stats_of("peers").queued_records, 0U);
  EXPECT_EQ(peers.submit_all(1, 4).size(), 4U);
}

TEST_F(LaneCapacity, OfUnitsCancelledWhileTheDatabaseIsLockedIsGivenBack) {
  open();
  Writes peers = add_full(WhenFull::reject, 3);
  sink_->reply_next(Call::begin, failure(Fault::busy, Effect::ended));
  std::vector<Receipt> all = peers.submit_all(1, 3);
  tick();
  for (Receipt& receipt : all) EXPECT_TRUE(receipt.cancel());
  EXPECT_EQ(stats_of("peers").queued_records, 0U);
  EXPECT_TRUE(peers.try_push(4).ok());
  advance(seconds(1));
  run_ticks();
  EXPECT_EQ(committed(), "peers(4)");
  EXPECT_EQ(stats_of("peers").queued_records, 0U);
}

TEST_F(LaneCapacity, AJobBetweenItsStepsIsNotDropped) {
  open();
  Writes peers = add_full(WhenFull::drop_oldest, 4);
  Receipt job =
      peers.submit_job([](Transaction& t) { return t.steps() == 0 ? Step::more : Step::done; });
  tick();
  const std::vector<Receipt> all = peers.submit_all(1, 4);
  run_ticks();
  EXPECT_EQ(end_of(job), "committed");
  EXPECT_EQ(ends_of(all), "dropped committed committed committed");
}

TEST_F(LaneCapacity, AUnitLargerThanTheWholeCapacityIsRefusedAsWrong) {
  open();
  for (const WhenFull policy : {WhenFull::block, WhenFull::reject, WhenFull::drop_oldest}) {
    const std::string name = "class" + std::to_string(static_cast<int>(policy));
    Writes writes = add_class(name, {.capacity_records = 4, .when_full = policy});
    EXPECT_EQ(writes.handle().push(writes.group_of({1, 2, 3, 4, 5})).code(),
              Errc::invalid_argument);
    EXPECT_TRUE(writes.handle().push(writes.group_of({1, 2, 3, 4})).ok());
  }
}

TEST_F(LaneCapacity, ARowLargerThanTheWholeCapacityIsNamedWithBoth) {
  open();
  Writes peers = add_class("peers", {.capacity_records = 9, .capacity_bytes = 4 * kKiB});
  const Status status = peers.try_push(1, std::string(5000, 'x'));
  EXPECT_EQ(status.code(), Errc::invalid_argument);
  EXPECT_NE(status.message().find("(9 records, 4096 bytes)"), std::string::npos)
      << status.message();
}

TEST_F(LaneCapacity, AFullCoalescingClassTakesWhatTakesAnOldersPlaceAndNothingElse) {
  open();
  Writes peers =
      add_class("peers", {.capacity_records = 4, .when_full = WhenFull::reject, .coalesce = true});
  peers.push_all(1, 4);
  for (int i = 0; i < 1000; ++i) peers.push(i % 4 + 1);
  EXPECT_EQ(peers.try_push(5).code(), Errc::full);
  EXPECT_EQ(stats_of("peers").end(End::superseded), 1000U);
  EXPECT_EQ(stats_of("peers").queued_records, 4U);
  tick();
  EXPECT_EQ(committed(), "peers(1) peers(2) peers(3) peers(4)");
}

TEST_F(LaneCapacity, AFullCoalescingClassRefusesALargerRecordInAnOldersPlace) {
  open();
  Writes peers = add_class(
      "peers", {.capacity_bytes = 4 * kKiB, .when_full = WhenFull::reject, .coalesce = true});
  for (int key = 1; key <= 8; ++key) peers.push(key, "x");
  EXPECT_EQ(peers.try_push(1, std::string(1000, 'x')).code(), Errc::full);
  EXPECT_TRUE(peers.try_push(1, "y").ok());
}

// A push that was granted room and has not arrived yet is as one of another thread.
TEST_F(LaneCapacity, AFullCoalescingClassTakesSuchRecordsFromSeveralThreadsAtOnce) {
  engine::CallSites sites;
  engine::ClassLane lane(0, {.name = "peers", .capacity_records = 2, .coalesce = true}, {}, sites);
  const auto keyed = [&lane](char key) {
    detail::EntryRef entry(detail::Entry::make(1, 1, lane.large_rows));
    entry->payload()[0] = static_cast<std::byte>(key);
    entry->rows = 1;
    return entry;
  };
  for (const char key : {'a', 'b'}) {
    detail::EntryRef older = keyed(key);
    ASSERT_TRUE(lane.gate.grant(queue::Gate::packed(1, older->footprint)));
    ASSERT_TRUE(lane.queue.push(older.release()));
  }
  ack::Wakes wakes;
  for (const char key : {'a', 'b'}) {
    const detail::EntryRef newer = keyed(key);
    EXPECT_TRUE(lane.charge_full(*newer, clock_->now(), wakes)) << key;
  }
  EXPECT_FALSE(lane.charge_full(*keyed('c'), clock_->now(), wakes));
  lane.settle_all({}, clock_->now(), wakes);
}

TEST_F(LaneCapacity, AFullCoalescingClassDoesSoWhileATickHoldsTheLane) {
  open();
  Writes peers =
      add_class("peers", {.capacity_records = 4, .when_full = WhenFull::reject, .coalesce = true});
  peers.push_all(1, 2);
  Receipt last;
  sink_->on(Call::begin, [&](const std::string&) {
    if (last.valid()) return Reply{};
    for (int i = 0; i < 1000; ++i) peers.push(i % 2 + 3);
    EXPECT_EQ(peers.try_push(1).code(), Errc::full);  // the tick has the older one in hand
    last = peers.submit(4);
    return Reply{};
  });
  run_ticks();
  ASSERT_TRUE(last.valid());
  EXPECT_EQ(end_of(last), "committed");
  EXPECT_EQ(stats_of("peers").end(End::superseded), 999U);
  EXPECT_EQ(committed(), "peers(1) peers(2) peers(3) peers(4)");
}

TEST_F(LaneCapacity, AFullClassThatCoalescesAndDropsSupersedesFirst) {
  open();
  Writes peers = add_class(
      "peers", {.capacity_records = 3, .when_full = WhenFull::drop_oldest, .coalesce = true});
  const std::vector<Receipt> all = peers.submit_all(1, 3);
  peers.push(2);
  tick();
  EXPECT_EQ(ends_of(all), "committed superseded committed");
}

// The committer thread asks for it once more as it goes to sleep.
TEST_F(LaneCapacity, WhatARefusedPushDrainedIsPendingUntilATickBegins) {
  engine::CallSites sites;
  engine::ClassLane lane(0, {.name = "peers", .capacity_records = 1, .coalesce = true}, {}, sites);
  const detail::EntryRef one(detail::Entry::make());
  one->retain();  // the lane's
  one->rows = 1;
  const std::uint64_t packed = queue::Gate::packed(one->rows, one->footprint);
  ASSERT_TRUE(lane.gate.grant(packed) && lane.queue.push(one.get()));
  const detail::EntryRef refused(detail::Entry::make());
  refused->rows = 1;
  ack::Wakes wakes;
  EXPECT_FALSE(lane.charge_full(*refused, clock_->now(), wakes));
  ASSERT_FALSE(lane.queue.pending());
  EXPECT_TRUE(lane.pending());
  lane.stage(clock_->now(), wakes);
  EXPECT_FALSE(lane.pending());
  lane.settle_all({}, clock_->now(), wakes);
}

}  // namespace
}  // namespace onelane::test
