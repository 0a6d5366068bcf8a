// How long somebody waits, as a time of the journal's clock.
#pragma once

#include <algorithm>
#include <chrono>
#include <string>

#include "onelane/clock.h"

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

inline std::string in_words(Duration time) {
  constexpr Duration kMillisecond = std::chrono::milliseconds(1);
  return time < kMillisecond ? std::to_string(time.count()) + " ns"
                             : std::to_string(time / kMillisecond) + " ms";
}

}  // namespace onelane::inline v0::engine
