#include "tools/manual.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "onelane/version.h"

namespace onelane::tools {
namespace {

// The macros are in man(7).

constexpr std::string_view kDate = "2026-11-30";  // of the commands, as they are now

constexpr std::string_view kExits =
    ".SH EXIT STATUS\n"
    ".TP 6n\n0\nAll is well.\n"
    ".TP 6n\n1\nIt failed; of\n.BR check ,\nsomething must be done.\n"
    ".TP 6n\n2\nA flag or a value is wrong. The message says what would be right.\n"
    ".TP 6n\n3\nA threshold that was asked for is missed.\n"
    ".TP 6n\n130, 143, 129\nInterrupted by SIGINT, SIGTERM or SIGHUP.\n"
    ".SH ENVIRONMENT\n"
    ".TP 6n\nNO_COLOR\nIf it is set and not empty, nothing is bold or coloured. Without it, only "
    "on "
    "a terminal.\n";

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else if (c == '\n') {
      out += " ";
    } else {
      out += c;
    }
  }
  if (out.starts_with('.') || out.starts_with('\'')) out.insert(0, "\\&");
  return out;
}

std::string title(std::string_view name) {
  std::string upper;
  for (const char c : name) upper += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return fmt::format(".TH {} 1 {} \"onelane {}\" \"onelane\"\n", escaped(upper), kDate,
                     ONELANE_VERSION_STRING);
}

std::string heading(std::string_view name, std::string_view summary) {
  return title(name) + fmt::format(".SH NAME\n{} \\- {}\n", escaped(name), escaped(summary));
}

// Paragraphs, with an empty line between them.
std::string paragraphs(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const auto end = std::min(text.find("\n\n"), text.size());
    if (!out.empty()) out += ".PP\n";
    out += escaped(text.substr(0, end)) + "\n";
    text.remove_prefix(std::min(end + 2, text.size()));
  }
  return out;
}

std::string item(const kit::FlagSet::Flag& flag) {
  std::string out = fmt::format(".TP 6n\n.B \\-\\-{}", escaped(flag.name));
  if (!flag.placeholder.empty()) out += fmt::format(" \\fI{}\\fR", escaped(flag.placeholder));
  out += "\n" + escaped(flag.help) + ".";
  if (!flag.default_value.empty()) out += fmt::format(" Default: {}.", escaped(flag.default_value));
  return out + "\n";
}

std::string options(const kit::FlagSet& flags) {
  std::string out = ".SH OPTIONS\n";
  for (const auto& group : flags.groups()) {
    if (flags.groups().size() > 1) out += fmt::format(".SS {}\n", escaped(group.title));
    for (const auto& flag : group.flags) out += item(flag);
  }
  return out;
}

std::string synopsis(const Command& command, const kit::FlagSet& flags) {
  std::string out = fmt::format(".SH SYNOPSIS\n.B onelane {}", escaped(command.name));
  if (!flags.groups().empty()) out += "\n.RI [ flags ]";
  for (const kit::FlagSet::Operand& operand : flags.operands()) {
    const std::string name = escaped(operand.placeholder);
    out += operand.required ? "\n.I " + name : "\n.RI [ " + name + " ]";
  }
  return out + "\n";
}

}  // namespace

std::string manual() {
  std::string out = heading("onelane", "look at and tune programs that write through onelane");
  out +=
      ".SH SYNOPSIS\n.B onelane\n.I command\n.RI [ flags ]\n.SH DESCRIPTION\n"
      "onelane is a library that takes a program's writes to an SQLite database in one lane. This "
      "program helps to use it.\n.SH COMMANDS\n";
  std::string_view group;
  for (const Command& command : commands()) {
    if (command.group != group) out += fmt::format(".SS {}\n", escaped(command.group));
    group = command.group;
    out +=
        fmt::format(".TP 14n\n.BR onelane\\-{} (1)\n{}.\n", command.name, escaped(command.summary));
  }
  return out + std::string(kExits);
}

std::string manual_of(const Command& command) {
  const kit::FlagSet flags = command.flags();
  std::string out = heading(fmt::format("onelane-{}", command.name), command.summary);
  out += synopsis(command, flags);
  out += ".SH DESCRIPTION\n" + paragraphs(command.about);
  for (const kit::FlagSet::Operand& operand : flags.operands()) {
    out += fmt::format(".TP 6n\n.I {}\n{}.\n", escaped(operand.placeholder), escaped(operand.help));
  }
  if (!flags.groups().empty()) out += options(flags);
  return out + std::string(kExits) + ".SH SEE ALSO\n.BR onelane (1)\n";
}

}  // namespace onelane::tools
