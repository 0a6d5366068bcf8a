// The flags of onelane-bench run.
#pragma once

#include <filesystem>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "bench/kit/outputs.h"
#include "bench/run/run.h"
#include "bench/run/workload.h"

namespace onelane::bench::run {

struct RunOptions {
  std::string file;
  Workload workload;  // the file's, with what flags say otherwise
  std::vector<StrategyKind> strategies;
  std::optional<std::filesystem::path> database;
  OutputOptions output;
};

// False if --help or --lane.print was given, and was printed. Throws UsageError.
bool parse_options(const std::vector<std::string>& arguments, RunOptions& options,
                   std::ostream& help);

// The file that a strategy writes to: the path that was given, with the strategy's name before the
// extension if there are several.
std::filesystem::path database_of(const RunOptions& options, StrategyKind kind,
                                  const std::filesystem::path& scratch);

}  // namespace onelane::bench::run
