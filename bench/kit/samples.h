// Exact percentiles: every value is kept, since the histogram's 3 % would decide between two
// contestants that are 5 % apart.
#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace onelane::bench {

class Samples {
 public:
  void reserve(std::size_t count) { ns_.reserve(count); }
  void record(std::chrono::nanoseconds value) { ns_.push_back(value.count()); }
  void merge(const Samples& other) { ns_.insert(ns_.end(), other.ns_.begin(), other.ns_.end()); }

  std::size_t count() const noexcept { return ns_.size(); }
  // The smallest value that at least `fraction` (0 to 1) of all do not exceed, in microseconds; 0
  // if there are none.
  double percentile_us(double fraction) const {
    if (ns_.empty()) return 0;
    std::vector<std::int64_t> sorted = ns_;
    auto rank = static_cast<std::size_t>(std::ceil(fraction * static_cast<double>(ns_.size())));
    auto at = sorted.begin() + static_cast<std::ptrdiff_t>(std::max<std::size_t>(rank, 1) - 1);
    std::nth_element(sorted.begin(), at, sorted.end());
    return static_cast<double>(*at) / 1e3;
  }

 private:
  std::vector<std::int64_t> ns_;
};

}  // namespace onelane::bench
