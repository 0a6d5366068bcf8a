// The queue of one class: many producers, one consumer at a time (the baton's holder), and an order
// that moodycamel's queue alone does not give across producers.
//
// Promise: entries come out of drain() in an order consistent with happens-before of their pushes.
//
// How: a push takes a number from one counter (release), then enqueues. A drain reads the counter
// (acquire): the cut. Whoever pushed something below the cut after another push had returned made
// that other enqueue visible to us as well, since the numbers form one release sequence. So after
// draining until empty, what lies below the cut, sorted, misses only entries whose push has not
// returned yet (stragglers), and nothing that was staged can depend on those.
//
// A drain ends at empty, when all below the cut was seen, or after `limit` entries, so that a flood
// does not stop it. In the last case the argument above does not hold, and only the gap-free prefix
// of the numbers is staged. A straggler cannot stop that for good: capacity ends the flood.
//
// An enqueue that fails for lack of memory puts its entry on an intrusive list instead, so a number
// once taken always arrives and leaves no gap behind.
#pragma once

#include <concurrentqueue.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "src/base/check.h"
#include "src/model/entry.h"

namespace onelane::queue {

using detail::Entry;

template <class Traits>
class BasicClassQueue {
 public:
  // From any thread. False if the queue is closed; the entry is then the caller's again.
  bool push(Entry* entry) {
    // seq_cst: the committer that goes to sleep relies on seeing this number, or on the pusher
    // seeing it asleep (doorbell.h).
    entry->seq = next_.fetch_add(1, std::memory_order_seq_cst);
    if ((entry->seq & kClosedBit) != 0) return false;
    if (!queue_.enqueue(entry)) spill(entry);
    return true;
  }

  // No further push succeeds; those that took a number before still arrive.
  void close() {
    const std::uint64_t was = next_.fetch_or(kClosedBit, std::memory_order_seq_cst);
    if ((was & kClosedBit) == 0) closed_at_.store(was, std::memory_order_release);
  }

  bool closed() const { return (next_.load(std::memory_order_relaxed) & kClosedBit) != 0; }

  // Numbers given out to accepted pushes so far.
  std::uint64_t numbers() const {
    const std::uint64_t next = next_.load(std::memory_order_seq_cst);
    if ((next & kClosedBit) == 0) return next;
    std::uint64_t at = closed_at_.load(std::memory_order_acquire);
    while (at == kOpen) at = closed_at_.load(std::memory_order_acquire);  // close() is under way
    return at;
  }

  // Whether there are numbers that drain() has not given out yet. Any thread.
  bool pending() const { return numbers() != staged_.load(std::memory_order_acquire); }

  // The baton's holder: appends what can be staged to `out`, in order. `limit` bounds the entries
  // looked at.
  void drain(std::size_t limit, std::vector<Entry*>& out) {
    const std::uint64_t cut = numbers();
    const bool complete = collect(cut, limit);
    std::sort(held_.begin(), held_.end(),
              [](const Entry* a, const Entry* b) { return a->seq < b->seq; });
    const std::size_t ready = complete ? below(cut) : gap_free();
    out.insert(out.end(), held_.begin(), held_.begin() + static_cast<std::ptrdiff_t>(ready));
    held_.erase(held_.begin(), held_.begin() + static_cast<std::ptrdiff_t>(ready));
    const std::uint64_t staged = staged_.load(std::memory_order_relaxed) + ready;
    horizon_ = complete ? cut : horizon_ + ready;
    ONELANE_CHECK(staged <= horizon_, staged);
    staged_.store(staged, std::memory_order_release);
  }

 private:
  static constexpr std::uint64_t kClosedBit = 1ULL << 63;
  static constexpr std::uint64_t kOpen = ~0ULL;
  static constexpr std::size_t kBulk = 256;

  void spill(Entry* entry) {
    entry->next = spilled_.load(std::memory_order_relaxed);
    while (!spilled_.compare_exchange_weak(entry->next, entry, std::memory_order_release,
                                           std::memory_order_relaxed)) {
    }
  }

  std::size_t collect_spilled() {
    std::size_t n = 0;
    for (Entry* entry = spilled_.exchange(nullptr, std::memory_order_acquire); entry != nullptr;
         entry = entry->next, ++n) {
      held_.push_back(entry);
    }
    return n;
  }

  // Moves entries into held_. True if nothing below the cut is left but stragglers.
  bool collect(std::uint64_t cut, std::size_t limit) {
    const std::uint64_t staged = staged_.load(std::memory_order_relaxed);
    std::size_t looked_at = 0;
    std::uint64_t seen = staged + below(cut);
    while (seen != cut) {
      if (looked_at >= limit) return false;
      std::size_t n = collect_spilled();
      std::array<Entry*, kBulk> bulk;
      const std::size_t dequeued = queue_.try_dequeue_bulk(bulk.data(), kBulk);
      held_.insert(held_.end(), bulk.begin(), bulk.begin() + dequeued);
      n += dequeued;
      if (n == 0) return true;
      looked_at += n;
      seen += static_cast<std::uint64_t>(
          std::count_if(held_.end() - static_cast<std::ptrdiff_t>(n), held_.end(),
                        [cut](const Entry* entry) { return entry->seq < cut; }));
    }
    return true;
  }

  std::size_t below(std::uint64_t cut) const {
    return static_cast<std::size_t>(std::count_if(
        held_.begin(), held_.end(), [cut](const Entry* entry) { return entry->seq < cut; }));
  }

  // How many of held_, sorted, follow the numbers staged so far without a gap.
  std::size_t gap_free() const {
    if (staged_.load(std::memory_order_relaxed) != horizon_) return 0;  // a straggler is missing
    std::size_t n = 0;
    while (n < held_.size() && held_[n]->seq == horizon_ + n) ++n;
    return n;
  }

  std::atomic<std::uint64_t> next_{0};
  std::atomic<std::uint64_t> closed_at_{kOpen};
  std::atomic<Entry*> spilled_{nullptr};
  moodycamel::ConcurrentQueue<Entry*, Traits> queue_;

  std::vector<Entry*> held_;              // dequeued, not staged yet
  std::uint64_t horizon_ = 0;             // numbers below were staged, or are stragglers'
  std::atomic<std::uint64_t> staged_{0};  // how many were staged
};

using ClassQueue = BasicClassQueue<moodycamel::ConcurrentQueueDefaultTraits>;

}  // namespace onelane::queue
