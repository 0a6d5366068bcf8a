#include "bench/storm.h"

#include <fmt/format.h>

#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>

#include "bench/kit/environment.h"
#include "bench/kit/errors.h"
#include "bench/kit/html.h"
#include "bench/kit/interrupt.h"
#include "bench/kit/outputs.h"
#include "bench/kit/scratch.h"
#include "bench/kit/terminal.h"
#include "bench/storm/options.h"
#include "bench/storm/report.h"
#include "bench/storm/run.h"
#include "bench/storm/verify.h"

namespace onelane::bench {
namespace {

using namespace onelane::bench::storm;
using nlohmann::json;

void check_fail_if(const StormOptions& options) {
  json expected = empty_json(options);
  for (const FailIf& condition : options.fail_if) {
    try {
      condition.check_paths(expected);
    } catch (const UsageError& error) {
      throw UsageError(fmt::format("--fail-if: {}", error.what()));
    }
  }
}

std::vector<StrategyResult> run_all(const StormOptions& options, const Input& input,
                                    const std::filesystem::path& scratch) {
  std::vector<StrategyResult> results;
  for (StrategyKind kind : options.strategies) {
    if (interrupted() && !results.empty()) break;
    std::filesystem::path database = database_of(options, kind, scratch);
    results.push_back(run_storm(kind, options, input, database));
    Progress progress;
    progress.show(fmt::format("{}: verifying", name(kind)));
    StrategyResult& result = results.back();
    result.verdict = verify(database, input, result.ledger, result.journal);
  }
  return results;
}

// Conditions are about whole results: an interrupted run is not held against them.
int judge(const StormOptions& options, const std::vector<StrategyResult>& results,
          const json& figures) {
  int code = interrupted() ? kExitInterrupted : hold_against(options.fail_if, figures);
  for (const StrategyResult& result : results) {
    if (result.verdict.verified()) continue;
    fmt::print(stderr, "failed: the database of {} is not what was acknowledged\n",
               name(result.kind));
    code = kExitFailed;
  }
  return code;
}

}  // namespace

int storm_main(const std::vector<std::string>& arguments) {
  StormOptions options;
  if (!parse_options(arguments, options, std::cout)) return kExitOk;
  check_fail_if(options);
  std::ofstream json_file = open_output("json", options.json);
  std::ofstream html_file = open_output("html", options.html);
  std::FILE* text = options.json == "-" ? stderr : stdout;

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
  environment.sync.merge(measure_syncs(directory));
  fmt::print(text, "{}", results_text(environment, results));
  json figures = to_json(options, input, environment, results);
  if (options.json == "-") fmt::print("{}\n", figures.dump(2));
  write_output(json_file, options.json, figures.dump(2) + "\n");
  write_output(html_file, options.html, to_html(figures) + "\n");
  return judge(options, results, figures);
}

}  // namespace onelane::bench
