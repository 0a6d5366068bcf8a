// The variables of the environment that are the lane's.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "src/flags/given.h"

namespace onelane::inline v0::flags {

struct Environment {
  std::vector<Given> given;
  std::optional<std::string> config;  // the file's name
  std::string config_variable;
};

// Of "NAME=value" each. A name with the prefix that is none of ours is an error.
Result<Environment> read_environment(const std::vector<std::string>& variables, const Names& names);

// The process's own. No thread may change it meanwhile.
std::vector<std::string> variables_of_process();

}  // namespace onelane::inline v0::flags
