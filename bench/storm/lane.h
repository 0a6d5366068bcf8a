// The way through onelane: the same sources push records to a journal.
#pragma once

#include <filesystem>
#include <memory>

#include "bench/storm/options.h"
#include "bench/storm/strategy.h"

namespace onelane::bench::storm {

// `promised` is what a connect waits for. Durable is pipelined: the journal is then opened at
// synchronous=normal.
std::unique_ptr<Strategy> make_lane(const StormOptions& options,
                                    const std::filesystem::path& database, Promise promised);

}  // namespace onelane::bench::storm
