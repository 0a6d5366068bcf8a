#include "bench/run/report.h"

#include <fmt/format.h>

#include <array>
#include <nlohmann/json.hpp>

#include "bench/kit/database.h"
#include "bench/kit/units.h"
#include "bench/storm/figures.h"
#include "bench/storm/strategy.h"
#include "onelane/option_text.h"

namespace onelane::bench::run {
namespace {

using nlohmann::json;

// "connect: 400 calls/s (poisson) of write to small, 1 row each".
std::string source_text(const Workload& workload, const SourceSpec& source) {
  constexpr std::array<std::string_view, 4> kCalls{"push", "submit", "write", "journal"};
  std::string text = source.name + ": ";
  if (source.open()) {
    text += fmt::format("{:g} calls/s ({})", source.per_second,
                        source.spacing == Spacing::even ? "even" : "poisson");
  } else {
    text += fmt::format("{} callers, pause {}", source.callers, format_duration(source.pause));
  }
  text += source.job_units == 0 ? fmt::format(", {}", kCalls[static_cast<std::size_t>(source.call)])
                                : fmt::format(", jobs of {} units", format_count(source.job_units));
  text += fmt::format(" to {}, {} rows a unit", workload.classes[source.write_class].name,
                      format_count(source.rows_per_unit()));
  if (source.direct_hold != Nanoseconds(0)) {
    text += fmt::format("; direct holds {}", format_duration(source.direct_hold));
  }
  return text;
}

json settings_json(const RunOptions& options) {
  const Workload& workload = options.workload;
  json classes = json::array();
  for (const ClassOptions& one : workload.classes) classes.push_back(to_text(one, Shown::all));
  json sources = json::array();
  for (const SourceSpec& source : workload.sources) {
    sources.push_back(source_text(workload, source));
  }
  return {{"file", options.file},
          {"workload", workload.name},
          {"seconds", to_seconds(workload.duration)},
          {"callers", workload.callers},
          {"grace_ms", to_seconds(workload.grace) * 1e3},
          {"seed", workload.seed},
          {"checkpoint_frames", storm::kCheckpointFrames},
          {"journal", to_text(workload.journal, Shown::all)},
          {"classes", classes},
          {"sources", sources}};
}

}  // namespace

std::string settings_text(const RunOptions& options, const Environment& environment) {
  const Workload& workload = options.workload;
  std::string text = fmt::format(
      "workload  {} ({}), {} each, {} callers for what arrives; seed {}\n", workload.name,
      options.file, format_duration(workload.duration), workload.callers, workload.seed);
  for (const SourceSpec& source : workload.sources) {
    text += fmt::format("source    {}\n", source_text(workload, source));
  }
  text += fmt::format("direct    busy timeout 10s, SQLite's own checkpoint every {} frames\n",
                      storm::kCheckpointFrames);
  text += fmt::format("onelane   journal {}\n", to_text(workload.journal));
  for (const ClassOptions& one : workload.classes) {
    text += fmt::format("class     {}\n", to_text(one));
  }
  return text + bench::to_text(environment);
}

json to_json(const RunOptions& options, const Environment& environment,
             const std::vector<storm::StrategyResult>& results) {
  json out{{"schema", 1},
           {"question", "run"},
           {"settings", settings_json(options)},
           {"environment", bench::to_json(environment)},
           {"strategies", json::array()}};
  for (const storm::StrategyResult& result : results) {
    out["strategies"].push_back(storm::to_json(result));
  }
  return out;
}

json empty_json(const RunOptions& options) {
  std::vector<storm::StrategyResult> results;
  for (const StrategyKind kind : options.strategies) {
    results.push_back(result_of(kind, options.workload));
  }
  return to_json(options, {}, results);
}

}  // namespace onelane::bench::run
