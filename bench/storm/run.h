// Runs the storm through one strategy, and measures it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "bench/kit/samples.h"
#include "bench/storm/ledger.h"
#include "bench/storm/options.h"
#include "bench/storm/strategy.h"
#include "bench/storm/verify.h"

namespace onelane::bench::storm {

struct StrategyResult {
  StrategyKind kind = StrategyKind::direct;
  Pragmas pragmas;
  Ledger ledger;
  Instant began;
  Nanoseconds elapsed{0};        // until the last write was answered
  Nanoseconds heavy_elapsed{0};  // until the last heavy write was answered
  std::uint64_t wal_bytes_max = 0;
  std::optional<JournalStats> journal;
  Samples group_syncs;  // of journaled: what the disk needs for a mean group of its intake
  Verdict verdict;

  double occupancy() const;
  double heavy_rows_per_s() const;
};

// Ends early, and in order, when interrupted. Throws RunError.
StrategyResult run_storm(StrategyKind kind, const StormOptions& options, const Input& input,
                         const std::filesystem::path& database);

}  // namespace onelane::bench::storm
