#include "src/ack/settle.h"

namespace onelane::ack {

void wake_all(const detail::Waiter::Followers& followers) noexcept {
  for (detail::Waiter* who : followers) {
    if (who != nullptr) who->wake();
  }
}

void Wakes::add(detail::Waiter* who) noexcept {
  if (who == nullptr) return;
  who->next = nullptr;
  if (first_ == nullptr) {
    first_ = last_ = parent_ = who;
    return;
  }
  last_ = last_->next = who;
  if (parent_->followers[0] == nullptr) {
    parent_->followers[0] = who;
  } else {
    parent_->followers[1] = who;
    parent_ = parent_->next;
  }
}

void Wakes::fire() noexcept {
  detail::Waiter* root = first_;
  first_ = last_ = parent_ = nullptr;
  if (root != nullptr) root->wake();
}

void settle_taken(Entry& entry, End end, Wakes& wakes) noexcept {
  entry.settle_taken(end);
  wakes.add(entry.close_watch());
}

}  // namespace onelane::ack
