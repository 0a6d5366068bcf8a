// Blocks that are made on one thread and freed on another.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <optional>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "src/base/block_pool.h"
#include "tests/support/resident.h"

namespace onelane::base {
namespace {

using Blocks = std::vector<void*>;

Blocks allocate(std::size_t count) {
  Blocks blocks;
  for (std::size_t i = 0; i < count; ++i) blocks.push_back(BlockPool::allocate());
  return blocks;
}

void free_all(const Blocks& blocks) {
  for (void* block : blocks) BlockPool::free(block);
}

void on_a_thread(const auto& what) { std::thread(what).join(); }

TEST(BlockPool, BlocksInUseAreAlignedAndApart) {
  const Blocks blocks = allocate(5 * BlockPool::kBatch);
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    ASSERT_NE(blocks[i], nullptr);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(blocks[i]) % alignof(std::max_align_t), 0U);
    std::memset(blocks[i], static_cast<int>(i), BlockPool::kBlockBytes);
  }
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    const auto* bytes = static_cast<const unsigned char*>(blocks[i]);
    EXPECT_EQ(bytes[0], static_cast<unsigned char>(i));
    EXPECT_EQ(bytes[BlockPool::kBlockBytes - 1], static_cast<unsigned char>(i));
  }
  free_all(blocks);
}

#if !defined(__SANITIZE_ADDRESS__)

// What one thread frees and others make, round after round, is always the same blocks.
TEST(BlockPool, BlocksGoRoundFromThreadsThatFreeToThreadsThatMake) {
  constexpr std::size_t kCount = 10 * BlockPool::kBatch;
  std::set<void*> seen;
  for (int round = 0; round < 50; ++round) {
    Blocks blocks;
    on_a_thread([&] { blocks = allocate(kCount); });
    seen.insert(blocks.begin(), blocks.end());
    free_all(blocks);
  }
  EXPECT_LE(seen.size(), kCount + 4 * BlockPool::kBatch);
}

TEST(BlockPool, AThreadThatEndsLeavesItsBlocksToOthers) {
  Blocks last;
  on_a_thread([&] {
    last = allocate(3);
    free_all(last);
  });
  std::set<void*> mine;
  on_a_thread([&] {
    const Blocks blocks = allocate(BlockPool::kBatch);
    mine.insert(blocks.begin(), blocks.end());
    free_all(blocks);
  });
  for (void* block : last) EXPECT_EQ(mine.count(block), 1U);
}

constexpr std::size_t kMany = 100'000;  // 37 MiB

TEST(BlockPool, IsKeptWhileItHasAUserAndGivenBackOnceThereIsNone) {
  if (!test::kResidentTells) GTEST_SKIP() << "a sanitizer's memory counts, too";
  std::optional<BlockPool::Use> use(std::in_place);
  const long before = test::resident_kb();
  const auto fill = [] {
    const Blocks blocks = allocate(kMany);
    for (void* block : blocks) std::memset(block, 1, BlockPool::kBlockBytes);
    free_all(blocks);
  };
  fill();
  EXPECT_GT(test::resident_kb() - before, 30'000);
  use.reset();
  EXPECT_LT(test::resident_kb() - before, 3'000);
  fill();  // what receipts keep is freed later
  EXPECT_LT(test::resident_kb() - before, 6'000);
}

TEST(BlockPool, ABlockThatIsKeptKeepsWhatItHoldsAndItsSlabAlone) {
  std::optional<BlockPool::Use> use(std::in_place);
  const long before = test::resident_kb();
  Blocks blocks = allocate(kMany);
  for (void* block : blocks) std::memset(block, 1, BlockPool::kBlockBytes);
  Blocks kept;
  for (std::size_t i = 0; i < kMany; i += kMany / 4) {
    std::memset(blocks[i], 2, BlockPool::kBlockBytes);
    kept.push_back(std::exchange(blocks[i], nullptr));
  }
  std::erase(blocks, nullptr);
  free_all(blocks);
  use.reset();
  if (test::kResidentTells) {
    EXPECT_LT(test::resident_kb() - before, 4'000);
  }
  for (const void* block : kept) {
    EXPECT_EQ(static_cast<const unsigned char*>(block)[BlockPool::kBlockBytes - 1], 2);
  }
  const Blocks others = allocate(1000);
  EXPECT_EQ(std::set<void*>(others.begin(), others.end()).size(), 1000U);
  for (void* block : kept) EXPECT_EQ(std::count(others.begin(), others.end(), block), 0);
  free_all(others);
  free_all(kept);
}

#endif

}  // namespace
}  // namespace onelane::base
