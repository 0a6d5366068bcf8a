#include "src/engine/cancelled.h"

#include "src/engine/staging.h"

namespace onelane::inline v0::engine {

Cancelled::~Cancelled() {
  for (Entry* next = first_.load(); next != nullptr;) {
    std::exchange(next, next->next_cancelled)->release();
  }
}

bool Cancelled::cancel(Entry& entry) {
  if (!entry.queued()) return false;  // a settled entry's `lingers` is no longer ours to write
  const std::uint64_t packed = charge_of(entry);
  entry.lingers = entry.kind != detail::EntryKind::barrier && lingering_.grant(packed);
  if (entry.settle_queued(End::cancelled)) return true;
  if (std::exchange(entry.lingers, false)) lingering_.release(packed);
  return false;
}

void Cancelled::add(Entry& entry) {
  entry.retain();
  entry.next_cancelled = first_.load(std::memory_order_relaxed);
  while (!first_.compare_exchange_weak(entry.next_cancelled, &entry, std::memory_order_release,
                                       std::memory_order_relaxed)) {
  }
}

}  // namespace onelane::inline v0::engine
