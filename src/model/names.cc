#include <array>

#include "onelane/event.h"
#include "onelane/stats.h"

namespace onelane::inline v0 {

std::string_view name(End end) noexcept {
  constexpr auto kNames =
      std::to_array<std::string_view>({"committed", "rejected", "superseded", "dropped", "expired",
                                       "cancelled", "closed", "incomplete", "unknown", "carried"});
  static_assert(kNames.size() == kEndCount);
  return kNames[static_cast<std::size_t>(end)];
}

std::string_view name(TickEnd end) noexcept {
  constexpr auto kNames = std::to_array<std::string_view>(
      {"drained", "records", "bytes", "hold", "max_delay", "share", "failed"});
  static_assert(kNames.size() == kTickEndCount);
  return kNames[static_cast<std::size_t>(end)];
}

std::string_view name(Obstacle obstacle) noexcept {
  constexpr auto kNames =
      std::to_array<std::string_view>({"checkpoint", "sync", "lock", "disk", "window", "other"});
  static_assert(kNames.size() == kObstacleCount);
  return kNames[static_cast<std::size_t>(obstacle)];
}

std::string_view name(TraceEnd end) noexcept {
  constexpr auto kNames = std::to_array<std::string_view>({"closed", "size", "behind", "failed"});
  static_assert(kNames.size() == kTraceEndCount);
  return kNames[static_cast<std::size_t>(end)];
}

std::string_view name(Condition condition) noexcept {
  constexpr auto kNames = std::to_array<std::string_view>(
      {"stalled", "locked_out", "log_pinned", "held_back", "poisoned"});
  static_assert(kNames.size() == kConditionCount);
  return kNames[static_cast<std::size_t>(condition)];
}

}  // namespace onelane::inline v0
