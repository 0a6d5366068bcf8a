#include "src/model/entry.h"

#include <new>

#include "src/base/block_pool.h"
#include "src/base/check.h"

namespace onelane::inline v0::detail {

namespace {

// Payloads up to this lie behind their entry in a block of the pool; above, they lie apart, and
// are freed once they are settled, so that a receipt that is kept does not keep them.
constexpr std::size_t kSmallPayloadMax = base::BlockPool::kBlockBytes - sizeof(Entry);
static_assert(kSmallPayloadMax >= 160, "a row of 128 bytes, its header and a short key");
static_assert(base::BlockPool::kBlockBytes == 384,
              "onelane/receipt.h and onelane/options.h say so");

// What a pointer in the queue and a place in staging take, rounded up.
constexpr std::size_t kOverheadBytes = 96;

// The watch is over: wake() has been or will be called by whoever put this here.
class Closed final : public Waiter {
  void wake() noexcept override {}
};
Closed closed_watch;

TicketState settled_as(End end) noexcept {
  return static_cast<TicketState>(kSettled + static_cast<TicketState>(end));
}

// A waiter's lowest address bit says that it waits for no more than journaled.
constexpr std::uintptr_t kForJournaled = 1;
static_assert(alignof(Waiter) > kForJournaled);

Waiter* tagged(Waiter& who) noexcept {
  if (who.promise != Promise::journaled) return &who;
  // NOLINTNEXTLINE(performance-no-int-to-ptr)
  return reinterpret_cast<Waiter*>(reinterpret_cast<std::uintptr_t>(&who) | kForJournaled);
}

bool for_journaled(const Waiter* who) noexcept {
  return (reinterpret_cast<std::uintptr_t>(who) & kForJournaled) != 0;
}

Waiter* untagged(Waiter* who) noexcept {
  // NOLINTNEXTLINE(performance-no-int-to-ptr)
  return reinterpret_cast<Waiter*>(reinterpret_cast<std::uintptr_t>(who) & ~kForJournaled);
}

}  // namespace

Entry* Entry::make() noexcept {
  void* place = base::BlockPool::allocate();
  if (place == nullptr) return nullptr;
  auto* entry = new (place) Entry;
  entry->payload_ = reinterpret_cast<std::byte*>(entry + 1);
  entry->footprint = base::BlockPool::kBlockBytes + kOverheadBytes;
  return entry;
}

Entry* Entry::make(std::size_t payload_bytes, std::size_t key_bytes,
                   base::FifoMemory& large) noexcept {
  Entry* entry = make();
  if (entry == nullptr) return nullptr;
  entry->payload_bytes_ = payload_bytes;
  entry->key_bytes_ = key_bytes;
  if (payload_bytes > kSmallPayloadMax && !entry->put_apart(large)) [[unlikely]] {
    entry->release();
    return nullptr;
  }
  return entry;
}

// Finds another place for a payload that is too large for the block; false if there is no memory.
[[gnu::noinline]] bool Entry::put_apart(base::FifoMemory& large) noexcept {
  payload_ = static_cast<std::byte*>(large.allocate(payload_bytes_));
  if (payload_ == nullptr) return false;
  large_ = true;
  footprint += payload_bytes_ + base::FifoMemory::kOverheadBytes;
  return true;
}

void Entry::free_payload() noexcept {
  job.reset();  // what its callback captured may lead back to the journal
  if (!large_) return;
  base::FifoMemory::free(payload_);
  payload_ = nullptr;
  payload_bytes_ = key_bytes_ = 0;
  large_ = false;
}

void Entry::destroy() noexcept {
  drop_payload();
  this->~Entry();
  base::BlockPool::free(this);
}

bool Entry::take_shared() noexcept {
  TicketState expected =
      journaled.load(std::memory_order_relaxed) ? kJournaled : kQueued;  // the lane's alone to know
  return state.compare_exchange_strong(expected, kTaken, std::memory_order_acq_rel);
}

// seq_cst, as in watch(): either the pen sees the waiter, or the waiter sees that it is journaled.
Waiter* Entry::become_journaled() noexcept {
  journaled.store(true, std::memory_order_release);
  const TicketState was = state.exchange(kJournaled, std::memory_order_seq_cst);
  ONELANE_CHECK(was == kTaken, was);
  if (alone()) return nullptr;
  Waiter* who = waiter.load(std::memory_order_seq_cst);
  if (!for_journaled(who)) return nullptr;
  return waiter.compare_exchange_strong(who, nullptr, std::memory_order_acq_rel) ? untagged(who)
                                                                                 : nullptr;
}

// A job's committed steps stay.
void Entry::forget_outcome() noexcept {
  cause = {};
  if (kind == EntryKind::job) return;
  changes = 0;
  rowid.reset();
  returned.reset();
}

void Entry::put_back() noexcept {
  if (!condemned) forget_outcome();
  const TicketState back = journaled.load(std::memory_order_relaxed) ? kJournaled : kQueued;
  const TicketState was = state.exchange(back, std::memory_order_acq_rel);
  ONELANE_CHECK(was == kTaken, was);
}

bool Entry::settle_queued(End end) noexcept {
  TicketState expected = kQueued;
  return state.compare_exchange_strong(expected, settled_as(end), std::memory_order_acq_rel);
}

Waiter* Entry::settle_taken(End end) noexcept {
  if (alone()) {  // no other thread uses the entry: no locked instruction is needed
    const TicketState was = state.load(std::memory_order_relaxed);
    ONELANE_CHECK(was == kTaken, was);
    state.store(settled_as(end), std::memory_order_relaxed);
    return nullptr;
  }
  const TicketState was = state.exchange(settled_as(end), std::memory_order_acq_rel);
  ONELANE_CHECK(was == kTaken, was);
  return close_watch();
}

End Entry::end() const noexcept {
  const TicketState now = state.load(std::memory_order_acquire);
  ONELANE_CHECK(now >= kSettled, now);
  return static_cast<End>(now - kSettled);
}

Outcome Entry::outcome() const noexcept {
  Outcome out;
  out.end = end();
  // A cancelled or expired entry may have been settled by another thread than the committer, which
  // writes nothing but the state; the other fields are then as they were made.
  out.commit = commit;
  out.changes = changes;
  out.rowid = rowid;
  if (returned != nullptr) out.returned = *returned;
  out.steps = steps;
  out.cause = cause;
  return out;
}

Entry::Watch Entry::watch(Waiter& who) noexcept {
  Waiter* expected = nullptr;
  if (waiter.compare_exchange_strong(expected, tagged(who), std::memory_order_seq_cst)) {
    return Watch::begun;
  }
  return expected == &closed_watch ? Watch::settled : Watch::occupied;
}

bool Entry::unwatch(Waiter& who) noexcept {
  Waiter* expected = tagged(who);
  return waiter.compare_exchange_strong(expected, nullptr, std::memory_order_acq_rel);
}

Waiter* Entry::close_watch() noexcept {
  Waiter* who = waiter.exchange(&closed_watch, std::memory_order_acq_rel);
  ONELANE_CHECK(who != &closed_watch, 0);  // settled twice
  return untagged(who);
}

}  // namespace onelane::inline v0::detail
