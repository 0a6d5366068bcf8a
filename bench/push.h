// The question: what does a push cost its thread?
#pragma once

#include <string>
#include <vector>

namespace onelane::bench {

// The exit code. Throws UsageError and RunError.
int push_main(const std::vector<std::string>& arguments);

}  // namespace onelane::bench
