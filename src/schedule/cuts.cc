// When a tick ends early, and what its classes then get back.
#include <algorithm>

#include "src/schedule/plan.h"
#include "src/schedule/predict.h"

namespace onelane::inline v0::schedule {

bool stop(const Progress& progress, const Costs& costs, Duration hold) {
  if (progress.records == 0 && progress.bytes == 0) return false;
  const Unit& next = progress.next;
  std::uint64_t ps = to_ps(progress.elapsed);
  ps = add_ps(ps, unit_ps(costs.classes[progress.next_class], next));
  ps = add_ps(ps, commit_ps(costs, progress.records + next.records, progress.bytes + next.bytes));
  return ps > to_ps(hold);
}

void refund(State& state, const Costs& costs, const Slice& slice, std::span<const Unit> units) {
  ClassState& of = state.classes[slice.klass];
  for (const Unit& unit : units) {
    if (slice.guaranteed) break;
    const std::uint64_t back = std::min(of.charged_ps, unit_ps(costs.classes[slice.klass], unit));
    of.balance_ps = add_balance(of.balance_ps, signed_ps(back));
    of.charged_ps -= back;
  }
  if (of.cut_units == 0) return;
  of.cut_units -= std::min(of.cut_units, paid_units(units));
  if (of.cut_units == 0) of.head_ticks = of.cut_head_ticks;
}

}  // namespace onelane::inline v0::schedule
