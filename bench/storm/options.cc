#include "bench/storm/options.h"

#include <fmt/format.h>

#include <algorithm>

#include "bench/contestants/trial.h"
#include "bench/kit/database.h"
#include "bench/kit/errors.h"
#include "onelane/flags.h"
#include "onelane/option_text.h"

namespace onelane::bench::storm {
namespace {

constexpr std::array<std::string_view, 6> kStrategyNames{"direct",  "onelane",   "heavy",
                                                         "durable", "journaled", "pool"};

std::vector<StrategyKind> parse_strategies(std::string_view text) {
  std::vector<StrategyKind> kinds;
  for (const std::string& part : split_list(text)) {
    auto found = std::find(kStrategyNames.begin(), kStrategyNames.end(), part);
    if (found == kStrategyNames.end()) {
      throw UsageError(
          fmt::format("'{}' is no strategy: direct, onelane, heavy, durable, journaled or pool, "
                      "or several with commas between them",
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
             "and wait for journaled; pool: direct on 16 connections to a server (--postgres)",
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

// The lane's flags that are used most, and are shorter without their prefix.
struct Short {
  std::string_view name;
  std::string_view placeholder;
};
constexpr std::array kShort{Short{"tick", "TIME"}, Short{"wal-limit", "SIZE"},
                            Short{"commit-percent", "N"}, Short{"class", "NAME:KEY=VALUE,..."}};

void add_lane_flags(FlagSet& flags) {
  flags.group("The lane (all but direct), in short");
  for (const Short& one : kShort) {
    // Nothing is left of them once lane_arguments() has been at work.
    flags.add({std::string(one.name), std::string(one.placeholder), "",
               fmt::format("--lane.{}, see below", one.name), [](std::string_view) {}});
  }
}

// With "--tick" as "--lane.tick", and the like.
std::vector<std::string> lane_arguments(std::vector<std::string> arguments) {
  for (std::string& each : arguments) {
    const std::string name = each.substr(0, each.find('='));
    const bool is_short = std::any_of(kShort.begin(), kShort.end(), [&](const Short& one) {
      return name == fmt::format("--{}", one.name);
    });
    if (is_short) each.insert(2, "lane.");
  }
  return arguments;
}

// A storm is to be the same wherever it runs, so the environment has no part in it.
flags::Lane lane_of(const StormOptions& options) {
  return flags::Lane({.journal = options.journal,
                      .classes = {options.classes.begin(), options.classes.end()},
                      .environment = ""});
}

// Takes the lane's flags, and leaves those of the storm.
std::vector<std::string> take_lane(flags::Lane& lane, const std::vector<std::string>& arguments,
                                   StormOptions& options) {
  Result<std::vector<std::string>> rest = lane.parse(lane_arguments(arguments), {});
  if (!rest) throw UsageError(rest.status().message());
  options.journal = lane.journal();
  std::copy(lane.classes().begin(), lane.classes().end(), options.classes.begin());
  return std::move(*rest);
}

// What the storm itself decides.
void check_lane(const StormOptions& options) {
  if (options.journal.synchronous != Synchronous::normal) {
    throw UsageError(
        fmt::format("--lane.synchronous is '{}'; it must be set by --synchronous, for direct, too",
                    option_value(options.journal, "synchronous")));
  }
  if (options.journal.drive != Drive::thread) {
    throw UsageError("--lane.drive is 'manual'; it must be thread: the storm calls no tick()");
  }
  for (const ClassOptions& one : options.classes) {
    if (!one.intake) continue;
    throw UsageError(fmt::format(
        "--lane.class: {} has intake=on; it must be off: the strategy journaled sets it",
        one.name));
  }
}

void check_server(const StormOptions& options) {
  const auto given = [&](StrategyKind kind) {
    return std::ranges::find(options.strategies, kind) != options.strategies.end();
  };
  if (options.postgres.empty()) {
    if (given(StrategyKind::pool)) {
      throw UsageError("--strategy: pool needs a server's connections, so --postgres");
    }
    if (options.added_round_trip > Nanoseconds(0)) {
      throw UsageError("--added-round-trip: there is no round trip without --postgres");
    }
    return;
  }
  if (given(StrategyKind::durable)) {
    throw UsageError(
        "--strategy: durable is not for a server, where a commit is durable at once with "
        "--synchronous full, and never with normal; onelane is right");
  }
  if (options.database) {
    throw UsageError("--database: a file is not for --postgres, whose schemas are dropped");
  }
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

Classes default_classes() {
  Classes classes;
  for (Source source : kAllSources) classes[index(source)].name = name(source);
  ClassOptions& blobs = classes[index(kBlobs)];
  blobs.guarantee = {.records = 64, .bytes = 512 * kKiB};
  ClassOptions& sync = classes[index(kSync)];
  sync.guarantee = {.records = 256, .bytes = 64 * kKiB};
  ClassOptions& connect = classes[index(kConnect)];
  connect.guarantee = {.records = 512, .bytes = 256 * kKiB};
  connect.weight = 4;
  ClassOptions& identify = classes[index(kIdentify)];
  identify.guarantee = {.records = 128, .bytes = 64 * kKiB};
  identify.capacity_records = 4096;
  identify.when_full = WhenFull::drop_oldest;
  identify.coalesce = true;
  ClassOptions& domains = classes[index(kDomains)];
  domains.guarantee = {.records = 128, .bytes = 64 * kKiB};
  return classes;
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
  if (knows_servers()) flags.group("A server");
  add_server_flags(flags, "the strategies write to schemas that they make and drop",
                   {options.postgres, options.added_round_trip});
  add_lane_flags(flags);
  add_output_flags(flags, options.output);
  auto lane = lane_of(options);
  const std::vector<std::string> own = take_lane(lane, arguments, options);
  if (!flags.parse(own, help)) {
    help << lane.help();
    return false;
  }
  if (lane.print_wanted()) {
    help << lane.print();
    return false;
  }
  check_lane(options);
  check_server(options);
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
