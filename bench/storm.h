// The question: what becomes of small writes while heavy ones run, each for itself and in one lane?
#pragma once

#include <string>
#include <vector>

namespace onelane::bench {

// The exit code. Throws UsageError and RunError.
int storm_main(const std::vector<std::string>& arguments);

}  // namespace onelane::bench
