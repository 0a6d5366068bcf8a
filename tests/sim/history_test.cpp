// The history that simulations are judged by: it has to find every kind of lie.
#include "tests/sim/history.h"

#include <gtest/gtest.h>

namespace onelane::test {
namespace {

using Rows = std::vector<AppliedRow>;

class HistoryTest : public ::testing::Test {
 protected:
  std::uint64_t record() { return history_.accept({}); }
  std::uint64_t group() { return history_.accept({.parts = 2}); }
  std::uint64_t job() { return history_.accept({.parts = 3, .atomic = false}); }
  void committed(std::uint64_t unit, std::uint64_t commit) {
    history_.tell(unit, {.end = End::committed, .commit = commit, .steps = 3});
  }
  void ended(std::uint64_t unit, End end) { history_.tell(unit, {.end = end}); }
  bool may_be(const Rows& rows, Break after = Break::none) {
    return history_.look({.rows = rows}, after).empty();
  }

  std::uint64_t foreign(std::uint64_t committed) {
    const std::uint64_t row = history_.begin_foreign();
    history_.tell_foreign(row, ForeignEnd::committed, committed);
    return row;
  }

  History history_;
};

TEST_F(HistoryTest, WhatWasCommittedIsThereOnce) {
  committed(record(), 1);
  EXPECT_FALSE(may_be({}));
  EXPECT_FALSE(may_be({{0, 0}, {0, 0}}));
  EXPECT_TRUE(may_be({{0, 0}}));
}

TEST_F(HistoryTest, WhatEndedOtherwiseIsNotThere) {
  for (const End end :
       {End::rejected, End::superseded, End::dropped, End::expired, End::cancelled, End::closed}) {
    const std::uint64_t unit = record();
    ended(unit, end);
    EXPECT_FALSE(may_be({{unit, 0}})) << name(end);
    EXPECT_TRUE(may_be({})) << name(end);
  }
}

TEST_F(HistoryTest, WhatIsUnknownMayBeThereAndThenStays) {
  ended(group(), End::unknown);
  EXPECT_FALSE(may_be({{0, 0}})) << "in part";
  EXPECT_TRUE(may_be({{0, 0}, {0, 1}}));
  EXPECT_FALSE(may_be({}));
}

TEST_F(HistoryTest, WhatIsUnknownMayBeGoneAndThenStaysAway) {
  ended(record(), End::unknown);
  EXPECT_TRUE(may_be({}));
  EXPECT_FALSE(may_be({{0, 0}}));
}

TEST_F(HistoryTest, OfAJobThatIsIncompleteTheCommittedStepsAreThere) {
  history_.tell(job(), {.end = End::incomplete, .commit = 4, .steps = 2});
  EXPECT_FALSE(may_be({{0, 0}}));
  EXPECT_FALSE(may_be({{0, 0}, {0, 1}, {0, 2}}));
  EXPECT_TRUE(may_be({{0, 0}, {0, 1}}));
}

TEST_F(HistoryTest, AClassIsAppliedInTheOrderOfItsPushesAndClassesAreNot) {
  committed(record(), 1);
  committed(record(), 1);
  committed(history_.accept({.klass = 1}), 1);
  EXPECT_FALSE(may_be({{1, 0}, {0, 0}, {2, 0}}));
  EXPECT_TRUE(may_be({{2, 0}, {0, 0}, {1, 0}}));
}

TEST_F(HistoryTest, ARecordThatCoalescesMayTakeThePlaceOfANewerOneThatIsNotApplied) {
  const auto keyed = [&](std::uint64_t key) { return history_.accept({.key = key}); };
  const std::uint64_t old = keyed(7), between = record(), bad = keyed(7), last = record();
  for (const std::uint64_t unit : {old, between, last}) committed(unit, 1);
  ended(bad, End::rejected);
  EXPECT_FALSE(may_be({{between, 0}, {last, 0}, {old, 0}})) << "but no later one";
  EXPECT_TRUE(may_be({{between, 0}, {old, 0}, {last, 0}}));
}

TEST_F(HistoryTest, APowerCutLeavesWhatIsDurable) {
  committed(record(), 1);
  committed(record(), 2);
  history_.durable(1);
  EXPECT_FALSE(may_be({}, Break::power_cut));
  EXPECT_TRUE(may_be({{0, 0}}, Break::power_cut));
}

TEST_F(HistoryTest, APowerCutLeavesNoCommitWithoutThoseBeforeIt) {
  committed(record(), 1);
  committed(record(), 2);
  EXPECT_FALSE(may_be({{1, 0}}, Break::power_cut));
  EXPECT_TRUE(may_be({}, Break::power_cut));
  EXPECT_FALSE(may_be({{0, 0}}, Break::power_cut)) << "nor brings anything back";
}

TEST_F(HistoryTest, WhatIsDurableInALaterLifeKeepsTheLivesBefore) {
  committed(record(), 5);
  ASSERT_TRUE(may_be({{0, 0}}));
  committed(record(), 1);
  history_.durable(1);
  EXPECT_FALSE(may_be({}, Break::power_cut));
  EXPECT_TRUE(may_be({{0, 0}, {1, 0}}, Break::power_cut));
}

TEST_F(HistoryTest, WhatWasPushedIsThereUnchanged) {
  committed(history_.accept({.values = {7}}), 1);
  EXPECT_FALSE(may_be({{0, 0, 8}}));
  EXPECT_TRUE(may_be({{0, 0, 7}}));
}

TEST_F(HistoryTest, AnotherProcesssCommitIsThere) {
  foreign(0);
  EXPECT_FALSE(history_.look({}, Break::none).empty());
  EXPECT_TRUE(history_.look({.rows = {}, .foreign = {0}}, Break::none).empty());
}

TEST_F(HistoryTest, WhatAnotherProcessDidNotCommitIsNotThere) {
  history_.tell_foreign(history_.begin_foreign(), ForeignEnd::gone, 0);
  EXPECT_FALSE(history_.look({.rows = {}, .foreign = {0}}, Break::none).empty());
  EXPECT_TRUE(history_.look({}, Break::none).empty());
}

TEST_F(HistoryTest, APowerCutLeavesNoCommitWithoutAnotherProcesssBeforeIt) {
  foreign(0);
  committed(record(), 2);
  EXPECT_FALSE(history_.look({.rows = {{0, 0}}}, Break::power_cut).empty());
  EXPECT_TRUE(history_.look({}, Break::power_cut).empty());
}

TEST_F(HistoryTest, APowerCutLeavesAnotherProcesssCommitWithAllBeforeIt) {
  committed(record(), 1);
  foreign(1);
  EXPECT_FALSE(history_.look({.rows = {}, .foreign = {0}}, Break::power_cut).empty());
  EXPECT_TRUE(history_.look({.rows = {{0, 0}}, .foreign = {0}}, Break::power_cut).empty());
}

TEST_F(HistoryTest, WhoReadsSeesAllThatWasToldBefore) {
  const std::uint64_t before = history_.told();
  committed(record(), 1);
  EXPECT_FALSE(history_.read({}, history_.told()).empty());
  EXPECT_TRUE(history_.read({}, before).empty()) << "it began before that was told";
  EXPECT_TRUE(history_.read({.rows = {{0, 0}}}, history_.told()).empty());
}

TEST_F(HistoryTest, WhatWasReadIsCommittedAndEndsAsNothingElse) {
  record();
  ASSERT_TRUE(history_.read({.rows = {{0, 0}}}, 0).empty());
  EXPECT_TRUE(history_.wrong().empty());
  EXPECT_FALSE(history_.read({}, 0).empty()) << "and does not go away";
  ended(0, End::rejected);
  EXPECT_FALSE(history_.wrong().empty());
}

}  // namespace
}  // namespace onelane::test
