// The question: how do the workloads go with which LevelDB's db_bench measures writes?
#pragma once

#include <string>
#include <vector>

namespace onelane::bench {

// The exit code. Throws UsageError and RunError.
int fill_main(const std::vector<std::string>& arguments);

}  // namespace onelane::bench
