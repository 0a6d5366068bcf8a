// onelane workload: a recorded run as a workload file, for onelane-bench run.
#pragma once

#include "tools/command.h"

namespace onelane::tools {

Command workload_command();

}  // namespace onelane::tools
