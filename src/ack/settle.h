// The last stage: a ticket is settled exactly once, and whoever waits for it is woken after the
// tick.
#pragma once

#include "src/model/entry.h"

namespace onelane::ack {

using detail::Entry;

// Of one waiter's followers.
void wake_all(const detail::Waiter::Followers& followers) noexcept;

// The waiters of the tickets that one tick settled, as a tree: fire() wakes the first, who wakes
// two others, and so on. So a tick wakes one thread however many waited, and the rest wake each
// other while the next tick runs. They are woken once the lane was let go, so that what they push
// next finds it free. Fires what is left when destroyed.
class Wakes {
 public:
  Wakes() = default;
  Wakes(const Wakes&) = delete;
  Wakes& operator=(const Wakes&) = delete;
  ~Wakes() { fire(); }

  void add(detail::Waiter* who) noexcept;
  void fire() noexcept;

 private:
  detail::Waiter* first_ = nullptr;
  detail::Waiter* last_ = nullptr;
  detail::Waiter* parent_ = nullptr;  // the first with room for a follower
};

// taken -> settled; the outcome's fields are written before.
void settle_taken(Entry& entry, End end, Wakes& wakes) noexcept;

}  // namespace onelane::ack
