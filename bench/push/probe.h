// Times pushes, by their pushing threads. A single push is about as long as reading the clock, so
// single ones give the high percentiles, where that does not matter, and the median is of batches,
// between which the clock is read once.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "bench/kit/allocations.h"
#include "bench/kit/trials.h"

namespace onelane::bench::push {

using ProbeClock = std::chrono::steady_clock;

// Between two readings with nothing between them: the median.
double clock_cost_ns();

inline constexpr std::uint64_t kBatch = 16;

// What one thread saw.
class Probe {
 public:
  explicit Probe(std::uint64_t pushes) {
    singles_ns_.reserve(pushes);
    batches_ns_.reserve(pushes / kBatch);
  }

  // Pushes `count` rows by push(), the first half one by one. Allocates nothing itself.
  template <class Push>
  void run(std::uint64_t count, Push& push) {
    const std::uint64_t before = allocations_of_this_thread();
    auto last = ProbeClock::now();
    for (std::uint64_t i = 0; i < count / 2; ++i) {
      push();
      lap(singles_ns_, last);
    }
    for (std::uint64_t i = 0; i < count / 2 / kBatch; ++i) {
      for (std::uint64_t j = 0; j < kBatch; ++j) push();
      lap(batches_ns_, last);
    }
    allocations_ += allocations_of_this_thread() - before;
    pushes_ += count;
  }
  void forget();
  void merge(const Probe& other);

  // p50_ns, p99_ns, p999_ns, p9999_ns and allocations, of a push. The clock's cost is taken off.
  Figures figures(double clock_cost_ns);

 private:
  static void lap(std::vector<std::int64_t>& times, ProbeClock::time_point& last) {
    const auto now = ProbeClock::now();
    times.push_back(std::chrono::nanoseconds(now - last).count());
    last = now;
  }

  std::vector<std::int64_t> singles_ns_;
  std::vector<std::int64_t> batches_ns_;
  std::uint64_t allocations_ = 0;
  std::uint64_t pushes_ = 0;
};

}  // namespace onelane::bench::push
