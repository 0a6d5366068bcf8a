// FifoMemory that several threads allocate and free at once.
#include "src/base/fifo_memory.h"

#include <gtest/gtest.h>

#include <deque>
#include <thread>
#include <vector>

namespace onelane::base {
namespace {

constexpr std::size_t kRow = 4096;

// If a slab is reused too early, a row has another row's bytes.
TEST(FifoMemory, ThreadsThatMakeAndFreeAtOnceDoNotShareBytes) {
  constexpr int kThreads = 4;
  constexpr int kRounds = 20'000;
  FifoMemory memory;
  std::vector<int> wrong(kThreads);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&memory, &bad = wrong[static_cast<std::size_t>(t)], t] {
      std::deque<unsigned char*> mine;
      for (int i = 0; i < kRounds; ++i) {
        auto* bytes = static_cast<unsigned char*>(memory.allocate(kRow));
        bytes[0] = bytes[kRow - 1] = static_cast<unsigned char>(t);
        mine.push_back(bytes);
        if (mine.size() < 100) continue;
        bad += mine.front()[0] != t || mine.front()[kRow - 1] != t ? 1 : 0;
        FifoMemory::free(mine.front());
        mine.pop_front();
      }
      for (unsigned char* each : mine) FifoMemory::free(each);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, std::vector<int>(kThreads));
}

}  // namespace
}  // namespace onelane::base
