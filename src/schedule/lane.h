// One class while a tick is being planned: what it has, may have and has been given.
#pragma once

#include <cstdint>
#include <span>

#include "src/schedule/plan.h"
#include "src/schedule/predict.h"

namespace onelane::schedule {

struct Load {
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;
  std::uint64_t hold_ps = 0;  // of the hold, what comes of these records and bytes

  void add(const Unit& unit, std::uint64_t unit_hold_ps) {
    records += unit.records;
    bytes += unit.bytes;
    hold_ps = add_ps(hold_ps, unit_hold_ps);
  }
  bool empty() const { return records == 0 && bytes == 0; }
};

struct Lane {
  Lane(std::span<const Unit> units, const Share& options, const Costs& costs, std::uint32_t klass)
      : backlog(units),
        share(options),
        cost(costs.classes[klass]),
        commit_cost(costs.commit),
        guarantee(effective_guarantee(options)),
        budget_ps(to_ps(options.budget.hold)) {
    weigh_next();
  }

  bool exhausted() const { return taken == backlog.size(); }
  const Unit& next() const { return backlog[taken]; }
  // Nothing of the class may follow in this tick.
  bool ended() const {
    return exhausted() || closed || used.records >= share.budget.records ||
           used.bytes >= share.budget.bytes || used.hold_ps >= budget_ps;
  }

  // Whether the next unit belongs to this tick's guarantee.
  bool next_is_guaranteed() const {
    return !exhausted() && !closed && next().records <= guarantee.records - used.records &&
           next().bytes <= guarantee.bytes - used.bytes;
  }
  // After the guarantee was taken: whether the class waits for credit for its head.
  bool gathers() const { return !exhausted() && !closed && used.empty(); }

  // When a unit is as old as the class's max_delay; never, without one.
  TimePoint overdue_at(const Unit& unit) const {
    const bool never =
        share.max_delay <= Duration(0) || unit.pushed > TimePoint::max() - share.max_delay;
    return never ? TimePoint::max() : unit.pushed + share.max_delay;
  }

  // Free units go along with what is before them.
  void take() {
    used.add(next(), next_hold_ps);
    do {
      closed = next().closes_slice;
      ++taken;
    } while (!closed && !exhausted() && is_free(next()));
    weigh_next();
  }

  // Whether the next unit is followed by so many like it, at a glance.
  bool alike_ahead(std::size_t units) const {
    return taken + units < backlog.size() && like_next(backlog[taken + units]);
  }
  bool like_next(const Unit& unit) const {
    return unit.records == weighed.records && unit.bytes == weighed.bytes && !unit.closes_slice &&
           !is_free(unit);
  }
  // How many units from the next on are like it, at most `most`.
  std::uint32_t count_alike(std::uint64_t most) const {
    const std::uint64_t end = std::min<std::uint64_t>(backlog.size(), taken + most);
    std::uint32_t at = taken;
    while (at < end && like_next(backlog[at])) ++at;
    return at - taken;
  }
  // Takes fewer than count_alike(): the next one is like them.
  void take_alike(std::uint32_t units, Load& load) {
    for (Load* each : {&used, &load}) {
      each->records += units * std::uint64_t{next().records};
      each->bytes += units * next().bytes;
      each->hold_ps = add_ps(each->hold_ps, units * next_hold_ps);
    }
    taken += units;
  }

  // --- What it owes or is owed.

  std::uint64_t weight() const { return std::max<std::uint64_t>(1, share.weight); }
  // Whether a class that had to stand back, for a unit that does not fit or is less urgent, has
  // done so for as long as it may.
  bool owed_a_part() const { return balance_ps > signed_ps(part_ps); }
  // A debt that is not worth its unit any more, since costs are learned, is less now.
  void recall(const ClassState& state) {
    last = {.bytes = state.last_bytes, .records = state.last_records};
    balance_ps = std::max(state.balance_ps, -signed_ps(unit_ps(cost, last)));
  }
  // A class that runs out loses what it is owed, and keeps what it owes.
  void keep(ClassState& state) const {
    state.balance_ps = exhausted() ? std::min<std::int64_t>(0, balance_ps) : balance_ps;
    state.charged_ps = charged_ps;
    state.last_bytes = last.bytes;
    state.last_records = last.records;
  }
  void credit(std::uint64_t ps) { balance_ps = add_balance(balance_ps, signed_ps(ps)); }
  void limit_credit(std::uint64_t ps) { balance_ps = std::min(balance_ps, signed_ps(ps)); }
  // Works off a debt, and no more.
  void pay(std::uint64_t ps) {
    if (balance_ps < 0)
      balance_ps = std::min<std::int64_t>(0, add_balance(balance_ps, signed_ps(ps)));
  }
  // For so many units like the next one.
  void charge(std::uint32_t units) {
    const std::uint64_t price = times_ps(units, next_ps);
    balance_ps = add_balance(balance_ps, -signed_ps(price));
    charged_ps = add_ps(charged_ps, price);
    last = next();
  }

  void weigh_next() {
    if (exhausted()) return;
    if (next().records == weighed.records && next().bytes == weighed.bytes) return;
    weighed = next();
    next_ps = unit_ps(cost, next());
    next_hold_ps = add_ps(next_ps, linear_ps(commit_cost, next().records, next().bytes));
  }

  std::span<const Unit> backlog;
  const Share& share;
  LinearCost cost;
  LinearCost commit_cost;
  Guarantee guarantee;
  std::uint64_t budget_ps;
  std::int64_t balance_ps = 0;     // lane time that it is owed; negative: that it owes
  std::uint64_t quantum_ps = 0;    // what a round of the round robin adds to it
  std::uint64_t part_ps = 0;       // its part, by weight, of all that the tick has to share
  std::uint64_t charged_ps = 0;    // for its shared slice
  Unit last;                       // of shared slices
  Unit weighed;                    // the next unit, or one of its size
  std::uint64_t next_ps = 0;       // statements of the next unit
  std::uint64_t next_hold_ps = 0;  // and its part of COMMIT
  Load used;
  std::uint32_t guaranteed = 0;  // units of the guaranteed slice
  std::uint32_t taken = 0;       // units of both slices
  bool closed = false;           // by a unit that ends its class's tick
  bool insisted = false;         // took a unit though more urgent ones wait: a part was owed
};

}  // namespace onelane::schedule
