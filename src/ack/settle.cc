#include "src/ack/settle.h"

namespace onelane::ack {

void Wakes::add(detail::Waiter* who) noexcept {
  if (who == nullptr) return;
  who->next = nullptr;
  (first_ == nullptr ? first_ : last_->next) = who;
  last_ = who;
}

void Wakes::fire() noexcept {
  detail::Waiter* who = first_;
  first_ = last_ = nullptr;
  while (who != nullptr) {
    detail::Waiter* next = who->next;  // read first: who is gone once woken
    who->wake();
    who = next;
  }
}

void settle_taken(Entry& entry, End end, Wakes& wakes) noexcept {
  entry.settle_taken(end);
  wakes.add(entry.close_watch());
}

}  // namespace onelane::ack
