#include "bench/push/probe.h"

#include <algorithm>
#include <cmath>

namespace onelane::bench::push {
namespace {

double percentile(std::vector<std::int64_t>& times, double fraction) {
  if (times.empty()) return 0;
  auto rank = static_cast<std::size_t>(std::ceil(fraction * static_cast<double>(times.size())));
  auto at = times.begin() + static_cast<std::ptrdiff_t>(std::max<std::size_t>(rank, 1) - 1);
  std::nth_element(times.begin(), at, times.end());
  return static_cast<double>(*at);
}

}  // namespace

double clock_cost_ns() {
  constexpr std::size_t kReadings = 10'000;
  std::vector<std::int64_t> times;
  times.reserve(kReadings);
  auto last = ProbeClock::now();
  for (std::size_t i = 0; i < kReadings; ++i) {
    const auto now = ProbeClock::now();
    times.push_back(std::chrono::nanoseconds(now - last).count());
    last = now;
  }
  return percentile(times, 0.5);
}

void Probe::forget() {
  singles_ns_.clear();
  batches_ns_.clear();
  allocations_ = pushes_ = 0;
}

void Probe::merge(const Probe& other) {
  singles_ns_.insert(singles_ns_.end(), other.singles_ns_.begin(), other.singles_ns_.end());
  batches_ns_.insert(batches_ns_.end(), other.batches_ns_.begin(), other.batches_ns_.end());
  allocations_ += other.allocations_;
  pushes_ += other.pushes_;
}

Figures Probe::figures(double clock_cost_ns) {
  auto single = [&](double fraction) {
    return std::max(0.0, percentile(singles_ns_, fraction) - clock_cost_ns);
  };
  return {{"p50_ns", (percentile(batches_ns_, 0.5) - clock_cost_ns) / kBatch},
          {"p99_ns", single(0.99)},
          {"p999_ns", single(0.999)},
          {"p9999_ns", single(0.9999)},
          {"allocations", static_cast<double>(allocations_) / static_cast<double>(pushes_)}};
}

}  // namespace onelane::bench::push
