#include "src/tuning/steps.h"

#include <algorithm>

#include "src/schedule/plan.h"

namespace onelane::inline v0::tuning {

namespace {

// The holds of ticks that a budget is used up by are near it.
constexpr double kNear = 0.9;

double ns(Duration time) { return static_cast<double>(time.count()); }

// What the pace plans with, of what it planned with at another price of a commit (commit_percent).
double hold_with(const Budgets& budgets, const Budgets& recorded, double hold) {
  const double most = ns(budgets.tick.hold);
  if (hold > kNear * ns(recorded.tick.hold) || budgets.commit_percent == 0) return most;
  if (recorded.commit_percent == 0) return std::min(hold, most);
  return std::min(most, hold * recorded.commit_percent / budgets.commit_percent);
}

double step_time(const Budgets& budgets, std::size_t klass, double hold) {
  const double time = std::max(hold, ns(budgets.tick.hold) / schedule::kStepShareMin);
  const double own = ns(budgets.classes[klass].budget.hold);
  return own == 0 ? time : std::min(time, own);
}

}  // namespace

std::vector<double> step_scales(const Trace& trace, const Budgets& budgets, Duration hold) {
  std::vector<double> jobs(budgets.classes.size()), steps(budgets.classes.size());
  for (const TracedUnit& each : trace.units) {
    if (each.kind != UnitKind::job || !each.served) continue;
    jobs[each.write_class] += 1;
    steps[each.write_class] += each.steps;
  }
  const double then = hold_with(budgets, trace.budgets, ns(hold));
  std::vector<double> out;
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    const double was = step_time(trace.budgets, i, ns(hold));
    const bool in_steps = steps[i] > jobs[i] && was > 0;
    out.push_back(in_steps ? step_time(budgets, i, then) / was : 1);
  }
  return out;
}

}  // namespace onelane::inline v0::tuning
