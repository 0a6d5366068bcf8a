#include "src/schedule/plan.h"

#include <algorithm>

#include "src/schedule/lane.h"
#include "src/schedule/predict.h"

namespace onelane::schedule {

namespace {

// Lane time that one round of the round robin grants, all classes together: a good deal shorter
// than a hold, and a few records' worth even for one class among many.
constexpr std::uint64_t kRoundPs = 200'000'000;

// What the rest of the tick holds for a class's next unit.
enum class Room : std::uint8_t {
  now,    // it may be taken
  later,  // it would have been, were it not for what the tick took beyond guarantees: first next
          // time
  never,  // not beside this tick's guarantees
  ended,  // the class has had what it may, or has nothing left
};

std::uint64_t paid_units(std::span<const Unit> units) {
  return static_cast<std::uint64_t>(
      std::count_if(units.begin(), units.end(), [](const Unit& unit) { return !is_free(unit); }));
}

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
  void set_quanta();
  bool take_owed(std::uint32_t klass);
  bool another(const Lane& lane) const;
  bool take_alone();
  std::uint64_t rounds_needed() const;
  void grant(std::uint64_t rounds);

  void take(Lane& lane);
  std::uint32_t alike_within(const Lane& lane, std::uint64_t owed_ps) const;
  bool records_or_bytes_met() const;
  bool met() const;
  std::uint64_t predicted(const Load& load) const;
  std::uint64_t predicted_with(const Load& load, const Lane& lane) const;
  Room room(const Lane& lane) const;
  std::uint64_t hold_for(const Lane& lane, const Unit& unit) const;

  TickEnd end() const;
  TickEnd refusal(const Lane& lane) const;
  Duration planned_hold() const;
  void keep_credit(std::uint32_t klass);
  void keep_turn();
  void add_slices();

  std::uint32_t lane_count() const { return static_cast<std::uint32_t>(lanes_.size()); }
  std::uint32_t in_turn(std::uint32_t step) const { return (state_.turn + step) % lane_count(); }
  std::uint64_t deficit(const Lane& lane) const {
    return static_cast<std::uint64_t>(state_.classes[index_of(lane)].deficit_ps);
  }
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
  std::vector<std::uint32_t> shared_order_;  // classes in the order of their shared slices
  Load load_;
  Load guaranteed_;             // of load_, what the guarantees took
  std::uint32_t after_served_;  // whose turn it is in the next round
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
      after_served_(state.turn),
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
    for (Lane& lane : lanes_) lane.guaranteed = lane.taken;
    if (!met()) take_shares();
    plan_.end = end();
    for (std::uint32_t klass = 0; klass < lane_count(); ++klass) keep_credit(klass);
    keep_turn();
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
    state_.classes[klass].head_ticks = 0;
  }
}

std::uint64_t Planner::need(const Lane& lane) const {
  return ticks_of_credit(lane.next(), lane.guarantee);
}

// Deficit round robin. A round grants every class that could still use it lane time by weight; then
// each class in turn takes what its deficit pays for. Rounds in which no class could afford its
// next unit are granted at once. What a class is owed when the tick ends, it takes first in the
// next.
void Planner::take_shares() {
  if (take_alone()) return;
  set_quanta();
  for (;;) {
    for (std::uint32_t step = 0; step < lane_count(); ++step) {
      if (!take_owed(in_turn(step))) return;
    }
    const std::uint64_t rounds = rounds_needed();
    if (rounds == 0) return;
    grant(rounds);
  }
}

// Where only one class is left with a backlog, there is nobody to share with: it takes what there
// is room for. True if so.
bool Planner::take_alone() {
  Lane* alone = nullptr;
  for (Lane& lane : lanes_) {
    if (lane.exhausted()) continue;
    if (alone != nullptr) return false;
    alone = &lane;
  }
  if (alone == nullptr || room(*alone) != Room::now) return true;
  shared_order_.push_back(index_of(*alone));
  do {
    alone->take_alike(alike_within(*alone, kPsMax), load_);
    take(*alone);
  } while (!met() && (another(*alone) || room(*alone) == Room::now));
  return true;
}

void Planner::set_quanta() {
  const auto weight = [](const Lane& lane) -> std::uint64_t {
    return lane.exhausted() ? 0 : std::max<std::uint64_t>(1, lane.share.weight);
  };
  std::uint64_t weights = 0;
  for (const Lane& lane : lanes_) weights += weight(lane);
  for (Lane& lane : lanes_) {
    if (weights == 0) continue;
    lane.quantum_ps = std::max<std::uint64_t>(1, times_ps(kRoundPs, weight(lane)) / weights);
  }
}

// False once the tick is full.
bool Planner::take_owed(std::uint32_t klass) {
  Lane& lane = lanes_[klass];
  ClassState& state = state_.classes[klass];
  while (room(lane) == Room::now && deficit(lane) >= lane.next_ps) {
    if (lane.taken == lane.guaranteed) shared_order_.push_back(klass);
    after_served_ = (klass + 1) % lane_count();
    do {
      const std::uint32_t alike = alike_within(lane, deficit(lane));
      state.deficit_ps -= static_cast<std::int64_t>((alike + 1) * lane.next_ps);
      lane.take_alike(alike, load_);
      take(lane);
      if (met()) return false;
    } while (another(lane) && deficit(lane) >= lane.next_ps);
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

// Rounds until some class can afford a unit that the tick has room for; 0 if there is no such
// class.
std::uint64_t Planner::rounds_needed() const {
  std::uint64_t rounds = 0;
  for (const Lane& lane : lanes_) {
    if (room(lane) != Room::now) continue;
    const std::uint64_t wanted = ceil_div(lane.next_ps - deficit(lane), lane.quantum_ps);
    rounds = rounds == 0 ? wanted : std::min(rounds, wanted);
  }
  return rounds;
}

void Planner::grant(std::uint64_t rounds) {
  state_.turn = after_served_;
  for (std::uint32_t klass = 0; klass < lane_count(); ++klass) {
    const Room left = room(lanes_[klass]);
    if (left != Room::now && left != Room::later) continue;
    const std::uint64_t granted = times_ps(rounds, lanes_[klass].quantum_ps);
    state_.classes[klass].deficit_ps =
        static_cast<std::int64_t>(add_ps(deficit(lanes_[klass]), granted));
  }
}

void Planner::take(Lane& lane) {
  load_.add(lane.next(), lane.next_hold_ps);
  lane.take();
}

// How many units like the next one can be taken in one go before it: none of them meets a budget,
// and what is owed pays for all. 0 where there are few.
std::uint32_t Planner::alike_within(const Lane& lane, std::uint64_t owed_ps) const {
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
      std::min({owed_ps / lane.next_ps, below(tick_.records, load_.records, unit.records),
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

std::uint64_t Planner::predicted(const Load& load) const {
  return add_ps(load.hold_ps, commit_fixed_ps_);
}

std::uint64_t Planner::predicted_with(const Load& load, const Lane& lane) const {
  return add_ps(predicted(load), lane.next_hold_ps);
}

Room Planner::room(const Lane& lane) const {
  if (lane.ended()) return Room::ended;
  const Unit& unit = lane.next();
  const bool giant = unit.records > tick_.records || unit.bytes > tick_.bytes;
  const bool first = load_.records == guaranteed_.records && load_.bytes == guaranteed_.bytes;
  if (giant && !first) return Room::later;

  // An empty tick takes anything, or what is longer than a hold would never go.
  const std::uint64_t hold = hold_for(lane, unit);
  const bool whole = hold == hold_ps_;
  if ((whole && load_.empty()) || predicted_with(load_, lane) <= hold) return Room::now;
  const bool fits_first =
      (whole && guaranteed_.empty()) || predicted_with(guaranteed_, lane) <= hold;
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
    hold = std::min(hold, hold_for(lane, lane.backlog[lane.taken - 1]));
  }
  return to_duration(hold);
}

// A gathering head that goes by the shared slice has its credit noted, in case it is cut.
void Planner::keep_credit(std::uint32_t klass) {
  const Lane& lane = lanes_[klass];
  ClassState& state = state_.classes[klass];
  state.cut_units = 0;
  if (lane.exhausted()) state.deficit_ps = 0;
  if (state.head_ticks == 0 || lane.taken == lane.guaranteed) return;
  const auto shared = lane.backlog.subspan(lane.guaranteed, lane.taken - lane.guaranteed);
  state.cut_units = paid_units(shared);
  state.cut_head_ticks = state.head_ticks;
  state.head_ticks = 0;
}

// The first in turn that is still owed something it could take keeps the turn.
void Planner::keep_turn() {
  for (std::uint32_t step = 0; step < lane_count(); ++step) {
    const Lane& lane = lanes_[in_turn(step)];
    const Room left = room(lane);
    if (left == Room::ended || left == Room::never || deficit(lane) < lane.next_ps) continue;
    state_.turn = in_turn(step);
    return;
  }
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

bool stop(const Progress& progress, const Costs& costs, Duration hold) {
  if (progress.records == 0 && progress.bytes == 0) return false;
  const Unit& next = progress.next;
  std::uint64_t ps = to_ps(progress.elapsed);
  ps = add_ps(ps, unit_ps(costs.classes[progress.next_class], next));
  ps = add_ps(ps, commit_ps(costs, progress.records + next.records, progress.bytes + next.bytes));
  return ps > to_ps(hold);
}

void refund(State& state, const Costs& costs, std::uint32_t klass, std::span<const Unit> units) {
  ClassState& of = state.classes[klass];
  for (const Unit& unit : units) {
    const std::uint64_t owed = static_cast<std::uint64_t>(of.deficit_ps);
    of.deficit_ps = static_cast<std::int64_t>(add_ps(owed, unit_ps(costs.classes[klass], unit)));
  }
  if (of.cut_units == 0) return;
  of.cut_units -= std::min(of.cut_units, paid_units(units));
  if (of.cut_units == 0) of.head_ticks = of.cut_head_ticks;
}

}  // namespace onelane::schedule
