#include "src/tuning/planner.h"

#include <string>

namespace onelane::inline v0::tuning {

Status same_classes(const Budgets& recorded, const Budgets& budgets) {
  const std::vector<ClassOptions>& classes = recorded.classes;
  if (budgets.classes.size() != classes.size()) {
    return {Errc::invalid_argument, "the budgets are of " + std::to_string(budgets.classes.size()) +
                                        " classes; the trace has " +
                                        std::to_string(classes.size())};
  }
  for (std::size_t i = 0; i < classes.size(); ++i) {
    if (budgets.classes[i].name == classes[i].name) continue;
    return {Errc::invalid_argument, "class " + std::to_string(i) + " is \"" +
                                        budgets.classes[i].name + "\"; in the trace it is \"" +
                                        classes[i].name + "\""};
  }
  return {};
}

void Planner::set(const Budgets& budgets) {
  tick_ = budgets.tick;
  commit_percent_ = budgets.commit_percent;
  shares_.clear();
  gathers_.clear();
  for (const ClassOptions& each : budgets.classes) {
    shares_.push_back(schedule::share_of(each, tick_));
    gathers_.push_back(each.gather);
  }
  while (state_.classes.size() < shares_.size()) {
    state_.classes.emplace_back();
    costs_.add_class();
  }
}

schedule::Plan Planner::plan(std::span<const std::span<const schedule::Unit>> backlogs,
                             const PlanFrom& from) {
  for (std::size_t i = 0; i < shares_.size(); ++i) {
    const bool gathers = (from.gathers >> i & 1) != 0;
    shares_[i].gather = gathers ? gathers_[i] : Duration(0);
  }
  schedule::Pace pace = from.pace;
  pace.commit_percent = commit_percent_;
  schedule::Plan plan = schedule::plan({.tick = tick_,
                                        .shares = shares_,
                                        .backlogs = backlogs,
                                        .costs = costs_.costs(),
                                        .state = state_,
                                        .now = from.now},
                                       pace);
  plan.keep(state_, from.held_back);
  return plan;
}

}  // namespace onelane::inline v0::tuning
