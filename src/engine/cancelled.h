// The units of one class that were settled outside a tick and still lie in its queue or staging:
// cancelled by their receipts, or superseded while a tick had them in hand. The next tick takes
// them out.
//
// The room of a cancelled unit is given back at once, but only for as many of them as the class may
// hold: otherwise a caller that submits and cancels while the lane is held up could fill the
// memory.
#pragma once

#include <atomic>
#include <cstdint>
#include <utility>

#include "src/model/entry.h"
#include "src/queue/gate.h"

namespace onelane::inline v0::engine {

using detail::Entry;

class Cancelled {
 public:
  // The capacity of the class.
  Cancelled(std::uint64_t records_max, std::uint64_t bytes_max)
      : lingering_(records_max, bytes_max) {}
  Cancelled(const Cancelled&) = delete;
  Cancelled& operator=(const Cancelled&) = delete;
  ~Cancelled();

  // The class's capacity changes.
  void resize(std::uint64_t records_max, std::uint64_t bytes_max) {
    lingering_.resize(records_max, bytes_max);
  }

  // --- Any thread.
  // queued -> cancelled; false if the entry was taken or settled before. Sets entry.lingers if the
  // caller is to give the entry's room back now. The caller then counts the entry, and add()s it.
  bool cancel(Entry& entry);
  // Keeps a reference of its own to the settled entry until take_all().
  void add(Entry& entry);

  // --- The baton's holder, or of a class that is shared(), whoever holds the class's lock.
  // Calls each(entry) for every entry that was added since the last call, and then drops its
  // reference.
  template <class Each>
  void take_all(const Each& each) {
    if (first_.load(std::memory_order_relaxed) == nullptr) [[likely]]
      return;
    Entry* next = first_.exchange(nullptr, std::memory_order_acquire);
    while (next != nullptr) {
      Entry* const one = std::exchange(next, next->next_cancelled);
      each(one);
      one->release();
    }
  }
  // An entry whose room was given back when it was cancelled has left the queue and staging.
  void forget(std::uint64_t packed) { lingering_.release(packed); }

 private:
  std::atomic<Entry*> first_{nullptr};  // linked by next_cancelled
  queue::Gate lingering_;               // what is cancelled, not taken out, and has given room back
};

}  // namespace onelane::inline v0::engine
