// The log keeper on disks that have a name, on a virtual clock: what small classes wait for, how
// large the log becomes, and what a heavy class gets.
#include <gtest/gtest.h>

#include <chrono>

#include "tests/sim/slow_disk.h"

namespace onelane::test {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

DiskLoad storm() { return {.heavy_bytes_per_s = 90e6, .guarantee = 600'000, .hot = 20'000'000}; }
DiskLoad ssd() {
  DiskLoad out = storm();
  out.bytes_per_s = 300e6;
  out.floor = microseconds(500);
  return out;
}
DiskLoad cloud() {
  DiskLoad out = storm();
  out.bytes_per_s = 125e6;
  out.floor = milliseconds(2);
  return out;
}
DiskLoad card() {
  DiskLoad out = storm();
  out.bytes_per_s = 20e6;
  out.floor = milliseconds(12);
  out.hot = 1'000'000'000;
  return out;
}
DiskFigures on(const DiskLoad& load, std::uint64_t seed = 1) {
  return SlowDisk(load, seed).run(seconds(20));
}

TEST(SlowDisks, OnAFastDiskNobodyIsHeldBack) {
  const DiskFigures figures = on(ssd());
  EXPECT_GE(figures.share, 0.95);
  EXPECT_LE(figures.hold, milliseconds(25));
  EXPECT_LE(figures.wait_p99, milliseconds(15));
  EXPECT_LE(figures.log, 1.25);
}

TEST(SlowDisks, FlatOutTheHeavyClassGetsWhatTheDiskCanTakeAndTheLogKeepsItsLimit) {
  DiskLoad load = ssd();
  load.heavy_bytes_per_s = 1e9;
  const DiskFigures figures = on(load);
  EXPECT_GE(figures.share, 0.8);
  EXPECT_LE(figures.wait_p99, milliseconds(25));
  EXPECT_LE(figures.log, 1.25);
}

TEST(SlowDisks, OnACloudVolumeASmallWriteWaitsForTwoTicks) {
  const DiskFigures figures = on(cloud());
  EXPECT_LE(figures.wait_p99, milliseconds(25));
  EXPECT_LE(figures.wait_max, milliseconds(80));
  EXPECT_LE(figures.hold, milliseconds(50));
  EXPECT_GE(figures.share, 0.8);
  EXPECT_LE(figures.log, 1.25);
}

TEST(SlowDisks, ALogFourTimesAsLargeHoldsNobodyLonger) {
  DiskLoad load = cloud();
  load.limit *= 4;
  const DiskFigures figures = on(load);
  EXPECT_LE(figures.wait_p99, milliseconds(25));
  EXPECT_LE(figures.hold, milliseconds(150));
  EXPECT_GE(figures.share, 0.8);
  EXPECT_LE(figures.log, 1.25);
}

TEST(SlowDisks, OnAMemoryCardASmallWriteWaitsForAFewOfItsSyncs) {
  const DiskFigures figures = on(card());
  EXPECT_LE(figures.wait_p99, milliseconds(50));
  EXPECT_LE(figures.wait_max, milliseconds(500));
  EXPECT_LE(figures.hold, milliseconds(200));
  EXPECT_GE(figures.share, 0.8);
  EXPECT_LE(figures.log, 1.25);
}

TEST(SlowDisks, ADiskThatBecomesTenTimesSlowerIsFollowed) {
  DiskLoad load = cloud();
  load.bytes_per_s = 600e6;
  load.later = 0.1;
  const DiskFigures figures = on(load);
  EXPECT_LE(figures.wait_p99, milliseconds(25));
  EXPECT_LE(figures.wait_max, milliseconds(300));
  EXPECT_LE(figures.hold, milliseconds(200));
  EXPECT_LE(figures.log, 1.25);
}

TEST(SlowDisks, ASyncThatTakesASecondLongerHoldsNobodyButWhoWouldFillTheLog) {
  DiskLoad load = cloud();
  load.hiccups = true;
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    const DiskFigures figures = on(load, seed);
    EXPECT_LE(figures.wait_p99, milliseconds(60)) << seed;
    EXPECT_LE(figures.log, 1.25) << seed;
  }
}

// Each has guarantees, and each waits for what it added; all of them together must fit.
TEST(SlowDisks, SixteenHeavyClassesAddNoMoreToTheLogThanOne) {
  for (const DiskLoad& disk : {card(), cloud()}) {
    DiskLoad load = disk;
    load.heavy = 16;
    load.heavy_bytes_per_s = 1e9;
    load.guarantee = 100'000;
    const DiskFigures figures = on(load);
    EXPECT_LE(figures.log, 1.25);
    EXPECT_GE(figures.share, 0.8);
    EXPECT_LE(figures.hold, milliseconds(200));
  }
}

// While it stays, what is added is bounded by what the disk can write out of the log.
TEST(SlowDisks, OnceAReaderLeavesALogThatHasGrownIsBroughtBackToItsLimit) {
  DiskLoad load = card();
  load.reader = seconds(10);
  const DiskFigures figures = SlowDisk(load, 1).run(seconds(100));
  EXPECT_GE(figures.log, 3);
  EXPECT_LE(figures.log_last, 1.25);
}

TEST(SlowDisks, ANeighbourThatComesAndGoesMakesNoSmallWriteWait) {
  DiskLoad load = cloud();
  load.neighbour = true;
  const DiskFigures figures = on(load);
  EXPECT_LE(figures.wait_p99, milliseconds(30));
  EXPECT_LE(figures.log, 1.25);
  EXPECT_GE(figures.share, 0.7);
}

}  // namespace
}  // namespace onelane::test
