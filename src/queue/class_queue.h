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
#include <new>
#include <optional>
#include <utility>
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
    if (!queue_->enqueue(entry)) spill(entry);
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

  // The baton's holder: hands over what can be staged, in order. `limit` bounds the entries looked
  // at. False if memory ran out, here or in stage(), which then has not taken its entry: what was
  // not staged comes first the next time.
  template <class Stage>
  bool drain(std::size_t limit, const Stage& stage) {
    const std::uint64_t cut = numbers();
    bool whole = true;
    const bool complete = collect_sheltered(cut, limit, whole);
    if (!sorted_) std::sort(held_.begin(), held_.end(), before);
    sorted_ = true;
    const std::size_t ready = complete ? below(cut) : gap_free();
    std::size_t done = 0;
    try {
      for (; done < ready; ++done) stage(held_[done]);
    } catch (const std::bad_alloc&) {
      whole = false;
    }
    const std::uint64_t reached = complete ? cut : horizon_ + ready;
    handed_out(done, done < ready ? held_[done]->seq : reached);
    held_.erase(held_.begin(), held_.begin() + static_cast<std::ptrdiff_t>(done));
    return whole;
  }

  // The same for all that has arrived, without memory and so in no order: for who will do nothing
  // with it.
  template <class Discard>
  void empty(const Discard& discard) {
    std::uint64_t n = held_.size();
    for (Entry* entry : held_) discard(entry);
    held_.clear();
    for (Entry* entry = spilled_.exchange(nullptr, std::memory_order_acquire); entry != nullptr;
         ++n) {
      discard(std::exchange(entry, entry->next));
    }
    for (Entry* entry = nullptr; queue_ && queue_->try_dequeue(entry); ++n) discard(entry);
    handed_out(n, numbers());
  }

  // Of a closed queue that has handed out all: gives its memory back, which is in proportion to the
  // threads that ever pushed. An enqueue touches nothing after its entry can be seen.
  void release() {
    ONELANE_CHECK(closed() && !pending(), numbers());
    queue_.reset();
    held_ = {};
  }

 private:
  static constexpr std::uint64_t kClosedBit = 1ULL << 63;
  static constexpr std::uint64_t kOpen = ~0ULL;
  static constexpr std::size_t kBulk = 256;
  static constexpr std::size_t kAhead = 8;

  void spill(Entry* entry) {
    entry->next = spilled_.load(std::memory_order_relaxed);
    while (!spilled_.compare_exchange_weak(entry->next, entry, std::memory_order_release,
                                           std::memory_order_relaxed)) {
    }
  }

  // One at a time: without memory to hold it, the rest stays on the list.
  void collect_spilled() {
    if (spilled_.load(std::memory_order_relaxed) == nullptr) return;
    Entry* entry = spilled_.exchange(nullptr, std::memory_order_acquire);
    try {
      for (; entry != nullptr; entry = entry->next) held_.push_back(entry);
    } catch (const std::bad_alloc&) {
      while (entry != nullptr) spill(std::exchange(entry, entry->next));
      throw;
    }
  }

  // What is held by then is complete as far as it goes, but perhaps not sorted.
  bool collect_sheltered(std::uint64_t cut, std::size_t limit, bool& whole) {
    try {
      return collect(cut, limit);
    } catch (const std::bad_alloc&) {
      sorted_ = whole = false;
      return false;
    }
  }

  void handed_out(std::uint64_t n, std::uint64_t horizon) {
    const std::uint64_t staged = staged_.load(std::memory_order_relaxed) + n;
    horizon_ = horizon;
    ONELANE_CHECK(staged <= horizon_, staged);
    staged_.store(staged, std::memory_order_release);
  }

  void make_room(std::size_t more) {
    if (held_.capacity() - held_.size() >= more) return;
    held_.reserve(std::max(2 * held_.capacity(), held_.size() + more));
  }

  // Moves entries into held_. True if nothing below the cut is left but stragglers.
  bool collect(std::uint64_t cut, std::size_t limit) {
    const std::uint64_t staged = staged_.load(std::memory_order_relaxed);
    std::size_t looked_at = 0;
    std::uint64_t seen = staged + below(cut);
    while (seen != cut) {
      if (looked_at >= limit) return false;
      const std::size_t first = held_.size();
      collect_spilled();
      make_room(kBulk);  // what left the queue cannot go back
      std::array<Entry*, kBulk> some;
      const std::size_t count = queue_->try_dequeue_bulk(some.begin(), kBulk);
      held_.insert(held_.end(), some.begin(), some.begin() + count);
      if (held_.size() == first) return true;
      looked_at += held_.size() - first;
      seen += look_at(first, cut);
    }
    return true;
  }

  // Of held_ from `first` on: how many are below the cut; and whether held_ is still sorted. Each
  // was written by another processor, so they are fetched ahead.
  std::size_t look_at(std::size_t first, std::uint64_t cut) {
    std::size_t n = 0;
    for (std::size_t i = first; i < held_.size(); ++i) {
      if (i + kAhead < held_.size()) __builtin_prefetch(held_[i + kAhead]);
      n += held_[i]->seq < cut ? 1 : 0;
      sorted_ = sorted_ && (i == 0 || before(held_[i - 1], held_[i]));
    }
    return n;
  }

  static bool before(const Entry* a, const Entry* b) { return a->seq < b->seq; }

  // Of held_, sorted.
  std::size_t below(std::uint64_t cut) const {
    const auto first = std::partition_point(held_.begin(), held_.end(),
                                            [cut](const Entry* entry) { return entry->seq < cut; });
    return static_cast<std::size_t>(first - held_.begin());
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
  std::optional<moodycamel::ConcurrentQueue<Entry*, Traits>> queue_{std::in_place};

  std::vector<Entry*> held_;              // dequeued, not staged yet
  bool sorted_ = true;                    // held_, by number
  std::uint64_t horizon_ = 0;             // numbers below were staged, or are stragglers'
  std::atomic<std::uint64_t> staged_{0};  // how many were staged
};

// Each thread that pushes has a block and its index for as long as the queue lives: with these,
// about 0.9 KB, where blocks of 4 KiB made 5.1 KB of it and no push faster (see options.h).
struct ClassQueueTraits : moodycamel::ConcurrentQueueDefaultTraits {
  static constexpr std::size_t BLOCK_SIZE = 64;  // NOLINT(readability-identifier-naming)
  // NOLINTNEXTLINE(readability-identifier-naming)
  static constexpr std::size_t IMPLICIT_INITIAL_INDEX_SIZE = 4;
};
using ClassQueue = BasicClassQueue<ClassQueueTraits>;

}  // namespace onelane::queue
