// How histograms of nanoseconds are shown: in milliseconds.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "onelane/stats.h"

namespace onelane::bench {

// {"p50", "p90", "p99", "max"}
nlohmann::json times_json(const Histogram& times);

// "p50 / p99 / max"
std::string times_text(const Histogram& times);

}  // namespace onelane::bench
