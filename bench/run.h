// A workload of one's own, from a file: with every caller for itself, and through onelane.
#pragma once

#include <string>
#include <vector>

namespace onelane::bench {

// The exit code. Throws UsageError and RunError.
int run_main(const std::vector<std::string>& arguments);

}  // namespace onelane::bench
