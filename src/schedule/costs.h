// Learns what records, bytes and commits cost from what ticks took. Deterministic: the same samples
// in the same order give the same costs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "onelane/clock.h"
#include "src/schedule/plan.h"

namespace onelane::schedule {

// Fits took = a*u + b*v, a and b at least 0, to samples of which older ones count less and less.
// Where the samples do not tell a and b apart (u and v grew together, or one of them never moved),
// their ratio stays as it was at the start.
class CostFit {
 public:
  // Starts as if samples had confirmed a and b.
  CostFit(double a, double b);
  void learn(double u, double v, double took);
  double a() const { return a_; }
  double b() const { return b_; }

 private:
  void solve();

  double start_a_, start_b_;
  double a_, b_;
  double uu_ = 0, uv_ = 0, vv_ = 0, ut_ = 0, vt_ = 0;  // sums of products, forgetting
};

class CostModel {
 public:
  CostModel();
  void add_class();
  void reserve(std::size_t classes);  // so many can be added without memory
  // What `records` and `bytes` of one class took to execute.
  void learn_slice(std::uint32_t klass, std::uint64_t records, std::uint64_t bytes,
                   Duration elapsed);
  // What BEGIN and COMMIT of a tick with that many records and bytes took.
  void learn_commit(std::uint64_t records, std::uint64_t bytes, Duration elapsed);
  const Costs& costs() const { return costs_; }

 private:
  std::vector<CostFit> slices_;  // u: records, v: bytes
  CostFit commit_;               // u: 1, v: bytes and records, a record counted as so many bytes
  Costs costs_;
};

}  // namespace onelane::schedule
