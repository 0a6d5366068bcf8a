// A thread that waits for one ticket.
#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>

#include "onelane/clock.h"
#include "src/model/entry.h"

namespace onelane::engine {

class ThreadWaiter final : public detail::Waiter {
 public:
  void wake() noexcept override {
    const std::scoped_lock lock(mutex_);  // kept while notifying: the waiter goes away after
    woken_ = true;
    changed_.notify_one();
  }

  // True once woken; false if `timeout` passed first.
  bool wait(std::optional<Duration> timeout) {
    std::unique_lock lock(mutex_);
    const auto woken = [this] { return woken_; };
    if (timeout) return changed_.wait_for(lock, *timeout, woken);
    changed_.wait(lock, woken);
    return true;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool woken_ = false;
};

}  // namespace onelane::engine
