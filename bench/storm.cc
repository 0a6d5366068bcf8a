#include "bench/storm.h"

#include <fmt/format.h>

#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>

#include "bench/kit/environment.h"
#include "bench/kit/errors.h"
#include "bench/kit/group_sync.h"
#include "bench/kit/outputs.h"
#include "bench/kit/scratch.h"
#include "bench/storm/options.h"
#include "bench/storm/report.h"
#include "bench/storm/run.h"
#include "bench/storm/verify.h"
#include "tools/kit/disk.h"
#include "tools/kit/interrupt.h"
#include "tools/kit/terminal.h"

namespace onelane::bench {
namespace {

using namespace onelane::bench::storm;
using nlohmann::json;

// By itself, once the storm is over.
void measure_groups(StrategyResult& result, const std::filesystem::path& directory) {
  const IntakeStats& intake = result.journal->intake;
  const std::uint64_t groups = std::max<std::uint64_t>(1, intake.sync_ns.count());
  result.group_syncs = measure_group_syncs(directory, intake.written_bytes / groups);
}

std::vector<StrategyResult> run_all(const StormOptions& options, const Input& input,
                                    const std::filesystem::path& scratch) {
  std::vector<StrategyResult> results;
  for (StrategyKind kind : options.strategies) {
    if (interrupted() && !results.empty()) break;
    std::filesystem::path database = database_of(options, kind, scratch);
    results.push_back(run_storm(kind, options, input, database));
    if (kind == StrategyKind::journaled) measure_groups(results.back(), scratch);
    Progress progress;
    progress.show(fmt::format("{}: verifying", name(kind)));
    StrategyResult& result = results.back();
    result.verdict = verify(database, input, result.ledger, result.journal);
  }
  return results;
}

bool verified(const std::vector<StrategyResult>& results) {
  bool all = true;
  for (const StrategyResult& result : results) {
    if (result.verdict.verified()) continue;
    fmt::print(stderr, "failed: the database of {} is not what was acknowledged\n", result.name);
    all = false;
  }
  return all;
}

}  // namespace

int storm_main(const std::vector<std::string>& arguments) {
  StormOptions options;
  if (!parse_options(arguments, options, std::cout)) return kExitOk;
  Outputs outputs(options.output, empty_json(options));
  std::FILE* text = outputs.text();

  catch_interrupt();
  std::optional<Scratch> scratch;
  if (!options.database) scratch.emplace();
  std::filesystem::path directory =
      scratch ? scratch->path() : std::filesystem::absolute(*options.database).parent_path();
  Input input = load_input(options.input, options.input_limit_bytes);
  Environment environment = measure_environment(directory);
  fmt::print(text, "{}\n{}", bold("onelane-bench storm", text),
             settings_text(options, input, environment));
  std::fflush(text);

  std::vector<StrategyResult> results = run_all(options, input, directory);
  environment.sync.merge(kit::measure_syncs(directory));
  fmt::print(text, "{}", results_text(environment, results));
  json figures = to_json(options, input, environment, results);
  outputs.write(figures);
  const int code = outputs.judge(figures);
  return verified(results) ? code : kExitFailed;
}

}  // namespace onelane::bench
