// Help, completion and the manual: all of them show what the tables have.
#include <gtest/gtest.h>

#include <set>
#include <sstream>

#include "tests/support/tool.h"
#include "tools/command.h"
#include "tools/completion.h"
#include "tools/kit/errors.h"
#include "tools/manual.h"

namespace onelane::tools {
namespace {

using test::complaint;
using test::expect_contains;

// Calls it with the name of each flag of each command.
template <class Function>
void for_each_flag(const Function& function) {
  for (const Command& command : commands()) {
    const kit::FlagSet set = command.flags();
    for (const auto& group : set.groups()) {
      for (const auto& flag : group.flags) function(command, flag);
    }
  }
}

std::string with_dashes_of_roff(std::string_view text) {
  std::string out;
  for (const char c : text) out += c == '-' ? std::string("\\-") : std::string(1, c);
  return out;
}

TEST(Commands, AreNamedOnceAndSayWhatTheyAreFor) {
  std::set<std::string_view> names;
  for (const Command& command : commands()) {
    EXPECT_TRUE(names.insert(command.name).second) << command.name;
    EXPECT_FALSE(command.summary.empty()) << command.name;
    EXPECT_FALSE(command.about.empty()) << command.name;
  }
  EXPECT_GT(names.size(), 4U);
}

TEST(Commands, OfOneGroupStandTogether) {
  std::set<std::string_view> groups;
  std::string_view last;
  for (const Command& command : commands()) {
    if (command.group == last) continue;
    EXPECT_TRUE(groups.insert(command.group).second) << command.group;
    last = command.group;
  }
}

TEST(Commands, AreNotGuessedFromAPrefix) {
  EXPECT_EQ(complaint([] { command_called("chec"); }),
            "there is no command 'chec'; the nearest is check, see onelane --help");
  expect_contains(complaint([] { command_called("\x1b[2J"); }), "'\\x1b[2J'");
  expect_contains(complaint([] { run({"--chek"}); }), "'--chek' is no command");
}

TEST(Manual, HasEachCommandAndEachFlagWithItsHelp) {
  const std::string all = manual();
  for (const Command& command : commands()) expect_contains(all, command.name);
  for_each_flag([](const Command& command, const kit::FlagSet::Flag& flag) {
    const std::string page = manual_of(command);
    expect_contains(page, "\\-\\-" + with_dashes_of_roff(flag.name));
    expect_contains(page, with_dashes_of_roff(flag.placeholder));
    expect_contains(page, with_dashes_of_roff(flag.help));
  });
}

TEST(Manual, TakesNoTextForAMacro) {
  for (const Command& command : commands()) {
    std::istringstream page(manual_of(command));
    for (std::string line; std::getline(page, line);) {
      if (!line.starts_with('.')) continue;
      const std::string macro = line.substr(1, line.find(' ') - 1);
      static const std::set<std::string> kMacros = {"TH", "SH", "SS", "TP", "PP",
                                                    "B",  "I",  "BR", "RI"};
      EXPECT_TRUE(kMacros.contains(macro)) << line;
    }
  }
}

class Completion : public ::testing::TestWithParam<const char*> {};

TEST_P(Completion, HasEachCommandAndEachFlag) {
  const std::string script = completion_for(GetParam());
  for (const Command& command : commands()) expect_contains(script, command.name);
  const bool fish = std::string_view(GetParam()) == "fish";
  for_each_flag([&](const Command&, const kit::FlagSet::Flag& flag) {
    expect_contains(script, (fish ? "-l " : "--") + flag.name);
    for (const std::string& choice : flag.choices) expect_contains(script, choice);
  });
}

INSTANTIATE_TEST_SUITE_P(OfEachShell, Completion, ::testing::Values("bash", "zsh", "fish"));

TEST(Completion, OfAnotherShellIsRefused) {
  EXPECT_EQ(complaint([] { completion_for("csh"); }), "'csh' is none of bash, zsh and fish");
}

}  // namespace
}  // namespace onelane::tools
