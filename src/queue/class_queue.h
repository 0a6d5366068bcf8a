// The queue of one class. Any thread pushes; one thread at a time drains, the baton's holder. It
// keeps an order that moodycamel's queue alone does not give across producers.
//
// Promise: entries come out of drain() in an order consistent with happens-before of their pushes.
//
// How: a push takes a number from one counter (release), then enqueues. A drain reads the counter
// (acquire): the cut. The numbers form one release sequence. So if the drain sees a number below
// the cut, it also sees every enqueue whose push had returned before that number was taken. Hence,
// after dequeuing until empty, the entries below the cut, sorted, miss only entries whose push has
// not returned yet (stragglers). No staged entry can depend on those.
//
// A drain ends when the queue is empty, when it saw all numbers below the cut, or after `limit`
// entries, so that a flood of pushes does not keep it busy. In the last case the argument above
// does not hold, and only the gap-free prefix of the numbers is staged. A straggler cannot block
// that prefix for good: the class's capacity ends the flood.
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

namespace onelane::inline v0::queue {

using detail::Entry;

template <class Traits>
class BasicClassQueue {
 public:
  // From any thread. False if the queue is closed; the entry is then the caller's again.
  bool push(Entry* entry) {
    // seq_cst: either the committer thread that goes to sleep sees this number, or the pusher sees
    // that it sleeps (doorbell.h).
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

  // By the baton's holder: calls stage() for each entry that can be staged, in order. Looks at no
  // more than about `limit` entries. False if memory ran out, here or in stage(), which then has
  // not taken its entry: the entries that were not staged come first the next time.
  template <class Stage>
  bool drain(std::size_t limit, const Stage& stage) {
    const std::uint64_t cut = numbers();
    bool whole = true;
    const bool complete = collect_sheltered(cut, limit, whole);
    if (!sorted_) std::sort(dequeued_.begin(), dequeued_.end(), before);
    sorted_ = true;
    const std::size_t ready = complete ? below(cut) : gap_free();
    std::size_t done = 0;
    try {
      for (; done < ready; ++done) stage(dequeued_[done]);
    } catch (const std::bad_alloc&) {
      whole = false;
    }
    const std::uint64_t reached = complete ? cut : horizon_ + ready;
    handed_out(done, done < ready ? dequeued_[done]->seq : reached);
    dequeued_.erase(dequeued_.begin(), dequeued_.begin() + static_cast<std::ptrdiff_t>(done));
    return whole;
  }

  // Calls discard() for every entry that has arrived, in no order. Needs no memory.
  template <class Discard>
  void empty(const Discard& discard) {
    std::uint64_t n = dequeued_.size();
    for (Entry* entry : dequeued_) discard(entry);
    dequeued_.clear();
    for (Entry* entry = spilled_.exchange(nullptr, std::memory_order_acquire); entry != nullptr;
         ++n) {
      discard(std::exchange(entry, entry->next));
    }
    for (Entry* entry = nullptr; queue_ && queue_->try_dequeue(entry); ++n) discard(entry);
    handed_out(n, numbers());
  }

  // Gives back the memory of a closed queue that has handed out all of its entries: about 0.9 KB
  // for each thread that ever pushed. An enqueue that is still returning does not touch the queue
  // once its entry can be seen.
  void release() {
    ONELANE_CHECK(closed() && !pending(), numbers());
    queue_.reset();
    dequeued_ = {};
  }

 private:
  static constexpr std::uint64_t kClosedBit = 1ULL << 63;
  static constexpr std::uint64_t kOpen = ~0ULL;
  static constexpr std::size_t kBulk = 256;
  static constexpr std::size_t kAhead = 8;
  static_assert(kAhead < kBulk);

  void spill(Entry* entry) {
    entry->next = spilled_.load(std::memory_order_relaxed);
    while (!spilled_.compare_exchange_weak(entry->next, entry, std::memory_order_release,
                                           std::memory_order_relaxed)) {
    }
  }

  // If memory runs out half-way, the rest goes back on the list.
  void collect_spilled() {
    if (spilled_.load(std::memory_order_relaxed) == nullptr) return;
    Entry* entry = spilled_.exchange(nullptr, std::memory_order_acquire);
    try {
      for (; entry != nullptr; entry = entry->next) dequeued_.push_back(entry);
    } catch (const std::bad_alloc&) {
      while (entry != nullptr) spill(std::exchange(entry, entry->next));
      throw;
    }
  }

  // collect(), but false where memory runs out. The entries dequeued so far are then kept, perhaps
  // unsorted.
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

  void reserve(std::size_t more) {
    if (dequeued_.capacity() - dequeued_.size() >= more) return;
    dequeued_.reserve(std::max(2 * dequeued_.capacity(), dequeued_.size() + more));
  }

  // Moves entries into dequeued_. True if all entries below the cut are there, but for stragglers.
  bool collect(std::uint64_t cut, std::size_t limit) {
    const std::uint64_t staged = staged_.load(std::memory_order_relaxed);
    std::size_t looked_at = 0;
    std::uint64_t seen = staged + below(cut);
    while (seen != cut) {
      if (looked_at >= limit) return false;
      const std::size_t first = dequeued_.size();
      collect_spilled();
      reserve(kBulk);  // what left the queue cannot go back
      std::array<Entry*, kBulk> some;
      const std::size_t count = queue_->try_dequeue_bulk(some.begin(), kBulk);
      dequeued_.insert(dequeued_.end(), some.begin(), some.begin() + count);
      if (dequeued_.size() == first) return true;
      looked_at += dequeued_.size() - first;
      seen += look_at(first, cut);
    }
    return true;
  }

  // Counts the entries from index `first` on that are below the cut, and notes whether dequeued_ is
  // still sorted. Another processor wrote each of them, so they are prefetched.
  std::size_t look_at(std::size_t first, std::uint64_t cut) {
    std::size_t n = 0;
    for (std::size_t i = first; i < dequeued_.size(); ++i) {
      if (i + kAhead < dequeued_.size()) __builtin_prefetch(dequeued_[i + kAhead]);
      n += dequeued_[i]->seq < cut ? 1 : 0;
      sorted_ = sorted_ && (i == 0 || before(dequeued_[i - 1], dequeued_[i]));
    }
    return n;
  }

  static bool before(const Entry* a, const Entry* b) { return a->seq < b->seq; }

  // How many entries of dequeued_ are below the cut. It must be sorted.
  std::size_t below(std::uint64_t cut) const {
    const auto first = std::partition_point(dequeued_.begin(), dequeued_.end(),
                                            [cut](const Entry* entry) { return entry->seq < cut; });
    return static_cast<std::size_t>(first - dequeued_.begin());
  }

  // How many entries of dequeued_ follow the staged numbers without a gap. It must be sorted.
  std::size_t gap_free() const {
    if (staged_.load(std::memory_order_relaxed) != horizon_) return 0;  // a straggler is missing
    std::size_t n = 0;
    while (n < dequeued_.size() && dequeued_[n]->seq == horizon_ + n) ++n;
    return n;
  }

  std::atomic<std::uint64_t> next_{0};
  std::atomic<std::uint64_t> closed_at_{kOpen};
  std::atomic<Entry*> spilled_{nullptr};
  std::optional<moodycamel::ConcurrentQueue<Entry*, Traits>> queue_{std::in_place};

  std::vector<Entry*> dequeued_;          // not staged yet
  bool sorted_ = true;                    // whether dequeued_ is, by number
  std::uint64_t horizon_ = 0;             // each number below it is staged or a straggler's
  std::atomic<std::uint64_t> staged_{0};  // how many were staged
};

// moodycamel keeps a block and an index for each thread that ever pushed, as long as the queue
// lives. With these sizes that is about 0.9 KB; with blocks of 4 KiB it was 5.1 KB, and no push was
// faster (README.md).
struct ClassQueueTraits : moodycamel::ConcurrentQueueDefaultTraits {
  static constexpr std::size_t BLOCK_SIZE = 64;  // NOLINT(readability-identifier-naming)
  // NOLINTNEXTLINE(readability-identifier-naming)
  static constexpr std::size_t IMPLICIT_INITIAL_INDEX_SIZE = 4;
};
using ClassQueue = BasicClassQueue<ClassQueueTraits>;

}  // namespace onelane::inline v0::queue
