// Wakes a thread of the journal's when there is something to do. While that thread is awake, a ring
// costs no system call.
//
// No ring is missed: `asleep_` and the counters that `pending` reads are all seq_cst (Dekker). So
// either the sleeper sees what the other thread published before it rang, or that thread sees the
// sleeper.
#pragma once

#include <atomic>
#include <optional>

#include "onelane/clock.h"
#include "src/base/parker.h"

namespace onelane::inline v0::queue {

class Doorbell {
 public:
  // Any thread, after it has published the work.
  void ring() {
    if (asleep_.load(std::memory_order_seq_cst)) wake();
  }

  // Rings even if the thread is awake: its next sleep then ends at once.
  void wake() {
    asleep_.store(false, std::memory_order_relaxed);  // one call is enough
    parker_.unpark();
  }

  // One thread only. Returns when rung, at once if pending() is true, or after `timeout` if given.
  template <class Pending>
  void sleep(const Pending& pending, std::optional<Duration> timeout) {
    asleep_.store(true, std::memory_order_seq_cst);
    if (!pending()) parker_.park(timeout);
    asleep_.store(false, std::memory_order_relaxed);
  }

 private:
  std::atomic<bool> asleep_{false};
  base::Parker parker_;
};

}  // namespace onelane::inline v0::queue
