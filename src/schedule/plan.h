// What goes into the next tick, and when to end it early. Two pure functions: no clock, no
// randomness, no I/O, integers only; the same inputs give the same result on any machine. The
// derivation of the worst wait is in README.md beside this file.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "onelane/clock.h"
#include "onelane/options.h"
#include "onelane/stats.h"

namespace onelane::schedule {

// What a staged unit asks for. A unit that was cancelled meanwhile has 0 records and 0 bytes.
struct Unit {
  std::uint64_t bytes = 0;
  std::uint32_t records = 0;
  bool closes_slice = false;  // a job's step: nothing of its class may follow it in the same tick
  TimePoint pushed{};
};

// A class's options, as far as planning needs them; `budget` with the tick's own where it was 0.
struct Share {
  Guarantee guarantee;
  Budget budget;
  std::uint32_t weight = 1;
  Duration max_delay{0};
  Duration gather{0};
};

// Learned, in integers: picoseconds, so that a byte can cost less than a nanosecond.
struct LinearCost {
  std::uint64_t per_record_ps = 0;
  std::uint64_t per_byte_ps = 0;
};
struct Costs {
  std::vector<LinearCost> classes;    // statements, by class
  LinearCost commit;                  // COMMIT, by what the tick wrote
  std::uint64_t commit_fixed_ps = 0;  // BEGIN and COMMIT of a tick, whatever it wrote
};

// What planning carries from tick to tick.
struct ClassState {
  std::uint64_t head_ticks = 0;  // ticks the head, larger than its guarantee, has waited for credit
  // Lane time that the class is owed, by surplus round robin; negative: that it owes.
  std::int64_t balance_ps = 0;
  // Its last shared unit, whose price its debt does not exceed.
  std::uint64_t last_bytes = 0;
  std::uint32_t last_records = 0;
  // Of the last plan: what it charged for the class's shared slice, less what was refunded.
  std::uint64_t charged_ps = 0;
  // Of the last plan, if the class's units began with a head that was gathering credit: how many,
  // free ones aside, must come back for that head to come back, and what its head_ticks are then.
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
  Duration hold{0};  // what stop() holds the tick to
  State next;        // the state once the plan was carried out whole
  // No slices although there is a backlog: a gathering window is open until then.
  std::optional<TimePoint> not_before;
};

// How far into the class's backlog the plan reaches.
inline std::size_t planned_units(const Plan& plan, std::size_t klass) {
  std::size_t reach = 0;
  for (const Slice& slice : plan.slices) {
    if (slice.klass == klass) reach = std::max<std::size_t>(reach, slice.first + slice.count);
  }
  return reach;
}

// backlogs[i], shares[i], costs.classes[i] and state.classes[i] are of class i. Looks at no more of
// a backlog than fits a tick. A tick that was rolled back goes on from the state before its plan.
Plan plan(const Budget& tick, std::span<const Share> shares,
          std::span<const std::span<const Unit>> backlogs, const Costs& costs, const State& state,
          TimePoint now);

// What a tick has done so far and would do next.
struct Progress {
  Duration elapsed{0};  // since before BEGIN
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;
  std::uint32_t next_class = 0;
  Unit next;
};

// True if the tick should COMMIT now rather than take `next` in, for the hold to end in time. Never
// before the tick has done anything: an empty commit would bring nobody further. Not to be asked
// within a guaranteed slice.
bool stop(const Progress& progress, const Costs& costs, Duration hold);

// Gives back, to the state after the plan, what it had charged for units of a slice that were
// planned but not executed; all of them, free ones aside, in one call or several.
void refund(State& state, const Costs& costs, const Slice& slice, std::span<const Unit> units);

// Whether the guarantees of all classes fit the tick together: the sum over classes of
// max(records / tick.records, bytes / tick.bytes) is at most 1.
bool guarantees_fit(const Budget& tick, std::span<const Share> shares);

// The most ticks, counted from the first that begins after its push, within which a unit is taken
// that has `ahead` (itself included) of its class before it, none of them with more records or
// bytes than `largest`. `rivals` is the number of other classes: each can hold a unit that is
// larger than its guarantee up by one tick. Jobs, of any class, are outside the bound.
std::uint64_t worst_wait_ticks(const Share& share, const Unit& ahead, const Unit& largest,
                               std::uint64_t rivals);

}  // namespace onelane::schedule
