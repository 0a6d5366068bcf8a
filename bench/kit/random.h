// Deterministic randomness: the standard's engine, which is the same everywhere, and our own
// distributions, since the standard's are not.
#pragma once

#include <cmath>
#include <cstdint>
#include <random>

namespace onelane::bench {

class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}

  // At least 0, below 1.
  double uniform() { return static_cast<double>(engine_() >> 11) * 0x1.0p-53; }
  // The gap between two events of a Poisson process with one event per `mean` on average.
  double exponential(double mean) { return -mean * std::log1p(-uniform()); }
  // Below `count`, small numbers much more often: the lowest eighth is half of all draws.
  std::uint32_t skewed(std::uint32_t count) {
    double at = uniform();
    return static_cast<std::uint32_t>(at * at * at * static_cast<double>(count));
  }

 private:
  std::mt19937_64 engine_;
};

}  // namespace onelane::bench
