#include "src/engine/conditions.h"

#include <array>
#include <chrono>
#include <string>

#include "src/base/memory.h"

namespace onelane::inline v0::engine {

void Conditions::tick_ended(std::optional<TimePoint> locked_since, Duration pause,
                            const Clock& clock) {
  locked_since_.store(locked_since.value_or(TimePoint::max()), std::memory_order_relaxed);
  if (pause != Duration(0)) {
    paused_until_.store(clock.now() + pause, std::memory_order_relaxed);
  }
}

bool Conditions::holds(Condition condition, TimePoint now) const {
  constexpr Duration kLongLock = std::chrono::seconds(1);
  switch (condition) {
    case Condition::poisoned:
      return state_.poisoned();
    case Condition::stalled:
      return state_.kind() == LaneState::Kind::stalled;
    case Condition::locked_out: {
      const TimePoint since = locked_since_.load(std::memory_order_relaxed);
      return since != TimePoint::max() && now - since >= kLongLock;
    }
    case Condition::log_pinned:
      return log_.pinned() != 0;
    case Condition::held_back:
      return now < paused_until_.load(std::memory_order_relaxed);
  }
  return false;
}

Status Conditions::cause(Condition condition) const {
  const auto told = [](Errc code, const char* text) {
    return base::worded(code, [text] { return std::string(text); });
  };
  switch (condition) {
    case Condition::poisoned:
      return state_.first_error();
    case Condition::stalled:
      return state_.stall_cause();
    case Condition::locked_out:
      return told(Errc::locked, "somebody else has had the write lock for a second");
    case Condition::log_pinned:
      return base::worded(Errc::storage, [this] {
        return "a reader keeps " + std::to_string(log_.pinned()) +
               " bytes of the log from being copied back; LogStats::readers says who";
      });
    case Condition::held_back:
      return told(Errc::storage, "the disk is behind: classes pause for what they add to the log");
  }
  return {};
}

Health Conditions::health(TimePoint now) const {
  constexpr std::array kGravestFirst = {Condition::poisoned, Condition::stalled,
                                        Condition::locked_out, Condition::held_back,
                                        Condition::log_pinned};
  static_assert(kGravestFirst.size() == kConditionCount);
  for (const Condition each : kGravestFirst) {
    if (holds(each, now)) return {.condition = each, .cause = cause(each)};
  }
  return {};
}

}  // namespace onelane::inline v0::engine
