// Which of the conditions that an operator must know of hold now, and why.
#pragma once

#include <atomic>
#include <optional>

#include "onelane/clock.h"
#include "onelane/event.h"
#include "onelane/stats.h"
#include "src/engine/lane_state.h"
#include "src/engine/log_keeper.h"

namespace onelane::inline v0::engine {

class Conditions {
 public:
  // Both must outlive it.
  Conditions(const LaneState& state, const LogKeeper& log) : state_(state), log_(log) {}

  // The baton's holder, after each tick: since when somebody else has had the write lock, if it was
  // found so; and how long what adds to the log pauses.
  void tick_ended(std::optional<TimePoint> locked_since, Duration pause, const Clock& clock);

  // --- Any thread.

  bool holds(Condition condition, TimePoint now) const;
  // Of one that holds.
  Status cause(Condition condition) const;
  // The gravest one that holds.
  Health health(TimePoint now) const;

 private:
  const LaneState& state_;
  const LogKeeper& log_;
  std::atomic<TimePoint> locked_since_{TimePoint::max()};
  std::atomic<TimePoint> paused_until_{TimePoint::min()};
};

}  // namespace onelane::inline v0::engine
