#include "src/tuning/disk.h"

#include <random>
#include <vector>

namespace onelane::inline v0::tuning {

namespace {

// A pass is begun if it is to hold the lane no longer than a tick may, or than syncing takes in any
// case: that is, about as long as the shortest tenth of the recorded ones.
Duration longest_pass(const Trace& trace, Duration hold) {
  if (hold >= trace.budgets.tick.hold || was_behind(trace)) return Duration::max();
  std::vector<Duration> took;
  for (const TracedHold& each : trace.closing_passes) took.push_back(each.took);
  if (took.empty()) return hold;
  const auto tenth = took.begin() + static_cast<std::ptrdiff_t>(took.size() / 10);
  std::nth_element(took.begin(), tenth, took.end());
  return std::max(hold, *tenth);
}

// As recorded; or each as long as one of those under load, drawn by chance.
std::vector<TracedHold> passes_of(const Trace& trace, const Samples& samples,
                                  const Chance& chance) {
  if (chance.disk_keeps_up) return {};
  std::vector<TracedHold> out = trace.closing_passes;
  if (chance.draw == 0) return out;
  const std::size_t count = samples.passes_under_load;
  std::mt19937_64 random(chance.draw);
  for (std::size_t i = 0; i < count; ++i) out[i].took = trace.closing_passes[random() % count].took;
  return out;
}

}  // namespace

bool was_behind(const Trace& trace) {
  const auto paced = std::count_if(trace.ticks.begin(), trace.ticks.end(),
                                   [](const TracedTick& tick) { return tick.paced; });
  return paced != 0 && 2 * static_cast<std::size_t>(paced) >= trace.ticks.size();
}

Disk::Disk(const Trace& trace, const Budgets& budgets, Samples& samples, const Chance& chance)
    : trace_(trace),
      samples_(samples),
      closing_passes_(passes_of(trace, samples, chance)),
      keeps_up_(chance.disk_keeps_up) {
  const Duration longest = longest_pass(trace, budgets.tick.hold);
  for (TracedHold& each : closing_passes_) each.took = std::min(each.took, longest);
  pauses_.reserve(budgets.classes.size());
  for (const ClassOptions& each : budgets.classes) pauses_.add_class(each.weight);
}

Duration Disk::closing_passes(TimePoint now) {
  Duration out{0};
  for (; passes_ < closing_passes_.size() && closing_passes_[passes_].at <= now; ++passes_) {
    out += closing_passes_[passes_].took;
  }
  return out;
}

void Disk::turn_to(TimePoint now) {
  now_ = now;
  const std::vector<TracedTick>& ticks = trace_.ticks;
  while (ticks_ < ticks.size() && ticks[ticks_].planned <= now) ++ticks_;
  while (rooms_ < samples_.rooms.size() && samples_.rooms[rooms_].at <= now) ++rooms_;
  const bool behind = ticks_ != 0 && ticks[ticks_ - 1].paced;
  if (!behind) pauses_.lift();
}

}  // namespace onelane::inline v0::tuning
