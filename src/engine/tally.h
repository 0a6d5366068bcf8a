// The figures of one class: what was refused, how its units ended, how long they took, and how much
// room the settled ones have to give back.
//
// Whoever settles units writes: the baton's holder, and of a class that is shared(), only while
// holding the class's lock. Members that any thread may use say so.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <span>
#include <utility>

#include "onelane/clock.h"
#include "onelane/receipt.h"
#include "onelane/stats.h"
#include "src/commit/committer.h"
#include "src/model/entry.h"
#include "src/model/histogram.h"

namespace onelane::engine {

using detail::Entry;

// Whether it is a record or a group that was applied.
inline bool committed_rows(const commit::Work& work) {
  return work.verdict == commit::Verdict::applied && work.entry->kind <= detail::EntryKind::group;
}

class Tally {
 public:
  // --- Called before anybody can know that the unit is settled. Barriers are no units: they are
  // not counted here.
  void count(const Entry& unit, End end, TimePoint now);
  // All rows of a slice that a tick committed; other work in it is skipped.
  void count_committed(std::span<const commit::Work> slice, TimePoint began, TimePoint now);
  // A unit that is superseded while a tick has it in hand. It counts as settled when it is taken
  // out of staging.
  void count_shed(const Entry& unit, TimePoint now);
  // Any thread.
  void count_cancelled() {
    ends_[static_cast<std::size_t>(End::cancelled)].fetch_add(1, std::memory_order_release);
  }
  // A unit that was settled outside a tick (it was cancelled or shed, or its waiting caller let it
  // expire) is taken out of the queue or staging.
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

  std::uint64_t settled_ = 0;
  std::uint64_t freed_ = 0;
  model::SharedHistogram total_;  // from push to the end
  std::array<std::atomic<std::uint64_t>, kEndCount> ends_{};
  std::atomic<std::uint64_t> cancelled_out_{0};  // cancelled units that were taken out
};

}  // namespace onelane::engine
