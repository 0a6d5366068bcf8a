// The question: how many small writes a second, when 1 to 256 threads wait for each of theirs?
#pragma once

#include <string>
#include <vector>

namespace onelane::bench {

// The exit code. Throws UsageError and RunError.
int callers_main(const std::vector<std::string>& arguments);

}  // namespace onelane::bench
