#include "bench/storm.h"

#include <fmt/format.h>

#include <algorithm>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "bench/contestants/store.h"
#include "bench/kit/environment.h"
#include "bench/kit/errors.h"
#include "bench/kit/group_sync.h"
#include "bench/kit/outputs.h"
#include "bench/kit/question.h"
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

std::unique_ptr<Place> make_place(const StormOptions& options,
                                  const std::filesystem::path& database) {
#ifdef ONELANE_BENCH_POSTGRES
  if (!options.postgres.empty()) return make_pg_place(options, database);
#endif
  return make_file_place(options, database);
}

// What storms on a server say of it; {}: there is none.
json server_of(const StormOptions& options) {
  return bench::server_of(StoreOptions{.synchronous = options.synchronous,
                                       .postgres = options.postgres,
                                       .added_round_trip = options.added_round_trip});
}

json with_server(json figures, const json& server) {
  if (!server.empty()) figures["environment"]["server"] = server;
  return figures;
}

std::vector<StrategyResult> run_all(const StormOptions& options, const Input& input,
                                    const std::filesystem::path& scratch) {
  std::vector<StrategyResult> results;
  for (StrategyKind kind : options.strategies) {
    if (interrupted() && !results.empty()) break;
    const std::filesystem::path database = database_of(options, kind, scratch);
    const std::unique_ptr<Place> place = make_place(options, database);
    results.push_back(run_storm({kind, *place, database}, options, input));
    if (kind == StrategyKind::journaled) measure_groups(results.back(), scratch);
    Progress progress;
    progress.show(fmt::format("{}: verifying", name(kind)));
    StrategyResult& result = results.back();
    result.verdict = verify(*place->reader(), input, result.ledger, result.journal);
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
  const json server = server_of(options);
  Outputs outputs(options.output, with_server(empty_json(options), server));
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
  if (!server.empty()) fmt::print(text, "server   {}\n", settings_text(server));
  std::fflush(text);

  std::vector<StrategyResult> results = run_all(options, input, directory);
  environment.sync.merge(kit::measure_syncs(directory));
  fmt::print(text, "{}", results_text(environment, results));
  json figures = with_server(to_json(options, input, environment, results), server);
  outputs.write(figures);
  const int code = outputs.judge(figures);
  return verified(results) ? code : kExitFailed;
}

}  // namespace onelane::bench
