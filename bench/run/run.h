// Runs a workload through one strategy, and measures it.
#pragma once

#include <filesystem>
#include <string_view>

#include "bench/run/workload.h"
#include "bench/storm/result.h"

namespace onelane::bench::run {

enum class StrategyKind : std::uint8_t { direct, onelane };
std::string_view name(StrategyKind kind) noexcept;

// Without figures yet.
storm::StrategyResult result_of(StrategyKind kind, const Workload& workload);

// Ends early, and in order, when interrupted. The result is not verified yet. Throws RunError.
storm::StrategyResult run_workload(StrategyKind kind, const Workload& workload,
                                   const std::filesystem::path& database);

}  // namespace onelane::bench::run
