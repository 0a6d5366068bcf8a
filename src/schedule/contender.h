// One class while a tick is planned: its backlog, its limits, and what it has been given so far.
#pragma once

#include <cstdint>
#include <span>

#include "src/schedule/plan.h"
#include "src/schedule/predict.h"

namespace onelane::inline v0::schedule {

struct Load {
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;
  std::uint64_t hold_ps = 0;  // statements, and COMMIT's part per record and byte

  void add(const Unit& unit, std::uint64_t unit_hold_ps) {
    records += unit.records;
    bytes += unit.bytes;
    hold_ps = add_ps(hold_ps, unit_hold_ps);
  }
  bool empty() const { return records == 0 && bytes == 0; }
};

struct Contender {
  Contender(std::span<const Unit> units, const Share& options, const Costs& costs,
            std::uint32_t klass)
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
  // No unit of the class may follow in this tick.
  bool ended() const {
    return exhausted() || closed || used.records >= share.budget.records ||
           used.bytes >= share.budget.bytes || used.hold_ps >= budget_ps;
  }

  // Whether the next unit belongs to this tick's guarantee.
  bool next_is_guaranteed() const {
    return !exhausted() && !closed && next().records <= guarantee.records - used.records &&
           next().bytes <= guarantee.bytes - used.bytes;
  }
  // After the guarantees: whether the head, larger than its guarantee, must wait for credit.
  bool head_needs_credit() const { return !exhausted() && !closed && used.empty(); }

  // When the unit is as old as the class's max_delay; TimePoint::max() without one.
  TimePoint overdue_at(const Unit& unit) const {
    const bool never =
        share.max_delay <= Duration(0) || unit.pushed > TimePoint::max() - share.max_delay;
    return never ? TimePoint::max() : unit.pushed + share.max_delay;
  }

  // Takes the next unit, and the free units right behind it.
  void take() {
    used.add(next(), next_hold_ps);
    do {
      closed = next().closes_slice;
      ++taken;
    } while (!closed && !exhausted() && is_free(next()));
    weigh_next();
  }

  // --- The balance: what the class owes or is owed.

  std::uint64_t weight() const { return std::max<std::uint64_t>(1, share.weight); }
  // A class stands back while its unit does not fit or is less urgent than another's; it does so no
  // longer once it is owed its part of a tick.
  bool owed_a_part() const { return balance_ps > signed_ps(part_ps); }
  // A debt shrinks with the predicted price of the unit that led to it.
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
  // Works off a debt; never leaves the class with a claim.
  void pay(std::uint64_t ps) {
    if (balance_ps >= 0) return;
    balance_ps = std::min<std::int64_t>(0, add_balance(balance_ps, signed_ps(ps)));
  }
  // Charges the next unit.
  void charge() {
    balance_ps = add_balance(balance_ps, -signed_ps(next_ps));
    charged_ps = add_ps(charged_ps, next_ps);
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
  std::int64_t balance_ps = 0;     // positive: lane time the class is owed; negative: what it owes
  std::uint64_t quantum_ps = 0;    // what one round of the round robin adds to the balance
  std::uint64_t part_ps = 0;       // the class's part, by weight, of what the tick can share
  std::uint64_t charged_ps = 0;    // for the shared slice
  Unit last;                       // the last shared unit
  Unit weighed;                    // the unit that next_ps and next_hold_ps were computed for
  std::uint64_t next_ps = 0;       // predicted statements of the next unit
  std::uint64_t next_hold_ps = 0;  // next_ps, and COMMIT's part for the unit
  Load used;
  std::uint32_t guaranteed = 0;  // units of the guaranteed slice
  std::uint32_t taken = 0;       // units of both slices
  bool closed = false;           // the last unit taken has closes_slice
  bool insisted = false;         // owed its part, it took a unit although more urgent ones wait
};

}  // namespace onelane::inline v0::schedule
