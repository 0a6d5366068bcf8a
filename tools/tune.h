// onelane tune: budgets that keep what one wants, found by replay of a trace.
#pragma once

#include "tools/command.h"

namespace onelane::tools {

Command tune_command();

}  // namespace onelane::tools
