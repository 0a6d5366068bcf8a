// How long somebody waits, as a time of the journal's clock.
#pragma once

#include <algorithm>
#include <chrono>

#include "onelane/clock.h"

namespace onelane::engine {

// Waiting longer than this is waiting for ever.
inline constexpr Duration kPatienceMax = std::chrono::hours(24 * 365);

inline TimePoint after(TimePoint now, Duration patience) {
  return now + std::min(patience, kPatienceMax);
}

}  // namespace onelane::engine
