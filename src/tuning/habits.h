// How a thread pushed, judged by its units.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "onelane/trace.h"

namespace onelane::inline v0::tuning {

// Of the units with these numbers, which are of one thread and in the order of its pushes.
CallerHabit habit_of(const std::vector<TracedUnit>& units, std::span<const std::uint32_t> numbers);

}  // namespace onelane::inline v0::tuning
