#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "onelane/option_text.h"
#include "onelane/version.h"
#include "tools/about_itself.h"
#include "tools/check_database.h"
#include "tools/command.h"
#include "tools/kit/errors.h"
#include "tools/kit/printable.h"
#include "tools/kit/terminal.h"
#ifdef ONELANE_MOVE
#include "tools/move.h"
#endif
#include "tools/plan.h"
#include "tools/replay.h"
#ifdef ONELANE_TOP
#include "tools/top.h"
#endif
#include "tools/tune.h"
#include "tools/workload.h"

namespace onelane::tools {
namespace {

using kit::UsageError;

std::string usage(std::FILE* output) {
  std::string text =
      "usage: onelane COMMAND [flags]\n"
      "       onelane help COMMAND\n"
      "       onelane --version\n";
  std::string_view group;
  for (const Command& command : commands()) {
    if (command.group != group) {
      group = command.group;
      text += "\n" + kit::bold(group, output) + "\n";
    }
    text += fmt::format("  {:12}{}\n", command.name, command.summary);
  }
  return text;
}

}  // namespace

std::span<const Command> commands() {
  static const std::vector<Command> kCommands = {
      check_command(), plan_command(),       replay_command(), tune_command(), workload_command(),
#ifdef ONELANE_TOP
      top_command(),
#endif
#ifdef ONELANE_MOVE
      move_command(),
#endif
      help_command(),  completion_command(), man_command(),
  };
  return kCommands;
}

const Command* find_command(std::string_view name) {
  const auto all = commands();
  const auto found = std::find_if(all.begin(), all.end(),
                                  [name](const Command& command) { return command.name == name; });
  return found == all.end() ? nullptr : &*found;
}

const Command& command_called(std::string_view name) {
  if (const Command* found = find_command(name)) return *found;
  std::vector<std::string> names;
  for (const Command& command : commands()) names.emplace_back(command.name);
  throw UsageError(fmt::format("there is no command '{}'; the nearest is {}, see onelane --help",
                               kit::printable(name), nearest(name, names)));
}

int run(const std::vector<std::string>& arguments) {
  if (arguments.empty()) throw UsageError("a command is missing\n" + usage(stderr));
  const bool help = arguments.size() == 1 && arguments[0] == "help";
  if (help || arguments[0] == "--help" || arguments[0] == "-h") {
    fmt::print("{}", usage(stdout));
    return kit::kExitOk;
  }
  if (arguments[0] == "--version") {
    fmt::print("onelane {}\n", ONELANE_VERSION_STRING);
    return kit::kExitOk;
  }
  if (arguments[0].starts_with('-')) {
    throw UsageError(fmt::format("'{}' is no command; flags follow the command, see onelane --help",
                                 kit::printable(arguments[0])));
  }
  return command_called(arguments[0]).run({arguments.begin() + 1, arguments.end()});
}

}  // namespace onelane::tools
