// Runs the storm through one strategy, and measures it.
#pragma once

#include <filesystem>

#include "bench/storm/options.h"
#include "bench/storm/result.h"

namespace onelane::bench::storm {

// Without figures yet.
StrategyResult result_of(StrategyKind kind);

// Ends early, and in order, when interrupted. Throws RunError.
StrategyResult run_storm(StrategyKind kind, const StormOptions& options, const Input& input,
                         const std::filesystem::path& database);

}  // namespace onelane::bench::storm
