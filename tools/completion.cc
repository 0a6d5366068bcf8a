#include "tools/completion.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

#include "tools/command.h"
#include "tools/kit/errors.h"
#include "tools/kit/printable.h"

namespace onelane::tools {
namespace {

using Flag = kit::FlagSet::Flag;

// Whether what a placeholder stands for can be a file.
bool is_file(std::string_view placeholder) {
  constexpr std::array<std::string_view, 5> kFiles = {"FILE", "DB", "DIR", "SOCKET", "TRACE"};
  return std::any_of(kFiles.begin(), kFiles.end(), [placeholder](std::string_view file) {
    return placeholder.find(file) != std::string_view::npos;
  });
}

std::vector<Flag> flags_of(const kit::FlagSet& set) {
  std::vector<Flag> out;
  for (const auto& group : set.groups()) {
    out.insert(out.end(), group.flags.begin(), group.flags.end());
  }
  out.push_back({.name = "help", .help = "print this and end", .parse = {}});
  return out;
}

std::string command_names() {
  std::string out;
  for (const Command& command : commands()) {
    out += (out.empty() ? "" : " ") + std::string(command.name);
  }
  return out;
}

// For single quotes, with what else the place gives a meaning to behind a backslash.
std::string quoted(std::string_view text, std::string_view special = "") {
  std::string out;
  for (const char c : text) {
    if (c == '\'') {
      out += "'\\''";
      continue;
    }
    if (special.find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

// ---- bash

constexpr std::string_view kBashFiles = "mapfile -t COMPREPLY < <(compgen -f -- \"$word\")";

std::string bash_words(std::string_view words) {
  return fmt::format("mapfile -t COMPREPLY < <(compgen -W '{}' -- \"$word\")", quoted(words));
}

std::string bash_values(std::string_view placeholder, const std::vector<std::string>& choices) {
  if (!choices.empty()) return bash_words(fmt::format("{}", fmt::join(choices, " ")));
  return is_file(placeholder) ? std::string(kBashFiles) : ":";
}

std::string bash_case(const Command& command) {
  const kit::FlagSet set = command.flags();
  std::string names;
  std::string values;
  for (const Flag& flag : flags_of(set)) {
    names += (names.empty() ? "--" : " --") + flag.name;
    if (flag.placeholder.empty()) continue;
    values += fmt::format("        --{}) {}; return ;;\n", flag.name,
                          bash_values(flag.placeholder, flag.choices));
  }
  std::string out = fmt::format("    {})\n", command.name);
  if (!values.empty()) out += "      case $before in\n" + values + "      esac\n";
  out += fmt::format("      if [[ $word == -* ]]; then\n        {}\n", bash_words(names));
  if (!set.operands().empty()) {  // the first stands for all of them
    const auto& operand = set.operands().front();
    out +=
        fmt::format("      else\n        {}\n", bash_values(operand.placeholder, operand.choices));
  }
  return out + "      fi ;;\n";
}

std::string bash() {
  std::string out = fmt::format(
      "# bash completion for onelane\n"
      "_onelane() {{\n"
      "  local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}}\n"
      "  COMPREPLY=()\n"
      "  if ((COMP_CWORD == 1)); then\n"
      "    {}\n"
      "    return\n"
      "  fi\n"
      "  case ${{COMP_WORDS[1]}} in\n",
      bash_words(command_names() + " --help --version"));
  for (const Command& command : commands()) out += bash_case(command);
  return out + "  esac\n}\ncomplete -o filenames -F _onelane onelane\n";
}

// ---- zsh

std::string zsh_values(std::string_view placeholder, const std::vector<std::string>& choices) {
  const std::string name = quoted(placeholder, ":|\\");
  if (!choices.empty()) return fmt::format(":{}:({})", name, fmt::join(choices, " "));
  return fmt::format(":{}:{}", name, is_file(placeholder) ? "_files" : "");
}

std::string zsh_flag(const Flag& flag) {
  const std::string help = quoted(flag.help, "[]:\\");
  const std::string values =
      flag.placeholder.empty() ? "" : zsh_values(flag.placeholder, flag.choices);
  return fmt::format(" \\\n        '{}--{}[{}]{}'", flag.repeatable ? "*" : "", flag.name, help,
                     values);
}

std::string zsh_case(const Command& command) {
  const kit::FlagSet set = command.flags();
  std::string out = fmt::format("    {})\n      _arguments", command.name);
  for (const Flag& flag : flags_of(set)) out += zsh_flag(flag);
  std::size_t place = 0;
  for (const auto& operand : set.operands()) {
    ++place;
    out += fmt::format(" \\\n        '{}{}'", operand.required ? std::to_string(place) : ":",
                       zsh_values(operand.placeholder, operand.choices));
  }
  return out + " ;;\n";
}

std::string zsh() {
  std::string out =
      "#compdef onelane\n"
      "_onelane() {\n"
      "  local -a commands\n"
      "  commands=(\n";
  for (const Command& command : commands()) {
    out += fmt::format("    '{}:{}'\n", command.name, quoted(command.summary, ":\\"));
  }
  out +=
      "  )\n"
      "  if ((CURRENT == 2)); then\n"
      "    _describe 'command' commands\n"
      "    return\n"
      "  fi\n"
      "  local name=$words[2]\n"
      "  shift words\n"
      "  ((CURRENT--))\n"
      "  case $name in\n";
  for (const Command& command : commands()) out += zsh_case(command);
  return out +
         "  esac\n}\n"
         "if [[ $funcstack[1] == _onelane ]]; then _onelane \"$@\"\n"
         "else compdef _onelane onelane; fi\n";
}

// ---- fish

std::string fish_values(std::string_view placeholder, const std::vector<std::string>& choices) {
  if (!choices.empty()) return fmt::format(" -x -a '{}'", fmt::join(choices, " "));
  return is_file(placeholder) ? " -r -F" : " -x";
}

std::string fish_escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\'' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

std::string fish_lines(const Command& command) {
  const kit::FlagSet set = command.flags();
  const std::string here =
      fmt::format("complete -c onelane -n '__fish_seen_subcommand_from {}'", command.name);
  std::string out;
  for (const Flag& flag : flags_of(set)) {
    out += fmt::format("{} -l {}{} -d '{}'\n", here, flag.name,
                       flag.placeholder.empty() ? "" : fish_values(flag.placeholder, flag.choices),
                       fish_escaped(flag.help));
  }
  for (const auto& operand : set.operands()) {
    if (!operand.choices.empty()) {
      out += fmt::format("{} -a '{}'\n", here, fmt::join(operand.choices, " "));
    } else if (is_file(operand.placeholder)) {
      out += here + " -F\n";
    }
  }
  return out;
}

std::string fish() {
  std::string out = "# fish completion for onelane\ncomplete -c onelane -f\n";
  for (const Command& command : commands()) {
    out += fmt::format("complete -c onelane -n '__fish_use_subcommand' -a {} -d '{}'\n",
                       command.name, fish_escaped(command.summary));
  }
  for (const Command& command : commands()) out += fish_lines(command);
  return out;
}

}  // namespace

std::string completion_for(std::string_view shell) {
  if (shell == "bash") return bash();
  if (shell == "zsh") return zsh();
  if (shell == "fish") return fish();
  throw kit::UsageError(fmt::format("'{}' is none of bash, zsh and fish", kit::printable(shell)));
}

}  // namespace onelane::tools
