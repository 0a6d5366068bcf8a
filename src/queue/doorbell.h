// Wakes the committer thread when there is something to do, without a system call while it is
// awake.
//
// Either the sleeper sees what the ringer published before ringing, or the ringer sees the sleeper:
// `asleep_` and what `pending` reads (the class queues' counters) are all seq_cst, so the two
// cannot both miss each other (Dekker).
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>

#include "onelane/clock.h"

namespace onelane::queue {

class Doorbell {
 public:
  // Any thread, after publishing what is to be seen.
  void ring() {
    if (asleep_.load(std::memory_order_seq_cst)) wake();
  }

  // Rings even if nobody sleeps yet: the next sleep ends at once.
  void wake() {
    const std::scoped_lock lock(mutex_);
    asleep_.store(false, std::memory_order_relaxed);
    rung_ = true;
    changed_.notify_one();
  }

  // The one sleeper. Returns when rung, at once if pending() says so, or after `timeout` if given.
  template <class Pending>
  void sleep(const Pending& pending, std::optional<Duration> timeout) {
    std::unique_lock lock(mutex_);
    asleep_.store(true, std::memory_order_seq_cst);
    if (!rung_ && !pending()) {
      const auto rung = [this] { return rung_; };
      if (timeout) {
        changed_.wait_for(lock, std::min(*timeout, kSleepMax), rung);
      } else {
        changed_.wait(lock, rung);
      }
    }
    asleep_.store(false, std::memory_order_relaxed);
    rung_ = false;
  }

 private:
  // A deadline may lie centuries ahead, where the system's clock would overflow.
  static constexpr Duration kSleepMax = std::chrono::hours(1);

  std::atomic<bool> asleep_{false};
  std::mutex mutex_;
  std::condition_variable changed_;
  bool rung_ = false;
};

}  // namespace onelane::queue
