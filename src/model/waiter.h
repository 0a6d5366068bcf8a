// A waiter for a ticket: a blocked thread or a suspended coroutine, as the engine sees it.
#pragma once

#include <array>
#include <cstdint>

#include "onelane/options.h"

namespace onelane::inline v0::detail {

// Is woken once its ticket is settled or, where it waits for that, once the ticket's commit is
// durable. A woken waiter wakes its followers, so the committer wakes one of a tick's waiters and
// goes on.
class Waiter {
 public:
  using Followers = std::array<Waiter*, 2>;
  // Wakes a blocked thread, posts a coroutine. The waiter may be destroyed as soon as wake() has
  // been called.
  virtual void wake() noexcept = 0;

  Promise promise = Promise::committed;  // what it waits for; constant once it waits
  Followers followers{};                 // to be woken by this one, or null
  Waiter* next = nullptr;                // while a tick's or a sync's waiters are collected
  std::uint64_t commit = 0;              // to be durable; written by whoever settles the ticket
  bool abandoned = false;                // it waits no longer; written by Durability
  bool leads = true;                     // may be given followers: it will run soon once woken

 protected:
  ~Waiter() = default;
};

}  // namespace onelane::inline v0::detail
