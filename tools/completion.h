// Scripts for shells, made from the tables of the commands.
#pragma once

#include <string>
#include <string_view>

namespace onelane::tools {

// For bash, zsh or fish; throws UsageError for another one.
std::string completion_for(std::string_view shell);

}  // namespace onelane::tools
