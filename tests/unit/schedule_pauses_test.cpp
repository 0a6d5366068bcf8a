// Who waits for how long, of classes that add to the log: literal times.
#include <gtest/gtest.h>

#include <chrono>
#include <vector>

#include "src/schedule/pauses.h"

namespace onelane::schedule {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr TimePoint kNow{seconds(100)};

Pauses of(const std::vector<std::uint32_t>& weights) {
  Pauses out;
  out.reserve(weights.size());
  for (const std::uint32_t weight : weights) out.add_class(weight);
  return out;
}

// Each class adds 1 ms of lane time whenever it may; for each of them there is room after 10 ms.
std::vector<int> ticks_in_a_second(const std::vector<std::uint32_t>& weights, bool together) {
  Pauses pauses = of(weights);
  std::vector<int> ticks(weights.size());
  for (TimePoint now = kNow; now < kNow + seconds(1); now += milliseconds(1)) {
    std::vector<Duration> spent(weights.size());
    Duration pause{0};
    for (std::size_t i = 0; i < weights.size(); ++i) {
      if (now < pauses.until(i)) continue;
      ++ticks[i];
      spent[i] = milliseconds(1);
      pause += milliseconds(10);
      if (together) continue;
      pauses.tick(now, pause, spent);
      spent[i] = pause = Duration(0);
    }
    if (together) pauses.tick(now, pause, spent);
  }
  return ticks;
}
int sum(const std::vector<int>& of) {
  int out = 0;
  for (const int one : of) out += one;
  return out;
}

TEST(Pauses, HoweverManyClassesThereAreAllOfThemTogetherAddNoMoreThanOne) {
  EXPECT_EQ(sum(ticks_in_a_second({1}, true)), 100);
  for (const bool together : {false, true}) {
    for (const std::size_t classes : {2U, 5U, 16U}) {
      const std::vector<int> ticks =
          ticks_in_a_second(std::vector<std::uint32_t>(classes, 1), together);
      EXPECT_NEAR(sum(ticks), 100, 17) << classes;
      for (const int each : ticks) EXPECT_NEAR(each, 100 / static_cast<int>(classes), 3);
    }
  }
}

TEST(Pauses, AClassHasItsPartByWeight) {
  const std::vector<int> ticks = ticks_in_a_second({3, 1}, false);
  EXPECT_NEAR(ticks[0], 75, 12);
  EXPECT_NEAR(ticks[1], 25, 12);
}

TEST(Pauses, WhoAddsLessThanItsPartWaitsForItselfAlone) {
  Pauses pauses = of({1, 1});
  pauses.tick(kNow, seconds(1), std::vector<Duration>{milliseconds(99), milliseconds(1)});
  EXPECT_EQ(pauses.until(0), kNow + seconds(1));
  EXPECT_EQ(pauses.until(1), kNow + milliseconds(20));
}

TEST(Pauses, AlmostNothingTakenFromALongPauseEndsNoEarlierPause) {
  Pauses pauses = of({1, 1});
  pauses.tick(kNow, seconds(1), std::vector<Duration>{milliseconds(1), Duration(0)});
  pauses.tick(kNow, milliseconds(1), std::vector<Duration>{milliseconds(1), Duration(0)});
  EXPECT_EQ(pauses.until(0), kNow + seconds(1));
}

TEST(Pauses, NobodyWaitsLongerThanTenSecondsAtOnce) {
  Pauses pauses = of({1, 1, 1});
  const std::vector<Duration> all(3, milliseconds(1));
  for (int i = 0; i < 3; ++i) pauses.tick(kNow, seconds(10), all);
  for (const std::size_t i : {0U, 1U, 2U}) EXPECT_EQ(pauses.until(i), kNow + seconds(10));
}

}  // namespace
}  // namespace onelane::schedule
