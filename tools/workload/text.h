// A workload file, as onelane-bench run reads it: JSON with comments. bench/README.md has its keys.
#pragma once

#include <string>
#include <string_view>

#include "onelane/trace.h"
#include "tools/workload/load.h"

namespace onelane::tools {

// `load` is the trace's; its budgets must be valid. `file` is the trace's name, for the comments.
std::string workload_text(const Trace& trace, const RecordedLoad& load, std::string_view file);

}  // namespace onelane::tools
