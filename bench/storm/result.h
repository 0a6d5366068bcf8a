// What a run through one strategy gave, whatever its sources were.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bench/kit/samples.h"
#include "bench/kit/units.h"
#include "bench/storm/ledger.h"
#include "onelane/stats.h"

namespace onelane::bench::storm {

struct Verdict {
  std::vector<std::uint64_t> lost;    // acknowledged, and not found; by source
  std::uint64_t faults = 0;           // anything else that should not be so
  std::vector<std::string> examples;  // of losses and faults, a few

  bool verified() const;
  std::uint64_t lost_of(Source source) const;
};

using Pragmas = std::vector<std::pair<std::string, std::string>>;

struct StrategyResult {
  std::string name;                  // the strategy's
  std::vector<std::string> sources;  // their names
  std::vector<Source> heavy;         // those that write as fast as they can
  bool intake = false;               // whether the figures of an intake are shown
  bool server = false;               // whether it wrote to one, and not to a file
  Pragmas pragmas;
  Ledger ledger;
  Instant began;
  Nanoseconds elapsed{0};        // until the last write was answered
  Nanoseconds heavy_elapsed{0};  // until the last heavy write was answered
  std::uint64_t wal_bytes_max = 0;
  std::optional<JournalStats> journal;
  Samples group_syncs;  // with an intake: what the disk needs for a mean group of it
  Verdict verdict;

  double occupancy() const;
  double heavy_rows_per_s() const;
};

}  // namespace onelane::bench::storm
