// What goes into the next tick, and when to end it early: two pure functions. They use no clock, no
// randomness, no I/O and integers only, so the same inputs give the same result on any machine.
// README.md, beside this file, has the rules and derives the worst wait.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "onelane/clock.h"
#include "onelane/options.h"
#include "onelane/stats.h"

namespace onelane::inline v0::schedule {

// What a staged unit asks for. A unit that was cancelled meanwhile has 0 records and 0 bytes.
struct Unit {
  std::uint64_t bytes = 0;
  std::uint32_t records = 0;
  bool closes_slice = false;  // a job's step: no unit of its class may follow in the same tick
  TimePoint pushed{};
};

// The options of a class that planning needs. Where the class's own budget was 0, `budget` has the
// tick's.
struct Share {
  Guarantee guarantee;
  Budget budget;
  std::uint32_t weight = 1;
  Duration max_delay{0};
  Duration gather{0};
};

// Of a class with these options, in a journal whose ticks have this budget.
Share share_of(const ClassOptions& options, const Budget& tick);

// Learned costs, as integers. Picoseconds, because a byte can cost less than a nanosecond.
struct LinearCost {
  std::uint64_t per_record_ps = 0;
  std::uint64_t per_byte_ps = 0;
};
struct Costs {
  std::vector<LinearCost> classes;    // of the statements of each class
  LinearCost commit;                  // the part of COMMIT that grows with what the tick wrote
  std::uint64_t commit_fixed_ps = 0;  // the fixed part of a tick's BEGIN and COMMIT
};

// What planning carries from one tick to the next.
struct ClassState {
  std::uint64_t head_ticks =
      0;  // ticks that a head larger than its guarantee has waited for credit
  // Positive: lane time that the class is owed by the round robin. Negative: what it owes.
  std::int64_t balance_ps = 0;
  // The class's last shared unit. A debt is at most that unit's price.
  std::uint64_t last_bytes = 0;
  std::uint32_t last_records = 0;
  // What the last plan charged for the class's shared slice, less refunds.
  std::uint64_t charged_ps = 0;
  // Set if the last plan took a head by credit. Once refunds have returned `cut_units` paid units,
  // the head itself is back, and its head_ticks are `cut_head_ticks` again.
  std::uint64_t cut_units = 0;
  std::uint64_t cut_head_ticks = 0;
};
struct State {
  std::vector<ClassState> classes;
};

struct Slice {
  std::uint32_t klass = 0;
  std::uint32_t first = 0;  // index into the class's backlog
  std::uint32_t count = 0;
  bool guaranteed = false;  // stop() never cuts it
};

struct Plan {
  std::vector<Slice> slices;  // guaranteed ones first; at most two a class
  TickEnd end = TickEnd::drained;
  Duration hold{0};  // the hold to pass to stop()
  State next;        // the state after the plan was carried out whole
  // Set if gathering windows keep the plan empty although there is a backlog: when the first
  // closes.
  std::optional<TimePoint> not_before;

  // Those classes, a bit each, are held back: they keep what they have saved up.
  void keep(const State& before, std::uint64_t classes) {
    for (std::size_t i = 0; i < next.classes.size(); ++i) {
      if ((classes >> i & 1) != 0) next.classes[i] = before.classes[i];
    }
  }
};

// How long the next tick may be, besides its budget.
struct Pace {
  std::uint32_t commit_percent = 0;      // JournalOptions::commit_percent; 0: as long as it may
  Duration room_hold = Duration::max();  // what the log has room for,
  Duration room_most = Duration::max();  // and the same where nobody waits for the tick
  bool patient = false;                  // nobody does
};

// Everything that a plan is made from. backlogs[i], shares[i], costs.classes[i] and
// state.classes[i] belong to class i. References need to live for the call only.
struct Inputs {
  const Budget& tick;
  std::span<const Share> shares;
  std::span<const std::span<const Unit>> backlogs;
  const Costs& costs;
  const State& state;
  TimePoint now;
  // A unit that would never fit the tick's hold beside the guarantees makes it longer, up to this.
  Duration hold_most{0};
};

// How many units at the front of the class's backlog the plan takes.
inline std::size_t planned_units(const Plan& plan, std::size_t klass) {
  std::size_t reach = 0;
  for (const Slice& slice : plan.slices) {
    if (slice.klass == klass) reach = std::max<std::size_t>(reach, slice.first + slice.count);
  }
  return reach;
}

// Plans one tick. Looks at no more of a backlog than fits the tick. If the tick is rolled back, the
// next plan starts from `inputs.state` again, not from Plan::next.
Plan plan(const Inputs& inputs);
// The same, with a hold that follows the pace; inputs.hold_most is not read. The hold is as long as
// a tick has to be against the fixed cost of its commit, but no longer than the log has room for:
// for 0, what is guaranteed, or one unit. Where nobody waits for any of it, as long as it may be.
Plan plan(const Inputs& inputs, const Pace& pace);

// What a tick has executed so far, and the unit it would execute next.
struct Progress {
  Duration elapsed{0};  // since before BEGIN
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;
  std::uint32_t next_class = 0;
  Unit next;
};

// True if the tick should COMMIT now, because executing `progress.next` first would exceed the
// hold. False as long as the tick is empty: an empty commit would serve no class. Only for shared
// slices; guaranteed ones are never cut.
bool stop(const Progress& progress, const Costs& costs, Duration hold);

// Before which units stop() is asked: the first, and each time that a 128th of the hold was
// predicted since. Before each unit it would cost as much as a good part of the rest.
class Asking {
 public:
  explicit Asking(Duration hold);
  bool before(const LinearCost& cost, const Unit& unit);

 private:
  const std::uint64_t every_ps_;
  std::uint64_t since_ps_;
};

// Gives back what the plan charged for `units` of `slice`, which were planned but not executed.
// `state` is the state after the plan. Units may be refunded in one call or several; every paid
// unit that was not executed must be refunded.
void refund(State& state, const Costs& costs, const Slice& slice, std::span<const Unit> units);

// What a plan is shortened to.
struct Limit {
  std::size_t units = 0;        // at least 1
  std::size_t first_class = 0;  // it begins with this one's guarantee, or the next one's
  std::span<const std::span<const Unit>> backlogs;  // those that were planned
  // Whether a slot of a class has a unit. Those that have none go with the unit behind them.
  std::function<bool(std::uint32_t klass, std::size_t slot)> occupied;
};

// Down to the units that earlier failures leave a tick: of the guarantees one at a time, class by
// class; then of the shared slices, in their order. What is left out is refunded. Returns the class
// to begin with next, so that none is shut out; none if no guarantee was taken.
std::optional<std::size_t> shorten(Plan& plan, const Costs& costs, const Limit& limit);

// Whether the guarantees of all classes fit the tick together: the sum over classes of
// max(records / tick.records, bytes / tick.bytes) is at most 1.
bool guarantees_fit(const Budget& tick, std::span<const Share> shares);

// The most ticks that a unit waits until it is taken, counted from the first tick that begins after
// its push. `ahead` is the sum of the units of its class before it, itself included; none of them
// has more records or bytes than `largest`. `rivals` is the number of other classes: each can delay
// a unit that is larger than its guarantee by one tick. The bound does not cover jobs, of any
// class.
std::uint64_t worst_wait_ticks(const Share& share, const Unit& ahead, const Unit& largest,
                               std::uint64_t rivals);

}  // namespace onelane::inline v0::schedule
