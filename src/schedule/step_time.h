// How long a job's step of a class may take of a tick. Where others wait beside it, or there are
// several classes with jobs, that is its class's share by weight, or a step that uses all that is
// left would leave them ever less (its cost is learned); otherwise all that is left. Never more
// than the class's own budget.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "onelane/clock.h"
#include "src/schedule/plan.h"

namespace onelane::inline v0::schedule {

// Whatever else is in the tick.
inline constexpr int kStepShareMin = 4;  // this part of the tick's hold
inline constexpr Duration kStepTimeMin = std::chrono::microseconds(100);

class StepTimes {
 public:
  // Each class with a backlog, once; `more`: than is planned.
  void add(std::uint32_t weight, bool has_jobs, bool more) {
    if (has_jobs) {
      jobs_ += weight;
    } else if (more) {
      waiting_ += weight;
    }
  }
  bool any() const { return jobs_ != 0; }
  bool others_wait() const { return waiting_ != 0; }
  // `left`: what of a tick of this hold there is for steps. Not without jobs.
  Duration of(const Share& share, Duration left, Duration tick_hold) const {
    const Duration all = std::max(left, tick_hold / kStepShareMin);
    const Duration part = all * share.weight / static_cast<Duration::rep>(jobs_ + waiting_);
    return std::min(std::max(part, kStepTimeMin), share.budget.hold);
  }

 private:
  std::uint64_t jobs_ = 0;
  std::uint64_t waiting_ = 0;
};

}  // namespace onelane::inline v0::schedule
