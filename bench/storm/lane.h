// The way through onelane: the same sources push records to a journal.
#pragma once

#include <filesystem>
#include <memory>

#include "bench/storm/options.h"
#include "bench/storm/strategy.h"

namespace onelane::bench::storm {

// `promised` is what a connect waits for. With anything but committed the journal is opened at
// synchronous=normal; with journaled the class of connects has an intake.
std::unique_ptr<Strategy> make_lane(const StormOptions& options,
                                    const std::filesystem::path& database, Promise promised);

}  // namespace onelane::bench::storm
