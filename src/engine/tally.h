// The figures of one class: what was refused, how its units ended, how long they took, and how much
// room the settled ones have to give back.
//
// Written by the thread that settles units: the baton's holder; of a class that is shared(), the
// thread that holds the class's lock. What any thread may use says so.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <span>
#include <utility>

#include "onelane/clock.h"
#include "onelane/receipt.h"
#include "onelane/stats.h"
#include "src/commit/committer.h"
#include "src/model/entry.h"
#include "src/model/histogram.h"

namespace onelane::inline v0::engine {

using detail::Entry;

// Whether it is a record or a group that was applied.
inline bool committed_rows(const commit::Work& work) {
  return work.verdict == commit::Verdict::applied && work.entry->kind <= detail::EntryKind::group;
}

class Tally {
 public:
  // Barriers are no units, and are not counted. The first three are called before any other thread
  // can see that the units are settled.
  void count(const Entry& unit, End end, TimePoint now);
  // Counts the records and groups of a slice that a tick committed, and skips all else in it.
  void count_committed(std::span<const commit::Work> slice, TimePoint began, TimePoint now);
  // Counts a unit that a push supersedes while a tick has it in hand. count_taken_out() adds it to
  // settled() later.
  void count_shed(const Entry& unit, TimePoint now);
  // Any thread. Counts a unit that was cancelled just now.
  void count_cancelled() {
    ends_[static_cast<std::size_t>(End::cancelled)].fetch_add(1, std::memory_order_release);
  }
  // Called when a unit that was settled outside a tick is taken out of the queue or staging: it was
  // cancelled or shed, or its waiting caller let it expire.
  void count_taken_out(const Entry& unit);

  // The room that settled units gave up since the last call, packed as the gate counts.
  std::uint64_t take_freed() { return std::exchange(freed_, 0); }
  std::uint64_t settled() const { return settled_; }  // units so far

  // --- Any thread.
  std::uint64_t ended(std::size_t end) const;
  // Fills in ends, times and refusals; returns how many units have ended.
  std::uint64_t fill(ClassStats& stats) const;

  model::SharedHistogram wait;             // from push to BEGIN
  std::atomic<std::uint64_t> refused{0};   // any thread
  std::atomic<std::uint64_t> barriers{0};  // any thread: numbers of the queue that are no units

 private:
  void add(End end, std::uint64_t units) {
    model::add(ends_[static_cast<std::size_t>(end)], units);
  }

  void note(const Status& cause, TimePoint now) noexcept;

  static constexpr std::size_t kReasonsMax = 16;

  std::uint64_t settled_ = 0;
  std::uint64_t freed_ = 0;
  mutable std::mutex reasons_mutex_;
  std::array<RejectionStats, kReasonsMax> reasons_{};
  std::size_t reasons_known_ = 0;
  model::SharedHistogram total_;  // from push to the end
  std::array<std::atomic<std::uint64_t>, kEndCount> ends_{};
  std::atomic<std::uint64_t> cancelled_out_{0};  // cancelled units that were taken out
};

}  // namespace onelane::inline v0::engine
