// How the lane's time is shared, whatever happened before: through whole ticks, with costs that are
// learned. The rules alone are in schedule_test.cpp and schedule_properties_test.cpp.
#include "tests/support/lane.h"

namespace onelane::test {
namespace {

class LaneShares : public QuietLane {
 protected:
  LaneShares() { open({.tick = {.records = 4096, .bytes = 1 << 20, .hold = milliseconds(1)}}); }

  static std::uint64_t written(const ClassStats& stats) { return stats.end(End::committed); }
  void keep_full(Writes& writes) {
    while (writes.try_push(1).ok()) {
    }
  }
  // Records take 8 and 12 us in turn, so that every other tick is cut.
  void uneven_tick() {
    sink_->set_cost(Call::apply, microseconds(++ticks_ % 2 == 0 ? 8 : 12));
    tick();
  }

  int ticks_ = 0;
};

TEST_F(LaneShares, AClassThatHadTheLaneToItselfSharesItAtOnceWithOneThatJoins) {
  const ClassOptions alike{.guarantee = {.records = 1, .bytes = 64}, .capacity_records = 400};
  Writes old = add_class("old", alike);
  for (int i = 0; i < 500; ++i) {
    keep_full(old);
    uneven_tick();
  }
  ASSERT_GT(journal_->stats().tick_ends[static_cast<std::size_t>(TickEnd::hold)], 200U)
      << "ticks were cut";
  Writes fresh = add_class("fresh", alike);
  const std::uint64_t before = written(stats_of("old"));
  for (int i = 0; i < 100; ++i) {
    keep_full(old);
    keep_full(fresh);
    uneven_tick();
  }
  const auto fair = static_cast<double>(written(stats_of("fresh")));
  ASSERT_GT(fair, 3000);
  EXPECT_NEAR(static_cast<double>(written(stats_of("old")) - before), fair, fair / 10);
}

TEST_F(LaneShares, NoClassIsShutOutOfTheSmallTicksThatFollowFailures) {
  Writes first = add_class("first", {.capacity_records = 400});
  Writes second = add_class("second", {.capacity_records = 400});
  // As on a disk that has room for no more than four rows at once.
  int rows = 0;
  sink_->on(Call::begin, [&](const std::string&) {
    rows = 0;
    return Reply{};
  });
  sink_->on(Call::apply, [&](const std::string&) {
    ++rows;
    return Reply{};
  });
  sink_->on(Call::commit, [&](const std::string&) {
    return rows > 4 ? failure(Fault::environment, Effect::ended) : Reply{};
  });
  for (int i = 0; i < 200; ++i) {
    keep_full(first);
    keep_full(second);
    advance(seconds(1));
    tick();
  }
  const std::uint64_t one = written(stats_of("first")), other = written(stats_of("second"));
  ASSERT_GT(one + other, 200U);
  ASSERT_LT(one + other, 800U) << "the ticks were small";
  EXPECT_NEAR(static_cast<double>(one), static_cast<double>(other), 20);
}

// Two classes alike: what a tick planned of both and then left comes back to both, also of records
// that had taken the places of newer ones by then.
TEST_F(LaneShares, AClassDoesNotPayForWhatGaveWayToOlderRecordsThatTheTickThenLeft) {
  const ClassOptions alike{.guarantee = {.records = 1, .bytes = 64}};
  ClassOptions coalescing = alike;
  coalescing.coalesce = true;
  Writes keyed = add_class("keyed", coalescing), others = add_class("others", alike);
  sink_->on(Call::apply, [this](const std::string& row) {
    if (row.find("bad") != std::string::npos) return failure(Fault::record, Effect::undone);
    const bool culprit = row.find("culprit") != std::string::npos;
    advance(culprit ? milliseconds(2) : microseconds(10));
    return culprit ? failure(Fault::record, Effect::ended) : Reply{};
  });
  keyed.push_all(1, 500);
  others.push_all(1, 500);
  run_ticks();  // what they cost is known then

  const auto push_pairs = [&](int first, int last) {
    for (int key = first; key <= last; ++key) {
      keyed.push(key, "old");
      keyed.push(key, "bad");
    }
  };
  push_pairs(1, 30);
  keyed.push(0, "culprit");
  push_pairs(31, 200);
  others.push_all(1, 200);
  sink_->take_committed();
  tick();
  ASSERT_EQ(committed(), "others(1)") << "the culprit left no time for more";
  tick();
  const auto of_keyed = static_cast<double>(written(stats_of("keyed")) - 500);
  const auto of_others = static_cast<double>(written(stats_of("others")) - 501);
  ASSERT_GT(of_others, 40);
  EXPECT_NEAR(of_keyed, of_others, 3);
}

}  // namespace
}  // namespace onelane::test
