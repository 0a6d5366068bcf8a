// The machine's time; a thread that asks for it is now and then suspended. The journal asks between
// most of the steps that other threads can see, so each run of a race test meets other orders.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <random>
#include <thread>

#include "onelane/clock.h"
#include "onelane/options.h"

namespace onelane::test {

class PerturbingClock final : public Clock {
 public:
  TimePoint now() const noexcept override {
    thread_local std::mt19937_64 random(next_seed());
    const std::uint64_t draw = random() % kAsks;
    if (draw == 0) {
      std::this_thread::sleep_for(std::chrono::microseconds(random() % kSleepMaxUs));
    } else if (draw < kYields) {
      std::this_thread::yield();
    }
    return steady_clock().now();
  }

 private:
  // Of this many calls one sleeps, and the others below kYields yield.
  static constexpr std::uint64_t kAsks = 256;
  static constexpr std::uint64_t kYields = 16;
  static constexpr std::uint64_t kSleepMaxUs = 50;

  // Each thread's own. --gtest_random_seed draws other moments.
  static std::uint64_t next_seed() noexcept {
    static std::atomic<std::uint64_t> threads{0};
    const auto seed = static_cast<std::uint64_t>(::testing::UnitTest::GetInstance()->random_seed());
    return (seed << 32) + threads.fetch_add(1, std::memory_order_relaxed);
  }
};

inline JournalOptions perturbed(JournalOptions options = {}) {
  options.clock = std::make_shared<PerturbingClock>();
  return options;
}

}  // namespace onelane::test
