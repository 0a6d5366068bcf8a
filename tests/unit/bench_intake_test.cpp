// What the benchmark says of an intake, from what one counted.
#include <gtest/gtest.h>

#include <cmath>

#include "bench/contestants/intake_figures.h"
#include "bench/kit/group_sync.h"
#include "bench/recover/runs.h"
#include "tests/support/temp_directory.h"

namespace onelane::bench {
namespace {

// 1,000 rows of 116 bytes in 100 groups of 4 KiB, by 16 callers, while the disk needs 1 ms for one.
IntakeRun run_of_a_second() {
  return {.used = {.units = 1000,
                   .groups = 100,
                   .written_bytes = 409'600,
                   .padding_bytes = 259'600,
                   .log_bytes = 819'200},
          .rows = 1000,
          .row_bytes = 116,
          .callers = 16,
          .elapsed = std::chrono::seconds(1),
          .drained = std::chrono::milliseconds(250),
          .sync_us = 1000,
          .cpu_share = 0.05};
}

TEST(IntakeFigures, ARecordCostsWhatWasWrittenBeyondItsRowAndBesidePadding) {
  Figures figures = intake_figures(run_of_a_second());
  EXPECT_DOUBLE_EQ(figures.at("overhead_bytes"), 150 - 116);
  EXPECT_DOUBLE_EQ(figures.at("padding_bytes"), 259.6);
  EXPECT_DOUBLE_EQ(figures.at("rows_per_group"), 10);
  EXPECT_DOUBLE_EQ(figures.at("of_log"), 0.5);
  EXPECT_DOUBLE_EQ(figures.at("drain_share"), 0.25);
}

TEST(IntakeFigures, ARateIsHeldAgainstTwoSyncsForEachCaller) {
  IntakeRun run = run_of_a_second();
  EXPECT_DOUBLE_EQ(intake_figures(run).at("of_limit"), 1000.0 / 8000);
  run.callers = 2;
  EXPECT_DOUBLE_EQ(intake_figures(run).at("of_limit"), 1);
}

TEST(IntakeFigures, ProcessorsThatAreFullAreALimit) {
  IntakeRun run = run_of_a_second();
  run.cpu_share = 0.96;
  EXPECT_DOUBLE_EQ(intake_figures(run).at("of_limit"), 0.96);
}

TEST(IntakeFigures, WithoutAnIntakeThereAreNone) {
  const Figures none = no_intake_figures();
  EXPECT_EQ(none.size(), intake_figures(run_of_a_second()).size());
  for (const auto& [name, figure] : none) EXPECT_TRUE(std::isnan(figure)) << name;
}

TEST(IntakeFigures, OfTheMeasuredPartIsTheDifference) {
  const IntakeUse whole{.units = 7, .groups = 5, .written_bytes = 90, .padding_bytes = 50};
  const IntakeUse before{.units = 3, .groups = 2, .written_bytes = 40, .padding_bytes = 30};
  const IntakeUse part = whole - before;
  EXPECT_EQ(part.units, 4U);
  EXPECT_EQ(part.groups, 3U);
  EXPECT_EQ(part.written_bytes, 50U);
  EXPECT_EQ(part.padding_bytes, 20U);
}

TEST(IntakeFigures, AThreadThatComputesUsesAShareOfTheProcessors) {
  const ProcessorUse use;
  double sum = 0;
  for (int i = 1; i < 20'000'000; ++i) sum += 1.0 / i;
  EXPECT_GT(sum, 1);
  EXPECT_GT(use.share(std::chrono::milliseconds(1)), 0);
}

TEST(GroupSyncs, AreMeasuredForGroupsOfAnySize) {
  const test::TempDirectory directory;
  for (const std::uint64_t bytes : {0U, 4096U, 5000U, 20'000'000U}) {
    EXPECT_GE(measure_group_syncs(directory.path(), bytes).count(), 20U) << bytes;
  }
  EXPECT_TRUE(std::filesystem::is_empty(directory.path()));
}

// Leaving ends as a kill does: only the program itself can do that.
TEST(Recover, RowsPushedInBulkAreTimed) {
  const test::TempDirectory directory;
  const Figures figures =
      recover::bulk({.database = directory / "database", .rows = recover::rows_in(64 << 10)});
  EXPECT_GT(figures.at("ms"), 0);
  EXPECT_GT(figures.at("per_s"), 0);
  EXPECT_GT(figures.at("log_mib"), 0);
}

}  // namespace
}  // namespace onelane::bench
