// Memory that is freed in about the order in which it was made.
#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "src/base/fifo_memory.h"
#include "src/base/sanitizers.h"
#include "tests/support/resident.h"

namespace onelane::base {
namespace {

constexpr std::size_t kRow = 4096;
constexpr std::size_t kRowsPerSlab = kSlabBytes / (kRow + FifoMemory::kOverheadBytes);

std::uintptr_t slab_of(void* memory) {
  return reinterpret_cast<std::uintptr_t>(memory) / kSlabBytes;
}

TEST(FifoMemory, WhatIsInUseIsAlignedAndApart) {
  FifoMemory memory;
  std::vector<unsigned char*> all;
  std::vector<std::size_t> sizes;
  for (std::size_t size = 1; size < 3 * FifoMemory::kBytesMax; size += size / 3 + 7) {
    auto* bytes = static_cast<unsigned char*>(memory.allocate(size));
    ASSERT_NE(bytes, nullptr);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(bytes) % alignof(std::max_align_t), 0U);
    std::memset(bytes, static_cast<int>(all.size()), size);
    all.push_back(bytes);
    sizes.push_back(size);
  }
  for (std::size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(all[i][0], static_cast<unsigned char>(i));
    EXPECT_EQ(all[i][sizes[i] - 1], static_cast<unsigned char>(i));
    FifoMemory::free(all[i]);
  }
}

TEST(FifoMemory, WhatIsInUseMayOutliveIt) {
  auto memory = std::make_unique<FifoMemory>();
  auto* bytes = static_cast<unsigned char*>(memory->allocate(kRow));
  memory.reset();
  std::memset(bytes, 1, kRow);
  FifoMemory::free(bytes);
}

TEST(FifoMemory, AQueueThatMovesOnUsesTheSameSlabsAnew) {
  if (kPoolIsMalloc) GTEST_SKIP() << "this build's memory is malloc's";
  constexpr std::size_t kQueued = 10 * kRowsPerSlab;
  const FifoMemory::Use use;
  FifoMemory memory;
  std::deque<void*> queue;
  std::set<std::uintptr_t> slabs;
  for (std::size_t i = 0; i < 50 * kQueued; ++i) {
    queue.push_back(memory.allocate(kRow));
    slabs.insert(slab_of(queue.back()));
    if (queue.size() <= kQueued) continue;
    FifoMemory::free(queue.front());
    queue.pop_front();
  }
  EXPECT_LE(slabs.size(), 10 + 3U);
  for (void* each : queue) FifoMemory::free(each);
}

TEST(FifoMemory, SlabsGoBackToTheSystemOnceThereIsNoUserOfThem) {
  if (!test::kResidentTells) GTEST_SKIP() << "a sanitizer's memory counts, too";
  std::optional<FifoMemory::Use> use(std::in_place);
  FifoMemory memory;
  const long before = test::resident_kb();
  const auto fill = [&] {
    std::vector<void*> things;
    for (int i = 0; i < 10'000; ++i) things.push_back(memory.allocate(4000));
    for (void* thing : things) std::memset(thing, 1, 4000);
    for (void* thing : things) FifoMemory::free(thing);
  };
  fill();
  EXPECT_GT(test::resident_kb() - before, 30'000);
  use.reset();
  EXPECT_LT(test::resident_kb() - before, 2'000);
  fill();
  EXPECT_LT(test::resident_kb() - before, 2'000);
}

TEST(FifoMemory, OneThatGoesLeavesItsSlabToOthers) {
  if (kPoolIsMalloc) GTEST_SKIP() << "this build's memory is malloc's";
  const FifoMemory::Use use;
  std::set<std::uintptr_t> slabs;
  for (int i = 0; i < 100; ++i) {
    FifoMemory memory;
    void* row = memory.allocate(kRow);
    slabs.insert(slab_of(row));
    FifoMemory::free(row);
  }
  EXPECT_EQ(slabs.size(), 1U);
}

}  // namespace
}  // namespace onelane::base
