// Wakes the committer thread when there is something to do, without a system call while it is
// awake.
//
// Either the sleeper sees what the ringer published before ringing, or the ringer sees the sleeper:
// `asleep_` and what `pending` reads (the class queues' counters) are all seq_cst, so the two
// cannot both miss each other (Dekker).
#pragma once

#include <atomic>
#include <optional>

#include "onelane/clock.h"
#include "src/base/parker.h"

namespace onelane::queue {

class Doorbell {
 public:
  // Any thread, after publishing what is to be seen.
  void ring() {
    if (asleep_.load(std::memory_order_seq_cst)) wake();
  }

  // Rings even if nobody sleeps yet: the next sleep ends at once.
  void wake() {
    asleep_.store(false, std::memory_order_relaxed);  // one call is enough
    parker_.unpark();
  }

  // The one sleeper. Returns when rung, at once if pending() says so, or after `timeout` if given.
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

}  // namespace onelane::queue
