// Plans each recorded tick once more, from the same inputs, and compares.
#include <algorithm>
#include <chrono>
#include <string>

#include "onelane/option_text.h"
#include "onelane/trace.h"
#include "src/schedule/costs.h"
#include "src/schedule/plan.h"
#include "src/tuning/planner.h"
#include "src/tuning/walk.h"

namespace onelane::inline v0 {

namespace {

using tuning::Walk;

class Replayer final : public tuning::Visitor {
 public:
  explicit Replayer(const Trace& trace, Replay& out) : trace_(trace), out_(out) {}
  void use(const Walk& walk) { walk_ = &walk; }

  void budgets_set() override { planner_.set(walk_->budgets()); }
  void class_added() override {
    planner_.set(walk_->budgets());
    out_.classes.push_back({.name = walk_->budgets().classes.back().name});
  }
  void gone(std::uint32_t number, bool served) override {
    const TracedUnit& unit = trace_.units[number];
    if (!served || !unit.served) return;
    ReplayedClass& of = out_.classes[unit.write_class];
    of.total_ns.record(unit.left - unit.pushed);
    ++of.units;
  }

  bool planned(const trace::PlanItem& recorded) override {
    backlogs_.clear();
    for (std::size_t i = 0; i < walk_->classes(); ++i) {
      backlogs_.push_back(walk_->backlog(i).units());
    }
    for (const trace::Shown& each : recorded.shown) {
      backlogs_[each.klass] = backlogs_[each.klass].first(static_cast<std::size_t>(each.units));
    }
    tuning::PlanFrom from{.now = recorded.now,
                          .pace = {.room_hold = recorded.room_hold,
                                   .room_most = recorded.room_most,
                                   .patient = recorded.patient},
                          .gathers = recorded.gathers,
                          .held_back = recorded.held_back};
    plan_ = planner_.plan(backlogs_, from);
    if (recorded.limit != 0) {
      (void)schedule::shorten(plan_, planner_.costs(),
                              {.units = static_cast<std::size_t>(recorded.limit),
                               .first_class = static_cast<std::size_t>(recorded.first_class),
                               .backlogs = backlogs_,
                               .occupied = [this](std::uint32_t klass, std::size_t slot) {
                                 return walk_->backlog(klass).slot(slot).occupied;
                               }});
      plan_.keep(planner_.state(), recorded.held_back);
    }
    if (const std::string what = difference(recorded); !what.empty()) {
      out_.difference = PlanDifference{.tick = ticks_, .what = what};
      return false;
    }
    return true;
  }

  // What was taken was told before.
  void taken(std::size_t klass, const tuning::Slot& slot) override {
    if (!slot.begun) begun_.push_back(slot.unit);
    const TracedUnit& unit = trace_.units[slot.unit];
    out_.classes[klass].records += unit.records;
    out_.classes[klass].bytes += unit.bytes;
  }

  void ended(const trace::PlanItem& recorded, const trace::OutcomeItem& outcome) override {
    ++ticks_;
    for (const std::uint32_t number : begun_) {
      const TracedUnit& unit = trace_.units[number];
      if (unit.records == 0) continue;
      out_.classes[unit.write_class].wait_ns.record(outcome.began - unit.pushed);
    }
    begun_.clear();
    if (outcome.transaction) {
      ++out_.ticks;
      hold(outcome.ended - outcome.began);
    }
    if (outcome.log_hold > Duration(0)) out_.held += outcome.log_hold;
    if (!outcome.kept) return;
    if (!recorded.quarantined) {
      planner_.keep(plan_.next);
      for (const trace::Left& each : outcome.left) {
        const auto units = walk_->backlog(plan_.slices[each.slice].klass).units();
        planner_.refund(plan_.slices[each.slice], units.subspan(each.first, each.count));
      }
    }
    for (std::size_t i = 0; i < outcome.slices.size(); ++i) {
      const trace::SliceTime& slice = outcome.slices[i];
      const std::uint32_t klass = plan_.slices[i].klass;
      out_.classes[klass].held += slice.elapsed;
      planner_.learn_slice(klass, slice.records, slice.bytes, slice.elapsed);
    }
    if (outcome.units != 0) {
      planner_.learn_commit(outcome.records, outcome.bytes, outcome.commit_time);
    }
  }

  void happened(const trace::EventItem& event) override {
    if (event.kind == trace::EventKind::closing_pass) out_.held += event.took;
    if (event.kind == trace::EventKind::log) out_.log_bytes += event.bytes;
  }

 private:
  void hold(Duration held) {
    out_.hold_ns.record(held);
    out_.held += held;
  }

  // Empty if the plan is the recorded one.
  std::string difference(const trace::PlanItem& recorded) const {
    if (plan_.hold != recorded.hold) {
      return "the hold is " + duration_text(plan_.hold) + "; it was " +
             duration_text(recorded.hold);
    }
    if (plan_.end != recorded.end) {
      return "it ends for \"" + std::string(name(plan_.end)) + "\"; it was \"" +
             std::string(name(recorded.end)) + "\"";
    }
    if (plan_.slices.size() != recorded.slices.size()) {
      return "it has " + std::to_string(plan_.slices.size()) + " slices; it had " +
             std::to_string(recorded.slices.size());
    }
    for (std::size_t i = 0; i < plan_.slices.size(); ++i) {
      const schedule::Slice& now = plan_.slices[i];
      const trace::Slice& then = recorded.slices[i];
      if (now.klass != then.klass || now.first != then.first || now.count != then.count ||
          now.guaranteed != then.guaranteed) {
        const auto words = [this](const auto& slice) {
          return std::to_string(slice.count) + (slice.guaranteed ? " guaranteed" : " shared") +
                 " units of \"" + walk_->budgets().classes[slice.klass].name + "\" from slot " +
                 std::to_string(slice.first);
        };
        return "slice " + std::to_string(i) + " is " + words(now) + "; it was " + words(then);
      }
    }
    return {};
  }

  const Trace& trace_;
  Replay& out_;
  const Walk* walk_ = nullptr;
  tuning::Planner planner_;
  std::vector<std::span<const schedule::Unit>> backlogs_;
  schedule::Plan plan_;
  std::vector<std::uint32_t> begun_;
  std::uint64_t ticks_ = 0;
};

}  // namespace

Replay replay(const Trace& trace) {
  Replay out;
  if (trace.items == nullptr) return out;
  Replayer replayer(trace, out);
  Walk walk(trace.items->bytes, replayer);
  replayer.use(walk);
  (void)walk.run();  // it was read before
  out.span = trace.last - trace.opened;
  const double span_s = std::chrono::duration<double>(out.span).count();
  for (ReplayedClass& each : out.classes) {
    each.units_per_s = span_s > 0 ? static_cast<double>(each.units) / span_s : 0;
  }
  if (span_s > 0) out.occupancy = std::chrono::duration<double>(out.held).count() / span_s;
  return out;
}

}  // namespace onelane::inline v0
