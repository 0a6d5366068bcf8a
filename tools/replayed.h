// What the subcommands on traces share: reading one, budgets from flags, and how a replay is shown.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "onelane/trace.h"
#include "tools/kit/flags.h"

namespace onelane::tools {

// The operand. `path` must outlive the FlagSet.
void add_trace_operand(kit::FlagSet& flags, std::string& path);
// Throws UsageError. Says on stderr what of the trace is missing.
Trace trace_of(const std::string& path);

// "hold" instead of "tick.hold", and classes by name: what is changed of the recorded budgets.
struct BudgetChanges {
  std::vector<std::string> journal;  // KEY=VALUE, of tick.* and commit-percent
  std::vector<std::string> classes;  // NAME:KEY=VALUE,...
};
void add_budget_flags(kit::FlagSet& flags, BudgetChanges& changes);
// Throws UsageError.
Budgets changed(const Budgets& recorded, const BudgetChanges& changes);

std::string replay_table(const Replay& replay);
nlohmann::json to_json(const Replay& replay);

}  // namespace onelane::tools
