#include "tools/about_itself.h"

#include <fmt/format.h>

#include <algorithm>
#include <iostream>

#include "tools/completion.h"
#include "tools/kit/errors.h"
#include "tools/manual.h"

namespace onelane::tools {
namespace {

constexpr std::string_view kGroup = "The program itself";

std::vector<std::string> command_names() {
  std::vector<std::string> names;
  for (const Command& command : commands()) names.emplace_back(command.name);
  return names;
}

kit::FlagSet help_flags(std::string& about) {
  kit::FlagSet flags("usage: onelane help COMMAND\n");
  flags.operand({.placeholder = "COMMAND",
                 .help = "the command whose flags are to be shown",
                 .parse = [&about](std::string_view text) { about = text; },
                 .choices = command_names()});
  return flags;
}

int help_main(const std::vector<std::string>& arguments) {
  std::string about;
  if (!help_flags(about).parse(arguments, std::cout)) return kit::kExitOk;
  return command_called(about).run({"--help"});
}

kit::FlagSet completion_flags(std::string& shell) {
  kit::FlagSet flags(
      "usage: onelane completion bash|zsh|fish\n\n"
      "For this shell alone: source <(onelane completion bash)\n");
  flags.operand({.placeholder = "SHELL",
                 .help = "one of bash, zsh and fish",
                 .parse = [&shell](std::string_view text) { shell = text; },
                 .choices = {"bash", "zsh", "fish"}});
  return flags;
}

int completion_main(const std::vector<std::string>& arguments) {
  std::string shell;
  if (!completion_flags(shell).parse(arguments, std::cout)) return kit::kExitOk;
  fmt::print("{}", completion_for(shell));
  return kit::kExitOk;
}

kit::FlagSet man_flags(std::string& about) {
  kit::FlagSet flags("usage: onelane man [COMMAND]\n\nTo read it: onelane man check | man -l -\n");
  flags.operand({.placeholder = "COMMAND",
                 .help = "the command that the page is about",
                 .parse = [&about](std::string_view text) { about = text; },
                 .required = false,
                 .choices = command_names()});
  return flags;
}

int man_main(const std::vector<std::string>& arguments) {
  std::string about;
  if (!man_flags(about).parse(arguments, std::cout)) return kit::kExitOk;
  fmt::print("{}", about.empty() ? manual() : manual_of(command_called(about)));
  return kit::kExitOk;
}

}  // namespace

Command help_command() {
  return {.name = "help",
          .group = kGroup,
          .summary = "the flags of a command",
          .about = "Prints what COMMAND --help prints.",
          .flags =
              [] {
                static std::string unused;
                return help_flags(unused);
              },
          .run = help_main};
}

Command completion_command() {
  return {.name = "completion",
          .group = kGroup,
          .summary = "a script with which a shell completes commands and flags",
          .about = "Prints the script. Where the program is installed, so are the scripts.",
          .flags =
              [] {
                static std::string unused;
                return completion_flags(unused);
              },
          .run = completion_main};
}

Command man_command() {
  return {.name = "man",
          .group = kGroup,
          .summary = "the manual, as a page for man(1)",
          .about =
              "Prints the page of the program, or of a command. Where the program is "
              "installed, so are the pages.",
          .flags =
              [] {
                static std::string unused;
                return man_flags(unused);
              },
          .run = man_main};
}

}  // namespace onelane::tools
