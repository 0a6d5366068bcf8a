// What the programs share: text for a terminal, and flags.
#include <gtest/gtest.h>

#include <sstream>

#include "tests/support/tool.h"
#include "tools/kit/errors.h"
#include "tools/kit/flags.h"
#include "tools/kit/printable.h"

namespace onelane::kit {
namespace {

using test::complaint;
using test::expect_contains;

TEST(PrintableText, HasNothingThatSteersATerminal) {
  EXPECT_EQ(printable("peers"), "peers");
  EXPECT_EQ(printable("a\x1b[2Jb\r\n\x7f"), "a\\x1b[2Jb\\x0d\\x0a\\x7f");
  EXPECT_EQ(printable(std::string_view("\0", 1)), "\\x00");
  EXPECT_EQ(printable("\xc2\x9b"
                      "31m"),
            "\\u009b31m");  // CSI as one character
  EXPECT_EQ(printable("a\xe2\x80\xae"
                      "b"),
            "a\\u202eb");  // right to left from here
}

TEST(PrintableText, KeepsUtf8AndShowsWhatIsNone) {
  EXPECT_EQ(printable("gr\xc3\xbc\xc3\x9f \xe2\x82\xac"), "gr\xc3\xbc\xc3\x9f \xe2\x82\xac");
  EXPECT_EQ(printable("\xff"), "\\xff");
  EXPECT_EQ(printable("\xc0\xaf"), "\\xc0\\xaf");           // longer than it need be
  EXPECT_EQ(printable("\xed\xa0\x80"), "\\xed\\xa0\\x80");  // half of a pair
  EXPECT_EQ(printable("\xe2\x82"), "\\xe2\\x82");           // cut off
}

TEST(ClippedText, CountsCharactersAndSaysThatMoreFollows) {
  EXPECT_EQ(clipped("peers", 5), "peers");
  EXPECT_EQ(clipped("peers", 4), "pee~");
  EXPECT_EQ(clipped("\xc3\xbc\xc3\xbc\xc3\xbc", 2), "\xc3\xbc~");
  EXPECT_EQ(clipped("peers", 1), "~");
  EXPECT_EQ(clipped("peers", 0), "");
}

TEST(WrappedText, BreaksBetweenWordsAndNeverInOne) {
  EXPECT_EQ(wrapped("one two three", {.indent = 2, .columns = 9}), "one two\n  three");
  EXPECT_EQ(wrapped("unbreakable", {.indent = 0, .columns = 4}), "unbreakable");
  EXPECT_EQ(wrapped("", {}), "");
}

class ProgramFlags : public ::testing::Test {
 protected:
  ProgramFlags() {
    flags_.operand({.placeholder = "DB",
                    .help = "a database's file",
                    .parse = [this](std::string_view text) { database_ = text; }});
    flags_.group("All");
    flags_.add({.name = "deep", .help = "look deeper", .parse = on(deep_)});
    flags_.add({.name = "look",
                .placeholder = "TIME",
                .default_value = "1s",
                .help = "how long",
                .parse = [this](std::string_view text) { look_ = text; }});
  }
  bool parse(const std::vector<std::string>& arguments) { return flags_.parse(arguments, help_); }
  std::string said(const std::vector<std::string>& arguments) {
    return complaint([&] { parse(arguments); });
  }

  FlagSet flags_{"usage: tool DB\n"};
  std::ostringstream help_;
  std::string database_;
  std::string look_;
  bool deep_ = false;
};

TEST_F(ProgramFlags, TakeAnOperandAndSwitchesInAnyOrder) {
  EXPECT_TRUE(parse({"--deep", "a.db", "--look", "2s"}));
  EXPECT_EQ(database_, "a.db");
  EXPECT_EQ(look_, "2s");
  EXPECT_TRUE(deep_);
}

TEST_F(ProgramFlags, LeaveASwitchAsItIsWhereItIsNotGiven) {
  EXPECT_TRUE(parse({"a.db"}));
  EXPECT_FALSE(deep_);
  EXPECT_EQ(look_, "1s");
}

TEST_F(ProgramFlags, TakeWhatFollowsTwoDashesForTheOperand) {
  EXPECT_TRUE(parse({"--", "--deep"}));
  EXPECT_EQ(database_, "--deep");
  EXPECT_FALSE(deep_);
}

TEST_F(ProgramFlags, NameWhatIsMissingOrTooMuch) {
  EXPECT_EQ(said({}), "DB is missing: a database's file; see --help");
  EXPECT_EQ(said({"a.db", "b.db"}), "'b.db' is one DB too many, after 'a.db'");
  expect_contains(said({"a.db", "--dep"}), "there is no flag --dep; the nearest is --deep");
  expect_contains(said({"a.db", "--deep=yes"}), "deep");
}

TEST_F(ProgramFlags, ShowHelpWithoutAnOperand) {
  EXPECT_FALSE(parse({"--help"}));
  expect_contains(help_.str(), "usage: tool DB");
  expect_contains(help_.str(), "--look TIME (=1s)");
}

}  // namespace
}  // namespace onelane::kit
