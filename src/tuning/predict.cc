// The recorded arrivals through the same planning on a virtual clock.
#include "src/schedule/predict.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "onelane/trace.h"
#include "src/schedule/plan.h"
#include "src/tuning/assumptions.h"
#include "src/tuning/predictor.h"
#include "src/tuning/simulation.h"
#include "src/tuning/steps.h"

namespace onelane::inline v0 {

namespace tuning {

namespace {

// A prediction ends after so many pushes and ticks for each recorded one, and some more: one that
// goes on for ever at one moment, or for a recorded century, ends, too.
constexpr std::uint64_t kMoreMost = 64;
constexpr std::uint64_t kFewMost = 100'000;

Duration ns(double value) { return Duration(static_cast<Duration::rep>(value)); }

}  // namespace

Simulation::Simulation(const From& from, const Budgets& budgets, const Chance& chance)
    : trace_(from.trace),
      budgets_(budgets),
      samples_(from.samples),
      disk_(trace_, budgets, samples_, chance),
      sources_(from.sources),
      classes_(budgets.classes.size()),
      step_ns_(budgets.classes.size()),
      now_(from.trace.opened),
      horizon_(from.trace.last),
      left_(kFewMost + kMoreMost * (from.trace.units.size() + from.trace.ticks.size())) {
  samples_.shift(chance.draw);
  planner_.set(budgets);
  for (const ClassOptions& each : budgets.classes) out_.classes.push_back({.name = each.name});
}

bool Simulation::nothing_queued() const {
  return std::all_of(classes_.begin(), classes_.end(),
                     [](const Class& each) { return each.records == 0; });
}

std::optional<TimePoint> Simulation::next_event() const {
  std::optional<TimePoint> out = sources_.next();
  if (const auto pass = disk_.next_pass()) out = std::min(out.value_or(*pass), *pass);
  if (!leaving_.empty()) out = std::min(out.value_or(leaving_.top().at), leaving_.top().at);
  return out;
}

Replay Simulation::run() {
  while (!is_over()) {
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
  if (left_ != 0) now_ = std::max(now_, horizon_);
  for (std::size_t i = 0; i < classes_.size(); ++i) note_unsettled(i);
  out_.span = now_ - trace_.opened;
  const double span_s = std::chrono::duration<double>(out_.span).count();
  for (ReplayedClass& each : out_.classes) {
    each.units_per_s = span_s > 0 ? static_cast<double>(each.units) / span_s : 0;
  }
  out_.occupancy = span_s > 0 ? std::chrono::duration<double>(out_.held).count() / span_s : 0;
  out_.assumptions = assumptions_of(trace_, sources_, samples_);
  if (left_ == 0) {
    out_.assumptions.emplace_back(
        "The prediction ended before the trace does: it came to more than " +
        std::to_string(kMoreMost) + " pushes and ticks for each that was recorded.");
  }
  return std::move(out_);
}

void Simulation::note_unsettled(std::size_t klass) {
  const Backlog& backlog = classes_[klass].backlog;
  for (std::size_t slot = 0; slot < backlog.size(); ++slot) {
    const Slot& each = backlog.slot(slot);
    if (!each.occupied) continue;
    out_.classes[klass].unsettled_ns.record(now_ - units_[each.unit].entered);
  }
}

schedule::Plan Simulation::plan(std::optional<TimePoint>& rests_until) {
  PlanFrom from{.now = now_};
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
  --left_;
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
    Draws& draws = samples_.slices[slice.klass];
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
      step_times(budgets_, plan.hold, planned,
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
    const Slot each = of.backlog.slot(slot);
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

Replay Predictor::predict(const Budgets& budgets, const Chance& chance) const {
  return Simulation({trace_, samples_, sources_}, budgets, chance).run();
}

}  // namespace tuning

Result<Replay> predict(const Trace& trace, const Budgets& budgets) {
  if (Status why = validate(budgets); !why.ok()) return why;
  if (Status why = tuning::same_classes(trace.budgets, budgets); !why.ok()) return why;
  if (trace.items == nullptr) return Replay{};
  return tuning::Predictor(trace).predict(budgets);
}

}  // namespace onelane::inline v0
