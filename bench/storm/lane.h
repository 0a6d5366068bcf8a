// The way through onelane: the same sources push records to a journal.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>

#include "bench/storm/lane_journal.h"
#include "bench/storm/options.h"
#include "bench/storm/strategy.h"
#include "onelane/journal.h"

namespace onelane::bench::storm {

// How a job of sync writes: that many batches at once, at least 1.
struct SyncWriter {
  std::size_t batches;
  Status (*write)(Transaction& transaction, std::span<const std::uint64_t> batches);
};

// A journal with the storm's tables, and what differs between stores.
struct LaneStore {
  Journal journal;
  Settings settings;
  SyncWriter sync;
};

// `promised` is what a connect waits for. With anything but committed the journal is opened at
// synchronous=normal; with journaled the class of connects has an intake.
JournalOptions journal_options(const StormOptions& options, Promise promised);
LaneStore file_store(const std::filesystem::path& database, JournalOptions options);

std::unique_ptr<Strategy> make_lane(const StormOptions& options, Promise promised, LaneStore store);

}  // namespace onelane::bench::storm
