// A histogram that one thread at a time records into while any thread reads it.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <vector>

#include "onelane/stats.h"

namespace onelane::inline v0::model {

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
  // Values that lie in one bucket; their number, sum and largest.
  void record(std::size_t bucket, std::uint64_t count, std::uint64_t sum,
              std::uint64_t max) noexcept {
    add(counts_[bucket], count);
    add(sum_, sum);
    if (max > max_.load(std::memory_order_relaxed)) max_.store(max, std::memory_order_relaxed);
  }
  Histogram snapshot() const;

 private:
  std::atomic<std::uint64_t> sum_{0};
  std::atomic<std::uint64_t> max_{0};
  std::array<std::atomic<std::uint64_t>, Histogram::kBuckets> counts_{};
};

// A smaller one, for a time that has an end: 8 buckets an octave, and one for all above half an
// hour in nanoseconds. It can be emptied.
class CoarseHistogram {
 public:
  // As those of SharedHistogram; buckets are those of Histogram.
  void record(std::size_t bucket, std::uint64_t count, std::uint64_t sum,
              std::uint64_t max) noexcept {
    auto& own = counts_[std::min(bucket >> kShift, kBuckets - 1)];
    own.store(own.load(std::memory_order_relaxed) + static_cast<std::uint32_t>(count),
              std::memory_order_relaxed);
    add(sum_, sum);
    if (max > max_.load(std::memory_order_relaxed)) max_.store(max, std::memory_order_relaxed);
  }
  void clear() noexcept;

  // What several of them recorded, as one.
  class Sum {
   public:
    void add(const CoarseHistogram& part);
    std::uint64_t count() const noexcept { return count_; }
    Histogram histogram() const;

   private:
    std::vector<std::uint64_t> counts_;
    std::uint64_t count_ = 0;
    std::uint64_t sum_ = 0;
    std::uint64_t max_ = 0;
  };

 private:
  static constexpr unsigned kShift = 2;  // four buckets of a Histogram are one
  static constexpr std::size_t kBuckets = (64 + (41 - 6) * 32) >> kShift;  // the last: from 2^41 ns

  std::atomic<std::uint64_t> sum_{0};
  std::atomic<std::uint64_t> max_{0};
  // 32 bits: what is counted here is counted for a few seconds.
  std::array<std::atomic<std::uint32_t>, kBuckets> counts_{};
};

// Records values that come one after another, and mostly lie in the bucket of the one before: those
// are recorded together, at the latest when this ends. Target: as SharedHistogram::record takes
// them.
template <class Target>
class HistogramRun {
 public:
  explicit HistogramRun(Target& histogram) noexcept : histogram_(histogram) {}
  HistogramRun(const HistogramRun&) = delete;
  HistogramRun& operator=(const HistogramRun&) = delete;
  ~HistogramRun() { flush(); }

  void record(Duration value) noexcept {
    const std::uint64_t ns = value.count() < 0 ? 0 : static_cast<std::uint64_t>(value.count());
    if (ns - first_ >= width_) [[unlikely]]
      turn_to(ns);
    ++count_;
    sum_ += ns;
    max_ = std::max(max_, ns);
  }

 private:
  void flush() noexcept {
    if (count_ != 0) histogram_.record(Histogram::bucket_of(first_), count_, sum_, max_);
  }
  void turn_to(std::uint64_t value) noexcept {
    flush();
    const std::size_t bucket = Histogram::bucket_of(value);
    first_ = bucket == 0 ? 0 : Histogram::upper_bound_of(bucket - 1) + 1;
    width_ = Histogram::upper_bound_of(bucket) - first_ + 1;
    count_ = sum_ = max_ = 0;
  }

  Target& histogram_;
  std::uint64_t first_ = 0;  // of the bucket
  std::uint64_t width_ = 0;
  std::uint64_t count_ = 0;
  std::uint64_t sum_ = 0;
  std::uint64_t max_ = 0;
};

}  // namespace onelane::inline v0::model
