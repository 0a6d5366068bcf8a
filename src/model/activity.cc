#include <algorithm>
#include <map>
#include <numeric>
#include <utility>

#include "onelane/journey.h"
#include "onelane/stats.h"

namespace onelane::inline v0 {

namespace {

double ratio(double part, Duration whole) {
  return whole <= Duration(0) ? 0 : part / static_cast<double>(whole.count());
}

template <class Range>
void subtract_each(Range& from, const Range& before) {
  const std::size_t known = std::min(from.size(), before.size());
  for (std::size_t i = 0; i < known; ++i) from[i] -= before[i];
}

void subtract(WaitedBehind& from, const WaitedBehind& before) {
  subtract_each(from.classes, before.classes);
  subtract_each(from.obstacles, before.obstacles);
}

Activity since(Activity now, const Activity& before) {
  now.span -= before.span;
  now.offered -= before.offered;
  now.ended -= before.ended;
  now.commits -= before.commits;
  now.held -= before.held;
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
  from.offered -= before.offered;
  from.accepted -= before.accepted;
  from.refused -= before.refused;
  subtract_each(from.ends, before.ends);
  subtract(from.rejections, before.rejections);
  from.wait_ns = from.wait_ns.since(before.wait_ns);
  from.total_ns = from.total_ns.since(before.total_ns);
  from.commits -= before.commits;
  from.held -= before.held;
  from.dead_letters -= before.dead_letters;
  from.changes -= before.changes;
  subtract(from.behind, before.behind);
}

void subtract(LogStats& from, const LogStats& before) {
  from.written_bytes -= before.written_bytes;
  from.passes -= before.passes;
  from.closings -= before.closings;
  from.closing_hold_ns = from.closing_hold_ns.since(before.closing_hold_ns);
  from.late_closings -= before.late_closings;
}

void subtract(IntakeStats& from, const IntakeStats& before) {
  from.written_bytes -= before.written_bytes;
  from.padding_bytes -= before.padding_bytes;
  from.units -= before.units;
  from.waits -= before.waits;
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
  out.foreign.changes -= before.foreign.changes;
  out.foreign.lock_waits -= before.foreign.lock_waits;
  out.foreign.lock_wait_ns = out.foreign.lock_wait_ns.since(before.foreign.lock_wait_ns);
  out.tick_changes -= before.tick_changes;
  out.committed -= before.committed;
  out.ticks -= before.ticks;
  subtract_each(out.tick_ends, before.tick_ends);
  out.caller_ticks -= before.caller_ticks;
  out.attempts -= before.attempts;
  out.busy -= before.busy;
  out.fences -= before.fences;
  out.overlong_steps -= before.overlong_steps;
  out.sync_ns = out.sync_ns.since(before.sync_ns);
  out.hold_ns = out.hold_ns.since(before.hold_ns);
  out.units_per_tick = out.units_per_tick.since(before.units_per_tick);
  out.bytes_per_tick = out.bytes_per_tick.since(before.bytes_per_tick);
  out.held -= before.held;
  out.open -= before.open;
  out.occupancy = ratio(static_cast<double>(out.held.count()), out.open);
  subtract(out.log, before.log);
  subtract(out.intake, before.intake);
  return out;
}

}  // namespace onelane::inline v0
