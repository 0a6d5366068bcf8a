// The storm's flags.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "bench/kit/errors.h"
#include "bench/kit/outputs.h"
#include "bench/kit/units.h"
#include "bench/storm/workload.h"
#include "onelane/options.h"
#include "tools/kit/flags.h"

namespace onelane::bench::storm {

enum class StrategyKind : std::uint8_t {
  direct,
  onelane,
  heavy,      // onelane with the small sources silent: what the heavy ones lose to them
  durable,    // onelane at synchronous=normal, whatever the level; connects wait for durable
  journaled,  // the same with an intake for connects, which wait for journaled
  pool,       // direct on 16 connections, which all share; on a server only
};
std::string_view name(StrategyKind kind) noexcept;

using Classes = std::array<ClassOptions, kSources>;  // indexed by Source

// What the classes are without --lane.class.
Classes default_classes();

// All of it is set by the flags.
struct StormOptions {
  std::filesystem::path input;
  std::uint64_t input_limit_bytes = 0;
  Nanoseconds duration{0};  // of each strategy
  Nanoseconds grace{0};     // for what still waits for a caller when the time is over
  double connects_per_second = 0;
  std::uint64_t heavy = 0;  // threads for each of blobs and sync
  Nanoseconds block_wait{0};
  std::uint64_t callers = 0;
  std::uint64_t seed = 0;

  std::vector<StrategyKind> strategies;
  Synchronous synchronous = Synchronous::normal;
  std::optional<std::filesystem::path> database;
  Nanoseconds direct_hold{0};
  std::string postgres;             // a server's conninfo, in place of database; empty: SQLite
  Nanoseconds added_round_trip{0};  // to that server

  JournalOptions journal{.tick = kDefaultTick};
  Classes classes = default_classes();

  OutputOptions output;
};

// False if --help or --lane.print was given, and was printed. Throws UsageError.
bool parse_options(const std::vector<std::string>& arguments, StormOptions& options,
                   std::ostream& help);

// The file that a strategy writes to: the path that was given, with the strategy's name before the
// extension if there are several.
std::filesystem::path database_of(const StormOptions& options, StrategyKind kind,
                                  const std::filesystem::path& scratch);

}  // namespace onelane::bench::storm
