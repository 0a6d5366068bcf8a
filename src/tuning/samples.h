// What statements and commits take, learned from a trace: a mean by records and bytes, and how the
// single ones differed from it. A virtual tick takes the mean, times the ratio of a recorded one of
// about its size; those are used in their order, and from the beginning again.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "onelane/clock.h"
#include "onelane/trace.h"

namespace onelane::inline v0::tuning {

// took = fixed + records * per_record + bytes * per_byte, in ns; none is below 0.
struct MeanCost {
  double fixed = 0;
  double per_record = 0;
  double per_byte = 0;
  double of(double records, double bytes) const {
    return fixed + records * per_record + bytes * per_byte;
  }
};

struct Sample {
  double records = 0;
  double bytes = 0;
  double took = 0;  // ns
};

// Least squares; where the samples cannot tell the three apart, the fewer of them.
MeanCost fit(const std::vector<Sample>& samples);

class Draws {
 public:
  Draws() = default;
  explicit Draws(const std::vector<Sample>& samples);
  bool empty() const { return count_ == 0; }
  const MeanCost& mean() const { return mean_; }
  // The ratio to the mean of the next recorded one of about this size; 1 if there is none.
  double next(double records, double bytes);

 private:
  struct Bucket {  // sizes by powers of 2
    std::vector<float> ratios;
    std::size_t used = 0;
  };
  static std::size_t bucket_of(double records, double bytes);

  MeanCost mean_;
  std::size_t count_ = 0;
  std::array<Bucket, 48> buckets_{};
};

// Durations in their order, and from the beginning again.
class Gaps {
 public:
  void add(Duration gap) { gaps_.push_back(gap); }
  Duration next() { return gaps_.empty() ? Duration(0) : gaps_[used_++ % gaps_.size()]; }

 private:
  std::vector<Duration> gaps_;
  std::size_t used_ = 0;
};

// All that a prediction draws from.
struct Samples {
  std::vector<Draws> slices;  // by class: statements
  Draws commits;              // BEGIN's and COMMIT's own
  Gaps to_begin;              // from the plan to BEGIN
  Gaps to_settle;             // from the end of COMMIT to the settled receipts
  Gaps wakes;                 // from the first push to an idle lane to the plan
  Gaps busy;                  // from the settled receipts to the next plan, if more waits
  MeanCost log;               // bytes that a tick adds to the log, for its records and bytes
};
Samples samples_of(const Trace& trace);

}  // namespace onelane::inline v0::tuning
