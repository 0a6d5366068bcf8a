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
#include "src/engine/call_sites.h"
#include "src/engine/series.h"
#include "src/model/entry.h"

namespace onelane::inline v0::engine {

using detail::Entry;

// Whether it is a record or a group that was applied.
inline bool committed_rows(const commit::Work& work) {
  return work.verdict == commit::Verdict::applied && work.entry->kind <= detail::EntryKind::group;
}

// A slice of a tick that was committed.
struct SliceDone {
  TimePoint began;  // the tick
  TimePoint now;
  std::uint64_t commit = 0;
  Duration held{0};          // the lane's time for the slice
  std::uint64_t weight = 0;  // of its units
};

class Tally {
 public:
  // `sites` must outlive it.
  Tally(const CallSites& sites, std::uint32_t klass) : sites_(sites), klass_(klass) {}

  // Barriers are no units, and are not counted. The first three are called before any other thread
  // can see that the units are settled.
  void count(const Entry& unit, End end, TimePoint now);
  // Counts the records and groups of a slice that a tick committed, and skips all else in it; but
  // for the lane's time, which jobs have, too.
  void count_committed(std::span<const commit::Work> slice, const SliceDone& done);
  // A unit reached the lane; one that is no committed record or group began.
  void count_offered(const Entry& unit, TimePoint now) { series_of(unit).offered(now, 1); }
  void count_began(const Entry& unit, TimePoint began, TimePoint now) {
    series_of(unit).waited(began - unit.pushed, now);
  }
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
  std::uint64_t fill(ClassStats& stats, TimePoint opened, TimePoint now) const;
  void count_refused(std::uint8_t site) {
    refused_.fetch_add(1, std::memory_order_relaxed);
    series(site).refused();
  }
  // Of units that came from call sites which are not told apart.
  const Series& others() const { return other_; }

  std::atomic<std::uint64_t> barriers{0};  // any thread: numbers of the queue that are no units

 private:
  void add(End end, std::uint64_t units) {
    model::add(ends_[static_cast<std::size_t>(end)], units);
  }

  void note(const Status& cause, TimePoint now) noexcept;
  Series& series(std::uint8_t site) {
    return site == CallSites::kOther ? other_ : sites_[site].series;
  }
  Series& series_of(const Entry& unit) { return series(unit.site); }

  static constexpr std::size_t kReasonsMax = 16;

  std::uint64_t settled_ = 0;
  std::uint64_t freed_ = 0;
  mutable std::mutex reasons_mutex_;
  std::array<RejectionStats, kReasonsMax> reasons_{};
  std::size_t reasons_known_ = 0;
  const CallSites& sites_;
  const std::uint32_t klass_;
  std::atomic<std::uint64_t> refused_{0};  // any thread
  Series other_;
  std::array<std::atomic<std::uint64_t>, kEndCount> ends_{};
  std::atomic<std::uint64_t> cancelled_out_{0};  // cancelled units that were taken out
};

}  // namespace onelane::inline v0::engine
