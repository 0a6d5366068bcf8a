// Plans as the engine does (engine/selection.cc), from what is known of a recorded or a virtual
// tick; and learns costs from what the ticks took.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "onelane/trace.h"
#include "src/schedule/costs.h"
#include "src/schedule/plan.h"

namespace onelane::inline v0::tuning {

struct PlanFrom {
  TimePoint now;
  schedule::Pace pace;                        // its commit_percent is the budgets'
  std::uint64_t gathers = ~std::uint64_t{0};  // classes whose window counts, a bit each
  std::uint64_t held_back = 0;                // classes that keep what they have saved up
};

// ok, or invalid_argument: they are of other classes than the recorded ones.
Status same_classes(const Budgets& recorded, const Budgets& budgets);

class Planner {
 public:
  // From here on. Classes are added, never removed.
  void set(const Budgets& budgets);

  schedule::Plan plan(std::span<const std::span<const schedule::Unit>> backlogs,
                      const PlanFrom& from);

  // After a tick that was kept, in this order.
  void keep(const schedule::State& state) { state_ = state; }
  void refund(const schedule::Slice& slice, std::span<const schedule::Unit> left) {
    for (const schedule::Unit& each : left) {
      schedule::refund(state_, costs_.costs(), slice, std::span(&each, 1));
    }
  }
  void learn_slice(std::uint32_t klass, std::uint64_t records, std::uint64_t bytes,
                   Duration elapsed) {
    if (records != 0) costs_.learn_slice(klass, records, bytes, elapsed);
  }
  void learn_commit(std::uint64_t records, std::uint64_t bytes, Duration elapsed) {
    costs_.learn_commit(records, bytes, elapsed);
  }

  const schedule::Costs& costs() const { return costs_.costs(); }
  const schedule::State& state() const { return state_; }

 private:
  Budget tick_;
  std::uint32_t commit_percent_ = 0;
  std::vector<schedule::Share> shares_;
  std::vector<Duration> gathers_;
  schedule::CostModel costs_;
  schedule::State state_;
};

}  // namespace onelane::inline v0::tuning
