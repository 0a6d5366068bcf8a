#include "src/tuning/walk.h"

#include <algorithm>
#include <string>

#include "src/schedule/plan.h"

namespace onelane::inline v0 {

Status validate(const Budgets& budgets) {
  JournalOptions options;
  options.tick = budgets.tick;
  options.commit_percent = budgets.commit_percent;
  if (Status why = validate(options); !why.ok()) return why;
  std::vector<schedule::Share> shares;
  for (const ClassOptions& each : budgets.classes) {
    if (Status why = validate(each); !why.ok()) return why;
    shares.push_back(schedule::share_of(each, budgets.tick));
  }
  if (schedule::guarantees_fit(budgets.tick, shares)) return {};
  return {Errc::invalid_argument,
          "the guarantees do not fit the tick together: the sum over classes of max(records / "
          "tick.records, bytes / tick.bytes) must be at most 1"};
}

namespace tuning {

using trace::Change;
using trace::ItemKind;

template <class Item>
bool Walk::take(const trace::Framed& framed, Item& item) {
  trace::In in(framed.bytes);
  trace::take(in, stamp_, item);
  return in.ok();
}

Status Walk::run() {
  std::size_t number = 0;
  while (const std::optional<trace::Framed> item = take_framed(in_)) {
    if (!step(*item)) {
      return {Errc::invalid_argument, "item " + std::to_string(number) + " of the trace (kind " +
                                          std::to_string(item->kind) + ", " +
                                          std::to_string(item->bytes.size()) +
                                          " bytes) does not fit what is before it"};
    }
    if (over_) return {};
    ++number;
  }
  if (in_.ok()) return {};
  return {Errc::invalid_argument, "the trace makes no sense behind item " + std::to_string(number)};
}

bool Walk::step(const trace::Framed& framed) {
  const auto kind = static_cast<ItemKind>(framed.kind);
  if (framed.kind > static_cast<std::uint64_t>(ItemKind::end) || framed.kind == 0) {
    return started_;  // a later version's
  }
  if ((kind == ItemKind::start) == started_) return false;
  switch (kind) {
    case ItemKind::start: {
      trace::StartItem item;
      started_ = take(framed, item);
      visitor_.started(item);
      return started_;
    }
    case ItemKind::tick: {
      trace::TickItem item;
      if (!take(framed, item)) return false;
      budgets_.tick = item.budget;
      budgets_.commit_percent = item.commit_percent;
      has_tick_ = validate(budgets_).ok();
      visitor_.budgets_set();
      return has_tick_;
    }
    case ItemKind::klass: {
      trace::ClassItem item;
      return take(framed, item) && set_class(item);
    }
    case ItemKind::site: {
      trace::SiteItem item;
      if (!take(framed, item)) return false;
      visitor_.site(item);
      return true;
    }
    case ItemKind::changes: {
      trace::In in(framed.bytes);
      const std::uint64_t klass = in.number();
      if (klass >= classes_.size()) return false;
      Change each;
      while (classes_[klass].changes.next(in, each)) {
        if (!change(klass, each)) return false;
      }
      return in.ok();
    }
    case ItemKind::plan:
      if (!take(framed, plan_) || !fits(plan_)) return false;
      pending_ = true;
      over_ = !visitor_.planned(plan_);
      return true;
    case ItemKind::outcome: {
      trace::OutcomeItem item;
      if (!pending_ || !take(framed, item) || !fits(item)) return false;
      pending_ = false;
      settle(item);
      visitor_.ended(plan_, item);
      return true;
    }
    case ItemKind::event: {
      trace::EventItem item;
      if (!take(framed, item)) return false;
      visitor_.happened(item);
      return true;
    }
    case ItemKind::end: {
      trace::EndItem item;
      if (!take(framed, item)) return false;
      visitor_.stopped(item);
      return true;
    }
  }
  return false;
}

bool Walk::set_class(const trace::ClassItem& item) {
  if (!has_tick_ || item.klass > classes_.size()) return false;
  const bool fresh = item.klass == classes_.size();
  if (fresh) {
    classes_.emplace_back();
    budgets_.classes.push_back(item.options);
  } else {
    budgets_.classes[item.klass] = item.options;
  }
  if (!validate(budgets_).ok()) return false;
  fresh ? visitor_.class_added() : visitor_.budgets_set();
  return true;
}

bool Walk::change(std::size_t klass, const Change& change) {
  Class& of = classes_[klass];
  switch (change.op) {
    case Change::Op::add: {
      if (units_ == kUnitsMax) return false;
      const trace::Unit& unit = change.unit;
      of.backlog.add({.bytes = unit.bytes,
                      .records = unit.records,
                      .closes_slice = unit.kind == detail::EntryKind::job,
                      .pushed = unit.pushed},
                     units_++);
      visitor_.added(klass, unit);
      return true;
    }
    case Change::Op::clear:
      return clear(klass, change);
    case Change::Op::put_behind:
      if (!of.backlog.put_behind(change.first, change.to)) return false;
      visitor_.put_behind(of.backlog.slot(static_cast<std::size_t>(change.first)).unit,
                          of.backlog.slot(static_cast<std::size_t>(change.to)).unit);
      return true;
    case Change::Op::squeeze:
      of.planned.clear();
      of.left.clear();
      return of.backlog.squeeze(change.first, change.count);
  }
  return false;
}

bool Walk::clear(std::size_t klass, const Change& change) {
  Class& of = classes_[klass];
  if (!of.backlog.clear(change.first, change.count)) return false;
  const auto within = [](const std::vector<Class::Range>& ranges, std::uint64_t slot) {
    return std::any_of(ranges.begin(), ranges.end(), [slot](const Class::Range& range) {
      return range.first <= slot && slot < range.end;
    });
  };
  for (std::uint64_t slot = change.first; slot < change.first + change.count; ++slot) {
    const bool served = within(of.planned, slot) && !within(of.left, slot);
    visitor_.gone(of.backlog.slot(static_cast<std::size_t>(slot)).unit, served);
  }
  return true;
}

bool Walk::fits(const trace::PlanItem& plan) const {
  for (const trace::Slice& each : plan.slices) {
    if (each.klass >= classes_.size()) return false;
    const std::uint64_t size = classes_[each.klass].backlog.size();
    if (each.first > size || each.count > size - each.first) return false;
  }
  for (const trace::Shown& each : plan.shown) {
    if (each.klass >= classes_.size()) return false;
    if (each.units > classes_[each.klass].backlog.size()) return false;
  }
  return true;
}

bool Walk::fits(const trace::OutcomeItem& outcome) const {
  if (outcome.slices.size() > plan_.slices.size()) return false;
  return std::all_of(outcome.left.begin(), outcome.left.end(), [&](const trace::Left& each) {
    if (each.slice >= plan_.slices.size()) return false;
    const trace::Slice& slice = plan_.slices[each.slice];
    return each.first >= slice.first && each.count <= slice.count &&
           each.first - slice.first <= slice.count - each.count;
  });
}

// What the tick took, unless it was rolled back.
void Walk::settle(const trace::OutcomeItem& outcome) {
  for (Class& each : classes_) {
    each.planned.clear();
    each.left.clear();
  }
  if (!outcome.kept) return;
  for (const trace::Left& each : outcome.left) {
    classes_[plan_.slices[each.slice].klass].left.push_back(
        {each.first, std::uint64_t{each.first} + each.count});
  }
  for (const trace::Slice& each : plan_.slices) {
    Class& of = classes_[each.klass];
    of.planned.push_back({each.first, std::uint64_t{each.first} + each.count});
    for (std::uint64_t at = each.first; at < std::uint64_t{each.first} + each.count; ++at) {
      Slot& slot = of.backlog.slot(static_cast<std::size_t>(at));
      const bool left = std::any_of(of.left.begin(), of.left.end(), [at](const auto& range) {
        return range.first <= at && at < range.end;
      });
      if (!slot.occupied || left) continue;
      visitor_.taken(each.klass, slot);
      slot.begun = true;
    }
  }
}

}  // namespace tuning
}  // namespace onelane::inline v0
