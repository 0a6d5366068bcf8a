// What comes to the virtual lane, and what leaves it without a tick.
#include <algorithm>

#include "src/tuning/simulation.h"

namespace onelane::inline v0::tuning {

namespace {

// What a unit takes of its class's capacity, roughly (ClassOptions::capacity_bytes).
std::uint64_t footprint_of(const TracedUnit& unit) { return 512 + unit.bytes / 64 * 64; }

}  // namespace

void Simulation::pump(TimePoint now) {
  while (left_ != 0) {
    const std::optional<TimePoint> arrival = sources_.next();
    const bool leaves = !leaving_.empty() && leaving_.top().at <= now;
    if (leaves && (!arrival || leaving_.top().at < *arrival)) {
      const Leaving leaving = leaving_.top();
      leaving_.pop();
      leave(leaving, leaving.at);
    } else if (arrival && *arrival <= now) {
      --left_;
      const Arrival next = sources_.take();
      come(next, next.at);
    } else {
      return;
    }
  }
}

void Simulation::come(const Arrival& arrival, TimePoint now) {
  const TracedUnit& unit = trace_.units[arrival.unit];
  Class& of = classes_[unit.write_class];
  const ClassOptions& options = budgets_.classes[unit.write_class];
  if (!of.blocked.empty() || !has_room(unit.write_class, unit)) {
    if (options.when_full == WhenFull::block) {
      of.blocked.push_back(arrival);
      return;
    }
    if (options.when_full == WhenFull::reject) {
      ++out_.classes[unit.write_class].refused;
      sources_.refused(arrival, now);
      return;
    }
    drop_for(unit.write_class, unit, now);
  }
  enter(arrival, now);
}

bool Simulation::has_room(std::size_t klass, const TracedUnit& unit) const {
  const Class& of = classes_[klass];
  const ClassOptions& options = budgets_.classes[klass];
  if (of.records == 0) return true;
  return of.records + unit.records <= options.capacity_records &&
         of.bytes + footprint_of(unit) <= options.capacity_bytes;
}

void Simulation::drop_for(std::size_t klass, const TracedUnit& unit, TimePoint now) {
  Class& of = classes_[klass];
  for (std::size_t slot = of.in_hand; slot < of.backlog.size() && !has_room(klass, unit); ++slot) {
    if (of.backlog.slot(slot).occupied) remove(klass, slot, now);
  }
}

void Simulation::enter(const Arrival& arrival, TimePoint now) {
  const TracedUnit& unit = trace_.units[arrival.unit];
  Class& of = classes_[unit.write_class];
  std::uint32_t number = 0;
  if (free_.empty()) {
    number = static_cast<std::uint32_t>(units_.size());
    units_.emplace_back();
  } else {
    number = free_.back();
    free_.pop_back();
  }
  units_[number] = {.arrival = arrival, .entered = now};
  if (unit.kind == UnitKind::job) {
    units_[number].steps = std::max(1U, unit.steps);
    units_[number].left_ns = samples_.job_ns(arrival.unit);
  }
  of.backlog.add({.bytes = unit.bytes,
                  .records = unit.records,
                  .closes_slice = unit.kind == UnitKind::job,
                  .pushed = now},
                 number);
  of.records += unit.records;
  of.bytes += footprint_of(unit);
  of.hurried += unit.promise == Promise::journaled ? 0 : 1;
  if (!unit.served && unit.left != TimePoint::max()) {
    const bool behind = unit.behind != arrival.unit && unit.behind < trace_.units.size();
    const TimePoint end = behind ? trace_.units[unit.behind].pushed : unit.left;
    leaving_.push({now + std::max(Duration(0), end - unit.pushed), number, arrival.unit});
  }
  sources_.entered(arrival, now);
}

void Simulation::leave(const Leaving& leaving, TimePoint now) {
  const Unit& unit = units_[leaving.number];
  if (unit.arrival.unit != leaving.unit) return;  // a tick was faster
  const std::size_t klass = traced(unit).write_class;
  const Backlog& backlog = classes_[klass].backlog;
  for (std::size_t slot = backlog.size(); slot-- > classes_[klass].in_hand;) {
    const Slot& each = backlog.slot(slot);
    if (each.occupied && each.unit == leaving.number) return remove(klass, slot, now);
  }
}

void Simulation::remove(std::size_t klass, std::size_t slot, TimePoint now) {
  Class& of = classes_[klass];
  const std::uint32_t number = of.backlog.slot(slot).unit;
  const Arrival arrival = units_[number].arrival;
  const TracedUnit& unit = trace_.units[arrival.unit];
  of.records -= unit.records;
  of.bytes -= footprint_of(unit);
  of.hurried -= unit.promise == Promise::journaled ? 0 : 1;
  units_[number].arrival.unit = UINT32_MAX;
  free_.push_back(number);
  (void)of.backlog.clear(slot, 1);
  sources_.ended(arrival.source, arrival.unit, now);
}

void Simulation::unblock(std::size_t klass, TimePoint now) {
  Class& of = classes_[klass];
  while (!of.blocked.empty()) {
    const Arrival arrival = of.blocked.front();
    if (!has_room(klass, trace_.units[arrival.unit])) return;
    of.blocked.pop_front();
    enter(arrival, now);
  }
}

}  // namespace onelane::inline v0::tuning
