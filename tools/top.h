// onelane top URL|SOCKET: a running journal, live in a terminal.
#pragma once

#include "tools/command.h"

namespace onelane::tools {

Command top_command();

}  // namespace onelane::tools
