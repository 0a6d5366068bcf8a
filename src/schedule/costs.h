// Learns the cost of records, bytes and commits from measured ticks. Deterministic: the same
// samples in the same order give the same costs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "onelane/clock.h"
#include "src/base/least_squares.h"
#include "src/schedule/plan.h"

namespace onelane::inline v0::schedule {

// Fits took = a*u + b*v to samples, with a and b at least 0. Older samples count less and less. If
// the samples cannot tell a from b (u and v grew together, or one never changed), the ratio of a to
// b stays as it was at the start.
class CostFit {
 public:
  // Predicts by these a and b until the first sample.
  CostFit(double a, double b);
  void learn(double u, double v, double took);
  double a() const { return a_; }
  double b() const { return b_; }

 private:
  void solve();

  double start_a_, start_b_;
  double a_, b_;
  base::LeastSquares sums_;
};

class CostModel {
 public:
  CostModel();
  void add_class();
  void reserve(std::size_t classes);  // makes add_class() allocate nothing up to this many
  // `elapsed`: the time that the class's statements took for these records and bytes.
  void learn_slice(std::uint32_t klass, std::uint64_t records, std::uint64_t bytes,
                   Duration elapsed);
  // `elapsed`: the time that BEGIN and COMMIT took in a tick with these records and bytes.
  void learn_commit(std::uint64_t records, std::uint64_t bytes, Duration elapsed);
  const Costs& costs() const { return costs_; }

 private:
  std::vector<CostFit> slices_;  // u: records, v: bytes
  CostFit commit_;               // u: 1, v: bytes, and kCommitBytesPerRecord for each record
  Costs costs_;
};

}  // namespace onelane::inline v0::schedule
