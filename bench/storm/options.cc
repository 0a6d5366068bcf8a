#include "bench/storm/options.h"

#include <fmt/format.h>

#include <algorithm>

#include "bench/kit/database.h"
#include "bench/kit/errors.h"

namespace onelane::bench::storm {
namespace {

constexpr std::array<std::string_view, 5> kStrategyNames{"direct", "onelane", "heavy", "durable",
                                                         "journaled"};

std::vector<StrategyKind> parse_strategies(std::string_view text) {
  std::vector<StrategyKind> kinds;
  for (const std::string& part : split_list(text)) {
    auto found = std::find(kStrategyNames.begin(), kStrategyNames.end(), part);
    if (found == kStrategyNames.end()) {
      throw UsageError(
          fmt::format("'{}' is no strategy: direct, onelane, heavy, durable or journaled, or "
                      "several with commas between them",
                      part));
    }
    auto kind = static_cast<StrategyKind>(found - kStrategyNames.begin());
    if (std::find(kinds.begin(), kinds.end(), kind) != kinds.end()) {
      throw UsageError(fmt::format("'{}' is there twice", part));
    }
    kinds.push_back(kind);
  }
  return kinds;
}

template <class T>
T within(T value, T least, T most, std::string_view text, std::string_view right) {
  if (value < least || value > most) {
    throw UsageError(fmt::format("'{}' is not between {}", text, right));
  }
  return value;
}

FlagSet::Parse into_seconds(Nanoseconds& target) {
  return [&target](std::string_view text) {
    double seconds = within(parse_number(text), 0.1, 3600.0, text, "0.1 and 3600");
    target = Nanoseconds(static_cast<std::int64_t>(seconds * 1e9));
  };
}

FlagSet::Parse into_count(std::uint64_t& target, std::uint64_t least, std::uint64_t most) {
  return [&target, least, most](std::string_view text) {
    target = within(parse_count(text), least, most, text, fmt::format("{} and {}", least, most));
  };
}

FlagSet::Parse into_duration(Nanoseconds& target, Nanoseconds least, Nanoseconds most) {
  return [&target, least, most](std::string_view text) {
    target = within(parse_duration(text), least, most, text,
                    fmt::format("{} and {}", format_duration(least), format_duration(most)));
  };
}

void add_workload_flags(FlagSet& flags, StormOptions& o) {
  using std::chrono::seconds;
  flags.group("Workload");
  flags.add({"input", "DIR", "/usr/share/doc", "the real files that blobs writes",
             into(o.input, [](std::string_view text) { return std::filesystem::path(text); })});
  flags.add({"input-limit", "SIZE", "256MiB", "how much of them is read, before the clock starts",
             into(o.input_limit_bytes, parse_size)});
  flags.add({"seconds", "N", "20", "how long each strategy is measured", into_seconds(o.duration)});
  flags.add({"connects-per-second", "N", "400",
             "arrivals of connect and of identify; those of domains are a quarter of it",
             [&o](std::string_view text) {
               o.connects_per_second =
                   within(parse_number(text), 1.0, 100'000.0, text, "1 and 100000");
             }});
  flags.add({"heavy", "N", "2", "threads for each of the heavy sources, blobs and sync",
             into_count(o.heavy, 0, 64)});
  flags.add({"block-wait", "TIME", "1ms", "how long a heavy thread waits for each block or batch",
             into_duration(o.block_wait, seconds(0), seconds(10))});
  flags.add(
      {"callers", "N", "256", "threads that serve the arrivals", into_count(o.callers, 1, 4096)});
  flags.add({"grace", "TIME", "2s",
             "how long arrivals that still wait for a caller at the end are served",
             into_duration(o.grace, seconds(0), seconds(600))});
  flags.add({"seed", "N", "1", "of the arrivals", into(o.seed, parse_count)});
}

void add_strategy_flags(FlagSet& flags, StormOptions& o) {
  using std::chrono::milliseconds;
  using std::chrono::seconds;
  flags.group("Strategies");
  flags.add({"strategy", "LIST", "direct,onelane",
             "direct: every caller BEGINs for itself; onelane: they push to a journal; heavy: "
             "onelane with the small sources silent; durable: onelane at synchronous=normal, "
             "whose connects wait for durable; journaled: the same, whose connects have an intake "
             "and wait for journaled",
             into(o.strategies, parse_strategies)});
  flags.add({"synchronous", "LEVEL", "normal", "normal, or full: a commit is synced",
             into(o.synchronous, parse_synchronous)});
  flags.add({"database", "PATH", "",
             "keep the databases, as PATH; with several strategies their names come before the "
             "extension. Without: a private directory that is removed. There must be no such file",
             [&o](std::string_view text) { o.database = std::filesystem::path(text); }});
  flags.add({"direct-hold", "TIME", "200ms", "how long heavy threads of direct hold a transaction",
             into_duration(o.direct_hold, milliseconds(1), seconds(60))});
}

void add_lane_flags(FlagSet& flags, StormOptions& o) {
  flags.group("The lane (all but direct)");
  flags.add(
      {"tick", "TIME", "10ms", "the largest planned hold", into(o.tick.hold, parse_duration)});
  flags.add({"commit-percent", "N", "4",
             "how much of a tick the fixed part of its commit may take, in percent; 0: ticks are "
             "planned up to --tick",
             into(o.commit_percent, parse_count)});
  flags.add({"tick-records", "N", "4096", "records in a tick", into(o.tick.records, parse_count)});
  flags.add({"tick-bytes", "SIZE", "8MiB", "bytes in a tick", into(o.tick.bytes, parse_size)});
  flags.add({"wal-limit", "SIZE", "64MiB", "how large the log may become",
             into(o.wal_limit_bytes, parse_size)});
  flags.add({"class", "NAME:KEY=VALUE,...", "",
             "an option of a class: blobs, sync, connect, identify or domains. Keys: " +
                 class_key_names(),
             [&o](std::string_view text) { apply_class(text, o.classes); }, true});
}

// The same sum as in ClassOptions::guarantee.
void check_guarantees(const StormOptions& options) {
  auto share = [](std::uint64_t part, std::uint64_t whole) {
    return static_cast<double>(part) / static_cast<double>(whole);
  };
  double sum = 0;
  for (const ClassOptions& one : options.classes) {
    sum += std::max(share(one.guarantee.records, options.tick.records),
                    share(one.guarantee.bytes, options.tick.bytes));
  }
  if (sum <= 1) return;
  throw UsageError(
      fmt::format("--class: the guarantees of all classes take {:.2f} of a tick of {} "
                  "records and {}; they must fit it together",
                  sum, options.tick.records, format_size(options.tick.bytes)));
}

// What the journal would refuse anyway is refused before anything is measured.
void check_lane(const StormOptions& options) {
  JournalOptions journal;
  journal.tick = options.tick;
  journal.wal_limit_bytes = options.wal_limit_bytes;
  if (Status status = validate(journal); !status.ok()) throw UsageError(status.message());
  for (const ClassOptions& one : options.classes) {
    if (Status status = validate(one); !status.ok()) {
      throw UsageError(fmt::format("--class: {}", status.message()));
    }
  }
  check_guarantees(options);
}

void check_databases(const StormOptions& options) {
  if (!options.database) return;
  const std::string name = options.database->string();
  if (name.empty() || name == ":memory:" || name.starts_with("file:")) {
    throw UsageError(fmt::format(
        "--database: '{}' is no file's path; several connections share the database, so it must be "
        "a file (without --database it is a temporary one)",
        name));
  }
  std::filesystem::path directory = std::filesystem::absolute(*options.database).parent_path();
  if (!std::filesystem::is_directory(directory)) {
    throw UsageError(fmt::format("--database: there is no directory {}", directory.string()));
  }
  for (StrategyKind kind : options.strategies) {
    std::filesystem::path path = database_of(options, kind, "");
    if (std::filesystem::exists(path)) {
      throw UsageError(
          fmt::format("--database: {} exists, and is not overwritten; remove it, or "
                      "give another path",
                      path.string()));
    }
  }
}

}  // namespace

std::string_view name(StrategyKind kind) noexcept {
  return kStrategyNames[static_cast<std::size_t>(kind)];
}

bool parse_options(const std::vector<std::string>& arguments, StormOptions& options,
                   std::ostream& help) {
  FlagSet flags(
      "usage: onelane-bench storm [flags]\n\n"
      "Five sources write to one database, as in a daemon: first each for itself, then "
      "through\nonelane. Times count from when a write was meant to start.\n\n"
      "Exit: 0 ok, 1 failed or not verified, 2 wrong flags, 3 a --fail-if holds, 130 "
      "interrupted");
  add_workload_flags(flags, options);
  add_strategy_flags(flags, options);
  add_lane_flags(flags, options);
  add_output_flags(flags, options.output);
  if (!flags.parse(arguments, help)) return false;
  check_lane(options);
  check_databases(options);
  return true;
}

std::filesystem::path database_of(const StormOptions& options, StrategyKind kind,
                                  const std::filesystem::path& scratch) {
  std::string own(name(kind));
  if (!options.database) return scratch / (own + ".db");
  std::filesystem::path path = *options.database;
  if (options.strategies.size() == 1) return path;
  return path.parent_path() /
         fmt::format("{}.{}{}", path.stem().string(), own, path.extension().string());
}

}  // namespace onelane::bench::storm
