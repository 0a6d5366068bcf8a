#include <gtest/gtest.h>

#include <atomic>
#include <latch>

#include "bench/kit/caller_pool.h"

namespace onelane::bench {
namespace {

bool never() { return false; }

TEST(CallerPool, EveryOfferIsServedOnceByAsManyThreadsAsThereAre) {
  constexpr int kOffers = 10'000;
  std::atomic<int> served{0};
  std::vector<CallerPool<int>::Serve> serves(8, [&](const int& work) { served += work; });
  CallerPool<int> pool(serves);
  for (int i = 0; i < kOffers; ++i) pool.offer(1);
  pool.drain(std::chrono::seconds(60), never);
  EXPECT_TRUE(pool.finish().empty());
  EXPECT_EQ(served, kOffers);
}

TEST(CallerPool, WhatNoThreadHasBegunIsGivenBackInItsOrder) {
  std::latch begun(1);
  std::latch end(1);
  CallerPool<int> pool({[&](const int&) {
    begun.count_down();
    end.wait();
  }});
  for (int i = 0; i < 4; ++i) pool.offer(i);
  begun.wait();
  EXPECT_EQ(pool.waiting(), 3U);
  std::jthread release_when_taken_back([&] {
    while (pool.waiting() != 0) std::this_thread::yield();
    end.count_down();
  });
  EXPECT_EQ(pool.finish(), (std::deque<int>{1, 2, 3}));
}

TEST(CallerPool, DrainingEndsEarlyWhenItIsToldTo) {
  std::latch end(1);
  CallerPool<int> pool({[&](const int&) { end.wait(); }});
  for (int i = 0; i < 4; ++i) pool.offer(i);
  pool.drain(std::chrono::hours(1), [] { return true; });
  EXPECT_GE(pool.waiting(), 3U);
  end.count_down();
}

}  // namespace
}  // namespace onelane::bench
