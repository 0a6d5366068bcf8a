// What tests await receipts with: an executor that somebody pumps, and a coroutine that nobody
// waits for.
#pragma once

#include <coroutine>
#include <deque>
#include <exception>
#include <mutex>

#include "onelane/receipt.h"

namespace onelane::test {

// Resumes what was posted on the thread that calls run().
class PumpedExecutor final : public Executor {
 public:
  void post(std::coroutine_handle<> handle) noexcept override {
    const std::scoped_lock lock(mutex_);
    posted_.push_back(handle);
  }
  void run() {
    for (;;) {
      std::coroutine_handle<> handle;
      {
        const std::scoped_lock lock(mutex_);
        if (posted_.empty()) return;
        handle = posted_.front();
        posted_.pop_front();
      }
      handle.resume();
    }
  }

 private:
  std::mutex mutex_;
  std::deque<std::coroutine_handle<>> posted_;
};

struct Detached {
  struct promise_type {
    Detached get_return_object() noexcept { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() noexcept {}
    void unhandled_exception() noexcept { std::terminate(); }
  };
};

}  // namespace onelane::test
