// Where one thread sleeps until another calls it, on a futex of its own. A condition variable would
// need a mutex, which the woken thread has to take while its waker still holds it; that is a good
// part of what handing a write over costs.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>

#include "onelane/clock.h"

namespace onelane::inline v0::base {

class Parker {
 public:
  // Any thread, any number of times. The park() that sleeps returns; if none does, the next one
  // returns at once. The sleeper may destroy the Parker as soon as park() has returned, even while
  // unpark() still runs: that then wakes an address, which whatever sleeps there has to expect of
  // any futex.
  void unpark() noexcept;

  // One thread at a time. Sleeps until called. True once called, false if `timeout` passed first.
  bool park(std::optional<Duration> timeout) noexcept;

 private:
  std::atomic<std::uint32_t> state_{0};
};

}  // namespace onelane::inline v0::base
