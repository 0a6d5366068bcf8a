// Callers that were just answered are back at once, as a rule, with their next write. At a server a
// tick takes a round trip. If it began with the first of them, all others would wait for its end,
// and each caller's write would take two ticks: so it waits for them, a quarter of a tick at most.
//
// Where they do not come back, that is found out, and seldom tried again.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "onelane/clock.h"

namespace onelane::inline v0::engine {

class Returning {
 public:
  // A tick that ended: the units in it, the callers that are answered, and the records that are
  // queued by then.
  struct Ended {
    std::uint64_t units = 0;
    std::uint64_t callers = 0;
    std::uint64_t queued = 0;
    Duration hold{0};
  };
  void answered(const Ended& tick, TimePoint now) noexcept {
    callers_ = 0;
    if (tick.callers < kCallersMin || tick.hold < kHoldMin) return;
    if (tick.queued > kBacklog * tick.units) return;  // the next one is full without them
    if (passed_over_ != 0) {
      --passed_over_;
      return;
    }
    callers_ = tick.callers;
    queued_ = tick.queued;
    until_ = now + tick.hold / kPart;
  }

  // Until when the next tick waits for them, unless all are back before; none: it waits no more.
  std::optional<TimePoint> until(std::uint64_t queued, TimePoint now) noexcept {
    if (callers_ == 0) return std::nullopt;
    const std::uint64_t back = queued - std::min(queued, queued_);
    if (back < callers_ && now < until_) return until_;
    misses_ = 2 * back < callers_ ? std::min(misses_ + 1, kMissesMax) : 0;
    passed_over_ = misses_ == 0 ? 0 : 1U << misses_;
    callers_ = 0;
    return std::nullopt;
  }

 private:
  static constexpr std::uint64_t kCallersMin = 2;
  static constexpr Duration kHoldMin = std::chrono::microseconds(400);
  static constexpr std::uint64_t kBacklog = 2;
  static constexpr int kPart = 4;
  static constexpr unsigned kMissesMax = 6;

  std::uint64_t callers_ = 0;  // that are waited for
  std::uint64_t queued_ = 0;   // records, when they were answered
  TimePoint until_{};
  unsigned misses_ = 0;       // in a row
  unsigned passed_over_ = 0;  // ticks to come that wait for nobody
};

}  // namespace onelane::inline v0::engine
