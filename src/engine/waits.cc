#include "src/engine/waits.h"

namespace onelane::inline v0::engine {

WaitedBehind to_public(const Behind& behind, std::size_t classes) {
  WaitedBehind out;
  out.classes.assign(behind.begin(), behind.begin() + static_cast<std::ptrdiff_t>(classes));
  for (std::size_t i = 0; i < kObstacleCount; ++i) out.obstacles[i] = behind[kClassesMax + i];
  return out;
}

void Waits::Counts::clear() noexcept {
  commits.store(0, std::memory_order_relaxed);
  held_ns.store(0, std::memory_order_relaxed);
  for (auto& each : obstacles_ns) each.store(0, std::memory_order_relaxed);
  for (auto& each : classes_ns) each.store(0, std::memory_order_relaxed);
}

void Waits::Counts::add_to(Behind& behind) const {
  const auto add = [&](std::size_t i, const std::atomic<std::uint64_t>& ns) {
    behind[i] += Duration(static_cast<Duration::rep>(ns.load(std::memory_order_relaxed)));
  };
  for (std::size_t i = 0; i < kClassesMax; ++i) add(i, classes_ns[i]);
  for (std::size_t i = 0; i < kObstacleCount; ++i) add(kClassesMax + i, obstacles_ns[i]);
}

void Waits::Counts::add(const Behind& behind, std::size_t classes) noexcept {
  const auto add = [](std::atomic<std::uint64_t>& ns, Duration time) {
    if (time > Duration(0)) model::add(ns, static_cast<std::uint64_t>(time.count()));
  };
  for (std::size_t i = 0; i < classes; ++i) add(classes_ns[i], behind[i]);
  for (std::size_t i = 0; i < kObstacleCount; ++i) add(obstacles_ns[i], behind[kClassesMax + i]);
}

void Waits::waited(const Behind& behind, std::size_t classes, TimePoint now) noexcept {
  for (Counts* counts : {&all_, &slices_.at(now)}) counts->add(behind, classes);
}

void Waits::held(Duration time, bool committed, TimePoint now) noexcept {
  for (Counts* counts : {&all_, &slices_.at(now)}) {
    if (committed) model::add(counts->commits, 1);
    model::add(counts->held_ns, static_cast<std::uint64_t>(time.count()));
  }
}

void Waits::fill(ClassStats& stats, TimePoint now, std::size_t classes) const {
  const auto held = [](const Counts& counts) {
    return Duration(static_cast<Duration::rep>(counts.held_ns.load(std::memory_order_relaxed)));
  };
  Behind behind{};
  all_.add_to(behind);
  stats.behind = to_public(behind, classes);
  stats.commits = all_.commits.load(std::memory_order_relaxed);
  stats.held = held(all_);
  // What call sites have of a window may have been in the same commit.
  const auto window = [&](std::size_t whole, Activity& activity) {
    activity.commits = 0;
    activity.held = Duration(0);
    slices_.newest(now, whole, [&](std::int64_t /*number*/, const Counts& slice) {
      activity.commits += slice.commits.load(std::memory_order_relaxed);
      activity.held += held(slice);
    });
  };
  window(kSlicesOfMinute, stats.minute);
  window(kSlicesOfRecent, stats.recent);
  behind = {};
  slices_.newest(now, kSlicesOfMinute,
                 [&](std::int64_t /*number*/, const Counts& slice) { slice.add_to(behind); });
  stats.behind_minute = to_public(behind, classes);
}

}  // namespace onelane::inline v0::engine
