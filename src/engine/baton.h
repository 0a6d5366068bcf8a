// Who may run a tick: one holder at a time, the committer thread or a caller. Everything that is
// said to be the baton holder's is only touched while holding it.
#pragma once

#include <atomic>
#include <mutex>
#include <thread>

namespace onelane::engine {

class Baton {
 public:
  void lock() {
    mutex_.lock();
    holder_.store(std::this_thread::get_id(), std::memory_order_relaxed);
  }
  bool try_lock() {
    if (!mutex_.try_lock()) return false;
    holder_.store(std::this_thread::get_id(), std::memory_order_relaxed);
    return true;
  }
  void unlock() {
    holder_.store(std::thread::id(), std::memory_order_relaxed);
    mutex_.unlock();
  }

  // Whether the calling thread is inside the lane. Only its own id can compare equal, so a stale
  // read does no harm.
  bool mine() const {
    return holder_.load(std::memory_order_relaxed) == std::this_thread::get_id();
  }

 private:
  std::mutex mutex_;
  std::atomic<std::thread::id> holder_{};
};

}  // namespace onelane::engine
