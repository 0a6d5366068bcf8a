// When a tick ends early or is planned smaller, and what its classes then get back.
#include <algorithm>
#include <vector>

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

namespace {

constexpr std::uint64_t kAsksPerHold = 128;

}  // namespace

Asking::Asking(Duration hold) : every_ps_(to_ps(hold) / kAsksPerHold), since_ps_(every_ps_) {}

bool Asking::before(const LinearCost& cost, const Unit& unit) {
  const bool asks = since_ps_ >= every_ps_;
  if (asks) since_ps_ = 0;
  since_ps_ += linear_ps(cost, unit.records, unit.bytes);
  return asks;
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

std::optional<std::size_t> shorten(Plan& plan, const Costs& costs, const Limit& limit) {
  std::size_t left = limit.units;
  std::optional<std::size_t> next_first;
  std::vector<std::uint32_t> kept(plan.slices.size());
  // Keeps one entry more of the slice, and empty slots before it. False if there is none.
  const auto keep_one = [&](std::size_t i) {
    const Slice& slice = plan.slices[i];
    while (kept[i] < slice.count) {
      if (!limit.occupied(slice.klass, slice.first + kept[i]++)) continue;
      --left;
      return true;
    }
    return false;
  };
  const auto shared = std::find_if(plan.slices.begin(), plan.slices.end(),
                                   [](const Slice& slice) { return !slice.guaranteed; });
  const auto guarantees = static_cast<std::size_t>(shared - plan.slices.begin());
  const auto first = std::find_if(plan.slices.begin(), shared, [&](const Slice& slice) {
    return slice.klass >= limit.first_class;
  });
  const auto begin = static_cast<std::size_t>(first - plan.slices.begin());
  for (bool any = true; any && left > 0;) {
    any = false;
    for (std::size_t step = 0; step < guarantees && left > 0; ++step) {
      const std::size_t i = (begin + step) % guarantees;
      if (!keep_one(i)) continue;
      any = true;
      next_first = plan.slices[i].klass + 1;
    }
  }
  for (std::size_t i = guarantees; i < plan.slices.size(); ++i) {
    while (left > 0 && keep_one(i)) {
    }
  }
  for (std::size_t i = 0; i < plan.slices.size(); ++i) {
    Slice& slice = plan.slices[i];
    const auto units = limit.backlogs[slice.klass].subspan(slice.first, slice.count);
    refund(plan.next, costs, slice, units.subspan(kept[i]));
    slice.count = kept[i];
  }
  return next_first;
}

}  // namespace onelane::inline v0::schedule
