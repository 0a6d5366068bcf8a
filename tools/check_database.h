// onelane check DB: is this database fit for a lane?
#pragma once

#include "tools/command.h"

namespace onelane::tools {

Command check_command();

}  // namespace onelane::tools
