#include "src/model/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

namespace onelane::inline v0 {

namespace {

std::uint64_t nanoseconds(Duration value) noexcept {
  return value.count() < 0 ? 0 : static_cast<std::uint64_t>(value.count());
}

}  // namespace

static_assert(Histogram::kBuckets == 64 + (64 - 6) * 32);

std::uint64_t Histogram::upper_bound_of(std::size_t bucket) noexcept {
  if (bucket < kExact) return bucket;
  const std::size_t above = bucket - kExact;
  const auto octave = static_cast<unsigned>(above >> kSubBits) + (kSubBits + 1);
  const std::uint64_t sub = (above & ((1U << kSubBits) - 1)) + (1ULL << kSubBits);
  return ((sub + 1) << (octave - kSubBits)) - 1;
}

void Histogram::record(std::uint64_t value) {
  if (counts_.size() < kBuckets) counts_.resize(kBuckets);
  ++counts_[bucket_of(value)];
  ++count_;
  sum_ += value;
  max_ = std::max(max_, value);
}

void Histogram::record(Duration value) { record(nanoseconds(value)); }

void Histogram::merge(const Histogram& other) {
  if (other.counts_.empty()) return;
  if (counts_.size() < other.counts_.size()) counts_.resize(other.counts_.size());
  for (std::size_t i = 0; i < other.counts_.size(); ++i) counts_[i] += other.counts_[i];
  count_ += other.count_;
  sum_ += other.sum_;
  max_ = std::max(max_, other.max_);
}

std::uint64_t Histogram::percentile(double fraction) const noexcept {
  if (count_ == 0) return 0;
  const double exact = std::ceil(std::clamp(fraction, 0.0, 1.0) * static_cast<double>(count_));
  const auto wanted = std::max<std::uint64_t>(1, static_cast<std::uint64_t>(exact));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    seen += counts_[i];
    if (seen >= wanted) return std::min(upper_bound_of(i), max_);
  }
  return max_;
}

Histogram Histogram::since(const Histogram& before) const {
  Histogram out;
  if (count_ <= before.count_) return out;
  out.counts_ = counts_;
  const std::size_t known = std::min(counts_.size(), before.counts_.size());
  for (std::size_t i = 0; i < known; ++i)
    out.counts_[i] -= std::min(out.counts_[i], before.counts_[i]);
  for (std::size_t i = 0; i < out.counts_.size(); ++i) {
    out.count_ += out.counts_[i];
    if (out.counts_[i] != 0) out.max_ = std::min(upper_bound_of(i), max_);
  }
  out.sum_ = sum_ - before.sum_;
  return out;
}

Histogram Histogram::from(std::vector<std::uint64_t> counts, std::uint64_t sum, std::uint64_t max) {
  Histogram out;
  while (!counts.empty() && counts.back() == 0) counts.pop_back();
  out.counts_ = std::move(counts);
  for (const std::uint64_t n : out.counts_) out.count_ += n;
  out.sum_ = sum;
  out.max_ = max;
  return out;
}

}  // namespace onelane::inline v0

namespace onelane::inline v0::model {

Histogram SharedHistogram::snapshot() const {
  // Most values lie far below the last bucket: what is copied ends with the largest one's.
  const std::uint64_t max = max_.load(std::memory_order_relaxed);
  std::vector<std::uint64_t> counts(max == 0 ? 1 : Histogram::bucket_of(max) + 1);
  for (std::size_t i = 0; i < counts.size(); ++i) {
    counts[i] = counts_[i].load(std::memory_order_relaxed);
  }
  return Histogram::from(std::move(counts), sum_.load(std::memory_order_relaxed), max);
}

void CoarseHistogram::clear() noexcept {
  for (auto& count : counts_) count.store(0, std::memory_order_relaxed);
  sum_.store(0, std::memory_order_relaxed);
  max_.store(0, std::memory_order_relaxed);
}

void CoarseHistogram::Sum::add(const CoarseHistogram& part) {
  const std::uint64_t max = part.max_.load(std::memory_order_relaxed);
  const std::size_t last = std::min(Histogram::bucket_of(max) >> kShift, kBuckets - 1);
  if (counts_.size() <= last) counts_.resize(last + 1);
  for (std::size_t i = 0; i <= last; ++i) {
    const std::uint64_t count = part.counts_[i].load(std::memory_order_relaxed);
    counts_[i] += count;
    count_ += count;
  }
  sum_ += part.sum_.load(std::memory_order_relaxed);
  max_ = std::max(max_, max);
}

// Each bucket's values count as its largest.
Histogram CoarseHistogram::Sum::histogram() const {
  if (count_ == 0) return {};
  std::vector<std::uint64_t> counts(counts_.size() << kShift);
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    counts[(i << kShift) + (1U << kShift) - 1] = counts_[i];
  }
  return Histogram::from(std::move(counts), sum_, max_);
}

}  // namespace onelane::inline v0::model
