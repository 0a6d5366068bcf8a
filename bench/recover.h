// The question: how long does opening a journal take, by what its intake has left?
#pragma once

#include <string>
#include <vector>

namespace onelane::bench {

// The exit code. Throws UsageError and RunError.
int recover_main(const std::vector<std::string>& arguments);

}  // namespace onelane::bench
