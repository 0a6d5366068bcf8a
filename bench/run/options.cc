#include "bench/run/options.h"

#include <fmt/format.h>

#include <algorithm>

#include "bench/kit/errors.h"
#include "bench/kit/units.h"
#include "bench/run/load.h"
#include "onelane/flags.h"
#include "onelane/option_text.h"
#include "tools/kit/flags.h"

namespace onelane::bench::run {
namespace {

std::vector<StrategyKind> parse_strategies(std::string_view text) {
  std::vector<StrategyKind> kinds;
  for (const std::string& part : split_list(text)) {
    const auto kind = part == "direct" ? StrategyKind::direct : StrategyKind::onelane;
    if (part != name(kind)) {
      throw UsageError(fmt::format(
          "'{}' is no strategy: direct, onelane, or both with a comma between them", part));
    }
    if (std::find(kinds.begin(), kinds.end(), kind) != kinds.end()) {
      throw UsageError(fmt::format("'{}' is there twice", part));
    }
    kinds.push_back(kind);
  }
  return kinds;
}

// What is said by flags alone.
struct Overrides {
  std::optional<Nanoseconds> duration;
  std::optional<std::uint64_t> seed;
};

void add_flags(FlagSet& flags, RunOptions& o, Overrides& overrides) {
  flags.group("Run");
  flags.add({"seconds", "N", "", "how long each strategy is measured, instead of the file's time",
             [&overrides](std::string_view text) {
               const double seconds = parse_number(text);
               if (seconds < 0.1 || seconds > 3600) {
                 throw UsageError(fmt::format("'{}' is not between 0.1 and 3600", text));
               }
               overrides.duration = Nanoseconds(static_cast<std::int64_t>(seconds * 1e9));
             }});
  flags.add({"seed", "N", "", "of keys and arrivals, instead of the file's",
             [&overrides](std::string_view text) { overrides.seed = parse_count(text); }});
  flags.add({"strategy", "LIST", "direct,onelane",
             "direct: every caller BEGINs for itself; onelane: they push to a journal",
             into(o.strategies, parse_strategies)});
  flags.add({"database", "PATH", "",
             "keep the databases, as PATH; with both strategies their names come before the "
             "extension. Without: a private directory that is removed. There must be no such file",
             [&o](std::string_view text) { o.database = std::filesystem::path(text); }});
  add_output_flags(flags, o.output);
}

// The classes and the journal of the file, as the flags change them. A run is to be the same
// wherever it is, so the environment has no part in it.
flags::Lane lane_of(const Workload& workload) {
  return flags::Lane({.journal = workload.journal, .classes = workload.classes, .environment = ""});
}

void check_lane(const RunOptions& options) {
  const Workload& workload = options.workload;
  if (workload.journal.drive != Drive::thread) {
    throw UsageError("--lane.drive is 'manual'; it must be thread: nobody calls tick()");
  }
  for (const SourceSpec& source : workload.sources) {
    const ClassOptions& own = workload.classes[source.write_class];
    if (source.call == Call::journal && !own.intake) {
      throw UsageError(
          fmt::format("--lane.class: {} has intake=off; it must be on for the source {}", own.name,
                      source.name));
    }
    if (source.job_units != 0 && own.intake) {
      throw UsageError(
          fmt::format("--lane.class: {} has intake=on; it must be off for the jobs of {}", own.name,
                      source.name));
    }
  }
}

void check_databases(const RunOptions& options) {
  if (!options.database) return;
  const std::string path = options.database->string();
  if (path.empty() || path == ":memory:" || path.starts_with("file:")) {
    throw UsageError(fmt::format(
        "--database: '{}' is no file's path; several connections share the database", path));
  }
  const auto directory = std::filesystem::absolute(*options.database).parent_path();
  if (!std::filesystem::is_directory(directory)) {
    throw UsageError(fmt::format("--database: there is no directory {}", directory.string()));
  }
  for (const StrategyKind kind : options.strategies) {
    const std::filesystem::path own = database_of(options, kind, "");
    if (!std::filesystem::exists(own)) continue;
    throw UsageError(fmt::format(
        "--database: {} exists, and is not overwritten; remove it, or give another path",
        own.string()));
  }
}

constexpr const char* kUsage =
    "usage: onelane-bench run FILE [flags]\n\n"
    "A workload of one's own: first each caller for itself, then through onelane. Times count\n"
    "from when a write was meant to start. FILE is JSON with comments; bench/README.md has its\n"
    "keys, bench/workloads has examples.\n\n"
    "Exit: 0 ok, 1 failed or not verified, 2 wrong flags or file, 3 a --fail-if holds, 130 "
    "interrupted";

}  // namespace

bool parse_options(const std::vector<std::string>& arguments, RunOptions& options,
                   std::ostream& help) {
  Overrides overrides;
  FlagSet flags(kUsage);
  add_flags(flags, options, overrides);
  const bool has_file = !arguments.empty() && !arguments.front().starts_with("-");
  if (has_file) {
    options.file = arguments.front();
    options.workload = load_workload(options.file);
  }
  flags::Lane lane = lane_of(options.workload);
  const Result<std::vector<std::string>> rest =
      lane.parse({arguments.begin() + (has_file ? 1 : 0), arguments.end()}, {});
  if (!rest) throw UsageError(rest.status().message());
  if (!flags.parse(*rest, help)) {
    help << lane.help();
    return false;
  }
  if (!has_file) throw UsageError("run needs a FILE before its flags; see --help");
  if (lane.print_wanted()) {
    help << lane.print();
    return false;
  }
  options.workload.journal = lane.journal();
  options.workload.classes = lane.classes();
  options.workload.duration = overrides.duration.value_or(options.workload.duration);
  options.workload.seed = overrides.seed.value_or(options.workload.seed);
  check_lane(options);
  check_databases(options);
  return true;
}

std::filesystem::path database_of(const RunOptions& options, StrategyKind kind,
                                  const std::filesystem::path& scratch) {
  const std::string own(name(kind));
  if (!options.database) return scratch / (own + ".db");
  const std::filesystem::path& path = *options.database;
  if (options.strategies.size() == 1) return path;
  return path.parent_path() /
         fmt::format("{}.{}{}", path.stem().string(), own, path.extension().string());
}

}  // namespace onelane::bench::run
