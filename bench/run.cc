#include "bench/run.h"

#include <fmt/format.h>

#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>

#include "bench/kit/environment.h"
#include "bench/kit/errors.h"
#include "bench/kit/outputs.h"
#include "bench/kit/scratch.h"
#include "bench/run/options.h"
#include "bench/run/report.h"
#include "bench/run/run.h"
#include "bench/run/verify.h"
#include "bench/storm/figures.h"
#include "tools/kit/disk.h"
#include "tools/kit/interrupt.h"
#include "tools/kit/terminal.h"

namespace onelane::bench {
namespace {

using Results = std::vector<storm::StrategyResult>;

Results run_all(const run::RunOptions& options, const std::filesystem::path& scratch) {
  Results results;
  for (const run::StrategyKind kind : options.strategies) {
    if (interrupted() && !results.empty()) break;
    const std::filesystem::path database = run::database_of(options, kind, scratch);
    results.push_back(run::run_workload(kind, options.workload, database));
    Progress progress;
    progress.show(fmt::format("{}: verifying", run::name(kind)));
    results.back().verdict = run::verify(database, options.workload, results.back());
  }
  return results;
}

bool verified(const Results& results) {
  bool all = true;
  for (const storm::StrategyResult& result : results) {
    if (result.verdict.verified()) continue;
    fmt::print(stderr, "failed: the database of {} is not what was acknowledged\n", result.name);
    all = false;
  }
  return all;
}

}  // namespace

int run_main(const std::vector<std::string>& arguments) {
  run::RunOptions options;
  if (!run::parse_options(arguments, options, std::cout)) return kExitOk;
  Outputs outputs(options.output, run::empty_json(options));
  std::FILE* text = outputs.text();

  catch_interrupt();
  std::optional<Scratch> scratch;
  if (!options.database) scratch.emplace();
  const std::filesystem::path directory =
      scratch ? scratch->path() : std::filesystem::absolute(*options.database).parent_path();
  Environment environment = measure_environment(directory);
  fmt::print(text, "{}\n{}", bold("onelane-bench run", text),
             run::settings_text(options, environment));
  std::fflush(text);

  const Results results = run_all(options, directory);
  environment.sync.merge(measure_syncs(directory));
  fmt::print(text, "{}", storm::results_text(environment, results));
  const nlohmann::json figures = run::to_json(options, environment, results);
  outputs.write(figures);
  const int code = outputs.judge(figures);
  return verified(results) ? code : kExitFailed;
}

}  // namespace onelane::bench
