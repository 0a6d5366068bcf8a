// Who may run a tick: one holder at a time, the committer thread or a caller. Everything that is
// said to be the baton holder's is only touched while holding it.
//
// First come, first served: on a busy lane the committer thread wants the baton back the moment it
// lets go of it, and with a plain mutex would get it every time, so that add_statement or close
// waited for as long as the lane is busy. try_lock alone may overtake, and only the committer
// thread, which mostly is woken by the very write that its caller now commits itself. Where threads
// wait for a processor, others would be overtaken for long, and a closing pass comes too late.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <thread>

#include "src/base/parker.h"

namespace onelane::inline v0::engine {

class Baton {
 public:
  void lock() { queue(Manners::in_turn); }
  // try_lock may go first.
  void lock_giving_way() { queue(Manners::gives_way); }
  bool try_lock() {
    const std::scoped_lock lock(mutex_);
    if (taken_ || in_turn()) return false;
    take();
    return true;
  }
  void unlock() {
    const std::scoped_lock lock(mutex_);
    holder_.store(std::thread::id(), std::memory_order_relaxed);
    taken_ = false;
    if (first_ != nullptr) first_->parker.unpark();  // under the lock: else it might be gone
  }

  // Whether somebody queues for it.
  bool awaited() {
    const std::scoped_lock lock(mutex_);
    return first_ != nullptr;
  }

  // Whether somebody does who does not give way.
  bool awaited_in_turn() {
    const std::scoped_lock lock(mutex_);
    return in_turn();
  }

  // Whether the calling thread is inside the lane. Only its own id can compare equal, so a stale
  // read does no harm.
  bool mine() const {
    return holder_.load(std::memory_order_relaxed) == std::this_thread::get_id();
  }

 private:
  enum class Manners : std::uint8_t { in_turn, gives_way };
  struct Queuer {
    const Manners manners;
    base::Parker parker;
    Queuer* next = nullptr;
  };

  bool in_turn() const {
    return first_ != nullptr && (first_ != last_ || first_->manners == Manners::in_turn);
  }

  void queue(Manners manners) {
    std::unique_lock lock(mutex_);
    if (!taken_ && first_ == nullptr) return take();
    Queuer self{.manners = manners};
    (first_ == nullptr ? first_ : last_->next) = &self;
    last_ = &self;
    while (taken_ || first_ != &self) {
      lock.unlock();
      self.parker.park(std::nullopt);
      lock.lock();
    }
    first_ = self.next;
    take();
  }

  void take() {
    taken_ = true;
    holder_.store(std::this_thread::get_id(), std::memory_order_relaxed);
  }

  std::mutex mutex_;
  bool taken_ = false;
  Queuer* first_ = nullptr;
  Queuer* last_ = nullptr;  // if there is a first
  std::atomic<std::thread::id> holder_{};
};

}  // namespace onelane::inline v0::engine
