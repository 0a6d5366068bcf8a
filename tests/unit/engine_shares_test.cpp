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
  Writes first = add_class("first");
  Writes second = add_class("second");
  for (int round = 0; round < 20; ++round) {
    first.push_all(1, 50);
    second.push_all(1, 50);
    sink_->reply_next(Call::commit, failure(Fault::environment, Effect::ended), 8);
    // Halved again and again; and the store fails anew before the ticks are whole again.
    for (int i = 0; i < 9; ++i) {
      advance(seconds(1));
      tick();
    }
  }
  const std::uint64_t all = written(stats_of("first")) + written(stats_of("second"));
  ASSERT_GT(all, 10U);
  ASSERT_LT(all, 200U) << "the ticks were small";
  EXPECT_NEAR(static_cast<double>(written(stats_of("first"))),
              static_cast<double>(written(stats_of("second"))), 2);
}

}  // namespace
}  // namespace onelane::test
