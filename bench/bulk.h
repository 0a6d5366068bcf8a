// The question: how many rows a second, when nobody waits for them?
#pragma once

#include <string>
#include <vector>

namespace onelane::bench {

// The exit code. Throws UsageError and RunError.
int bulk_main(const std::vector<std::string>& arguments);

}  // namespace onelane::bench
