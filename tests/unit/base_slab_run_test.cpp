// Slabs from the system, mapped in runs.
#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <set>
#include <vector>

#include "src/base/slab_run.h"
#include "tests/support/resident.h"

namespace onelane::base {
namespace {

constexpr std::size_t kMany = 100;

std::vector<unsigned char*> many_of(SlabRun& run) {
  std::vector<unsigned char*> slabs;
  for (std::size_t i = 0; i < kMany; ++i) slabs.push_back(static_cast<unsigned char*>(run.next()));
  return slabs;
}

TEST(SlabRun, EachSlabLiesAtAMultipleOfItsSizeAndIsGivenOnce) {
  SlabRun run;
  const std::vector<unsigned char*> slabs = many_of(run);
  EXPECT_EQ(std::set(slabs.begin(), slabs.end()).size(), kMany);
  for (unsigned char* slab : slabs) {
    ASSERT_NE(slab, nullptr);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(slab) % kSlabBytes, 0U);
    EXPECT_EQ(slab[0], 0);
    EXPECT_EQ(slab[kSlabBytes - 1], 0);
    std::memset(slab, 1, kSlabBytes);
  }
  for (unsigned char* slab : slabs) SlabRun::unmap(slab);
  run.unmap_rest();
}

TEST(SlabRun, ASlabGoesBackByItselfAndTheOthersStay) {
  SlabRun run;
  const long before = test::resident_kb();
  std::vector<unsigned char*> slabs = many_of(run);
  for (unsigned char* slab : slabs) std::memset(slab, 1, kSlabBytes);
  unsigned char* const kept = slabs[kMany / 2];
  for (unsigned char* slab : slabs) {
    if (slab != kept) SlabRun::unmap(slab);
  }
  run.unmap_rest();
  if (test::kResidentTells) {
    EXPECT_LT(test::resident_kb() - before, 2'000);
  }
  EXPECT_EQ(kept[kSlabBytes - 1], 1);
  SlabRun::unmap(kept);
}

TEST(SlabRun, WhatWasNotTouchedTakesNoMemory) {
  if (!test::kResidentTells) GTEST_SKIP() << "a sanitizer's memory counts, too";
  SlabRun run;
  const long before = test::resident_kb();
  const std::vector<unsigned char*> slabs = many_of(run);
  EXPECT_LT(test::resident_kb() - before, 1'000);
  for (unsigned char* slab : slabs) SlabRun::unmap(slab);
  run.unmap_rest();
  void* again = run.next();  // a run of its own
  ASSERT_NE(again, nullptr);
  std::memset(again, 1, kSlabBytes);
  SlabRun::unmap(again);
}

}  // namespace
}  // namespace onelane::base
