// What goes into a tick: the plan of it, the units that are selected, and what was learned about
// their cost. Everything here is the baton holder's, with the lanes' lock. What needs memory may
// throw std::bad_alloc before anything is taken.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "onelane/clock.h"
#include "onelane/options.h"
#include "src/commit/committer.h"
#include "src/engine/attribution.h"
#include "src/engine/lanes.h"
#include "src/engine/log_keeper.h"
#include "src/engine/recovery.h"
#include "src/schedule/costs.h"
#include "src/schedule/pauses.h"
#include "src/schedule/plan.h"
#include "src/schedule/step_time.h"

namespace onelane::inline v0::engine {

// The thread that runs a tick. A caller that lends its thread runs no job, and no tick that is
// predicted to take longer than its patience.
struct Runner {
  bool lends_thread = false;
  std::optional<Duration> patience;
};

class Selection {
 public:
  // Both must outlive it.
  Selection(const Lanes& lanes, const Recovery& recovery, const JournalOptions& options)
      : lanes_(lanes),
        recovery_(recovery),
        tick_budget_(options.tick),
        commit_percent_(options.drive == Drive::thread ? options.commit_percent : 0) {}
  // ok, or why its guarantee does not fit beside those of the others. Adding needs no memory for a
  // class that was prepared for.
  Status prepare(const ClassLane& lane);
  void add_class(const ClassLane& lane) noexcept;

  // Between two ticks. What the classes are owed or owe, and what was learned, stays: the next plan
  // limits it by the new values. may_set: ok, or why the guarantees would not fit the tick.
  Status may_set(const ClassLane& lane, const schedule::Share& share);
  void set(std::size_t klass, const schedule::Share& share) noexcept;
  Status may_set_tick(const Budget& tick) const;
  void set_tick(const Budget& tick) noexcept { tick_budget_ = tick; }
  const Budget& tick() const { return tick_budget_; }

  // Of what is staged: of the quarantined class whose turn it is, or of all others; where ticks are
  // paced, of those that do not pause. As long as a tick has to be against the fixed cost of its
  // commit, but no longer than the log has room for: for 0, what is guaranteed, or one unit. Where
  // nobody waits for any of it, as long as it may be, once the log has all of its room.
  schedule::Plan plan(const Room& room, TimePoint now);
  // What the last plan was made from, besides the staged units, for a trace.
  struct PlannedFrom {
    TimePoint now;
    Room room;
    bool patient = false;
    std::size_t first_class = 0;
    std::uint64_t held_back = 0;  // classes that paused or rested, a bit each
  };
  const PlannedFrom& planned_from() const { return planned_from_; }
  // How many units of the class it was shown, and whether its gathering window counted.
  std::size_t shown(std::size_t klass) const { return backlogs_[klass].size(); }
  bool gathered(std::size_t klass) const { return shares_[klass].gather > Duration(0); }
  // The plan's units, in order: work().
  void select(const schedule::Plan& plan);
  std::span<commit::Work> work() const { return work_; }
  // What the last plan left out, and why: by class, for the disk or for its own windows.
  Rest rest() const { return {.paused = held_back_, .resting = resting_}; }
  // Whether the selected units are too much for this runner.
  bool declines(const Runner& runner) const;
  // By class, what a job's step may take of the hold.
  std::span<const Duration> step_times(const schedule::Plan& plan);
  // When the tick ends early. Refers to the plan.
  commit::StopRule stop_rule(const schedule::Plan& plan) const;

  // After a commit. The plan's state, less what was planned but left; at the costs it was planned
  // with, and so before learn().
  void keep_state(const schedule::Plan& plan);
  void learn(const schedule::Plan& plan, const commit::TickResult& result);
  // The classes of the last commit, which began then, pause: its like has room after so long. Once.
  void pause(TimePoint from, Duration pause);

 private:
  bool pauses(std::size_t klass, TimePoint now) const { return now < pauses_.until(klass); }
  bool rests(std::size_t klass, TimePoint now) const {
    return now < rests_until(klass) && lanes_[klass].may_rest();
  }
  TimePoint rests_until(std::size_t klass) const {
    return last_took_[klass] + lanes_[klass].settings.options().interval;
  }
  std::optional<TimePoint> collect(const Room& room, TimePoint now);
  bool hold_back(std::size_t klass);
  bool nobody_waits() const;
  bool all_gather() const;
  void shorten(schedule::Plan& plan);
  Duration predict() const;

  const Lanes& lanes_;
  const Recovery& recovery_;
  Budget tick_budget_;
  const std::uint32_t commit_percent_;
  schedule::CostModel costs_;
  schedule::State state_;
  std::vector<schedule::Share> shares_;
  schedule::Pauses pauses_;
  std::uint64_t held_back_ = 0;       // the classes that paused in the last plan, as bits
  std::uint64_t resting_ = 0;         // and those that an interval or a window kept waiting
  std::vector<Duration> spent_;       // by class, in the last commit
  std::vector<TimePoint> last_took_;  // by class: when the last tick began that took of it
  // The class that a shortened tick begins with, and the one after it.
  std::size_t first_class_ = 0;
  std::size_t next_first_class_ = 0;
  PlannedFrom planned_from_;

  std::vector<std::span<const schedule::Unit>> backlogs_;  // scratch
  std::vector<Duration> step_times_;                       // scratch
  std::vector<commit::Work> work_slots_;                   // scratch, as many as ever were needed
  std::span<commit::Work> work_;                           // of these, the tick's
};

}  // namespace onelane::inline v0::engine
