// What each class took of a tick, at a store that tells only how long it took for all of it.
//
// The time of a tick is a sum: a fixed part, and for each class what it weighs in the tick, times
// its cost. The costs are found by normalised least mean squares (Nagumo and Noda, 1967), with each
// input scaled by its own power, so that a class that weighs little is found as fast: half of a
// prediction's error is corrected with each tick.
#pragma once

#include <array>
#include <cstddef>

#include "onelane/options.h"
#include "src/commit/committer.h"
#include "src/schedule/plan.h"

namespace onelane::inline v0::engine {

class ServerTime {
 public:
  ServerTime();

  // Divides what was waited for all of the tick among COMMIT and the slices' statements, by what
  // each is expected to take; what a slice's own calls were waited for stays its own. A tick that
  // was committed is learned from before.
  void divide(const schedule::Plan& plan, commit::TickResult& result);

 private:
  struct Input {
    double cost = 0;   // nanoseconds
    double power = 0;  // of what it weighed: the sum of its squares, of which older ones count less
  };
  using Weights = std::array<double, kClassesMax + 1>;  // the last one is the fixed part's, 1

  double expected(const Weights& weights) const;
  void learn(const Weights& weights, double took);

  std::array<Input, kClassesMax + 1> inputs_{};
  double samples_ = 0;
};

}  // namespace onelane::inline v0::engine
