// Where one thread sleeps until another calls it, on a futex. A condition variable would need a
// mutex, which the woken thread has to take while its waker still holds it; that is a good part of
// what handing a write over costs.
//
// All threads share a few futexes, and each has a bit of its own in one of them (FUTEX_WAIT_BITSET,
// futex(2)). So one system call wakes up to 32 threads. With a system call for each, the first
// woken thread often takes the waker's processor, and the others are woken only when it sleeps
// again.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "onelane/clock.h"

namespace onelane::base {

// Collects threads that were called, and wakes them all in send(), or when it is destroyed.
class Calls {
 public:
  Calls() = default;
  Calls(const Calls&) = delete;
  Calls& operator=(const Calls&) = delete;
  ~Calls() { send(); }

  void send() noexcept;

  static constexpr std::size_t kFutexes = 16;

 private:
  friend class Parker;

  std::array<std::uint32_t, kFutexes> sleepers_{};  // one bit for each thread
};

class Parker {
 public:
  // Any thread, any number of times. The park() that sleeps returns; if none does, the next one
  // returns at once. The sleeper may destroy the Parker as soon as park() has returned, even while
  // unpark() still runs.
  void unpark() noexcept {
    Calls calls;
    unpark(calls);
  }
  // The same, but leaves waking the sleeper to `calls`. Until that sends, no other unpark() wakes
  // it.
  void unpark(Calls& calls) noexcept;

  // One thread at a time. Sleeps until called. True once called, false if `timeout` passed first.
  bool park(std::optional<Duration> timeout) noexcept;

 private:
  std::atomic<std::uint32_t> state_{0};
};

}  // namespace onelane::base
