// Who waits for a ticket: the engine's view of a blocked thread or a suspended coroutine.
#pragma once

#include <array>
#include <cstdint>

#include "onelane/options.h"

namespace onelane::base {
class Calls;
}

namespace onelane::inline v0::detail {

// Somebody to be woken once a ticket is settled, or what of it is committed is durable: a blocked
// thread or a coroutine. Whoever is woken also wakes its followers, so that the committer calls one
// of a tick's waiters and goes on.
class Waiter {
 public:
  using Followers = std::array<Waiter*, 2>;
  // A thread is woken when the calls are sent. This may be gone as soon as it has been told.
  virtual void wake(base::Calls& calls) noexcept = 0;

  Promise promise = Promise::committed;  // what it waits for; constant once it waits
  Followers followers{};                 // to be woken by this one, or null
  Waiter* next = nullptr;                // while a tick's or a sync's waiters are collected
  std::uint64_t commit = 0;              // to be durable; written by whoever settles the ticket
  bool abandoned = false;                // it waits no longer; the syncer's
  bool leads = true;                     // may be given followers: it will run soon once woken

 protected:
  ~Waiter() = default;
};

}  // namespace onelane::inline v0::detail
