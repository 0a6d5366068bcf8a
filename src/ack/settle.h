// The last stage: a ticket is settled exactly once, and whoever waits for it is woken after the
// tick.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>

#include "src/model/entry.h"

namespace onelane::inline v0::ack {

using detail::Entry;

// Of one waiter's followers.
void wake_all(const detail::Waiter::Followers& followers) noexcept;

// What one tick's settled tickets bring about. Their waiters, as a tree: fire() wakes the first,
// who wakes two others, and so on. So a tick wakes one thread however many waited, and the rest
// wake each other while the next tick runs. They are woken once the lane was let go, so that what
// they push next finds it free. Fires what is left when destroyed. Beside the tree, who is to be
// woken only when the commit is durable: to be handed on before the lane is let go.
class Wakes {
 public:
  Wakes() = default;
  Wakes(const Wakes&) = delete;
  Wakes& operator=(const Wakes&) = delete;
  ~Wakes();

  void add(detail::Waiter* who) noexcept;
  // Whether nobody is to be woken by fire().
  bool empty() const noexcept { return first_ == nullptr && apart_ == nullptr; }
  // How many fire() would wake.
  std::uint64_t count() const noexcept { return count_; }
  // Whether fire() must wait until the lane was let go: it posts coroutines, which call an
  // executor.
  bool outside_only() const noexcept { return apart_ != nullptr; }
  void fire() noexcept;

  // A ticket that was settled in this commit promises durable.
  void promise(std::uint64_t commit) noexcept { promised_ = std::max(promised_, commit); }
  // Who waits for this commit to be durable, and so is not to be woken yet.
  void wake_when_durable(detail::Waiter* who, std::uint64_t commit) noexcept;

  // A settled job's closure: destroyed with this, since what it captured may take long to free, or
  // lead back to the journal.
  void dispose(std::unique_ptr<detail::JobRun> job) noexcept;
  // Whether there are closures, so that the lane is to be let go.
  bool disposing() const noexcept { return spent_ != nullptr; }

  // Both once: the newest commit that is promised or waited for, or 0; and who waits, by `next`.
  std::uint64_t take_promised() noexcept { return std::exchange(promised_, 0); }
  detail::Waiter* take_durable_waiters() noexcept {
    return std::exchange(durable_waiters_, nullptr);
  }

 private:
  detail::Waiter* first_ = nullptr;
  detail::Waiter* last_ = nullptr;
  detail::Waiter* parent_ = nullptr;     // the first with room for a follower
  detail::Waiter* apart_end_ = nullptr;  // if there is one
  detail::Waiter* apart_ = nullptr;      // those that lead nobody, by `next`
  detail::Waiter* durable_waiters_ = nullptr;
  std::uint64_t count_ = 0;
  std::uint64_t promised_ = 0;
  std::unique_ptr<detail::JobRun> spent_;
};

// The commit that holds what of a unit is committed, or 0.
constexpr std::uint64_t commit_of(End end, std::uint64_t commit) noexcept {
  return end == End::committed || end == End::incomplete ? commit : 0;
}
// Of a settled entry: the commit that holds what of it is committed, or 0.
std::uint64_t commit_of(const Entry& entry) noexcept;

// taken -> settled; the outcome's fields are written before.
void settle_taken(Entry& entry, End end, Wakes& wakes) noexcept;

}  // namespace onelane::inline v0::ack
