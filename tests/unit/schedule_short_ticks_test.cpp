// Ticks that are planned shorter than they may be: units that are longer than those.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <vector>

#include "src/schedule/plan.h"
#include "src/schedule/predict.h"

namespace onelane::schedule {
namespace {

using namespace std::chrono_literals;

// Rows of 100 us and units of 3 ms, which are 50 times their guarantee, in ticks of 1 ms: how many
// of the units are in 100 ticks.
std::size_t long_units_in_100_ticks(Duration hold_most) {
  constexpr std::uint64_t kMicrosecondPs = 1'000'000;
  const Budget tick{.records = 100, .bytes = 100'000, .hold = 1ms};
  const Budget whole{.records = 100, .bytes = 100'000, .hold = 10ms};
  const Share share{.guarantee = {.records = 10, .bytes = 100}, .budget = whole};
  const std::vector<Share> shares(2, share);
  const Costs costs{.classes = {{.per_record_ps = 3000 * kMicrosecondPs},
                                {.per_record_ps = 100 * kMicrosecondPs}}};
  const std::vector<Unit> units(1000, {.bytes = 5000, .records = 1});
  const std::vector<Unit> rows(1000, {.bytes = 10, .records = 1});
  State state{.classes = std::vector<ClassState>(2)};
  std::size_t count = 0;
  for (int i = 0; i < 100; ++i) {
    const std::vector<std::span<const Unit>> backlogs{units, rows};
    const Plan next = plan({.tick = tick,
                            .shares = shares,
                            .backlogs = backlogs,
                            .costs = costs,
                            .state = state,
                            .now = TimePoint(1h),
                            .hold_most = hold_most});
    EXPECT_LE(next.hold, std::max<Duration>(hold_most, tick.hold));
    if (planned_units(next, 0) != 0 && hold_most == 10ms) {
      // The guarantees took a little longer than predicted.
      EXPECT_FALSE(stop({.elapsed = 1200us, .records = 10, .bytes = 100, .next = units.front()},
                        costs, next.hold));
    }
    state = next.next;
    count += planned_units(next, 0);
  }
  return count;
}

TEST(ShortTicks, AUnitLongerThanOneHasItsShareWhereALongerTickHasRoomForIt) {
  // 1 ms of guarantees, and the rest of 4 ms in turns.
  EXPECT_NEAR(static_cast<double>(long_units_in_100_ticks(10ms)), 50, 5);
}

TEST(ShortTicks, WhereNoTickMayHaveRoomForItItGoesByCredit) {
  EXPECT_EQ(long_units_in_100_ticks(2ms), 2U);
  EXPECT_EQ(long_units_in_100_ticks(0ms), 2U);
}

}  // namespace
}  // namespace onelane::schedule
