// The way that starves: every caller has its own connection and begins for itself.
#pragma once

#include <filesystem>
#include <memory>

#include "bench/storm/options.h"
#include "bench/storm/strategy.h"

namespace onelane::bench::storm {

std::unique_ptr<Strategy> make_direct(const StormOptions& options,
                                      const std::filesystem::path& database);

}  // namespace onelane::bench::storm
