// What comes to a program from outside: a file of options, or lines as arguments or variables.
// Each sets options, which can then be printed and read again as a file, or is refused with a
// reason that names the line, flag or variable.
#include <algorithm>
#include <optional>

#include "onelane/flags.h"
#include "onelane/option_text.h"
#include "src/flags/config_file.h"
#include "src/flags/resolved.h"
#include "tests/fuzz/fuzz.h"

namespace onelane::test {
namespace {

using Strings = std::vector<std::string>;

const std::vector<ClassOptions>& classes() {
  static const std::vector<ClassOptions> all{{.name = "p"}, {.name = "q-r"}};
  return all;
}

const flags::Names& names() {
  static const flags::Names all{.prefix = "lane", .environment = "", .classes = {"p", "q-r"}};
  return all;
}

// Null where it is refused.
std::optional<flags::Resolved> read(std::string_view text) {
  const Result<std::vector<flags::Given>> given = flags::read_config(text, "lane.ini", names());
  flags::Resolved resolved(JournalOptions(), classes());
  const Status status = given ? resolved.apply(*given) : given.status();
  if (status.ok()) return resolved;
  require(status.message().starts_with("lane.ini:"), "a refusal names the line");
  return std::nullopt;
}

void read_file(std::string_view text) {
  const std::optional<flags::Resolved> resolved = read(text);
  if (!resolved) return;
  const std::optional<flags::Resolved> again = read(resolved->print("lane"));
  require(again.has_value(), "what is printed can be read");
  require(to_text(again->journal()) == to_text(resolved->journal()), "and means the same");
  for (std::size_t i = 0; i < classes().size(); ++i) {
    require(to_text(again->classes()[i]) == to_text(resolved->classes()[i]), "of each class, too");
  }
}

Strings lines_of(std::string_view text) {
  Strings lines;
  while (!text.empty()) {
    lines.emplace_back(text.substr(0, text.find('\n')));
    text.remove_prefix(std::min(lines.back().size() + 1, text.size()));
  }
  return lines;
}

bool names_a_file(const Strings& lines) {
  return std::any_of(lines.begin(), lines.end(), [](const std::string& line) {
    return line.find("config") != std::string::npos || line.find("CONFIG") != std::string::npos;
  });
}

void read_lines(const Strings& lines) {
  flags::Lane lane({.journal = {}, .classes = classes()});
  const Result<Strings> rest = lane.parse(lines, {});
  if (!rest) return require(!rest.status().message().empty(), "a refusal says why");
  require(rest->size() <= lines.size(), "nothing is added to the program's own arguments");
  const Result<Strings> none = lane.parse({}, lines);
  require(none.ok() || none.status().message().find("ONELANE_") != std::string::npos,
          "a refusal names the variable");
}

}  // namespace
}  // namespace onelane::test

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = onelane::test::text_of(data, size);
  onelane::test::read_file(text);
  const auto lines = onelane::test::lines_of(text);
  if (!onelane::test::names_a_file(lines)) onelane::test::read_lines(lines);
  return 0;
}
