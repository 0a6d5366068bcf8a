#include "bench/storm/timeline.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "bench/kit/samples.h"

namespace onelane::bench::storm {
namespace {

using nlohmann::json;

constexpr double kUsPerMs = 1000;

json percentile(Samples& samples, double fraction) {
  if (samples.count() == 0) return nullptr;
  return samples.percentile_us(fraction) / kUsPerMs;
}

}  // namespace

json timeline_json(const std::vector<Moment>& moments, std::chrono::steady_clock::time_point begin,
                   Nanoseconds slice) {
  std::vector<Samples> slices;
  for (const Moment& moment : moments) {
    const auto at =
        static_cast<std::size_t>(std::max<std::int64_t>(0, (moment.at - begin) / slice));
    if (at >= slices.size()) slices.resize(at + 1);
    slices[at].record(moment.total);
  }
  json p50 = json::array();
  json p99 = json::array();
  json max = json::array();
  for (Samples& one : slices) {
    p50.push_back(percentile(one, 0.50));
    p99.push_back(percentile(one, 0.99));
    max.push_back(percentile(one, 1.0));
  }
  return {{"slice_s", to_seconds(slice)}, {"p50_ms", p50}, {"p99_ms", p99}, {"max_ms", max}};
}

}  // namespace onelane::bench::storm
