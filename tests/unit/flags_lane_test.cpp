// A program's budgets from outside: which of several sources wins, what is left to the program, and
// what --lane.print and --help show.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <random>

#include "onelane/flags.h"
#include "onelane/option_text.h"
#include "tests/support/temp_directory.h"

namespace onelane::flags {
namespace {

using std::chrono::milliseconds;
using Strings = std::vector<std::string>;

class LaneFlags : public testing::Test {
 protected:
  // The other arguments, or what is wrong in brackets.
  Strings parse(const Strings& arguments, const Strings& environment = {}) {
    Result<Strings> rest = lane_.parse(arguments, environment);
    return rest ? *rest : Strings{"[" + rest.status().message() + "]"};
  }

  std::string file(const std::string& text) {
    std::ofstream(path_) << text;
    return path_;
  }

  std::string of(const std::string& class_name, const std::string& key) const {
    return option_value(*lane_.class_options(class_name), key);
  }

  // The line of --lane.print for an option, its spaces as one.
  std::string printed(const std::string& section, const std::string& key) const {
    const std::string text = lane_.print();
    const std::size_t from = text.find("[" + section + "]\n");
    const std::size_t line = text.find("\n" + key + " = ", from);
    std::string out;
    for (std::size_t i = line + 1; i < text.size() && text[i] != '\n'; ++i) {
      if (text[i] != ' ' || out.back() != ' ') out += text[i];
    }
    return out;
  }

  const test::TempDirectory directory_;
  const std::string path_ = directory_ / "lane.ini";
  Lane lane_{{.journal = {.tick = {.hold = milliseconds(8)}},
              .classes = {{.name = "peers", .weight = 4}, {.name = "blobs"}}}};
};

TEST_F(LaneFlags, WithoutAnyTheProgramsOwnStay) {
  EXPECT_EQ(parse({}), Strings());
  EXPECT_EQ(to_text(lane_.journal()), "tick.hold=8ms");
  ASSERT_EQ(lane_.classes().size(), 2U);
  EXPECT_EQ(to_text(lane_.classes().front()), "peers:weight=4");
  EXPECT_FALSE(lane_.print_wanted());
}

TEST_F(LaneFlags, ValuesFollowASpaceOrAnEqualsSign) {
  EXPECT_EQ(parse({"--lane.tick", "5ms", "--lane.wal-limit=128MiB"}), Strings());
  EXPECT_EQ(to_text(lane_.journal()), "tick.hold=5ms,wal-limit=128MiB");
  EXPECT_EQ(parse({"--lane.intake.folder", "a, \"b\"=", "--lane.watermark-table", ""}), Strings());
  EXPECT_EQ(lane_.journal().intake.folder, "a, \"b\"=") << "as it stands: no quotes of ours";
}

TEST_F(LaneFlags, WhatIsNotTheLanesIsTheProgramsAsItWas) {
  const Strings own{"-v",   "run",    "--lane", "--name=",     "--lanes.tick", "x", "",
                    "-abc", "--sum=", "--",     "--lane.tick", "1ms",          "--"};
  EXPECT_EQ(parse(own), own);
  Strings mixed = own;
  mixed.insert(mixed.begin() + 2, {"--lane.tick", "5ms"});
  EXPECT_EQ(parse(mixed), own);
  EXPECT_EQ(lane_.journal().tick.hold, milliseconds(5));
}

TEST_F(LaneFlags, ClassesAreSetByTheFlagAsOftenAsWanted) {
  EXPECT_EQ(parse({"--lane.class", "peers:guarantee.records=32,when-full=reject",
                   "--lane.class=blobs:weight=2", "--lane.class", "peers:max-delay=20ms"}),
            Strings());
  EXPECT_EQ(to_text(*lane_.class_options("peers")),
            "peers:guarantee.records=32,weight=4,max-delay=20ms,when-full=reject");
  EXPECT_EQ(to_text(*lane_.class_options("blobs")), "blobs:weight=2");
}

TEST_F(LaneFlags, AVariableSetsAnOptionOrAClass) {
  EXPECT_EQ(parse({}, {"ONELANE_TICK_HOLD=5ms", "ONELANE_CLASS_PEERS=weight=9,gather=1ms",
                       "ONELANE_INTAKE_DEAD_LETTERS=dead", "PATH=/bin", "ONELAN=x"}),
            Strings());
  EXPECT_EQ(to_text(lane_.journal()), "tick.hold=5ms,intake.dead-letters=dead");
  EXPECT_EQ(to_text(*lane_.class_options("peers")), "peers:weight=9,gather=1ms");
}

TEST_F(LaneFlags, AFileHasSectionsCommentsAndQuotes) {
  file(
      "# the lane\r\n[lane]\ntick.hold = 5ms   # short\n  wal-limit=128MiB\n; no more\n\n"
      "intake.folder = \"/a # b\" # and a comment\nfile-mode = 0640#\n"
      "[class peers] # heavy\nweight = 9\n[ lane ]\nballast = 1MiB");
  EXPECT_EQ(parse({"--lane.config", path_}).front(),
            "[" + path_ +
                ":8: file-mode is '0640#'; it must be in octal, 0600 to 0666: the owner "
                "must be allowed to read and write, and nobody to execute]");
  file(
      "# the lane\r\n[lane]\ntick.hold = 5ms   # short\n  wal-limit=128MiB\n; no more\n\n"
      "intake.folder = \"/a # b\" # and a comment\n"
      "[class peers] # heavy\nweight = 9\n[ lane ]\nballast = 1MiB");
  EXPECT_EQ(parse({"--lane.config", path_}), Strings());
  EXPECT_EQ(to_text(lane_.journal()),
            "tick.hold=5ms,wal-limit=128MiB,ballast=1MiB,intake.folder=\"/a # b\"");
  EXPECT_EQ(of("peers", "weight"), "9");
}

TEST_F(LaneFlags, AFlagWinsOverAVariableOverAFileOverTheProgram) {
  file(
      "[lane]\ntick.hold = 1ms\nwal-limit = 2MiB\nballast = 3MiB\n"
      "[class peers]\nweight = 5\ngather = 5ms\ninterval = 5ms\n");
  const Strings arguments{"--lane.config", path_,          "--lane.tick",
                          "4ms",           "--lane.class", "peers:weight=7"};
  const Strings environment{"ONELANE_TICK_HOLD=6ms", "ONELANE_WAL_LIMIT=6MiB",
                            "ONELANE_CLASS_PEERS=weight=6,gather=6ms"};
  EXPECT_EQ(parse(arguments, environment), Strings());
  EXPECT_EQ(printed("lane", "tick.hold"), "tick.hold = 4ms # --lane.tick");
  EXPECT_EQ(printed("lane", "wal-limit"), "wal-limit = 6MiB # ONELANE_WAL_LIMIT");
  EXPECT_EQ(printed("lane", "ballast"), "ballast = 3MiB # " + path_ + ":4");
  EXPECT_EQ(printed("lane", "drive"), "drive = thread # default");
  EXPECT_EQ(printed("class peers", "weight"), "weight = 7 # --lane.class");
  EXPECT_EQ(printed("class peers", "gather"), "gather = 6ms # ONELANE_CLASS_PEERS");
  EXPECT_EQ(printed("class peers", "interval"), "interval = 5ms # " + path_ + ":8");
  EXPECT_EQ(printed("class blobs", "weight"), "weight = 1 # default");
  EXPECT_EQ(parse({}), Strings());
  EXPECT_EQ(printed("lane", "tick.hold"), "tick.hold = 8ms # program") << "each parse begins anew";
}

TEST_F(LaneFlags, AVariableNamesTheFileUnlessAFlagDoes) {
  file("[lane]\nballast = 3MiB\n");
  EXPECT_EQ(parse({}, {"ONELANE_CONFIG=" + path_}), Strings());
  EXPECT_EQ(lane_.journal().ballast_bytes, 3 * kMiB);
  const std::string other = directory_ / "other.ini";
  std::ofstream(other) << "[lane]\nballast = 4MiB\n";
  EXPECT_EQ(parse({"--lane.config", other}, {"ONELANE_CONFIG=" + path_}), Strings());
  EXPECT_EQ(lane_.journal().ballast_bytes, 4 * kMiB);
}

TEST_F(LaneFlags, WhatIsPrintedCanBeReadAgainAsAFile) {
  constexpr int kRounds = 200;
  std::mt19937_64 random(5);
  constexpr std::string_view kLetters = "a,\"\\ =#;[]\tb";
  for (int i = 0; i < kRounds; ++i) {
    std::string folder;
    for (std::uint64_t left = random() % 8; left > 0; --left) {
      folder += kLetters[random() % kLetters.size()];
    }
    ASSERT_EQ(parse({"--lane.intake.folder", folder, "--lane.print", "--lane.class",
                     "blobs:weight=" + std::to_string(1 + random() % 1000)}),
              Strings());
    EXPECT_TRUE(lane_.print_wanted());
    const std::string before = to_text(lane_.journal()) + to_text(lane_.classes().back());
    file(lane_.print());
    ASSERT_EQ(parse({"--lane.config", path_}), Strings());
    EXPECT_EQ(to_text(lane_.journal()) + to_text(lane_.classes().back()), before);
  }
}

TEST_F(LaneFlags, AnErrorLeavesTheProgramsOwn) {
  EXPECT_EQ(parse({"--lane.tick", "5ms"}), Strings());
  EXPECT_NE(parse({"--lane.tick", "4ms", "--lane.print", "--lane.ballast", "x"}), Strings());
  EXPECT_EQ(lane_.journal().tick.hold, milliseconds(8));
  EXPECT_FALSE(lane_.print_wanted());
}

TEST_F(LaneFlags, TheHelpHasEachFlagAndEachKeyWithTheProgramsDefaults) {
  const std::string help = lane_.help();
  for (const OptionField& field : journal_fields()) {
    EXPECT_NE(help.find("--lane." + field.name + " "), std::string::npos) << field.name;
  }
  for (const OptionField& field : class_fields()) {
    EXPECT_NE(help.find("  " + field.name + "="), std::string::npos) << field.name;
  }
  for (const char* part : {"--lane.tick.hold TIME (=8ms)", "also --lane.tick", "--lane.config FILE",
                           "--lane.class NAME:KEY=VALUE,...", "peers,", "--lane.print"}) {
    EXPECT_NE(help.find(part), std::string::npos) << part << " in\n" << help;
  }
}

TEST_F(LaneFlags, TheProcessesOwnEnvironmentIsRead) {
  ASSERT_EQ(setenv("CACHETEST_TICK_HOLD", "3ms", 1), 0);
  Lane cache({.prefix = "cache", .environment = "CACHETEST_"});
  const std::array<const char*, 4> arguments{"program", "--cache.ballast=1MiB", "--lane.tick", "x"};
  const Result<Strings> rest = cache.parse(static_cast<int>(arguments.size()), arguments.data());
  ASSERT_EQ(unsetenv("CACHETEST_TICK_HOLD"), 0);
  ASSERT_TRUE(rest) << rest.status().message();
  EXPECT_EQ(*rest, (Strings{"--lane.tick", "x"})) << "another prefix is another's";
  EXPECT_EQ(to_text(cache.journal()), "tick.hold=3ms,ballast=1MiB");
  EXPECT_TRUE(cache.print().starts_with("[cache]\n"));
}

TEST_F(LaneFlags, AKeyOfAFileMayBeginLikeTheFlags) {
  Lane tick({.prefix = "tick"});
  file("[tick]\ntick.hold = 3ms\n");
  const Result<Strings> rest = tick.parse({"--tick.config", path_}, {});
  ASSERT_TRUE(rest) << rest.status().message();
  EXPECT_EQ(to_text(tick.journal()), "tick.hold=3ms");
}

TEST_F(LaneFlags, WithoutAPrefixTheEnvironmentIsNotLookedAt) {
  Lane lane({.environment = ""});
  EXPECT_TRUE(lane.parse({}, {"ONELANE_TICK_HOLD=x", "=x", "x"}));
}

TEST_F(LaneFlags, AClassThatTheProgramDidNotNameIsAnError) {
  EXPECT_EQ(lane_.class_options("peer").status().message(),
            "there is no class 'peer'; the nearest is peers, of peers, blobs");
}

TEST_F(LaneFlags, ALaneCanBeMoved) {
  EXPECT_EQ(parse({"--lane.tick", "5ms"}), Strings());
  Lane moved = std::move(lane_);
  EXPECT_EQ(moved.journal().tick.hold, milliseconds(5));
  EXPECT_TRUE(moved.parse({"--lane.tick", "6ms"}, {}));
}

}  // namespace
}  // namespace onelane::flags
