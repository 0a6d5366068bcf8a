// The file of a workload: JSON with comments. bench/README.md has its keys.
#pragma once

#include <string_view>

#include "bench/run/workload.h"

namespace onelane::bench::run {

// Throws UsageError, which names the part, its value and what would be right. What SQL means is not
// looked at, nor that the classes' guarantees fit a tick together.
Workload parse_workload(std::string_view text);

}  // namespace onelane::bench::run
