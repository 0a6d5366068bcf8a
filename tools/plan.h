// onelane plan: the worst wait of each class from budgets and costs, before anything runs.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "onelane/clock.h"
#include "onelane/options.h"
#include "onelane/plan.h"
#include "tools/command.h"

namespace onelane::tools {

// What a class's statements cost, in nanoseconds.
struct ClassCost {
  double record_ns = 0;
  double byte_ns = 0;
};
// "record=20us,byte=2ns"; throws UsageError.
ClassCost parse_cost(std::string_view text);

struct PlanInput {
  JournalOptions journal;
  std::vector<PlannedClass> classes;
  std::vector<ClassCost> costs;  // one for each class
  Duration commit{0};            // the fixed part of a tick: its BEGIN and COMMIT
};

struct ClassWait {
  WorstWait ticks;
  Duration first{0};  // WorstWait::first_ticks in time
  Duration last{0};
};
struct LaneWaits {
  Duration hold{0};     // as the budget of a tick has it
  Duration longest{0};  // that a tick holds the lane: `hold`, or more where the guarantees need it
  double guaranteed = 0;  // the part of a tick that all guarantees take together, 0 to 1
  std::vector<ClassWait> classes;
};

// Throws UsageError for options that no journal takes.
LaneWaits waits_of(const PlanInput& input);

Command plan_command();

}  // namespace onelane::tools
