// The tables and the JSON of what strategies gave, whatever their sources were.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "bench/kit/environment.h"
#include "bench/storm/result.h"

namespace onelane::bench::storm {

// The environment with the syncs that were measured after the runs as well. Of at least one result;
// all have the same sources.
std::string results_text(const Environment& environment,
                         const std::vector<StrategyResult>& results);

// An element of "strategies".
nlohmann::json to_json(const StrategyResult& result);

}  // namespace onelane::bench::storm
