// The commands about the program itself: help, completion and man.
#pragma once

#include "tools/command.h"

namespace onelane::tools {

Command help_command();
Command completion_command();
Command man_command();

}  // namespace onelane::tools
