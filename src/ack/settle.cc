#include "src/ack/settle.h"

#include "src/base/check.h"

namespace onelane::inline v0::ack {

std::uint64_t commit_of(const Entry& entry) noexcept {
  return commit_of(entry.end(), entry.commit);
}

void wake_all(const detail::Waiter::Followers& followers) noexcept {
  for (detail::Waiter* who : followers) {
    if (who != nullptr) who->wake();
  }
}

void Wakes::add(detail::Waiter* who) noexcept {
  if (who == nullptr) return;
  ++count_;
  who->next = nullptr;
  if (!who->leads) {
    (apart_ == nullptr ? apart_ : apart_end_->next) = who;
    apart_end_ = who;
    return;
  }
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
  count_ = 0;
  detail::Waiter* root = first_;
  first_ = last_ = parent_ = nullptr;
  if (root != nullptr) root->wake();
  while (apart_ != nullptr) std::exchange(apart_, apart_->next)->wake();
}

Wakes::~Wakes() {
  ONELANE_CHECK(durable_waiters_ == nullptr, promised_);  // somebody would wait for ever
  fire();
  while (spent_ != nullptr) spent_ = std::move(spent_->next);  // one by one: a chain may be long
}

void Wakes::dispose(std::unique_ptr<detail::JobRun> job) noexcept {
  if (job == nullptr) return;
  job->next = std::move(spent_);
  spent_ = std::move(job);
}

void Wakes::wake_when_durable(detail::Waiter* who, std::uint64_t commit) noexcept {
  who->commit = commit;
  who->next = std::exchange(durable_waiters_, who);
  promise(commit);
}

void settle_taken(Entry& entry, End end, Wakes& wakes) noexcept {
  const std::uint64_t commit = commit_of(end, entry.commit);
  if (commit != 0 && entry.promise == Promise::durable) wakes.promise(commit);
  detail::Waiter* who = entry.settle_taken(end);
  if (who != nullptr && commit != 0 && who->promise == Promise::durable) {
    wakes.wake_when_durable(who, commit);
  } else {
    wakes.add(who);
  }
}

}  // namespace onelane::inline v0::ack
