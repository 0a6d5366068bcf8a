// Groups are all or nothing.
#include <algorithm>

#include "tests/support/lane.h"

namespace onelane::test {
namespace {

using LaneGroups = QuietLane;
using LaneGroupCalls = Lane;

TEST_F(LaneGroupCalls, AreAppliedInsideASavepointAndVerifiedAtTheirEnd) {
  open();
  Writes peers = add_class("peers");
  Receipt group = peers.submit_group({1, 2});
  tick();
  EXPECT_EQ(end_of(group), "committed");
  EXPECT_EQ(calls(), "begin, savepoint, apply peers(1), apply peers(2), verify, release, commit");
}

TEST_F(LaneGroupCalls, AreUndoneToTheirSavepointWhenARowFails) {
  open();
  Writes peers = add_class("peers");
  sink_->fail_row("peers(2)", failure(Fault::record, Effect::kept));
  peers.push(0);
  Receipt group = peers.submit_group({1, 2, 3});
  tick();
  EXPECT_EQ(end_of(group), "rejected");
  EXPECT_EQ(calls(),
            "begin, apply peers(0), verify, "
            "savepoint, apply peers(1), apply peers(2), rollback_to, commit");
}

TEST_F(LaneGroups, CommitWholeAndCountAllTheirChanges) {
  open();
  Writes peers = add_class("peers");
  Receipt group = peers.submit_group({1, 2, 3});
  tick();
  EXPECT_EQ(outcome_of(group).changes, 3U);
  EXPECT_EQ(committed(), "peers(1) peers(2) peers(3)");
}

TEST_F(LaneGroups, OneBadRowRejectsAllOfIt) {
  for (const Effect effect : {Effect::undone, Effect::kept, Effect::ended}) {
    open();
    Writes peers = add_class("peers");
    sink_->fail_row("peers(2)", failure(Fault::record, effect));
    Receipt before = peers.submit(0), group = peers.submit_group({1, 2, 3}),
            after = peers.submit(4);
    tick();
    EXPECT_EQ(end_of(before) + " " + end_of(group) + " " + end_of(after),
              "committed rejected committed");
    EXPECT_EQ(committed(), "peers(0) peers(4)");
  }
}

TEST_F(LaneGroups, AViolationLeftAtTheEndRejectsAllOfIt) {
  open();
  Writes peers = add_class("peers");
  sink_->reply_next(Call::verify, failure(Fault::record, Effect::kept));
  Receipt group = peers.submit_group({1, 2}), after = peers.submit(3);
  tick();
  EXPECT_EQ(end_of(group) + " " + end_of(after), "rejected committed");
  EXPECT_EQ(committed(), "peers(3)");
  EXPECT_EQ(journal_->stats().attempts, 1U);
}

TEST_F(LaneGroups, AnUndoThatFailsRollsTheTickBackAndBlamesNobody) {
  open();
  Writes peers = add_class("peers");
  sink_->reply_next(Call::apply, failure(Fault::record, Effect::kept));
  sink_->reply_next(Call::rollback_to, failure(Fault::environment, Effect::kept));
  Receipt group = peers.submit_group({1, 2});
  tick();
  EXPECT_EQ(end_of(group), "in flight");
  EXPECT_EQ(committed(), "");
}

TEST_F(LaneGroups, AreNeverSplitOverTicks) {
  open({.tick = {.records = 4, .bytes = kMiB, .hold = seconds(1)}});
  Writes peers = add_class("peers", {.guarantee = {.records = 1, .bytes = kKiB}});
  for (const int first : {1, 4, 7, 10}) peers.push_group({first, first + 1, first + 2});
  for (TickReport report{.more = true}; report.more;) {
    report = tick();
    const std::string rows = committed();
    const auto count = static_cast<std::size_t>(std::count(rows.begin(), rows.end(), '('));
    EXPECT_EQ(count % 3, 0U) << rows;
  }
  EXPECT_EQ(stats_of("peers").end(End::committed), 4U);
}

TEST_F(LaneGroups, MayMixTheStatementsOfTheirJournal) {
  open();
  Writes peers = add_class("peers"), links = add_class("links");
  Group group = peers.group_of({1});
  links.add_to(group, 2);
  EXPECT_TRUE(peers.handle().push(group).ok());
  tick();
  EXPECT_EQ(committed(), "peers(1) links(2)");
}

TEST_F(LaneGroups, ThatAreEmptyOrHoldABadRowAreRefused) {
  open();
  Writes peers = add_class("peers");
  EXPECT_EQ(peers.handle().push(Group()).message(), "the group is empty");
  Group wrong;
  wrong.add(peers.one(), Row().text("no integer"));
  EXPECT_EQ(peers.handle().push(wrong).code(), Errc::invalid_argument);
  Group stranger;
  stranger.add(Statement{77}, Row().integer(1));
  EXPECT_EQ(peers.handle().push(stranger).message(),
            "statement 77 in the group is not this journal's");
  EXPECT_EQ(stats_of("peers").refused, 3U);
  EXPECT_EQ(stats_of("peers").accepted, 0U);
}

}  // namespace
}  // namespace onelane::test
