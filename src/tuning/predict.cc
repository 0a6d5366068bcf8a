// The recorded arrivals through the same planning on a virtual clock.
#include "src/schedule/predict.h"

#include <algorithm>
#include <chrono>
#include <deque>
#include <optional>
#include <queue>
#include <string>
#include <utility>
#include <vector>

#include "onelane/trace.h"
#include "src/schedule/plan.h"
#include "src/tuning/assumptions.h"
#include "src/tuning/backlog.h"
#include "src/tuning/disk.h"
#include "src/tuning/planner.h"
#include "src/tuning/samples.h"
#include "src/tuning/sources.h"
#include "src/tuning/steps.h"

namespace onelane::inline v0 {

namespace {

using tuning::Arrival;
using tuning::Backlog;

// What a unit takes of its class's capacity, roughly (ClassOptions::capacity_bytes).
std::uint64_t footprint_of(const TracedUnit& unit) { return 512 + unit.bytes / 64 * 64; }

Duration ns(double value) { return Duration(static_cast<Duration::rep>(value)); }

class Simulation {
 public:
  Simulation(const Trace& trace, const Budgets& budgets);
  Replay run();

 private:
  struct Unit {
    Arrival arrival;
    TimePoint entered;
    std::uint32_t steps = 1;  // left
    double left_ns = 0;       // of a job, instead, if its steps use up their time
    bool begun = false;
  };
  struct Class {
    Backlog backlog;            // slots hold numbers in units_
    std::uint64_t records = 0;  // queued
    std::uint64_t bytes = 0;
    std::uint64_t hurried = 0;  // units that promise more than journaled
    std::deque<Arrival> blocked;
    std::size_t in_hand = 0;  // slots that the running tick has planned
    TimePoint rests_until = TimePoint::min();
  };
  struct Leaving {  // a unit that no tick settled
    TimePoint at;
    std::uint32_t number = 0;
    std::uint32_t unit = 0;
    bool operator<(const Leaving& other) const { return at > other.at; }
  };
  struct Part {  // of a slice that was executed
    std::uint32_t slots = 0;
    std::uint64_t records = 0;
    std::uint64_t bytes = 0;
    double took = 0;  // ns
  };
  struct Run {  // of a tick
    TimePoint began;
    std::vector<Part> parts;
    std::uint64_t records = 0;
    std::uint64_t bytes = 0;
    double elapsed = 0;  // ns, up to its COMMIT
    bool stopped = false;
    Duration commit_time{0};
  };
  struct When {
    TimePoint began;
    TimePoint settled;
  };

  // Of a job whose steps use up their time, how long the next one of the slot takes; else 0.
  double step_of(std::size_t klass, std::size_t slot) const {
    if (step_ns_[klass] == 0 || !classes_[klass].backlog.units()[slot].closes_slice) return 0;
    return std::min(step_ns_[klass], units_[classes_[klass].backlog.slot(slot).unit].left_ns);
  }
  const TracedUnit& traced(const Unit& unit) const { return trace_.units[unit.arrival.unit]; }

  void pump(TimePoint now);
  void come(const Arrival& arrival, TimePoint now);
  bool has_room(std::size_t klass, const TracedUnit& unit) const;
  void enter(const Arrival& arrival, TimePoint now);
  void drop_for(std::size_t klass, const TracedUnit& unit, TimePoint now);
  void leave(const Leaving& leaving, TimePoint now);
  void remove(std::size_t klass, std::size_t slot, TimePoint now);
  void unblock(std::size_t klass, TimePoint now);
  void note_unsettled(std::size_t klass);

  bool nothing_queued() const;
  std::optional<TimePoint> next_event() const;
  void tick();
  schedule::Plan plan(std::optional<TimePoint>& rests_until);
  Run run_units(const schedule::Plan& plan, TimePoint began);
  void take_in_hand(const schedule::Plan& plan, TimePoint began);
  void execute(const schedule::Plan& plan);
  void learn(const schedule::Plan& plan, const Run& run);
  void settle(const schedule::Slice& slice, const Part& part, const When& when);

  const Trace& trace_;
  const Budgets& budgets_;
  tuning::Samples samples_;
  tuning::Disk disk_;
  tuning::Sources sources_;
  tuning::Planner planner_;
  std::vector<Class> classes_;
  std::vector<double> step_ns_;  // of the next tick, by class
  std::vector<Unit> units_;
  std::vector<std::uint32_t> free_;
  std::priority_queue<Leaving> leaving_;
  std::vector<std::span<const schedule::Unit>> backlogs_;
  TimePoint now_;
  TimePoint horizon_;
  bool idle_ = true;

  Replay out_;
};

Simulation::Simulation(const Trace& trace, const Budgets& budgets)
    : trace_(trace),
      budgets_(budgets),
      samples_(tuning::samples_of(trace)),
      disk_(trace, budgets, samples_),
      sources_(trace),
      classes_(budgets.classes.size()),
      step_ns_(budgets.classes.size()),
      now_(trace.opened),
      horizon_(trace.last) {
  planner_.set(budgets);
  for (const ClassOptions& each : budgets.classes) out_.classes.push_back({.name = each.name});
}

// --- Arrivals.

void Simulation::pump(TimePoint now) {
  for (;;) {
    const std::optional<TimePoint> arrival = sources_.next();
    const bool leaves = !leaving_.empty() && leaving_.top().at <= now;
    if (leaves && (!arrival || leaving_.top().at < *arrival)) {
      const Leaving leaving = leaving_.top();
      leaving_.pop();
      leave(leaving, leaving.at);
    } else if (arrival && *arrival <= now) {
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
    const tuning::Slot& each = backlog.slot(slot);
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

// --- The lane.

bool Simulation::nothing_queued() const {
  return std::all_of(classes_.begin(), classes_.end(),
                     [](const Class& each) { return each.records == 0; });
}

std::optional<TimePoint> Simulation::next_event() const {
  std::optional<TimePoint> out = sources_.next();
  if (!leaving_.empty()) out = std::min(out.value_or(leaving_.top().at), leaving_.top().at);
  return out;
}

Replay Simulation::run() {
  while (now_ < horizon_) {
    const Duration closing = disk_.closing_passes(now_);
    now_ += closing;
    out_.held += closing;
    pump(now_);
    if (!nothing_queued()) {
      tick();
      continue;
    }
    const std::optional<TimePoint> next = next_event();
    if (!next) break;
    now_ = std::max(now_, *next);
    pump(now_);
    if (idle_ && !nothing_queued()) now_ += samples_.wakes.next(now_);
    idle_ = true;
  }
  now_ = std::max(now_, horizon_);
  for (std::size_t i = 0; i < classes_.size(); ++i) note_unsettled(i);
  out_.span = now_ - trace_.opened;
  const double span_s = std::chrono::duration<double>(out_.span).count();
  for (ReplayedClass& each : out_.classes) {
    each.units_per_s = span_s > 0 ? static_cast<double>(each.units) / span_s : 0;
  }
  out_.occupancy = span_s > 0 ? std::chrono::duration<double>(out_.held).count() / span_s : 0;
  out_.assumptions = tuning::assumptions_of(trace_, sources_, samples_);
  return std::move(out_);
}

void Simulation::note_unsettled(std::size_t klass) {
  const Backlog& backlog = classes_[klass].backlog;
  for (std::size_t slot = 0; slot < backlog.size(); ++slot) {
    const tuning::Slot& each = backlog.slot(slot);
    if (!each.occupied) continue;
    out_.classes[klass].unsettled_ns.record(now_ - units_[each.unit].entered);
  }
}

schedule::Plan Simulation::plan(std::optional<TimePoint>& rests_until) {
  tuning::PlanFrom from{.now = now_};
  from.pace.patient = true;
  backlogs_.clear();
  disk_.turn_to(now_);
  disk_.limit(from.pace);
  for (std::size_t i = 0; i < classes_.size(); ++i) {
    const Class& each = classes_[i];
    const auto units = each.backlog.units();
    const bool crowded = !each.blocked.empty();
    const bool rests = now_ < each.rests_until && !crowded;
    const bool pauses = disk_.pauses(i);
    backlogs_.push_back(rests || pauses ? units.first(schedule::free_units(units)) : units);
    if (crowded || (budgets_.classes[i].intake && each.hurried != 0)) {
      from.gathers &= ~(std::uint64_t{1} << i);
    }
    if (each.records != 0 && (!budgets_.classes[i].intake || each.hurried != 0)) {
      from.pace.patient = false;
    }
    if (!rests && !pauses) continue;
    from.held_back |= std::uint64_t{1} << i;
    const TimePoint until = pauses ? disk_.look_again(i) : each.rests_until;
    rests_until = std::min(rests_until.value_or(until), until);
  }
  return planner_.plan(backlogs_, from);
}

void Simulation::tick() {
  std::optional<TimePoint> rests_until;
  const schedule::Plan next = plan(rests_until);
  if (!next.slices.empty()) return execute(next);
  constexpr Duration kLeast = std::chrono::microseconds(1);
  TimePoint until = rests_until.value_or(TimePoint::max());
  if (next.not_before) until = std::min(until, *next.not_before);
  if (const std::optional<TimePoint> event = next_event()) until = std::min(until, *event);
  now_ = until == TimePoint::max() ? horizon_ : std::max(now_ + kLeast, until);
  idle_ = false;  // a thread sleeps until then, and is not woken
}

// Runs the plan's units until the stop rule ends the tick.
Simulation::Run Simulation::run_units(const schedule::Plan& plan, TimePoint began) {
  Run run{.began = began};
  schedule::Asking asking(plan.hold);
  for (const schedule::Slice& slice : plan.slices) {
    Part part;
    const Backlog& backlog = classes_[slice.klass].backlog;
    const auto units = backlog.units().subspan(slice.first, slice.count);
    double records = 0, bytes = 0;
    for (const schedule::Unit& each : units) {
      records += each.records;
      bytes += static_cast<double>(each.bytes);
    }
    tuning::Draws& draws = samples_.slices[slice.klass];
    const double ratio = records > 0 ? draws.ratio(records, bytes, began) : 0;
    const schedule::LinearCost& cost = planner_.costs().classes[slice.klass];
    double fixed = draws.mean().fixed;
    for (std::uint32_t i = 0; i < slice.count && !run.stopped; ++i) {
      if (!backlog.slot(slice.first + i).occupied) {
        ++part.slots;
        continue;
      }
      if (!slice.guaranteed && asking.before(cost, units[i])) {
        const schedule::Progress progress{.elapsed = ns(run.elapsed),
                                          .records = run.records,
                                          .bytes = run.bytes,
                                          .next_class = slice.klass,
                                          .next = units[i]};
        run.stopped = schedule::stop(progress, planner_.costs(), plan.hold);
        if (run.stopped) break;
      }
      double took = step_of(slice.klass, slice.first + i);
      if (took == 0) {
        took = ratio * (std::exchange(fixed, 0) + draws.mean().per_record * units[i].records +
                        draws.mean().per_byte * static_cast<double>(units[i].bytes));
      }
      part.took += took;
      part.records += units[i].records;
      part.bytes += units[i].bytes;
      ++part.slots;
      run.elapsed += took;
      run.records += units[i].records;
      run.bytes += units[i].bytes;
    }
    run.parts.push_back(part);
  }
  return run;
}

void Simulation::take_in_hand(const schedule::Plan& plan, TimePoint began) {
  std::vector<std::size_t> planned;
  for (std::size_t i = 0; i < classes_.size(); ++i) {
    classes_[i].in_hand = schedule::planned_units(plan, i);
    planned.push_back(classes_[i].in_hand);
  }
  const auto times =
      tuning::step_times(budgets_, plan.hold, planned,
                         [this](std::size_t i) -> const Backlog& { return classes_[i].backlog; });
  for (std::size_t i = 0; i < times.size(); ++i) {
    const bool by_time = times[i] != Duration(0) && samples_.steps[i].by_time();
    step_ns_[i] = by_time ? samples_.steps[i].next(times[i], began) : 0;
  }
}

void Simulation::execute(const schedule::Plan& plan) {
  const TimePoint began = now_ + samples_.to_begin.next(now_);
  take_in_hand(plan, began);
  Run run = run_units(plan, began);
  const auto records = static_cast<double>(run.records);
  const auto bytes = static_cast<double>(run.bytes);
  run.commit_time = ns(samples_.commits.next(records, bytes, began));
  const TimePoint ended = began + ns(run.elapsed) + run.commit_time;
  const TimePoint settled = ended + samples_.to_settle.next(ended);
  out_.hold_ns.record(ended - began);
  out_.held += ended - began;
  out_.log_bytes += static_cast<std::uint64_t>(samples_.log.next(records, bytes, began));
  ++out_.ticks;

  pump(settled);
  learn(plan, run);
  for (std::size_t i = 0; i < plan.slices.size(); ++i) {
    settle(plan.slices[i], run.parts[i], {began, settled});
  }
  for (std::size_t i = 0; i < classes_.size(); ++i) {
    Class& each = classes_[i];
    (void)each.backlog.squeeze(0, std::exchange(each.in_hand, 0));
    unblock(i, settled);
  }
  for (std::size_t i = 0; i < plan.slices.size(); ++i) {
    const std::uint32_t klass = plan.slices[i].klass;
    if (run.parts[i].records == 0) continue;
    classes_[klass].rests_until = began + budgets_.classes[klass].interval;
  }
  now_ = settled + (nothing_queued() ? Duration(0) : samples_.busy.next(settled));
}

void Simulation::learn(const schedule::Plan& plan, const Run& run) {
  planner_.keep(plan.next);
  for (std::size_t i = 0; i < plan.slices.size(); ++i) {
    const schedule::Slice& slice = plan.slices[i];
    const Part& part = run.parts[i];
    const Backlog& backlog = classes_[slice.klass].backlog;
    for (std::uint32_t slot = slice.first + part.slots; slot < slice.first + slice.count; ++slot) {
      if (backlog.slot(slot).occupied) planner_.refund(slice, backlog.units().subspan(slot, 1));
    }
  }
  std::vector<Duration> spent(classes_.size());
  for (std::size_t i = 0; i < plan.slices.size(); ++i) {
    const Part& part = run.parts[i];
    out_.classes[plan.slices[i].klass].held += ns(part.took);
    spent[plan.slices[i].klass] += ns(part.took);
    planner_.learn_slice(plan.slices[i].klass, part.records, part.bytes, ns(part.took));
  }
  if (run.records != 0) planner_.learn_commit(run.records, run.bytes, run.commit_time);
  disk_.ended({run.began, static_cast<double>(run.records), static_cast<double>(run.bytes)}, spent);
}

// What the slice has executed.
void Simulation::settle(const schedule::Slice& slice, const Part& part, const When& when) {
  Class& of = classes_[slice.klass];
  ReplayedClass& out = out_.classes[slice.klass];
  for (std::uint32_t slot = slice.first; slot < slice.first + part.slots; ++slot) {
    const tuning::Slot each = of.backlog.slot(slot);
    if (!each.occupied) continue;
    Unit& unit = units_[each.unit];
    if (!std::exchange(unit.begun, true)) out.wait_ns.record(when.began - unit.entered);
    const TracedUnit& recorded = traced(unit);
    out.records += recorded.records;
    out.bytes += recorded.bytes;
    const double step = step_of(slice.klass, slot);
    unit.left_ns -= step;
    if (step != 0 ? unit.left_ns > 0 : --unit.steps != 0) continue;
    ++out.units;
    out.total_ns.record(when.settled - unit.entered);
    remove(slice.klass, slot, when.settled);
  }
}

}  // namespace

Result<Replay> predict(const Trace& trace, const Budgets& budgets) {
  if (Status why = validate(budgets); !why.ok()) return why;
  if (Status why = tuning::same_classes(trace.budgets, budgets); !why.ok()) return why;
  if (trace.items == nullptr) return Replay{};
  return Simulation(trace, budgets).run();
}

}  // namespace onelane::inline v0
