// Who may run a tick: one holder at a time, the committer thread or a caller. Everything that is
// said to be the baton holder's is only touched while holding it.
//
// First come, first served: on a busy lane the committer thread wants the baton back the moment it
// lets go of it, and with a plain mutex would get it every time, so that add_statement or close
// waited for as long as the lane is busy. try_lock alone may overtake one who waits, which is
// mostly the committer thread, woken by the very write that its caller now commits itself.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>

namespace onelane::engine {

class Baton {
 public:
  void lock() {
    std::unique_lock lock(mutex_);
    const std::uint64_t place = last_++;
    freed_.wait(lock, [&] { return !held_ && first_ == place; });
    ++first_;
    hold();
  }
  bool try_lock() {
    const std::scoped_lock lock(mutex_);
    if (held_ || last_ - first_ > kOvertakenMax) return false;
    hold();
    return true;
  }
  void unlock() {
    bool awaited = false;
    {
      const std::scoped_lock lock(mutex_);
      holder_.store(std::thread::id(), std::memory_order_relaxed);
      held_ = false;
      awaited = first_ != last_;
    }
    if (awaited) freed_.notify_all();
  }

  // Whether the calling thread is inside the lane. Only its own id can compare equal, so a stale
  // read does no harm.
  bool mine() const {
    return holder_.load(std::memory_order_relaxed) == std::this_thread::get_id();
  }

 private:
  static constexpr std::uint64_t kOvertakenMax = 1;

  void hold() {
    held_ = true;
    holder_.store(std::this_thread::get_id(), std::memory_order_relaxed);
  }

  std::mutex mutex_;
  std::condition_variable freed_;
  bool held_ = false;
  std::uint64_t first_ = 0;  // the place of whoever is next
  std::uint64_t last_ = 0;   // the place that the next to come gets
  std::atomic<std::thread::id> holder_{};
};

}  // namespace onelane::engine
