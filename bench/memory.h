// The question: how much memory is resident with full queues, and does it grow as they fill and
// drain?
#pragma once

#include <string>
#include <vector>

namespace onelane::bench {

// The exit code. Throws UsageError and RunError.
int memory_main(const std::vector<std::string>& arguments);

}  // namespace onelane::bench
