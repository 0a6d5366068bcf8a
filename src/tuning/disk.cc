#include "src/tuning/disk.h"

#include <vector>

namespace onelane::inline v0::tuning {

namespace {

// A pass is begun if it is to hold the lane no longer than a tick may, or than syncing takes in any
// case: that is, about as long as the shortest tenth of the recorded ones.
Duration longest_pass(const Trace& trace, Duration hold) {
  if (hold >= trace.budgets.tick.hold) return Duration::max();
  std::vector<Duration> took;
  for (const TracedHold& each : trace.closing_passes) took.push_back(each.took);
  if (took.empty()) return hold;
  const auto tenth = took.begin() + static_cast<std::ptrdiff_t>(took.size() / 10);
  std::nth_element(took.begin(), tenth, took.end());
  return std::max(hold, *tenth);
}

}  // namespace

Disk::Disk(const Trace& trace, const Budgets& budgets, Samples& samples)
    : trace_(trace), samples_(samples), longest_pass_(longest_pass(trace, budgets.tick.hold)) {
  pauses_.reserve(budgets.classes.size());
  for (const ClassOptions& each : budgets.classes) pauses_.add_class(each.weight);
}

Duration Disk::closing_passes(TimePoint now) {
  const std::vector<TracedHold>& passes = trace_.closing_passes;
  Duration out{0};
  for (; passes_ < passes.size() && passes[passes_].at <= now; ++passes_) {
    out += std::min(passes[passes_].took, longest_pass_);
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
