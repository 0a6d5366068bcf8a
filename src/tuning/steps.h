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

// Looks at all backlogs, so it is for ticks that have jobs.
template <class BacklogOf>
schedule::StepTimes step_times_of(const Budgets& budgets, std::span<const std::size_t> planned,
                                  const BacklogOf& backlog_of) {
  schedule::StepTimes times;
  for (std::size_t i = 0; i < planned.size(); ++i) {
    const auto units = backlog_of(i).units();
    if (units.empty()) continue;
    const bool jobs = std::any_of(units.begin(), units.end(),
                                  [](const schedule::Unit& unit) { return unit.closes_slice; });
    times.add(budgets.classes[i].weight, jobs, planned[i] < units.size());
  }
  return times;
}

// What the next step of each class may take of a tick of that hold, in which so much of each
// backlog is planned; 0 of a class whose part does not end with a job. `backlog_of(klass)`: as it
// was then.
template <class BacklogOf>
std::vector<Duration> step_times(const Budgets& budgets, Duration hold,
                                 std::span<const std::size_t> planned,
                                 const BacklogOf& backlog_of) {
  const auto ends_with_job = [&](std::size_t i) {
    return planned[i] != 0 && backlog_of(i).units()[planned[i] - 1].closes_slice;
  };
  std::vector<Duration> out(planned.size());
  schedule::StepTimes times;
  for (std::size_t i = 0; i < planned.size(); ++i) {
    if (!ends_with_job(i)) continue;
    if (!times.any()) times = step_times_of(budgets, planned, backlog_of);
    const schedule::Share share = schedule::share_of(budgets.classes[i], budgets.tick);
    out[i] = times.of(share, hold, budgets.tick.hold);
  }
  return out;
}

}  // namespace onelane::inline v0::tuning
