// Runs the storm through one strategy, and measures it.
#pragma once

#include <filesystem>

#include "bench/storm/options.h"
#include "bench/storm/place.h"
#include "bench/storm/result.h"

namespace onelane::bench::storm {

// Without figures yet.
StrategyResult result_of(StrategyKind kind);

// Where a strategy runs; of a database file, its log is watched.
struct StormRun {
  StrategyKind kind;
  Place& place;
  std::filesystem::path database;
};

// Ends early, and in order, when interrupted. Throws RunError.
StrategyResult run_storm(const StormRun& run, const StormOptions& options, const Input& input);

}  // namespace onelane::bench::storm
