// Where one thread sleeps until another calls it, on a futex. A condition variable would do the
// same with a mutex around it, which the woken thread then has to take while its waker still
// holds it; that is a good part of what handing a write over costs.
//
// Threads share a few futexes, each with a bit of its own (FUTEX_WAIT_BITSET of futex(2)), so that
// one system call wakes up to 32 of them. With a call for each, the first that is woken often takes
// the waker's processor, and the others are called only when that one sleeps again.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "onelane/clock.h"

namespace onelane::base {

// Those that were called and are yet to be woken: by send(), or at its end.
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

  std::array<std::uint32_t, kFutexes> sleepers_{};  // a bit for each
};

class Parker {
 public:
  // Any thread, any number of times: the next park(), or the one that sleeps, returns. The sleeper
  // may take the Parker down as soon as it has returned, even if unpark() has not yet.
  void unpark() noexcept {
    Calls calls;
    unpark(calls);
  }
  // Leaves waking the sleeper to `calls`; until they are sent, no other call wakes it.
  void unpark(Calls& calls) noexcept;

  // One thread at a time. True once called, false if `timeout` passed first.
  bool park(std::optional<Duration> timeout) noexcept;

 private:
  std::atomic<std::uint32_t> state_{0};
};

}  // namespace onelane::base
