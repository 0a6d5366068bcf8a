// Goes through a trace, item by item, with the classes, budgets and backlogs as they were then.
// Whatever the bytes are, what a visitor is given is consistent: plans are of units that are there,
// options are within their limits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "onelane/status.h"
#include "onelane/trace.h"
#include "src/trace/changes.h"
#include "src/trace/format.h"
#include "src/tuning/backlog.h"

namespace onelane::inline v0 {

// What replay() reads once more.
struct detail::TraceItems {
  std::vector<std::byte> bytes;
};

namespace tuning {

// Units that a trace may have.
inline constexpr std::size_t kUnitsMax = 16'000'000;

class Walk;

// Told of everything, in order. Does nothing by itself.
class Visitor {
 public:
  Visitor() = default;
  Visitor(const Visitor&) = delete;
  Visitor& operator=(const Visitor&) = delete;
  virtual ~Visitor() = default;

  virtual void started(const trace::StartItem& /*item*/) {}
  virtual void site(const trace::SiteItem& /*item*/) {}
  virtual void budgets_set() {}                                              // see Walk::budgets()
  virtual void class_added() {}                                              // the last of them
  virtual void added(std::size_t /*klass*/, const trace::Unit& /*unit*/) {}  // the last unit
  // A unit waits behind a newer one; it has no slot of its own any more.
  virtual void put_behind(std::uint32_t /*older*/, std::uint32_t /*newer*/) {}
  // A tick that was kept took it. Once for each step of a job.
  virtual void taken(std::size_t /*klass*/, const Slot& /*slot*/) {}
  // It has no slot any more; served: a tick settled it.
  virtual void gone(std::uint32_t /*unit*/, bool /*served*/) {}
  // Before the backlogs change again. False ends the walk.
  virtual bool planned(const trace::PlanItem& /*plan*/) { return true; }
  virtual void ended(const trace::PlanItem& /*plan*/, const trace::OutcomeItem& /*outcome*/) {}
  virtual void happened(const trace::EventItem& /*event*/) {}
  virtual void stopped(const trace::EndItem& /*item*/) {}
};

class Walk {
 public:
  // Both must outlive it.
  Walk(std::span<const std::byte> items, Visitor& visitor) : in_(items), visitor_(visitor) {}

  // ok, or invalid_argument: the items make no sense.
  Status run();

  const Budgets& budgets() const { return budgets_; }
  std::size_t classes() const { return classes_.size(); }
  const Backlog& backlog(std::size_t klass) const { return classes_[klass].backlog; }
  std::uint32_t units() const { return units_; }  // so far; the last has the number below
  std::uint32_t last_unit() const { return units_ - 1; }

 private:
  struct Class {
    trace::ChangesIn changes;
    Backlog backlog;
    // Of the last tick, until its slots are squeezed: what it planned, and what of that it left.
    struct Range {
      std::uint64_t first = 0;
      std::uint64_t end = 0;
    };
    std::vector<Range> planned, left;
  };

  bool step(const trace::Framed& item);
  bool set_class(const trace::ClassItem& item);
  bool change(std::size_t klass, const trace::Change& change);
  bool clear(std::size_t klass, const trace::Change& change);
  bool fits(const trace::PlanItem& plan) const;
  bool fits(const trace::OutcomeItem& outcome) const;
  void settle(const trace::OutcomeItem& outcome);
  template <class Item>
  bool take(const trace::Framed& framed, Item& item);

  trace::In in_;
  Visitor& visitor_;
  trace::Stamp stamp_;
  bool started_ = false;
  bool has_tick_ = false;
  bool over_ = false;  // the visitor has seen enough
  Budgets budgets_;
  std::vector<Class> classes_;
  std::uint32_t units_ = 0;
  bool pending_ = false;  // plan_ waits for its outcome
  trace::PlanItem plan_;
};

}  // namespace tuning
}  // namespace onelane::inline v0
