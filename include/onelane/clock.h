// The journal's only source of time. Budgets, deadlines, delays and every measured duration come
// from it, so a test can move time by hand.
#pragma once

#include <chrono>

namespace onelane::inline v0 {

// Implementations are monotonic: now() never decreases. Called from any thread, on the hot path.
class Clock {
 public:
  using rep = std::chrono::nanoseconds::rep;
  using period = std::chrono::nanoseconds::period;
  using duration = std::chrono::nanoseconds;
  using time_point = std::chrono::time_point<Clock, duration>;
  static constexpr bool is_steady = true;

  Clock() = default;
  Clock(const Clock&) = delete;
  Clock& operator=(const Clock&) = delete;
  virtual ~Clock() = default;

  virtual time_point now() const noexcept = 0;
};

using Duration = Clock::duration;
using TimePoint = Clock::time_point;

// The machine's monotonic clock (std::chrono::steady_clock), which lives as long as the process.
const Clock& steady_clock() noexcept;

}  // namespace onelane::inline v0
