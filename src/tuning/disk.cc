#include "src/tuning/disk.h"

namespace onelane::inline v0::tuning {

Disk::Disk(const Trace& trace, const Budgets& budgets, Draws& pauses)
    : trace_(trace),
      draws_(pauses),
      longest_pass_(budgets.tick.hold < trace.budgets.tick.hold ? budgets.tick.hold
                                                                : Duration::max()) {
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
  const bool behind = ticks_ != 0 && ticks[ticks_ - 1].paced;
  if (!behind) pauses_.lift();
}

}  // namespace onelane::inline v0::tuning
