// Predictions from one trace, which is looked at once.
#pragma once

#include <cstdint>

#include "onelane/trace.h"
#include "src/tuning/samples.h"
#include "src/tuning/sources.h"

namespace onelane::inline v0::tuning {

// What else could have happened to the same pushes.
struct Chance {
  // Of 0, costs are those of the same time. Of n, those of the n-th recorded tick of that size
  // after it, and passes that close the log are as long as ones that are drawn from all.
  std::uint32_t draw = 0;
  bool disk_keeps_up = false;  // no pause, no pass that closes the log, always room in it
};

class Predictor {
 public:
  // The trace must outlive it, and have items.
  explicit Predictor(const Trace& trace)
      : trace_(trace), samples_(samples_of(trace)), sources_(trace) {}
  // The budgets are valid, and of the trace's classes.
  Replay predict(const Budgets& budgets, const Chance& chance = {}) const;

 private:
  const Trace& trace_;
  const Samples samples_;
  const Sources sources_;
};

}  // namespace onelane::inline v0::tuning
