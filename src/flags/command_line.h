// The flags of a command line that are the lane's. The only place that knows Boost.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "onelane/options.h"
#include "src/flags/given.h"

namespace onelane::inline v0::flags {

struct CommandLine {
  std::vector<Given> given;
  std::vector<std::string> rest;      // what is the program's own, in order
  std::optional<std::string> config;  // the file's name
  bool print = false;
};

Result<CommandLine> read_command_line(const std::vector<std::string>& arguments,
                                      const Names& names);

// The flags in a table, with these defaults.
std::string flags_help(const Names& names, const JournalOptions& defaults);

}  // namespace onelane::inline v0::flags
