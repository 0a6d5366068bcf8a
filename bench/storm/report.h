// What the storm prints of itself beside the figures: its settings, its JSON.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "bench/kit/environment.h"
#include "bench/storm/figures.h"
#include "bench/storm/input.h"
#include "bench/storm/options.h"
#include "bench/storm/run.h"

namespace onelane::bench::storm {

// What all strategies have in common.
std::string settings_text(const StormOptions& options, const Input& input,
                          const Environment& environment);

nlohmann::json to_json(const StormOptions& options, const Input& input,
                       const Environment& environment, const std::vector<StrategyResult>& results);

// The same of results that are still to come: all paths, no figures.
nlohmann::json empty_json(const StormOptions& options);

}  // namespace onelane::bench::storm
