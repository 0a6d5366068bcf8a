#include "onelane/journey.h"

#include <numeric>

namespace onelane::inline v0 {

std::string_view name(Obstacle obstacle) noexcept {
  constexpr std::array<std::string_view, kObstacleCount> kNames{"checkpoint", "sync",   "lock",
                                                                "disk",       "window", "other"};
  const auto at = static_cast<std::size_t>(obstacle);
  return at < kNames.size() ? kNames[at] : "?";
}

Duration WaitedBehind::sum() const {
  const Duration behind_obstacles =
      std::accumulate(obstacles.begin(), obstacles.end(), Duration(0));
  return std::accumulate(classes.begin(), classes.end(), behind_obstacles);
}

}  // namespace onelane::inline v0
