#include <array>

#include "onelane/stats.h"

namespace onelane::inline v0 {

std::string_view name(End end) noexcept {
  constexpr std::array<std::string_view, kEndCount> kNames{"committed", "rejected",   "superseded",
                                                           "dropped",   "expired",    "cancelled",
                                                           "closed",    "incomplete", "unknown"};
  return kNames[static_cast<std::size_t>(end)];
}

std::string_view name(TickEnd end) noexcept {
  constexpr std::array<std::string_view, kTickEndCount> kNames{
      "drained", "records", "bytes", "hold", "max_delay", "share", "failed"};
  return kNames[static_cast<std::size_t>(end)];
}

}  // namespace onelane::inline v0
