#include "src/engine/tally.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "src/engine/staging.h"

namespace onelane::inline v0::engine {

void Tally::count(const Entry& unit, End end, TimePoint now) {
  series_of(unit).ended(now - unit.pushed, now);
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

// Units of one call site mostly follow each other.
void Tally::count_committed(std::span<const commit::Work> slice, const SliceDone& done) {
  std::uint64_t units = 0;
  std::uint64_t weight = 0;
  Series* series = nullptr;
  std::optional<Series::Run> run;
  const auto end_run = [&] {
    run.reset();
    if (series != nullptr)
      series->held(done.commit, commit::part_of(done.held, weight, done.weight), done.now);
    weight = 0;
  };
  for (const commit::Work& work : slice) {
    const Entry& entry = *work.entry;
    if (work.verdict != commit::Verdict::applied || entry.kind == detail::EntryKind::barrier)
      continue;
    if (Series& own = series_of(entry); &own != series) [[unlikely]] {
      end_run();
      series = &own;
      run.emplace(own, done.now);
    }
    weight += commit::weight_of(entry.rows, entry.bytes);
    if (!committed_rows(work)) continue;
    run->record(done.began - entry.pushed, done.now - entry.pushed);
    freed_ += charge_of(entry);
    ++units;
  }
  end_run();
  settled_ += units;
  add(End::committed, units);
}

void Tally::count_shed(const Entry& unit, TimePoint now) {
  series_of(unit).ended(now - unit.pushed, now);
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

std::uint64_t Tally::fill(ClassStats& stats, TimePoint opened, TimePoint now) const {
  std::uint64_t all = 0;
  for (std::size_t i = 0; i < kEndCount; ++i) {
    stats.ends[i] = ended(i);
    all += stats.ends[i];
  }
  stats.refused = refused_.load(std::memory_order_relaxed);
  {
    const std::scoped_lock lock(reasons_mutex_);
    stats.rejections.assign(reasons_.begin(),
                            reasons_.begin() + static_cast<std::ptrdiff_t>(reasons_known_));
  }
  SeriesSum sum(opened, now);
  sum.add(other_);
  for (std::size_t i = 0; i < sites_.count(); ++i) {
    if (sites_[i].klass == klass_) sum.add(sites_[i].series);
  }
  Activity since_opening = sum.all();
  stats.wait_ns = std::move(since_opening.wait_ns);
  stats.total_ns = std::move(since_opening.total_ns);
  stats.minute = sum.newest(kSlicesOfMinute);
  stats.recent = sum.newest(kSlicesOfRecent);
  stats.timeline = sum.timeline();
  return all;
}

}  // namespace onelane::inline v0::engine
