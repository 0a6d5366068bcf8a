// Blocks that are made on one thread and freed on another.
#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <set>
#include <thread>
#include <vector>

#include "src/base/block_pool.h"

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

#endif

}  // namespace
}  // namespace onelane::base
