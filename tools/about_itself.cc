#include "tools/about_itself.h"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
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

struct ManOptions {
  std::string about;
  std::filesystem::path folder;
};

kit::FlagSet man_flags(ManOptions& o) {
  kit::FlagSet flags("usage: onelane man [COMMAND]\n\nTo read it: onelane man check | man -l -\n");
  flags.operand({.placeholder = "COMMAND",
                 .help = "the command that the page is about",
                 .parse = [&o](std::string_view text) { o.about = text; },
                 .required = false,
                 .choices = command_names()});
  flags.group("Output");
  flags.add({.name = "into",
             .placeholder = "DIR",
             .help = "write all pages into files in this folder, onelane.1 and the like",
             .parse = [&o](std::string_view text) { o.folder = text; }});
  return flags;
}

void write_page(const std::filesystem::path& file, const std::string& page) {
  std::ofstream out(file);
  if (!(out << page << std::flush)) {
    throw kit::RunError(fmt::format("cannot write to '{}'", file.string()));
  }
}

int man_main(const std::vector<std::string>& arguments) {
  ManOptions options;
  if (!man_flags(options).parse(arguments, std::cout)) return kit::kExitOk;
  if (options.folder.empty()) {
    fmt::print("{}", options.about.empty() ? manual() : manual_of(command_called(options.about)));
    return kit::kExitOk;
  }
  write_page(options.folder / "onelane.1", manual());
  for (const Command& command : commands()) {
    write_page(options.folder / fmt::format("onelane-{}.1", command.name), manual_of(command));
  }
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
                static ManOptions unused;
                return man_flags(unused);
              },
          .run = man_main};
}

}  // namespace onelane::tools
