// How long jobs' steps are: of a class, a step that had used up its time took so much more than
// that. So with other budgets, by the time that it then has.
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

class StepLengths {
 public:
  // One that had that time. Whether it used it up; if not, the job was done.
  bool add(Duration took, Duration had) {
    constexpr int kNearly = 80;  // percent
    if (took * 100 < had * kNearly) return false;
    took_ += took;
    over_ += std::max(Duration(0), took - had);
    ++steps_;
    return true;
  }
  // Of one that has that time, in recorded ones; 1 if none was recorded that used it up.
  double scale(Duration has) const {
    if (steps_ == 0 || has == Duration(0)) return 1;
    const Duration length = has + over_ / steps_;
    return static_cast<double>(length.count()) * static_cast<double>(steps_) /
           static_cast<double>(took_.count());
  }
  // Of a job that took so long in all, in so many recorded steps.
  double in_steps(Duration took, std::uint32_t steps) const {
    if (steps_ == 0) return std::max<double>(1, steps);  // the last is as long as any
    return static_cast<double>(took.count()) * static_cast<double>(steps_) /
           static_cast<double>(took_.count());
  }

 private:
  Duration took_{0};
  Duration over_{0};
  Duration::rep steps_ = 0;
};

// Whether a step does all that is left of a job, or as good as that.
inline bool does_all(double step, double left) { return step >= 0.99 * left; }

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
