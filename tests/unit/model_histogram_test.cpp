// What a histogram promises of its percentiles, and the names that statistics go by.
#include <gtest/gtest.h>

#include <chrono>
#include <limits>
#include <set>
#include <string>
#include <utility>

#include "onelane/record.h"
#include "src/model/histogram.h"

namespace onelane::model {
namespace {

constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();

// Values of every size: around each power of two and in between.
template <class Visit>
void for_values_of_every_size(const Visit& visit) {
  for (unsigned bit = 0; bit < 64; ++bit) {
    const std::uint64_t power = 1ULL << bit;
    for (const std::uint64_t value : {power - 1, power, power + 1, power + power / 3}) visit(value);
  }
  visit(kMost);
}

TEST(HistogramBuckets, AreExactBelowSixtyFour) {
  for (std::uint64_t value = 0; value < 64; ++value) {
    EXPECT_EQ(Histogram::upper_bound_of(Histogram::bucket_of(value)), value);
  }
}

TEST(HistogramBuckets, AreNoWiderThanAThirtySecondOfTheirValues) {
  for_values_of_every_size([](std::uint64_t value) {
    const std::uint64_t bound = Histogram::upper_bound_of(Histogram::bucket_of(value));
    EXPECT_GE(bound, value);
    EXPECT_LE(bound - value, value / 32) << value;
  });
}

TEST(HistogramBuckets, FollowEachOtherWithoutGapOrOverlap) {
  for (std::size_t bucket = 0; bucket + 1 < Histogram::kBuckets; ++bucket) {
    const std::uint64_t bound = Histogram::upper_bound_of(bucket);
    ASSERT_EQ(Histogram::bucket_of(bound), bucket);
    ASSERT_EQ(Histogram::bucket_of(bound + 1), bucket + 1);
  }
  EXPECT_EQ(Histogram::upper_bound_of(Histogram::kBuckets - 1), kMost);
}

TEST(HistogramPercentile, IsWithinTheBoundOfTheTrueValue) {
  Histogram histogram;
  for (std::uint64_t i = 1; i <= 1000; ++i) histogram.record(i * 1000);
  for (const double fraction : {0.01, 0.5, 0.9, 0.99, 1.0}) {
    const double exact = fraction * 1'000'000;
    EXPECT_GE(static_cast<double>(histogram.percentile(fraction)), exact);
    EXPECT_LE(static_cast<double>(histogram.percentile(fraction)), exact * 1.032);
  }
}

TEST(HistogramPercentile, IsNeverAboveTheLargestValue) {
  Histogram histogram;
  histogram.record(std::uint64_t{1'000'003});
  EXPECT_EQ(histogram.p50(), 1'000'003U);
  EXPECT_EQ(histogram.percentile(7.0), 1'000'003U);
}

TEST(HistogramPercentile, OfNothingIsZero) { EXPECT_EQ(Histogram().p99(), 0U); }

TEST(HistogramPercentile, CountsTheSmallestShareThatReachesTheFraction) {
  Histogram histogram;
  for (std::uint64_t i = 1; i <= 10; ++i) histogram.record(i);
  EXPECT_EQ(histogram.p50(), 5U);
  EXPECT_EQ(histogram.p90(), 9U);
  EXPECT_EQ(histogram.p99(), 10U);
  EXPECT_EQ(histogram.percentile(0), 1U);
}

// The first value takes memory.
static_assert(!noexcept(std::declval<Histogram&>().record(std::uint64_t{})));
static_assert(!noexcept(std::declval<Histogram&>().record(Duration{})));

TEST(HistogramDurations, BelowZeroCountAsZero) {
  Histogram histogram;
  histogram.record(Duration(-5));
  histogram.record(Duration(7));
  EXPECT_EQ(histogram.count(), 2U);
  EXPECT_EQ(histogram.sum(), 7U);
  EXPECT_EQ(histogram.p50(), 0U);
}

TEST(HistogramMerge, IsAsIfOneHadRecordedAll) {
  Histogram odd, even, all;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    (i % 2 == 0 ? even : odd).record(i * i);
    all.record(i * i);
  }
  Histogram merged;
  merged.merge(odd);
  merged.merge(even);
  merged.merge(Histogram());
  EXPECT_EQ(merged.count(), all.count());
  EXPECT_EQ(merged.sum(), all.sum());
  EXPECT_EQ(merged.max(), all.max());
  for (const double f : {0.1, 0.5, 0.9, 0.99}) EXPECT_EQ(merged.percentile(f), all.percentile(f));
}

TEST(SharedHistogramSnapshot, IsAsIfAPlainOneHadRecorded) {
  SharedHistogram shared;
  Histogram plain;
  for_values_of_every_size([&](std::uint64_t value) {
    shared.record(value);
    plain.record(value);
  });
  shared.record(Duration(-1));
  plain.record(Duration(-1));
  const Histogram snapshot = shared.snapshot();
  EXPECT_EQ(snapshot.count(), plain.count());
  EXPECT_EQ(snapshot.sum(), plain.sum());
  EXPECT_EQ(snapshot.max(), plain.max());
  for (const double f : {0.1, 0.5, 0.9, 1.0})
    EXPECT_EQ(snapshot.percentile(f), plain.percentile(f));
}

template <class Enum>
std::string names_of(std::size_t count) {
  std::string out;
  for (std::size_t i = 0; i < count; ++i) {
    out += (i == 0 ? "" : " ") + std::string(name(static_cast<Enum>(i)));
  }
  return out;
}

TEST(Names, AreStable) {
  EXPECT_EQ(names_of<End>(kEndCount),
            "committed rejected superseded dropped expired cancelled closed incomplete unknown "
            "carried");
  EXPECT_EQ(names_of<TickEnd>(kTickEndCount), "drained records bytes hold max_delay share failed");
  EXPECT_EQ(names_of<ColumnType>(4), "integer real text blob");
}

TEST(HistogramRun, RecordsWhatTheHistogramItselfWould) {
  SharedHistogram one_by_one;
  SharedHistogram in_runs;
  {
    HistogramRun run(in_runs);
    for_values_of_every_size([&](std::uint64_t value) {
      for (std::uint64_t i = 0; i < 3; ++i) {
        const Duration duration(static_cast<Duration::rep>((value >> 1) + i * (value >> 12)));
        one_by_one.record(duration);
        run.record(duration);
      }
    });
    run.record(Duration(-1));
    one_by_one.record(Duration(-1));
  }
  const Histogram expected = one_by_one.snapshot();
  const Histogram got = in_runs.snapshot();
  EXPECT_EQ(got.count(), expected.count());
  EXPECT_EQ(got.sum(), expected.sum());
  EXPECT_EQ(got.max(), expected.max());
  for (double fraction = 0; fraction <= 1; fraction += 1.0 / 256) {
    EXPECT_EQ(got.percentile(fraction), expected.percentile(fraction)) << fraction;
  }
}

}  // namespace
}  // namespace onelane::model
