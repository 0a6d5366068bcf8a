#include "src/schedule/plan.h"

#include <algorithm>

#include "src/schedule/lane.h"
#include "src/schedule/predict.h"

namespace onelane::schedule {

namespace {

// Lane time that one round of the round robin grants, all classes together: a few records' worth
// even for one class among many, but a good deal shorter than what a tick has to share.
constexpr std::uint64_t kRoundPsMax = 200'000'000;
constexpr std::uint64_t kRoundPsMin = 2'000'000;
constexpr std::uint64_t kRoundsPerTick = 8;

// What a class is owed counts for at most its part of this many whole ticks: more than cuts ever
// leave owed where they go on, and a tenth of a hundred.
constexpr std::uint64_t kOwedTicks = 10;

// What the rest of the tick holds for a class's next unit.
enum class Room : std::uint8_t {
  now,    // it may be taken
  later,  // not beside what the tick has taken beyond the guarantees: first in the next one
  never,  // not beside this tick's guarantees
  ended,  // the class has had what it may, or has nothing left
};

class Planner {
 public:
  Planner(const Budget& tick, std::span<const Share> shares,
          std::span<const std::span<const Unit>> backlogs, const Costs& costs, const State& state,
          TimePoint now);

  Plan run();

 private:
  std::optional<TimePoint> gathering_until() const;
  bool worth_a_tick(const Lane& lane) const;

  void take_guarantees();
  void take_credit();
  std::uint64_t need(const Lane& lane) const;

  void take_shares();
  bool take_alone();
  void pay_debts(const Lane& alone);
  void set_parts();
  std::uint64_t fill_ps(const Lane& lane, const Load& taken) const;
  void order_by_owed();
  bool take_owed(std::uint32_t klass);
  bool another(const Lane& lane) const;
  std::optional<std::uint64_t> rounds_needed() const;
  void grant(std::uint64_t rounds);

  void take(Lane& lane);
  std::uint32_t alike_within(const Lane& lane, std::int64_t balance_ps) const;
  bool records_or_bytes_met() const;
  bool met() const;
  bool is_giant(const Unit& unit) const;
  std::uint64_t predicted(const Load& load) const;
  std::uint64_t predicted_with(const Load& load, const Lane& lane) const;
  Room room(const Lane& lane) const;
  std::uint64_t hold_for(const Lane& lane, const Unit& unit) const;

  TickEnd end() const;
  TickEnd refusal(const Lane& lane) const;
  Duration planned_hold() const;
  void keep_credit(std::uint32_t klass);
  void add_slices();

  std::uint32_t lane_count() const { return static_cast<std::uint32_t>(lanes_.size()); }
  std::uint32_t index_of(const Lane& lane) const {
    return static_cast<std::uint32_t>(&lane - lanes_.data());
  }

  const Budget& tick_;
  const TimePoint now_;
  const std::uint64_t hold_ps_;
  const std::uint64_t commit_fixed_ps_;

  std::vector<Lane> lanes_;
  std::vector<std::uint32_t> delayed_;       // classes with a max_delay
  std::vector<std::uint32_t> credited_;      // classes whose head is due for credit
  std::vector<std::uint32_t> turns_;         // classes that share, whoever is owed most first
  std::vector<std::uint32_t> shared_order_;  // classes in the order of their shared slices
  Load load_;
  Load guaranteed_;  // of load_, what the guarantees took
  State state_;
  Plan plan_;
};

Planner::Planner(const Budget& tick, std::span<const Share> shares,
                 std::span<const std::span<const Unit>> backlogs, const Costs& costs,
                 const State& state, TimePoint now)
    : tick_(tick),
      now_(now),
      hold_ps_(to_ps(tick.hold)),
      commit_fixed_ps_(std::min(kPsMax, costs.commit_fixed_ps)),
      state_(state) {
  lanes_.reserve(shares.size());
  for (std::uint32_t klass = 0; klass < shares.size(); ++klass) {
    lanes_.emplace_back(backlogs[klass], shares[klass], costs, klass);
    if (shares[klass].max_delay > Duration(0)) delayed_.push_back(klass);
  }
}

Plan Planner::run() {
  plan_.not_before = gathering_until();
  if (!plan_.not_before) {
    take_guarantees();
    take_credit();
    guaranteed_ = load_;
    for (Lane& lane : lanes_) {
      lane.guaranteed = lane.taken;
      lane.recall(state_.classes[index_of(lane)]);
    }
    if (!met()) take_shares();
    plan_.end = end();
    for (std::uint32_t klass = 0; klass < lane_count(); ++klass) {
      keep_credit(klass);
      lanes_[klass].keep(state_.classes[klass]);
    }
    add_slices();
  }
  plan_.hold = planned_hold();
  plan_.next = std::move(state_);
  return std::move(plan_);
}

// Until when every class with a backlog would rather gather more.
std::optional<TimePoint> Planner::gathering_until() const {
  std::optional<TimePoint> until;
  for (const Lane& lane : lanes_) {
    if (lane.exhausted()) continue;
    const Duration delay = lane.share.max_delay;
    const Duration window =
        delay > Duration(0) ? std::min(lane.share.gather, delay) : lane.share.gather;
    const bool open = window > Duration(0) && now_ - lane.next().pushed < window;
    if (!open || worth_a_tick(lane)) return std::nullopt;
    const TimePoint due = lane.next().pushed + window;
    until = until ? std::min(*until, due) : due;
  }
  return until;
}

// Whether waiting longer could not make the class's part of a tick larger.
bool Planner::worth_a_tick(const Lane& lane) const {
  const std::uint64_t records = std::min(tick_.records, lane.share.budget.records);
  const std::uint64_t bytes = std::min(tick_.bytes, lane.share.budget.bytes);
  Load staged;
  for (const Unit& unit : lane.backlog) {
    staged.add(unit, 0);
    if (staged.records >= records || staged.bytes >= bytes) return true;
  }
  return false;
}

void Planner::take_guarantees() {
  for (Lane& lane : lanes_) {
    while (lane.next_is_guaranteed()) take(lane);
  }
}

// Heads larger than their guarantee, once they have waited for enough of it: whoever is due longest
// goes first. The guarantees fit the tick, so at least one of them passes; see README.md.
void Planner::take_credit() {
  const auto waited = [this](std::uint32_t klass) {
    return state_.classes[klass].head_ticks - need(lanes_[klass]);
  };
  for (std::uint32_t klass = 0; klass < lane_count(); ++klass) {
    ClassState& state = state_.classes[klass];
    if (!lanes_[klass].gathers()) {
      state.head_ticks = 0;
    } else if (++state.head_ticks >= need(lanes_[klass])) {
      credited_.push_back(klass);
    }
  }
  std::sort(credited_.begin(), credited_.end(), [&](std::uint32_t a, std::uint32_t b) {
    return waited(a) != waited(b) ? waited(a) > waited(b) : a < b;
  });
  for (const std::uint32_t klass : credited_) {
    if (records_or_bytes_met()) break;
    take(lanes_[klass]);
  }
}

std::uint64_t Planner::need(const Lane& lane) const {
  return ticks_of_credit(lane.next(), lane.guarantee);
}

// Surplus round robin: whoever is owed something takes units, the last of which may leave a debt
// for the next round. A round grants every class lane time by weight; rounds in which nobody would
// get out of debt are granted at once. Whoever is owed most, by weight, goes first: also in the
// tick, so that cuts do not always hit the same class.
void Planner::take_shares() {
  if (take_alone()) return;
  set_parts();
  for (;;) {
    order_by_owed();
    for (const std::uint32_t klass : turns_) {
      if (!take_owed(klass)) return;
    }
    const std::optional<std::uint64_t> rounds = rounds_needed();
    if (!rounds) return;
    grant(*rounds);
  }
}

// Where only one class is left with a backlog, there is nobody to share with: it takes what there
// is room for, is charged nothing, and neither owes nor is owed anything. True if so.
bool Planner::take_alone() {
  Lane* alone = nullptr;
  for (Lane& lane : lanes_) {
    if (lane.exhausted()) continue;
    if (alone != nullptr) return false;
    alone = &lane;
  }
  if (alone == nullptr) return true;
  alone->balance_ps = 0;
  if (room(*alone) != Room::now) return true;
  shared_order_.push_back(index_of(*alone));
  do {
    alone->take_alike(alike_within(*alone, signed_ps(kPsMax)), load_);
    take(*alone);
  } while (!met() && (another(*alone) || room(*alone) == Room::now));
  pay_debts(*alone);
  return true;
}

// While a class has the lane to itself, the others work off what they owe as if it were granted
// rounds.
void Planner::pay_debts(const Lane& alone) {
  const std::uint64_t taken_ps = load_.hold_ps - std::min(load_.hold_ps, guaranteed_.hold_ps);
  for (Lane& lane : lanes_) {
    if (&lane != &alone) lane.pay(times_ps(taken_ps, lane.weight()) / alone.weight());
  }
}

// What this tick has to share at least, and what a whole one would have at most: of the hold, or
// until records or bytes are met by the cheapest, or the dearest, of the next units. One of these
// may be longer than the hold.
void Planner::set_parts() {
  std::uint64_t weights = 0;
  std::uint64_t shared_ps = hold_ps_ - std::min(hold_ps_, predicted(load_));
  std::uint64_t dearest_ps = 0, longest_ps = 0;
  for (const Lane& lane : lanes_) {
    if (lane.exhausted()) continue;
    weights += lane.weight();
    turns_.push_back(index_of(lane));
    dearest_ps = std::max(dearest_ps, fill_ps(lane, {}));
    longest_ps = std::max(longest_ps, lane.next_ps);
    if (!is_giant(lane.next())) shared_ps = std::min(shared_ps, fill_ps(lane, load_));
  }
  const std::uint64_t most_ps = std::max(longest_ps, std::min(hold_ps_, dearest_ps));
  const std::uint64_t round_ps = std::clamp(shared_ps / kRoundsPerTick, kRoundPsMin, kRoundPsMax);
  for (Lane& lane : lanes_) {
    lane.quantum_ps = std::max<std::uint64_t>(1, times_ps(round_ps, lane.weight()) / weights);
    lane.part_ps = times_ps(shared_ps, lane.weight()) / weights;
    // What it was owed among others, or by a whole tick that was cut, counts up to its part now.
    const std::uint64_t most = times_ps(most_ps, lane.weight()) / weights;
    if (hold_ps_ > 0) lane.limit_credit(times_ps(kOwedTicks, most));
  }
}

// Lane time of units like the class's next one until a tick that has taken so much meets its
// records or bytes.
std::uint64_t Planner::fill_ps(const Lane& lane, const Load& taken) const {
  const Unit& unit = lane.next();
  const std::uint64_t units =
      std::min(ceil_div(tick_.records - taken.records, std::max<std::uint64_t>(1, unit.records)),
               ceil_div(tick_.bytes - taken.bytes, std::max<std::uint64_t>(1, unit.bytes)));
  return times_ps(units, lane.next_ps);
}

void Planner::order_by_owed() {
  __extension__ using Wide = __int128;
  const auto owed_more = [this](std::uint32_t a, std::uint32_t b) {
    const Lane& one = lanes_[a];
    const Lane& other = lanes_[b];
    const Wide mine = Wide{one.balance_ps} * other.quantum_ps;
    const Wide theirs = Wide{other.balance_ps} * one.quantum_ps;
    return mine != theirs ? mine > theirs : a < b;
  };
  std::sort(turns_.begin(), turns_.end(), owed_more);
}

// False once the tick is full.
bool Planner::take_owed(std::uint32_t klass) {
  Lane& lane = lanes_[klass];
  while (room(lane) == Room::now && lane.balance_ps > 0) {
    if (lane.taken == lane.guaranteed) shared_order_.push_back(klass);
    lane.insisted |= predicted_with(load_, lane) > hold_for(lane, lane.next());
    do {
      const std::uint32_t alike = alike_within(lane, lane.balance_ps);
      lane.charge(alike + 1);
      lane.take_alike(alike, load_);
      take(lane);
      if (met()) return false;
    } while (another(lane) && lane.balance_ps > 0);
  }
  return true;
}

// room() == Room::now in the usual case, in which it is quickly told: the tick holds something, the
// unit is not larger than the tick, and no class has a max_delay.
bool Planner::another(const Lane& lane) const {
  if (!delayed_.empty() || lane.ended()) return false;
  const Unit& unit = lane.next();
  return unit.records <= tick_.records && unit.bytes <= tick_.bytes &&
         predicted_with(load_, lane) <= hold_ps_;
}

// Rounds until some class that the tick has room for is owed something, or one need not stand back
// any longer. None if the tick has room for nobody, or whoever need not stand back waits for the
// next.
std::optional<std::uint64_t> Planner::rounds_needed() const {
  std::optional<std::uint64_t> rounds;
  bool any = false;
  for (const Lane& lane : lanes_) {
    const Room left = room(lane);
    if (left == Room::ended || left == Room::never) continue;
    if (left == Room::later && lane.owed_a_part()) return std::nullopt;
    any |= left == Room::now;
    const std::int64_t wanted = left == Room::now ? 1 : signed_ps(lane.part_ps) + 1;
    const std::int64_t missing = std::max<std::int64_t>(0, wanted - lane.balance_ps);
    const std::uint64_t needed = ceil_div(static_cast<std::uint64_t>(missing), lane.quantum_ps);
    rounds = rounds ? std::min(*rounds, needed) : needed;
  }
  return any ? rounds : std::nullopt;
}

// Whoever could not use it works off its debt.
void Planner::grant(std::uint64_t rounds) {
  for (Lane& lane : lanes_) {
    const Room left = room(lane);
    const std::uint64_t granted = times_ps(rounds, lane.quantum_ps);
    left == Room::now || left == Room::later ? lane.credit(granted) : lane.pay(granted);
  }
}

void Planner::take(Lane& lane) {
  load_.add(lane.next(), lane.next_hold_ps);
  lane.take();
}

// How many units like the next one can be taken in one go before it: none of them meets a budget,
// or leaves a debt. 0 where there are few.
std::uint32_t Planner::alike_within(const Lane& lane, std::int64_t balance_ps) const {
  constexpr std::size_t kFew = 8;
  if (!delayed_.empty() || load_.empty() || !lane.alike_ahead(kFew)) return 0;
  // How many times `each` can be added to `used` such that it stays below `all`.
  const auto below = [](std::uint64_t all, std::uint64_t used,
                        std::uint64_t each) -> std::uint64_t {
    if (used >= all) return 0;
    return each == 0 ? kPsMax : (all - used - 1) / each;
  };
  const Unit& unit = lane.next();
  const Budget& own = lane.share.budget;
  const std::uint64_t many =
      std::min({ceil_div(static_cast<std::uint64_t>(balance_ps), lane.next_ps),
                below(tick_.records, load_.records, unit.records),
                below(tick_.bytes, load_.bytes, unit.bytes),
                below(hold_ps_, predicted(load_), lane.next_hold_ps),
                below(own.records, lane.used.records, unit.records),
                below(own.bytes, lane.used.bytes, unit.bytes),
                below(lane.budget_ps, lane.used.hold_ps, lane.next_hold_ps)});
  return std::max<std::uint32_t>(1, lane.count_alike(many)) - 1;
}

bool Planner::records_or_bytes_met() const {
  return load_.records >= tick_.records || load_.bytes >= tick_.bytes;
}

// An empty tick is never full, however dear a commit is.
bool Planner::met() const {
  return records_or_bytes_met() || (!load_.empty() && predicted(load_) >= hold_ps_);
}

// Larger than the tick.
bool Planner::is_giant(const Unit& unit) const {
  return unit.records > tick_.records || unit.bytes > tick_.bytes;
}

std::uint64_t Planner::predicted(const Load& load) const {
  return add_ps(load.hold_ps, commit_fixed_ps_);
}

std::uint64_t Planner::predicted_with(const Load& load, const Lane& lane) const {
  return add_ps(predicted(load), lane.next_hold_ps);
}

Room Planner::room(const Lane& lane) const {
  if (lane.ended()) return Room::ended;
  const Unit& unit = lane.next();
  const bool first = load_.records == guaranteed_.records && load_.bytes == guaranteed_.bytes;
  if (is_giant(unit) && !first) return Room::later;

  // An empty tick takes anything, or what is longer than a hold would never go.
  // Whoever stood back for more urgent ones until a whole part was owed does so no longer, or a
  // class that is overloaded and urgent would have all that there is to share.
  const std::uint64_t hold = lane.owed_a_part() ? hold_ps_ : hold_for(lane, unit);
  const bool whole = hold == hold_ps_;
  if ((whole && load_.empty()) || predicted_with(load_, lane) <= hold) return Room::now;
  const bool fits_first = guaranteed_.empty() || predicted_with(guaranteed_, lane) <= hold_ps_;
  return fits_first ? Room::later : Room::never;
}

// The hold that a unit of this class may fill: shorter than the tick's where the next unit of
// another class, more urgent than this one, would otherwise miss its max_delay.
std::uint64_t Planner::hold_for(const Lane& lane, const Unit& unit) const {
  std::uint64_t hold = hold_ps_;
  for (const std::uint32_t klass : delayed_) {
    const Lane& other = lanes_[klass];
    if (&other == &lane || other.exhausted()) continue;
    const TimePoint overdue = other.overdue_at(other.next());
    if (overdue < lane.overdue_at(unit)) hold = std::min(hold, to_ps(overdue - now_));
  }
  return hold;
}

TickEnd Planner::end() const {
  const auto exhausted = [](const Lane& lane) { return lane.exhausted(); };
  if (std::all_of(lanes_.begin(), lanes_.end(), exhausted)) return TickEnd::drained;
  if (load_.records >= tick_.records) return TickEnd::records;
  if (load_.bytes >= tick_.bytes) return TickEnd::bytes;
  if (met()) return TickEnd::hold;
  for (const Lane& lane : lanes_) {
    if (room(lane) != Room::ended) return refusal(lane);
  }
  return TickEnd::share;
}

// Why a tick that is not full had no room for the class's next unit.
TickEnd Planner::refusal(const Lane& lane) const {
  if (lane.next().records > tick_.records) return TickEnd::records;
  if (lane.next().bytes > tick_.bytes) return TickEnd::bytes;
  return predicted_with(load_, lane) <= hold_ps_ ? TickEnd::max_delay : TickEnd::hold;
}

// What the shared slices are to be held to, given what is left for the next tick.
Duration Planner::planned_hold() const {
  std::uint64_t hold = hold_ps_;
  for (const std::uint32_t klass : shared_order_) {
    const Lane& lane = lanes_[klass];
    if (lane.insisted) return to_duration(hold_ps_);
    hold = std::min(hold, hold_for(lane, lane.backlog[lane.taken - 1]));
  }
  return to_duration(hold);
}

// A gathering head that is taken has its credit noted, in case it is cut.
void Planner::keep_credit(std::uint32_t klass) {
  const Lane& lane = lanes_[klass];
  ClassState& state = state_.classes[klass];
  state.cut_units = 0;
  if (state.head_ticks == 0 || lane.used.empty()) return;
  state.cut_units = paid_units(lane.backlog.first(lane.taken));
  state.cut_head_ticks = state.head_ticks;
  state.head_ticks = 0;
}

void Planner::add_slices() {
  plan_.slices.reserve(lanes_.size() + shared_order_.size());
  for (const Lane& lane : lanes_) {
    if (lane.guaranteed == 0) continue;
    plan_.slices.push_back({.klass = index_of(lane), .count = lane.guaranteed, .guaranteed = true});
  }
  for (const std::uint32_t klass : shared_order_) {
    const Lane& lane = lanes_[klass];
    plan_.slices.push_back({.klass = klass,
                            .first = lane.guaranteed,
                            .count = lane.taken - lane.guaranteed,
                            .guaranteed = false});
  }
}

}  // namespace

Plan plan(const Budget& tick, std::span<const Share> shares,
          std::span<const std::span<const Unit>> backlogs, const Costs& costs, const State& state,
          TimePoint now) {
  return Planner(tick, shares, backlogs, costs, state, now).run();
}

}  // namespace onelane::schedule
