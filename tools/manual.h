// The manual's pages, made from the tables of the commands.
#pragma once

#include <string>

#include "tools/command.h"

namespace onelane::tools {

std::string manual();                           // onelane(1)
std::string manual_of(const Command& command);  // onelane-check(1), ...

}  // namespace onelane::tools
