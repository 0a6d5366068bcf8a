// How long somebody waits: as a time of the journal's clock, and for a lock while it opens.
#pragma once

#include <algorithm>
#include <chrono>
#include <string>

#include "onelane/clock.h"
#include "onelane/status.h"
#include "src/base/parker.h"

namespace onelane::inline v0::engine {

// Waiting longer than this is waiting for ever.
inline constexpr Duration kPatienceMax = std::chrono::hours(24 * 365);

// Defined for every value: no time at all if `patience` is negative.
inline TimePoint after(TimePoint now, Duration patience) {
  const Duration waits = std::clamp(patience, Duration(0), kPatienceMax);
  return now > TimePoint::max() - waits ? TimePoint::max() : now + waits;
}

// From now until then, from 0 to kPatienceMax. Defined for every value, too.
inline Duration remaining(TimePoint until, TimePoint now) {
  if (until <= now) return Duration(0);
  return until >= after(now, kPatienceMax) ? kPatienceMax : until - now;
}

// Of an opening, which waits up to 5 seconds for somebody else's lock: calls `once` again until it
// answers something else than locked.
template <class Once>
Status once_unlocked(const Once& once) {
  constexpr Duration kPause = std::chrono::milliseconds(20);
  constexpr int kLooks = 250;
  Status status = once();
  for (int n = 0; status.code() == Errc::locked && n < kLooks; ++n) {
    base::Parker().park(kPause);  // nobody calls
    status = once();
  }
  return status;
}

inline std::string in_words(Duration time) {
  constexpr Duration kMillisecond = std::chrono::milliseconds(1);
  return time < kMillisecond ? std::to_string(time.count()) + " ns"
                             : std::to_string(time / kMillisecond) + " ms";
}

}  // namespace onelane::inline v0::engine
