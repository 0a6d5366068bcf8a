// The way through onelane: the same sources push records to a journal.
#pragma once

#include <filesystem>
#include <memory>

#include "bench/storm/options.h"
#include "bench/storm/strategy.h"

namespace onelane::bench::storm {

std::unique_ptr<Strategy> make_lane(const StormOptions& options,
                                    const std::filesystem::path& database);

}  // namespace onelane::bench::storm
