#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "bench/kit/errors.h"
#include "bench/storm/options.h"
#include "tests/support/temp_directory.h"
#include "tools/kit/flags.h"
#include "tools/kit/table.h"

namespace onelane::bench {
namespace {

using storm::kBlobs;
using storm::kConnect;
using storm::Source;
using storm::StormOptions;
using storm::StrategyKind;

StormOptions parsed(const std::vector<std::string>& arguments) {
  StormOptions options;
  std::ostringstream help;
  EXPECT_TRUE(storm::parse_options(arguments, options, help));
  return options;
}

std::string complaint(const std::vector<std::string>& arguments) {
  StormOptions options;
  std::ostringstream help;
  try {
    storm::parse_options(arguments, options, help);
  } catch (const UsageError& error) {
    return error.what();
  }
  return "";
}

void expect_complaint(const std::vector<std::string>& arguments, const std::string& part) {
  std::string said = complaint(arguments);
  EXPECT_NE(said.find(part), std::string::npos) << "said: " << said;
}

const ClassOptions& of(const StormOptions& options, Source source) {
  return options.classes[storm::index(source)];
}

TEST(StormFlags, WithoutAnyTheDefaultsAreTheDaemons) {
  StormOptions options = parsed({});
  EXPECT_EQ(options.input, "/usr/share/doc");
  EXPECT_EQ(options.duration, std::chrono::seconds(20));
  EXPECT_EQ(options.strategies, (std::vector{StrategyKind::direct, StrategyKind::onelane}));
  EXPECT_EQ(options.callers, 256U);
  EXPECT_EQ(options.block_wait, std::chrono::milliseconds(1));
  EXPECT_EQ(options.direct_hold, std::chrono::milliseconds(200));
  EXPECT_EQ(options.journal.tick.hold, std::chrono::milliseconds(10));
  EXPECT_FALSE(options.output.json || options.database);
}

TEST(StormFlags, ValuesCanFollowASpaceOrAnEqualsSign) {
  EXPECT_EQ(parsed({"--tick", "20ms"}).journal.tick.hold, std::chrono::milliseconds(20));
  EXPECT_EQ(parsed({"--tick=20ms"}).journal.tick.hold, std::chrono::milliseconds(20));
  EXPECT_EQ(parsed({"--json", "-"}).output.json, "-");
  EXPECT_EQ(parsed({"--seconds", "0.5"}).duration, std::chrono::milliseconds(500));
}

TEST(StormFlags, NamesAreNotGuessedFromAPrefix) {
  expect_complaint({"--sec", "3"}, "there is no flag --sec; the nearest is --seconds");
  expect_complaint({"--secnds", "3"}, "the nearest is --seconds");
  expect_complaint({"--strategies=direct"}, "the nearest is --strategy");
}

TEST(StormFlags, AWrongValueIsNamedWithItsFlagAndWhatWouldBeRight) {
  expect_complaint({"--tick", "10"}, "--lane.tick: tick.hold is '10'; it must be a time");
  expect_complaint({"--tick", "20s"}, "hold");
  expect_complaint({"--seconds", "0"}, "--seconds: '0' is not between 0.1 and 3600");
  expect_complaint({"--callers", "0"}, "--callers: '0' is not between 1 and 4096");
  expect_complaint({"--strategy", "direct,sideways"},
                   "'sideways' is no strategy: direct, onelane, heavy, durable, journaled or pool");
  expect_complaint({"--strategy", "direct,direct"}, "'direct' is there twice");
  expect_complaint({"--synchronous", "off"}, "'off' is neither normal nor full");
  expect_complaint({"--fail-if", "onelane.busy"}, "--fail-if: 'onelane.busy': expected one of");
}

TEST(StormFlags, AMissingOrRepeatedOrStrayValueIsRefused) {
  expect_complaint({"--tick"}, "tick");
  expect_complaint({"--tick", "1ms", "--tick", "2ms"}, "--lane.tick: tick.hold is set to '2ms'");
  expect_complaint({"20ms"}, "'20ms' is no flag");
}

TEST(StormFlags, EveryBudgetAndPolicyOfAClassCanBeSet) {
  StormOptions options =
      parsed({"--class",
              "connect:guarantee.records=7,guarantee.bytes=8KiB,budget.records=9,budget.bytes=1MiB,"
              "budget.hold=2ms,weight=3,max-delay=4ms,gather=5ms,capacity-records=6,"
              "capacity-bytes=7MiB,when-full=reject,block-timeout=8ms,coalesce=on",
              "--class", "blobs:weight=2"});
  const ClassOptions& connect = of(options, kConnect);
  using std::chrono::milliseconds;
  EXPECT_EQ(connect.guarantee.records, 7U);
  EXPECT_EQ(connect.guarantee.bytes, 8 * kKiB);
  EXPECT_EQ(connect.budget.records, 9U);
  EXPECT_EQ(connect.budget.bytes, kMiB);
  EXPECT_EQ(connect.budget.hold, milliseconds(2));
  EXPECT_EQ(connect.weight, 3U);
  EXPECT_EQ(connect.max_delay, milliseconds(4));
  EXPECT_EQ(connect.gather, milliseconds(5));
  EXPECT_EQ(connect.capacity_records, 6U);
  EXPECT_EQ(connect.capacity_bytes, 7 * kMiB);
  EXPECT_EQ(connect.when_full, WhenFull::reject);
  EXPECT_EQ(connect.block_timeout, milliseconds(8));
  EXPECT_TRUE(connect.coalesce);
  EXPECT_EQ(of(options, kBlobs).weight, 2U);
}

TEST(StormFlags, AWrongClassOrKeyIsNamedWithThoseThatThereAre) {
  expect_complaint({"--class", "peers:weight=2"}, "--lane.class: there is no class 'peers'; the");
  expect_complaint({"--lane.class", "connect:wieght=2"},
                   "there is no option 'wieght' of a class; the nearest is weight");
  expect_complaint({"--class", "connect"}, "is not NAME:KEY=VALUE");
  expect_complaint({"--class", "connect:guarantee.bytes=100MiB"}, "must fit a tick together");
  expect_complaint({"--lane.tick.records", "100"}, "must fit a tick together");
}

TEST(StormFlags, WhatTheStormDecidesItselfIsNotTheLanes) {
  expect_complaint({"--lane.synchronous", "full"}, "it must be set by --synchronous");
  expect_complaint({"--lane.drive", "manual"}, "--lane.drive is 'manual'; it must be thread");
  expect_complaint({"--class", "connect:intake=on"}, "--lane.class: connect has intake=on");
  expect_complaint({"--class", "connect:promise=journaled"}, "promise is journaled");
}

TEST(StormFlags, WithPrintEachOptionOfTheLaneIsShownAndNothingElseIsDone) {
  StormOptions options;
  std::ostringstream out;
  EXPECT_FALSE(storm::parse_options({"--lane.print", "--tick=7ms"}, options, out));
  EXPECT_NE(out.str().find("[class connect]"), std::string::npos);
  EXPECT_NE(out.str().find("# --lane.tick\n"), std::string::npos);
}

TEST(StormFlags, HelpIsGroupedAndNothingElseIsDone) {
  StormOptions options;
  std::ostringstream help;
  EXPECT_FALSE(storm::parse_options({"--help"}, options, help));
  for (const char* title : {"Workload:", "Strategies:", "The lane (all but direct), in short:",
                            "Output:", "The lane:", "Keys of a class:"}) {
    EXPECT_NE(help.str().find(title), std::string::npos) << title;
  }
  EXPECT_NE(help.str().find("--connects-per-second"), std::string::npos);
}

TEST(StormFlags, AnExistingDatabaseIsNotOverwritten) {
  test::TempDirectory directory;
  std::string path = directory / "storm.db";
  StormOptions both = parsed({"--database", path});
  EXPECT_EQ(database_of(both, StrategyKind::direct, ""), directory / "storm.direct.db");
  EXPECT_EQ(database_of(both, StrategyKind::onelane, ""), directory / "storm.onelane.db");
  StormOptions one = parsed({"--database", path, "--strategy", "onelane"});
  EXPECT_EQ(database_of(one, StrategyKind::onelane, ""), path);

  std::ofstream(directory / "storm.direct.db") << "precious";
  expect_complaint({"--database", directory / "no/storm.db"}, "there is no directory");
  expect_complaint({"--database", path}, "storm.direct.db exists, and is not overwritten");
  EXPECT_EQ(complaint({"--database", path, "--strategy", "onelane"}), "");
}

TEST(BenchTable, ColumnsAlignAndGroupsStandOverThem) {
  Table table;
  table.group("", 1);
  table.group("a", 2);
  table.group("a long title", 1);
  table.columns({"class", "n", "ms", "x"});
  table.row({"blobs", "1,000", "2", "3"});
  EXPECT_EQ(table.text(),
            "      |  a         |  a long title\n"
            "class |      n  ms |             x\n"
            "blobs |  1,000   2 |             3\n");
}

TEST(StormFlags, ADatabaseThatIsNoFileIsRefused) {
  for (const char* name : {":memory:", "file:a.db", "file::memory:?cache=shared", ""}) {
    expect_complaint({"--database", name}, "is no file's path");
  }
}

}  // namespace
}  // namespace onelane::bench
