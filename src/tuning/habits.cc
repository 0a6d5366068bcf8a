#include "src/tuning/habits.h"

#include <algorithm>
#include <utility>

namespace onelane::inline v0 {

namespace {

// A thread is closed if its calls of write() took this part of its time, or if this part of its
// pushes waited for room; or if its units were in the lane for that part of its time, and no more
// than this part of them together with the one before.
constexpr double kBusyPart = 0.5;
constexpr double kWaitedPart = 0.05;
constexpr double kTogetherPart = 0.02;
// So few units say nothing of that.
constexpr std::size_t kUnitsMin = 8;

}  // namespace

namespace tuning {

CallerHabit habit_of(const std::vector<TracedUnit>& units, std::span<const std::uint32_t> numbers) {
  if (numbers.size() < 2 || units[numbers.front()].caller == 0) return {};
  std::size_t waited = 0, together = 0;
  double busy_ns = 0, in_lane_ns = 0;
  TimePoint before_left = TimePoint::min();
  for (const std::uint32_t number : numbers) {
    const TracedUnit& unit = units[number];
    waited += unit.waited_for_room ? 1 : 0;
    together += unit.pushed < std::exchange(before_left, unit.left) ? 1 : 0;
    if (unit.left == TimePoint::max()) continue;
    const auto took_ns = static_cast<double>((unit.left - unit.pushed).count());
    in_lane_ns += took_ns;
    if (unit.caller_waits) busy_ns += took_ns;
  }
  const Duration span = units[numbers.back()].pushed - units[numbers.front()].pushed;
  const double busy = kBusyPart * static_cast<double>(span.count());
  const auto count = static_cast<double>(numbers.size());
  CallerHabit habit;
  habit.one_by_one = numbers.size() >= kUnitsMin &&
                     static_cast<double>(together) <= kTogetherPart * count && in_lane_ns > busy;
  habit.closed =
      habit.one_by_one || busy_ns > busy || static_cast<double>(waited) > kWaitedPart * count;
  return habit;
}

}  // namespace tuning

std::map<std::uint16_t, CallerHabit> habits_of(const Trace& trace) {
  std::map<std::uint16_t, std::vector<std::uint32_t>> callers;
  for (std::uint32_t i = 0; i < trace.units.size(); ++i) {
    if (!trace.units[i].is_flush()) callers[trace.units[i].caller].push_back(i);
  }
  std::map<std::uint16_t, CallerHabit> habits;
  for (auto& [caller, numbers] : callers) {
    std::stable_sort(numbers.begin(), numbers.end(), [&](std::uint32_t a, std::uint32_t b) {
      return trace.units[a].pushed < trace.units[b].pushed;
    });
    habits[caller] = tuning::habit_of(trace.units, numbers);
  }
  return habits;
}

}  // namespace onelane::inline v0
