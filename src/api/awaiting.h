// A coroutine that waits for a ticket. Apart from its awaiter, which lies in the coroutine's frame:
// the frame may be destroyed while another thread, which is settling the ticket, still refers to
// this.
#pragma once

#include <atomic>
#include <coroutine>
#include <cstdint>
#include <thread>

#include "onelane/receipt.h"
#include "src/model/entry.h"

namespace onelane::inline v0::detail {

class Awaiting final : public Waiter {
 public:
  // Has two references: the awaiter's, and that of whoever calls wake().
  Awaiting(std::coroutine_handle<> handle, Executor& executor, Promise awaited) noexcept
      : handle_(handle), executor_(executor) {
    promise = awaited;
    leads = false;  // what the executor does is its own
  }

  void wake() noexcept override {
    poster_ = std::this_thread::get_id();
    State expected = State::waits;
    if (state_.compare_exchange_strong(expected, State::is_posted)) {
      executor_.post(handle_);  // which may resume it, and end it
      state_.store(State::was_posted);
      state_.notify_all();
    }
    release();
  }

  // The coroutine is destroyed without having been resumed: from here on it is not posted. A post
  // that runs on another thread is waited for, one that runs on this thread cannot be.
  void abandon(Entry& entry) noexcept {
    if (entry.unwatch(*this)) return release();  // nobody will call wake()
    State was = State::waits;
    if (state_.compare_exchange_strong(was, State::abandoned)) return;
    if (was == State::is_posted && poster_ != std::this_thread::get_id()) {
      state_.wait(State::is_posted);
    }
  }

  void release() noexcept {
    if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }

 private:
  enum class State : std::uint8_t { waits, is_posted, was_posted, abandoned };

  const std::coroutine_handle<> handle_;
  Executor& executor_;
  std::thread::id poster_;  // written before the state says is_posted
  std::atomic<State> state_{State::waits};
  std::atomic<std::uint32_t> references_{2};
};

}  // namespace onelane::inline v0::detail
