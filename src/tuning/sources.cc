#include "src/tuning/sources.h"

#include <algorithm>
#include <map>

#include "src/tuning/habits.h"

namespace onelane::inline v0::tuning {

Sources::Sources(const Trace& trace) : units_(trace.units) {
  std::map<std::uint16_t, std::uint32_t> by_caller;
  for (std::uint32_t i = 0; i < units_.size(); ++i) {
    if (units_[i].is_flush()) continue;
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
  const CallerHabit habit = habit_of(units_, source.units);
  source.one_by_one = habit.one_by_one;
  const auto waits = [this](std::uint32_t number) { return units_[number].caller_waits; };
  const bool known = units_[source.units.front()].caller != 0;
  if (habit.closed) {
    source.kind = Kind::closed;
  } else if (known && std::any_of(source.units.begin(), source.units.end(), waits)) {
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
