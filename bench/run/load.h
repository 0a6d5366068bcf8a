// A workload from its file.
#pragma once

#include <string>

#include "bench/run/workload.h"

namespace onelane::bench::run {

// parse_workload() of a file, with all of its SQL prepared in a database in memory. Throws
// UsageError, which begins with the path.
Workload load_workload(const std::string& path);

}  // namespace onelane::bench::run
