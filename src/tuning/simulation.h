// One prediction: the recorded pushes, the same planning, a virtual clock.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <queue>
#include <span>
#include <vector>

#include "onelane/trace.h"
#include "src/schedule/plan.h"
#include "src/tuning/backlog.h"
#include "src/tuning/disk.h"
#include "src/tuning/planner.h"
#include "src/tuning/predictor.h"
#include "src/tuning/samples.h"
#include "src/tuning/sources.h"

namespace onelane::inline v0::tuning {

class Simulation {
 public:
  // The trace and the budgets must outlive it; samples and sources are as they were at its begin.
  struct From {
    const Trace& trace;
    const Samples& samples;
    const Sources& sources;
  };
  Simulation(const From& from, const Budgets& budgets, const Chance& chance);
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

  bool is_over() const { return left_ == 0 || now_ >= horizon_; }
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
  Samples samples_;
  Disk disk_;
  Sources sources_;
  Planner planner_;
  std::vector<Class> classes_;
  std::vector<double> step_ns_;  // of the next tick, by class
  std::vector<Unit> units_;
  std::vector<std::uint32_t> free_;
  std::priority_queue<Leaving> leaving_;
  std::vector<std::span<const schedule::Unit>> backlogs_;
  TimePoint now_;
  TimePoint horizon_;
  std::uint64_t left_ = 0;  // pushes and ticks, until it has taken long enough
  bool idle_ = true;

  Replay out_;
};

}  // namespace onelane::inline v0::tuning
