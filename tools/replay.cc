#include "tools/replay.h"

#include <fmt/format.h>

#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "tools/kit/errors.h"
#include "tools/kit/json_file.h"
#include "tools/replayed.h"

namespace onelane::tools {
namespace {

struct ReplayOptions {
  std::string path;
  BudgetChanges changes;
  std::optional<std::string> json;
};

kit::FlagSet replay_flags(ReplayOptions& o) {
  kit::FlagSet flags(
      "usage: onelane replay TRACE [flags]\n\n"
      "Plans a recorded run once more: with its own budgets, where each tick must come out the\n"
      "same, or with others, for the waits that it would have had.\n"
      "  onelane replay storm.trace\n"
      "  onelane replay storm.trace --tick.hold 5ms --class blobs:weight=2\n");
  add_trace_operand(flags, o.path);
  flags.group("Other budgets");
  add_budget_flags(flags, o.changes);
  flags.group("Output");
  kit::add_json_flag(flags, o.json);
  return flags;
}

int same_budgets(const Trace& trace, kit::JsonFile& result) {
  const Replay replayed = replay(trace);
  std::FILE* const output = result.text();
  if (replayed.difference) {
    fmt::print(output, "Tick {} of {} is planned otherwise: {}.\nUp to there:\n\n",
               replayed.difference->tick, trace.ticks.size(), replayed.difference->what);
  } else {
    fmt::print(output, "All {} ticks are planned as they were.\n\n", trace.ticks.size());
  }
  fmt::print(output, "{}", replay_table(replayed));
  nlohmann::json json = to_json(replayed);
  json["schema"] = 1;
  result.write(json);
  return replayed.difference ? kit::kExitThreshold : kit::kExitOk;
}

int other_budgets(const Trace& trace, const Budgets& budgets, kit::JsonFile& result) {
  const Result<Replay> before = predict(trace, trace.budgets);
  const Result<Replay> after = predict(trace, budgets);
  if (!before.ok()) throw kit::UsageError(before.status().message());
  if (!after.ok()) throw kit::UsageError(after.status().message());
  std::FILE* const output = result.text();
  fmt::print(output, "With the recorded budgets, as predicted:\n\n{}\n", replay_table(*before));
  fmt::print(output, "With these:\n\n{}\n", replay_table(*after));
  for (const std::string& each : after->assumptions) fmt::print(output, "- {}\n", each);
  result.write({{"schema", 1}, {"before", to_json(*before)}, {"after", to_json(*after)}});
  return kit::kExitOk;
}

int replay_main(const std::vector<std::string>& arguments) {
  ReplayOptions options;
  if (!replay_flags(options).parse(arguments, std::cout)) return kit::kExitOk;
  const Trace trace = trace_of(options.path);
  kit::JsonFile result(options.json);
  if (options.changes.journal.empty() && options.changes.classes.empty()) {
    return same_budgets(trace, result);
  }
  return other_budgets(trace, changed(trace.budgets, options.changes), result);
}

}  // namespace

Command replay_command() {
  return {
      .name = "replay",
      .group = "From a recorded run",
      .summary = "a recorded run planned once more, with its budgets or others",
      .about =
          "Reads a file that JournalOptions::trace has recorded. With its own budgets each tick is "
          "planned once more and compared; the exit code is 3 if one is planned otherwise, which "
          "says that this version plans differently.\n\n"
          "With other budgets the recorded pushes go through the same planning on a virtual clock. "
          "Statements and commits take what they took in the trace; what else is assumed is "
          "printed.",
      .flags =
          [] {
            static ReplayOptions unused;
            return replay_flags(unused);
          },
      .run = replay_main,
  };
}

}  // namespace onelane::tools
