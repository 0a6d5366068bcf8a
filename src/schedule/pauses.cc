#include "src/schedule/pauses.h"

#include <algorithm>
#include <numeric>

namespace onelane::inline v0::schedule {

void Pauses::lift() noexcept {
  for (Class& each : classes_) each.until = TimePoint::min();
  all_until_ = TimePoint::min();
}

void Pauses::tick(TimePoint from, Duration pause, std::span<const Duration> spent) {
  const Duration all = std::accumulate(spent.begin(), spent.end(), Duration(0));
  if (pause == Duration(0) || all == Duration(0)) return;
  all_until_ = std::min(std::max(all_until_, from) + pause, from + kPauseMost);
  double weights = 0;
  for (std::size_t i = 0; i < classes_.size(); ++i) {
    if (spent[i] != Duration(0) || classes_[i].until > from) weights += classes_[i].weight;
  }
  const double pause_ns = static_cast<double>(pause.count()) / static_cast<double>(all.count());
  for (std::size_t i = 0; i < classes_.size(); ++i) {
    if (spent[i] == Duration(0)) continue;
    const double ns = pause_ns * static_cast<double>(spent[i].count()) * weights /
                      static_cast<double>(classes_[i].weight);
    const double longest = static_cast<double>(kPauseMost.count());
    const TimePoint own = from + Duration(static_cast<Duration::rep>(std::min(ns, longest)));
    classes_[i].until = std::max(classes_[i].until, std::min(own, all_until_));
  }
}

}  // namespace onelane::inline v0::schedule
