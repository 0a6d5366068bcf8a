// How the totals of a class went over the time of a run.
#pragma once

#include <chrono>
#include <nlohmann/json_fwd.hpp>
#include <vector>

#include "bench/kit/units.h"

namespace onelane::bench::storm {

// An answer: when it came, and how long it had been waited for.
struct Moment {
  std::chrono::steady_clock::time_point at;
  Nanoseconds total{0};
};

// {"slice_s", "p50_ms": [...], "p99_ms": [...], "max_ms": [...]}, an element for each slice of the
// time since `begin`, null where nothing was answered.
nlohmann::json timeline_json(const std::vector<Moment>& moments,
                             std::chrono::steady_clock::time_point begin, Nanoseconds slice);

}  // namespace onelane::bench::storm
