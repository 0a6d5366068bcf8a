// Time that moves only when a test says so. Safe from any thread.
#pragma once

#include <atomic>

#include "onelane/clock.h"

namespace onelane::test {

class FakeClock final : public Clock {
 public:
  time_point now() const noexcept override {
    return time_point(duration(now_ns_.load(std::memory_order_relaxed)));
  }
  void advance(Duration by) { now_ns_.fetch_add(by.count(), std::memory_order_relaxed); }

 private:
  std::atomic<Duration::rep> now_ns_{1'000'000'000};
};

}  // namespace onelane::test
