// The last stage: a ticket is settled exactly once, and whoever waits for it is woken after the
// tick.
#pragma once

#include "src/model/entry.h"

namespace onelane::ack {

using detail::Entry;

// The waiters of the tickets that one tick settled. They are woken once the lane was let go, so
// that what they push next finds it free. Fires what is left when destroyed.
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
};

// taken -> settled; the outcome's fields are written before.
void settle_taken(Entry& entry, End end, Wakes& wakes) noexcept;

}  // namespace onelane::ack
