// How long jobs' steps may take, of a recorded tick and of a virtual one.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include "onelane/clock.h"
#include "onelane/trace.h"
#include "src/schedule/step_time.h"
#include "src/tuning/backlog.h"

namespace onelane::inline v0::tuning {

// What the next step of each class may take of a tick of that hold, in which so much of each
// backlog is planned; 0 of a class whose part does not end with a job. `backlog_of(klass)`: as it
// was then.
template <class BacklogOf>
std::vector<Duration> step_times(const Budgets& budgets, Duration hold,
                                 std::span<const std::size_t> planned,
                                 const BacklogOf& backlog_of) {
  const auto is_job = [](const schedule::Unit& unit) { return unit.closes_slice; };
  schedule::StepTimes times;
  for (std::size_t i = 0; i < planned.size(); ++i) {
    const auto units = backlog_of(i).units();
    if (units.empty()) continue;
    const bool jobs = std::any_of(units.begin(), units.end(), is_job);
    times.add(budgets.classes[i].weight, jobs, planned[i] < units.size());
  }
  std::vector<Duration> out(planned.size());
  for (std::size_t i = 0; i < planned.size(); ++i) {
    if (planned[i] == 0 || !is_job(backlog_of(i).units()[planned[i] - 1])) continue;
    const schedule::Share share = schedule::share_of(budgets.classes[i], budgets.tick);
    out[i] = times.of(share, hold, budgets.tick.hold);
  }
  return out;
}

}  // namespace onelane::inline v0::tuning
