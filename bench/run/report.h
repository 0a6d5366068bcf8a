// What a run prints of its workload beside the figures: its settings, its JSON.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "bench/kit/environment.h"
#include "bench/run/options.h"
#include "bench/storm/result.h"

namespace onelane::bench::run {

std::string settings_text(const RunOptions& options, const Environment& environment);

nlohmann::json to_json(const RunOptions& options, const Environment& environment,
                       const std::vector<storm::StrategyResult>& results);

// The same of results that are still to come: all paths, no figures.
nlohmann::json empty_json(const RunOptions& options);

}  // namespace onelane::bench::run
