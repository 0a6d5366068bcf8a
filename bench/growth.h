// The question: how does a row's cost grow with the database, the backlog and the classes?
#pragma once

#include <string>
#include <vector>

namespace onelane::bench {

// The exit code. Throws UsageError and RunError.
int growth_main(const std::vector<std::string>& arguments);

}  // namespace onelane::bench
