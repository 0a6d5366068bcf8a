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
    claims_.fetch_add(1, std::memory_order_relaxed);
    mutex_.lock();
    claims_.fetch_sub(1, std::memory_order_relaxed);
    holder_.store(std::this_thread::get_id(), std::memory_order_relaxed);
  }
  // Never ahead of somebody who is blocked in lock(): callers that keep trying would starve the
  // committer thread, since a mutex is not fair.
  bool try_lock() {
    if (claims_.load(std::memory_order_relaxed) != 0 || !mutex_.try_lock()) return false;
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
  std::atomic<int> claims_{0};
  std::atomic<std::thread::id> holder_{};
};

}  // namespace onelane::engine
