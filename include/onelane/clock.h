// The journal's source of time. Deadlines, delays, windows, holds and every measured duration come
// from it, so a test can move time by hand (JournalOptions::clock).
//
// Threads sleep by the machine's monotonic clock, whatever clock the journal has. A blocked caller
// or the committer thread computes from the journal's clock how long to sleep, and then sleeps that
// long. So a timed wait ends even if the journal's clock stands still, and a thread that sleeps
// does not notice that the clock was moved by hand. A manual journal (Drive::manual) never sleeps:
// it alone runs entirely by a clock of your own.
#pragma once

#include <chrono>

namespace onelane::inline v0 {

// To be derived from for a clock of your own.
class Clock {
 public:
  // A point in time is a number of nanoseconds since an epoch of the clock's own: it means nothing
  // to another clock, or after a restart of the machine.
  using rep = std::chrono::nanoseconds::rep;
  using period = std::chrono::nanoseconds::period;
  using duration = std::chrono::nanoseconds;
  using time_point = std::chrono::time_point<Clock, duration>;
  static constexpr bool is_steady = true;

  Clock() = default;
  Clock(const Clock&) = delete;
  Clock& operator=(const Clock&) = delete;
  virtual ~Clock() = default;

  // Never decreases, on whichever threads it is called. It is called by any thread, also by several
  // at once, several times per push and per tick, and with locks of the journal held: it must be
  // quick, and must not call the journal.
  virtual time_point now() const noexcept = 0;
};

// All durations and times of this library.
using Duration = Clock::duration;
using TimePoint = Clock::time_point;

// The machine's monotonic clock, std::chrono::steady_clock. Lives as long as the process.
const Clock& steady_clock() noexcept;

}  // namespace onelane::inline v0
