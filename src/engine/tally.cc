#include "src/engine/tally.h"

#include <algorithm>

#include "src/engine/staging.h"

namespace onelane::inline v0::engine {

void Tally::count(const Entry& unit, End end, TimePoint now) {
  total_.record(now - unit.pushed);
  freed_ += charge_of(unit);
  ++settled_;
  add(end, 1);
  if (end == End::rejected || end == End::incomplete) note(unit.cause, now);
}

void Tally::note(const Status& cause, TimePoint now) noexcept {
  const std::scoped_lock lock(reasons_mutex_);
  std::size_t i = 0;
  while (i < reasons_known_ && (reasons_[i].last.code() != cause.code() ||
                                reasons_[i].last.sqlite_code() != cause.sqlite_code())) {
    ++i;
  }
  if (i == reasons_known_ && i < kReasonsMax) ++reasons_known_;
  RejectionStats& reason = reasons_[std::min(i, kReasonsMax - 1)];
  ++reason.units;
  reason.last = cause;
  reason.when = now;
}

void Tally::count_committed(std::span<const commit::Work> slice, TimePoint began, TimePoint now) {
  model::HistogramRun waits(wait);
  model::HistogramRun totals(total_);
  std::uint64_t units = 0;
  for (const commit::Work& work : slice) {
    if (!committed_rows(work)) continue;
    const Entry& entry = *work.entry;
    waits.record(began - entry.pushed);
    totals.record(now - entry.pushed);
    freed_ += charge_of(entry);
    ++units;
  }
  settled_ += units;
  add(End::committed, units);
}

void Tally::count_shed(const Entry& unit, TimePoint now) {
  total_.record(now - unit.pushed);
  freed_ += charge_of(unit);
  add(End::superseded, 1);
}

void Tally::count_taken_out(const Entry& unit) {
  ++settled_;
  if (unit.shed) return;  // all else is counted
  if (!unit.lingers) freed_ += charge_of(unit);
  if (unit.expired()) {
    add(End::expired, 1);
  } else {
    model::add(cancelled_out_, 1);
  }
}

// A cancelled unit may have been taken out before the cancelling thread has counted it.
std::uint64_t Tally::ended(std::size_t end) const {
  const std::uint64_t counted = ends_[end].load(std::memory_order_acquire);
  if (end != static_cast<std::size_t>(End::cancelled)) return counted;
  return std::max(counted, cancelled_out_.load(std::memory_order_acquire));
}

std::uint64_t Tally::fill(ClassStats& stats) const {
  std::uint64_t all = 0;
  for (std::size_t i = 0; i < kEndCount; ++i) {
    stats.ends[i] = ended(i);
    all += stats.ends[i];
  }
  stats.refused = refused.load(std::memory_order_relaxed);
  {
    const std::scoped_lock lock(reasons_mutex_);
    stats.rejections.assign(reasons_.begin(),
                            reasons_.begin() + static_cast<std::ptrdiff_t>(reasons_known_));
  }
  stats.wait_ns = wait.snapshot();
  stats.total_ns = total_.snapshot();
  return all;
}

}  // namespace onelane::inline v0::engine
