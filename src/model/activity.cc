#include <algorithm>
#include <map>
#include <numeric>
#include <utility>

#include "onelane/journey.h"
#include "onelane/stats.h"

namespace onelane::inline v0 {

namespace {

// Counters are read one by one while the journal runs: the older snapshot may be ahead in one.
template <class Count>
void take(Count& from, Count before) {
  from = from > before ? from - before : Count(0);
}

double ratio(double part, Duration whole) {
  return whole <= Duration(0) ? 0 : part / static_cast<double>(whole.count());
}

template <class Range>
void subtract_each(Range& from, const Range& before) {
  const std::size_t known = std::min(from.size(), before.size());
  for (std::size_t i = 0; i < known; ++i) take(from[i], before[i]);
}

void subtract(WaitedBehind& from, const WaitedBehind& before) {
  subtract_each(from.classes, before.classes);
  subtract_each(from.obstacles, before.obstacles);
}

Activity since(Activity now, const Activity& before) {
  take(now.span, before.span);
  take(now.offered, before.offered);
  take(now.ended, before.ended);
  take(now.commits, before.commits);
  take(now.held, before.held);
  now.wait_ns = now.wait_ns.since(before.wait_ns);
  now.total_ns = now.total_ns.since(before.total_ns);
  return now;
}

void subtract(std::vector<RejectionStats>& from, const std::vector<RejectionStats>& before) {
  const auto same = [](const RejectionStats& a, const RejectionStats& b) {
    return a.last.code() == b.last.code() && a.last.sqlite_code() == b.last.sqlite_code();
  };
  for (RejectionStats& each : from) {
    const auto known = std::find_if(before.begin(), before.end(),
                                    [&](const RejectionStats& old) { return same(each, old); });
    if (known != before.end()) each.units -= std::min(each.units, known->units);
  }
  std::erase_if(from, [](const RejectionStats& each) { return each.units == 0; });
}

void subtract(ClassStats& from, const ClassStats& before) {
  take(from.offered, before.offered);
  take(from.accepted, before.accepted);
  take(from.refused, before.refused);
  subtract_each(from.ends, before.ends);
  subtract(from.rejections, before.rejections);
  from.wait_ns = from.wait_ns.since(before.wait_ns);
  from.total_ns = from.total_ns.since(before.total_ns);
  take(from.commits, before.commits);
  take(from.held, before.held);
  take(from.dead_letters, before.dead_letters);
  take(from.changes, before.changes);
  subtract(from.behind, before.behind);
}

void subtract(LogStats& from, const LogStats& before) {
  take(from.written_bytes, before.written_bytes);
  take(from.passes, before.passes);
  take(from.closings, before.closings);
  from.closing_hold_ns = from.closing_hold_ns.since(before.closing_hold_ns);
  take(from.late_closings, before.late_closings);
}

void subtract(IntakeStats& from, const IntakeStats& before) {
  take(from.written_bytes, before.written_bytes);
  take(from.padding_bytes, before.padding_bytes);
  take(from.units, before.units);
  take(from.waits, before.waits);
  from.units_per_group = from.units_per_group.since(before.units_per_group);
  from.sync_ns = from.sync_ns.since(before.sync_ns);
}

void subtract(std::vector<CallSiteStats>& from, const std::vector<CallSiteStats>& before) {
  std::map<std::pair<std::uint32_t, std::string_view>, const Activity*> known;
  for (const CallSiteStats& each : before) known[{each.write_class, each.label}] = &each.all;
  for (CallSiteStats& each : from) {
    const auto old = known.find({each.write_class, each.label});
    if (old != known.end()) each.all = since(std::move(each.all), *old->second);
  }
}

}  // namespace

Duration WaitedBehind::sum() const {
  const Duration in_classes = std::accumulate(classes.begin(), classes.end(), Duration(0));
  return std::accumulate(obstacles.begin(), obstacles.end(), in_classes);
}

double Activity::offered_per_s() const { return ratio(1e9 * static_cast<double>(offered), span); }
double Activity::share_of_lane() const { return ratio(static_cast<double>(held.count()), span); }

JournalStats JournalStats::since(const JournalStats& before) const {
  JournalStats out = *this;
  const std::size_t known = std::min(out.classes.size(), before.classes.size());
  for (std::size_t i = 0; i < known; ++i) subtract(out.classes[i], before.classes[i]);
  subtract(out.call_sites, before.call_sites);
  take(out.foreign.changes, before.foreign.changes);
  take(out.foreign.lock_waits, before.foreign.lock_waits);
  out.foreign.lock_wait_ns = out.foreign.lock_wait_ns.since(before.foreign.lock_wait_ns);
  take(out.tick_changes, before.tick_changes);
  take(out.committed, before.committed);
  take(out.ticks, before.ticks);
  subtract_each(out.tick_ends, before.tick_ends);
  take(out.caller_ticks, before.caller_ticks);
  take(out.attempts, before.attempts);
  take(out.conflicts, before.conflicts);
  take(out.busy, before.busy);
  take(out.fences, before.fences);
  take(out.overlong_steps, before.overlong_steps);
  take(out.server.connections, before.server.connections);
  out.server.answer_ns = out.server.answer_ns.since(before.server.answer_ns);
  out.sync_ns = out.sync_ns.since(before.sync_ns);
  out.hold_ns = out.hold_ns.since(before.hold_ns);
  out.units_per_tick = out.units_per_tick.since(before.units_per_tick);
  out.bytes_per_tick = out.bytes_per_tick.since(before.bytes_per_tick);
  take(out.held, before.held);
  take(out.open, before.open);
  out.occupancy = ratio(static_cast<double>(out.held.count()), out.open);
  subtract(out.log, before.log);
  subtract(out.intake, before.intake);
  return out;
}

}  // namespace onelane::inline v0
