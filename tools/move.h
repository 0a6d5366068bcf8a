// onelane move: a service's rows, and how far its intake is applied, from SQLite to PostgreSQL.
#pragma once

#include "tools/command.h"

namespace onelane::tools {

Command move_command();

}  // namespace onelane::tools
