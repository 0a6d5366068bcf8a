// A place where one thread sleeps until another calls it: a futex. A condition variable would do
// the same with a mutex around it, which the woken thread then has to take while its waker still
// holds it; that is a good part of what handing a write over costs.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>

#include "onelane/clock.h"

namespace onelane::base {

class Parker {
 public:
  // Any thread, any number of times: the next park(), or the one that sleeps, returns. The sleeper
  // may take the Parker down as soon as it has returned, even if unpark() has not yet.
  void unpark() noexcept;

  // One thread at a time. True once called, false if `timeout` passed first.
  bool park(std::optional<Duration> timeout) noexcept;

 private:
  std::atomic<std::uint32_t> state_{0};
};

}  // namespace onelane::base
