// Which of several records of one key is written.
#include "tests/support/lane.h"

namespace onelane::test {
namespace {

class LaneCoalescing : public QuietLane {
 protected:
  Writes add_coalescing(Duration max_delay = Duration(0)) {
    return add_class("peers", {.max_delay = max_delay, .coalesce = true});
  }
};

TEST_F(LaneCoalescing, TheNewestKeepsItsOwnPlaceAndTheOlderEndsSuperseded) {
  open();
  Writes peers = add_coalescing();
  Receipt old = peers.submit(1, "old"), other = peers.submit(2, "x"),
          fresh = peers.submit(1, "new");
  tick();
  EXPECT_EQ(end_of(old) + " " + end_of(other) + " " + end_of(fresh),
            "superseded committed committed");
  EXPECT_EQ(committed(), "peers(2, x) peers(1, new)");
}

TEST_F(LaneCoalescing, OfManyOnlyTheNewestIsWritten) {
  open();
  Writes peers = add_coalescing();
  for (int i = 0; i < 100; ++i) peers.push(1, std::to_string(i));
  tick();
  EXPECT_EQ(committed(), "peers(1, 99)");
  EXPECT_EQ(stats_of("peers").end(End::superseded), 99U);
  EXPECT_EQ(stats_of("peers").queued_records, 0U);
}

TEST_F(LaneCoalescing, AClassThatDoesNotCoalesceWritesAll) {
  open();
  Writes peers = add_class("peers");
  peers.push(1, "old");
  peers.push(1, "new");
  tick();
  EXPECT_EQ(committed(), "peers(1, old) peers(1, new)");
}

TEST_F(LaneCoalescing, AnotherStatementIsAnotherKey) {
  open();
  Writes peers = add_coalescing();
  peers.push(1);
  peers.push(1, "new");
  tick();
  EXPECT_EQ(committed(), "peers(1) peers(1, new)");
}

TEST_F(LaneCoalescing, WhatWasStagedInAnEarlierTickIsSuperseded) {
  open();
  Writes peers = add_coalescing();
  sink_->reply_next(Call::begin, failure(Fault::busy, Effect::ended));
  Receipt old = peers.submit(1, "old");
  tick();
  peers.push(1, "new");
  advance(seconds(1));
  tick();
  EXPECT_EQ(end_of(old), "superseded");
  EXPECT_EQ(committed(), "peers(1, new)");
}

TEST_F(LaneCoalescing, WhatATickHasTakenIsNotSuperseded) {
  open();
  Writes peers = add_coalescing();
  Receipt old = peers.submit(1, "old");
  sink_->on(Call::apply, [&](const std::string& row) {
    if (row == "peers(1, old)") peers.push(1, "new");
    return Reply{};
  });
  run_ticks();
  EXPECT_EQ(end_of(old), "committed");
  EXPECT_EQ(committed(), "peers(1, old) peers(1, new)");
}

TEST_F(LaneCoalescing, ARecordOlderThanMaxDelayKeepsItsPlace) {
  open();
  Writes peers = add_coalescing(milliseconds(10));
  Receipt old = peers.submit(1, "old");
  advance(milliseconds(11));
  peers.push(1, "new");
  tick();
  EXPECT_EQ(end_of(old), "committed");
  EXPECT_EQ(committed(), "peers(1, old) peers(1, new)");
}

TEST_F(LaneCoalescing, ARecordThatIsExactlyMaxDelayOldIsStillSuperseded) {
  open();
  Writes peers = add_coalescing(milliseconds(10));
  Receipt old = peers.submit(1, "old");
  advance(milliseconds(10));
  peers.push(1, "new");
  tick();
  EXPECT_EQ(end_of(old), "superseded");
}

TEST_F(LaneCoalescing, AnOldRecordThatKeptItsPlaceDoesNotKeepTheNextFromBeingSuperseded) {
  open();
  Writes peers = add_coalescing(milliseconds(10));
  peers.push(1, "old");
  advance(milliseconds(11));
  Receipt middle = peers.submit(1, "middle");
  peers.push(1, "new");
  tick();
  EXPECT_EQ(end_of(middle), "superseded");
  EXPECT_EQ(committed(), "peers(1, old) peers(1, new)");
}

TEST_F(LaneCoalescing, GroupsNeitherSupersedeNorAreSuperseded) {
  open();
  Writes peers = add_coalescing();
  Receipt before = peers.submit(1), group = peers.submit_group({1}), after = peers.submit(1);
  tick();
  EXPECT_EQ(end_of(before) + " " + end_of(group) + " " + end_of(after),
            "superseded committed committed");
  EXPECT_EQ(committed(), "peers(1) peers(1)");
}

TEST_F(LaneCoalescing, ANewestThatWasCancelledBeforeADrainSupersedesNobody) {
  open();
  Writes peers = add_coalescing();
  Receipt old = peers.submit(1, "old");
  Receipt fresh = peers.submit(1, "new");
  EXPECT_TRUE(fresh.cancel());
  tick();
  EXPECT_EQ(end_of(old), "committed");
  EXPECT_EQ(committed(), "peers(1, old)");
}

TEST_F(LaneCoalescing, RowsWithNullInAKeyColumnHaveNoKey) {
  open();
  Writes peers = add_coalescing();
  const Column nullable{ColumnType::integer, true};
  const Statement pairs = ok(journal_->add_statement({"pairs", {nullable, nullable}, {0, 1}}));
  const auto submit = [&](const Row& row) { return ok(peers.handle().submit(pairs, row)); };
  Receipt first = submit(Row().null().integer(1)), second = submit(Row().null().integer(1));
  Receipt third = submit(Row().integer(1).null()), fourth = submit(Row().integer(1).null());
  Receipt older = submit(Row().integer(1).integer(1)), newer = submit(Row().integer(1).integer(1));
  tick();
  EXPECT_EQ(end_of(first) + " " + end_of(second), "committed committed");
  EXPECT_EQ(end_of(third) + " " + end_of(fourth), "committed committed");
  EXPECT_EQ(end_of(older) + " " + end_of(newer), "superseded committed");
}

TEST_F(LaneCoalescing, ACancelledOlderLeavesTheNewestAlone) {
  open();
  Writes peers = add_coalescing();
  Receipt old = peers.submit(1, "old"), fresh = peers.submit(1, "new");
  EXPECT_TRUE(old.cancel());
  tick();
  EXPECT_EQ(end_of(old) + " " + end_of(fresh), "cancelled committed");
}

}  // namespace
}  // namespace onelane::test
