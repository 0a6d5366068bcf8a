// The question: how many instructions does a row's journey take beyond the bare loop's?
#pragma once

#include <string>
#include <vector>

namespace onelane::bench {

// The exit code. Throws UsageError and RunError.
int overhead_main(const std::vector<std::string>& arguments);

}  // namespace onelane::bench
