// onelane replay: a trace planned once more, with its own budgets or with others.
#pragma once

#include "tools/command.h"

namespace onelane::tools {

Command replay_command();

}  // namespace onelane::tools
