// One subcommand of onelane: what --help, the manual and completion know of it, and how it is run.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tools/kit/flags.h"

namespace onelane::tools {

struct Command {
  std::string_view name;
  std::string_view group;    // of commands, as --help shows them
  std::string_view summary;  // one line
  std::string_view about;    // for its manual: paragraphs with an empty line between them
  kit::FlagSet (*flags)();   // to be shown, not to be parsed
  // With what follows the name. Returns the exit code; throws UsageError and RunError.
  int (*run)(const std::vector<std::string>& arguments);
};

// In the order in which --help shows them.
std::span<const Command> commands();
const Command* find_command(std::string_view name);
// Throws UsageError, with the nearest one, if there is none.
const Command& command_called(std::string_view name);

// What `onelane` does with these arguments: the exit code.
int run(const std::vector<std::string>& arguments);

}  // namespace onelane::tools
