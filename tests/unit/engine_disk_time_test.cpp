// What is learned of a disk: literal times.
#include <gtest/gtest.h>

#include <chrono>

#include "onelane/options.h"
#include "src/engine/disk_time.h"

namespace onelane::engine {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// A disk with a floor of 10 ms that takes 20 ms for each MiB beyond.
Duration takes(std::uint64_t bytes) {
  return milliseconds(10) +
         Duration(milliseconds(20) * static_cast<std::int64_t>(bytes / kKiB)) / 1024;
}
double ms(Duration time) { return std::chrono::duration<double, std::milli>(time).count(); }

TEST(DiskTime, PassesOfTwoSizesTellTheFloorAndTheRate) {
  DiskTime disk;
  for (int i = 0; i < 10; ++i) {
    disk.learn(64 * kKiB, takes(64 * kKiB));
    disk.learn(4 * kMiB, takes(4 * kMiB));
  }
  EXPECT_NEAR(ms(disk.floor()), 10, 1);
  EXPECT_NEAR(ms(disk.of(kMiB)), 20, 1);
  EXPECT_NEAR(ms(disk.predict(16 * kMiB)), 330, 10);
  EXPECT_NEAR(static_cast<double>(disk.within(milliseconds(110))), 5 * kMiB, 0.3 * kMiB);
}

TEST(DiskTime, PassesOfOneSizeArePredictedRightAndTheFloorIsWhatHalfAMebibyteTakes) {
  DiskTime disk;
  for (int i = 0; i < 20; ++i) disk.learn(kMiB, milliseconds(30));
  EXPECT_NEAR(ms(disk.predict(kMiB)), 30, 0.5);
  EXPECT_NEAR(ms(disk.floor()), ms(disk.of(kMiB / 2)), 0.5);
}

TEST(DiskTime, BeforeTheFirstPassItIsTakenForAMemoryCard) {
  const DiskTime disk;
  EXPECT_LT(disk.within(milliseconds(50)), kMiB);
  EXPECT_EQ(disk.stats().bytes_per_s, 0) << "nothing was learned";
}

TEST(DiskTime, OnePassIsEnoughToSeeThatItIsFast) {
  DiskTime disk;
  disk.learn(32 * kKiB, std::chrono::microseconds(400));
  EXPECT_GT(disk.within(milliseconds(50)), kMiB);
}

TEST(DiskTime, OneHiccupIsNotWhatTheDiskDoes) {
  DiskTime disk;
  for (int i = 0; i < 10; ++i)
    disk.learn(i % 2 == 0 ? kMiB : 2 * kMiB, milliseconds(i % 2 == 0 ? 10 : 20));
  const double before = ms(disk.predict(kMiB));
  disk.learn(kMiB, seconds(10));
  EXPECT_LT(ms(disk.predict(kMiB)), 16 * before);
  for (int i = 0; i < 12; ++i)
    disk.learn(i % 2 == 0 ? kMiB : 2 * kMiB, milliseconds(i % 2 == 0 ? 10 : 20));
  EXPECT_LT(ms(disk.predict(kMiB)), 2.5 * before) << "and is forgotten";
}

TEST(DiskTime, ADiskThatBecameTenTimesSlowerIsSeenToBeSo) {
  DiskTime disk;
  for (int i = 0; i < 10; ++i)
    disk.learn(i % 2 == 0 ? kMiB : 4 * kMiB, milliseconds(i % 2 == 0 ? 10 : 40));
  for (int i = 0; i < 10; ++i)
    disk.learn(i % 2 == 0 ? kMiB : 4 * kMiB, milliseconds(i % 2 == 0 ? 100 : 400));
  EXPECT_NEAR(ms(disk.predict(2 * kMiB)), 200, 30);
}

TEST(DiskTime, NoiseMakesNeitherNumberNegative) {
  DiskTime disk;
  disk.learn(kMiB, milliseconds(100));
  disk.learn(16 * kMiB, milliseconds(1));
  EXPECT_GE(disk.floor().count(), 0);
  EXPECT_GT(disk.bytes_per_s(), 0);
  EXPECT_GE(disk.predict(2 * kMiB), disk.predict(kMiB));
  for (int i = 0; i < 10; ++i) {
    disk.learn(kKiB, Duration(1));
    disk.learn(kMiB, milliseconds(100));
  }
  EXPECT_GE(disk.floor().count(), 0);
  EXPECT_GT(disk.bytes_per_s(), 0);
}

TEST(DiskTime, WhatTakesNoTimeAtAllHasARateNonetheless) {
  DiskTime disk;
  for (int i = 0; i < 10; ++i) disk.learn(kMiB, Duration(0));
  EXPECT_GE(disk.within(milliseconds(1)), kMiB);
  EXPECT_LE(disk.within(milliseconds(1)), 2 * 1000 * kMiB) << "a terabyte a second";
}

}  // namespace
}  // namespace onelane::engine
