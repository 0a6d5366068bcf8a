// The question: how long does one caller wait that writes one row at a time, with nobody else
// there?
#pragma once

#include <string>
#include <vector>

namespace onelane::bench {

// The exit code. Throws UsageError and RunError.
int lone_main(const std::vector<std::string>& arguments);

}  // namespace onelane::bench
