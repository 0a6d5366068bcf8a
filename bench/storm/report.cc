#include "bench/storm/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "bench/kit/database.h"
#include "bench/kit/errors.h"
#include "bench/kit/times.h"
#include "bench/kit/units.h"
#include "bench/storm/strategy.h"
#include "onelane/option_text.h"
#include "tools/kit/table.h"

namespace onelane::bench::storm {
namespace {

using nlohmann::json;

std::string input_text(const StormOptions& options, const Input& input) {
  auto distinct = std::count_if(input.blocks.begin(), input.blocks.end(),
                                [](const Block& block) { return block.first; });
  std::string text = fmt::format("{}: {} files, {} in {} blocks, {} of them distinct",
                                 options.input.string(), format_count(input.files.size()),
                                 format_size(input.bytes), format_count(input.blocks.size()),
                                 format_count(static_cast<std::uint64_t>(distinct)));
  if (input.cut_at_limit) {
    text += fmt::format("; there is more, cut at --input-limit {}",
                        format_size(options.input_limit_bytes));
  }
  if (input.unreadable_files != 0) {
    text += fmt::format("; {} files could not be read", input.unreadable_files);
  }
  return text;
}

json settings_json(const StormOptions& o) {
  json classes = json::array();
  for (const ClassOptions& one : o.classes) classes.push_back(to_text(one, Shown::all));
  return {{"input", o.input.string()},
          {"seconds", to_seconds(o.duration)},
          {"connects_per_second", o.connects_per_second},
          {"heavy", o.heavy},
          {"block_wait_ms", to_seconds(o.block_wait) * 1e3},
          {"direct_hold_ms", to_seconds(o.direct_hold) * 1e3},
          {"callers", o.callers},
          {"grace_ms", to_seconds(o.grace) * 1e3},
          {"seed", o.seed},
          {"synchronous", bench::name(o.synchronous)},
          {"added_round_trip_ms", to_seconds(o.added_round_trip) * 1e3},
          {"checkpoint_frames", kCheckpointFrames},
          {"wal_limit", o.journal.wal_limit_bytes},
          {"tick_ms", to_seconds(o.journal.tick.hold) * 1e3},
          {"tick_records", o.journal.tick.records},
          {"tick_bytes", o.journal.tick.bytes},
          {"journal", to_text(o.journal, Shown::all)},
          {"classes", classes}};
}

}  // namespace

std::string settings_text(const StormOptions& o, const Input& input,
                          const Environment& environment) {
  std::string text;
  text += fmt::format("input     {}\n", input_text(o, input));
  text += fmt::format(
      "load      {} each: {} connects/s and as many identifies, {:g} domains/s, from {} callers; "
      "{} threads each for\n          blobs and sync, which wait {} per block; seed {}\n",
      format_duration(o.duration), o.connects_per_second, o.connects_per_second / 4, o.callers,
      o.heavy, format_duration(o.block_wait), o.seed);
  const bool server = !o.postgres.empty();
  text += fmt::format("direct    heavy transactions of {}, {}\n", format_duration(o.direct_hold),
                      server ? std::string("lock timeout 10s")
                             : fmt::format("busy timeout 10s, SQLite's own checkpoint every {} "
                                           "frames",
                                           kCheckpointFrames));
  text += fmt::format("onelane   ticks of at most {}, {} records, {}",
                      format_duration(o.journal.tick.hold), format_count(o.journal.tick.records),
                      format_size(o.journal.tick.bytes));
  text += server ? "\n"
                 : fmt::format("; a log of at most {}\n", format_size(o.journal.wal_limit_bytes));
  return text + to_text(environment);
}

json to_json(const StormOptions& options, const Input& input, const Environment& environment,
             const std::vector<StrategyResult>& results) {
  json out{{"schema", 1},
           {"question", "storm"},
           {"settings", settings_json(options)},
           {"environment", to_json(environment)},
           {"strategies", json::array()}};
  out["settings"]["input_bytes"] = input.bytes;
  out["settings"]["input_blocks"] = input.blocks.size();
  for (const StrategyResult& result : results) out["strategies"].push_back(to_json(result));
  return out;
}

json empty_json(const StormOptions& options) {
  std::vector<StrategyResult> results;
  for (StrategyKind kind : options.strategies) {
    StrategyResult& result = results.emplace_back(result_of(kind));
    result.server = !options.postgres.empty();
    if (kind != StrategyKind::direct && kind != StrategyKind::pool) result.journal.emplace();
  }
  return to_json(options, {}, {}, results);
}

}  // namespace onelane::bench::storm
