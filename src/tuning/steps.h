// How much longer a job's steps are with other budgets.
#pragma once

#include <vector>

#include "onelane/clock.h"
#include "onelane/trace.h"

namespace onelane::inline v0::tuning {

// By class, in recorded steps. A step ends when its time is over, and that is the tick's hold, or
// at least a part of the budget for it (Selection::step_times): where the budgets have another
// hold, a step is so much longer or shorter. Of a class whose jobs ended in their first step, 1.
// `hold`: that the recorded ticks were planned with, on average.
std::vector<double> step_scales(const Trace& trace, const Budgets& budgets, Duration hold);

}  // namespace onelane::inline v0::tuning
