#include "src/tuning/sources.h"

#include <algorithm>
#include <map>
#include <utility>

namespace onelane::inline v0::tuning {

namespace {

// A source is closed if its calls of write() took this part of its time, or if this part of its
// pushes waited for room; or if its units were in the lane for that part of its time, and no more
// than this part of them together with the one before.
constexpr double kBusyPart = 0.5;
constexpr double kWaitedPart = 0.05;
constexpr double kTogetherPart = 0.02;
// So few units say nothing of that.
constexpr std::size_t kUnitsMin = 8;

bool is_barrier(const TracedUnit& unit) {
  return unit.records == 0 && unit.kind == UnitKind::record;
}

}  // namespace

Sources::Sources(const Trace& trace) : units_(trace.units) {
  std::map<std::uint16_t, std::uint32_t> by_caller;
  for (std::uint32_t i = 0; i < units_.size(); ++i) {
    if (is_barrier(units_[i])) continue;
    const auto [at, fresh] =
        by_caller.try_emplace(units_[i].caller, static_cast<std::uint32_t>(sources_.size()));
    if (fresh) sources_.emplace_back();
    sources_[at->second].units.push_back(i);
  }
  for (std::uint32_t i = 0; i < sources_.size(); ++i) {
    Source& source = sources_[i];
    std::stable_sort(
        source.units.begin(), source.units.end(),
        [this](std::uint32_t a, std::uint32_t b) { return units_[a].pushed < units_[b].pushed; });
    judge(source);
    closed_ += source.kind == Kind::closed ? 1 : 0;
    paced_ += source.kind == Kind::paced ? 1 : 0;
    arrivals_.push({units_[source.units.front()].pushed, i, source.units.front()});
    source.next = 1;
  }
}

void Sources::judge(Source& source) const {
  const TracedUnit& first = units_[source.units.front()];
  const TracedUnit& last = units_[source.units.back()];
  std::size_t waits = 0, waited = 0, together = 0;
  double busy_ns = 0, in_lane_ns = 0;
  TimePoint before_left = first.pushed;
  for (const std::uint32_t number : source.units) {
    const TracedUnit& unit = units_[number];
    waited += unit.waited_for_room ? 1 : 0;
    together += unit.pushed < std::exchange(before_left, unit.left) ? 1 : 0;
    if (unit.left == TimePoint::max()) continue;
    const auto took_ns = static_cast<double>((unit.left - unit.pushed).count());
    in_lane_ns += took_ns;
    if (!unit.caller_waits) continue;
    ++waits;
    busy_ns += took_ns;
  }
  const auto span_ns = static_cast<double>((last.pushed - first.pushed).count());
  const auto count = static_cast<double>(source.units.size());
  if (first.caller == 0) return;
  source.one_by_one = source.units.size() >= kUnitsMin &&
                      static_cast<double>(together) <= kTogetherPart * count &&
                      in_lane_ns > kBusyPart * span_ns;
  if (static_cast<double>(waited) > kWaitedPart * count || busy_ns > kBusyPart * span_ns ||
      source.one_by_one) {
    source.kind = Kind::closed;
  } else if (waits != 0) {
    source.kind = Kind::paced;
  }
}

Arrival Sources::take() {
  const Arrival out = arrivals_.top();
  arrivals_.pop();
  return out;
}

void Sources::entered(const Arrival& arrival, TimePoint now) {
  const Source& source = sources_[arrival.source];
  if (waits_for(source, arrival.unit)) return;
  go_on(arrival.source, now, false);
}

void Sources::refused(const Arrival& arrival, TimePoint now) { go_on(arrival.source, now, false); }

void Sources::ended(std::uint32_t source, std::uint32_t unit, TimePoint now) {
  if (waits_for(sources_[source], unit)) go_on(source, now, true);
}

// From `now` on the source is free again.
void Sources::go_on(std::uint32_t number, TimePoint now, bool waited) {
  Source& source = sources_[number];
  const bool again = source.next == source.units.size();
  if (again && source.kind != Kind::closed) return;
  if (again) source.next = 0;
  const std::uint32_t unit = source.units[source.next++];
  const TracedUnit& next = units_[unit];
  TimePoint at = std::max(next.pushed, now);
  if (source.kind == Kind::open) {
    at = next.pushed;
  } else if (source.kind == Kind::closed) {
    Duration gap{0};
    if (!again && !next.waited_for_room) {
      const TracedUnit& before = units_[source.units[source.next - 2]];
      const TimePoint since =
          waited && before.left != TimePoint::max() ? before.left : before.pushed;
      gap = std::max(Duration(0), next.pushed - since);
    }
    at = now + gap;
  }
  arrivals_.push({at, number, unit});
}

}  // namespace onelane::inline v0::tuning
