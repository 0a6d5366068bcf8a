// A histogram that one thread at a time records into while any thread reads it.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "onelane/stats.h"

namespace onelane::model {

// Adds to a counter that has one writer at a time: no locked instruction.
inline void add(std::atomic<std::uint64_t>& counter, std::uint64_t n) noexcept {
  counter.store(counter.load(std::memory_order_relaxed) + n, std::memory_order_release);
}

class SharedHistogram {
 public:
  // By the baton's holder: plain stores, since there is one writer.
  void record(std::uint64_t value) noexcept {
    add(counts_[Histogram::bucket_of(value)], 1);
    add(sum_, value);
    if (value > max_.load(std::memory_order_relaxed)) max_.store(value, std::memory_order_relaxed);
  }
  void record(Duration value) noexcept {
    record(value.count() < 0 ? 0 : static_cast<std::uint64_t>(value.count()));
  }
  Histogram snapshot() const;

 private:
  std::array<std::atomic<std::uint64_t>, Histogram::kBuckets> counts_{};
  std::atomic<std::uint64_t> sum_{0};
  std::atomic<std::uint64_t> max_{0};
};

}  // namespace onelane::model
