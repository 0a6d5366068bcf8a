#include "src/schedule/plan.h"

#include <algorithm>
#include <limits>

#include "src/model/limits.h"
#include "src/schedule/contender.h"
#include "src/schedule/predict.h"

namespace onelane::inline v0::schedule {

namespace {

// Lane time that one round of the round robin grants to all classes together. It is worth a few
// records even to one class among many, and much shorter than what a tick has to share.
constexpr std::uint64_t kRoundPsMax = 200'000'000;
constexpr std::uint64_t kRoundPsMin = 2'000'000;
constexpr std::uint64_t kRoundsPerTick = 8;
static_assert(0 < kRoundPsMin && kRoundPsMin <= kRoundPsMax);
static_assert(kRoundPsMax <= kPsMax / model::kWeightMax, "a round by weight does not saturate");

// What a class is owed counts up to its part of this many whole ticks. Repeated cuts never leave
// more owed than that, and it is a tenth of the hundred ticks over which shares are compared.
constexpr std::uint64_t kOwedTicks = 10;
static_assert(model::kHoldMax.count() * kPsPerNs <= kPsMax / model::kWeightMax / kOwedTicks,
              "what the longest hold makes a class be owed, by weight, does not saturate");

// What a tick is longer by than the unit for which it is made longer was predicted to need.
constexpr std::uint64_t kSpareParts = 8;

// A slice counts units, and a unit records, in 32 bits.
static_assert(2 * model::kCapacityRecordsMax <= std::numeric_limits<std::uint32_t>::max());

// Whether the tick has room for a class's next unit.
enum class Room : std::uint8_t {
  now,    // the unit may be taken
  later,  // it would fit beside the guarantees, but not beside what was shared since: next tick
  never,  // it does not fit beside this tick's guarantees
  ended,  // the class has reached its own budget, or has nothing left that may follow
};

class Planner {
 public:
  explicit Planner(const Inputs& inputs);

  Plan run();

 private:
  std::optional<TimePoint> gathering_until() const;
  bool worth_a_tick(const Contender& contender) const;

  void take_guarantees();
  void take_credit();
  void make_room_for_heads();
  std::uint64_t need(const Contender& contender) const;

  void take_shares();
  bool take_alone();
  void pay_debts(const Contender& alone);
  void set_parts();
  std::uint64_t fill_ps(const Contender& contender, const Load& taken) const;
  void order_by_owed();
  bool take_owed(std::uint32_t klass);
  std::optional<std::uint64_t> rounds_needed() const;
  void grant(std::uint64_t rounds);

  void take(Contender& contender);
  bool records_or_bytes_met() const;
  bool met() const;
  bool shares_begun() const;
  bool is_giant(const Unit& unit) const;
  std::uint64_t predicted(const Load& load) const;
  std::uint64_t predicted_with(const Load& load, const Contender& contender) const;
  Room room(const Contender& contender) const;
  // The hold that this unit may fill; inline, because most journals have no max_delay.
  std::uint64_t hold_for(const Contender& contender, const Unit& unit) const {
    return delayed_.empty() ? hold_ps_ : hold_beside_delayed(contender, unit);
  }
  std::uint64_t hold_beside_delayed(const Contender& contender, const Unit& unit) const;

  TickEnd end() const;
  TickEnd refusal(const Contender& contender) const;
  Duration planned_hold() const;
  void keep_credit(std::uint32_t klass);
  void add_slices();

  std::uint32_t class_count() const { return static_cast<std::uint32_t>(contenders_.size()); }
  std::uint32_t index_of(const Contender& contender) const {
    return static_cast<std::uint32_t>(&contender - contenders_.data());
  }

  const Budget& tick_;
  const TimePoint now_;
  std::uint64_t hold_ps_;
  const std::uint64_t hold_most_ps_;
  const std::uint64_t commit_fixed_ps_;

  std::vector<Contender> contenders_;
  std::vector<std::uint32_t> delayed_;       // classes with a max_delay
  std::vector<std::uint32_t> credited_;      // classes whose head is due for credit
  std::vector<std::uint32_t> turns_;         // classes that share, the one that is owed most first
  std::vector<std::uint32_t> shared_order_;  // classes in the order of their shared slices
  Load load_;
  Load guaranteed_;  // of load_, what the guarantees took
  State state_;
  Plan plan_;
};

Planner::Planner(const Inputs& inputs)
    : tick_(inputs.tick),
      now_(inputs.now),
      hold_ps_(to_ps(tick_.hold)),
      hold_most_ps_(to_ps(inputs.hold_most)),
      commit_fixed_ps_(std::min(kPsMax, inputs.costs.commit_fixed_ps)),
      state_(inputs.state) {
  const auto classes = static_cast<std::uint32_t>(inputs.shares.size());
  contenders_.reserve(classes);
  for (std::uint32_t klass = 0; klass < classes; ++klass) {
    const Share& share = inputs.shares[klass];
    contenders_.emplace_back(inputs.backlogs[klass], share, inputs.costs, klass);
    if (share.max_delay > Duration(0)) delayed_.push_back(klass);
  }
}

Plan Planner::run() {
  plan_.not_before = gathering_until();
  if (!plan_.not_before) {
    take_guarantees();
    take_credit();
    guaranteed_ = load_;
    for (Contender& contender : contenders_) {
      contender.guaranteed = contender.taken;
      contender.recall(state_.classes[index_of(contender)]);
    }
    make_room_for_heads();
    if (!met()) take_shares();
    plan_.end = end();
    for (std::uint32_t klass = 0; klass < class_count(); ++klass) {
      keep_credit(klass);
      contenders_[klass].keep(state_.classes[klass]);
    }
    add_slices();
  }
  plan_.hold = planned_hold();
  plan_.next = std::move(state_);
  return std::move(plan_);
}

// Until when the gathering window of every class with a backlog is open; nullopt if one has closed.
std::optional<TimePoint> Planner::gathering_until() const {
  std::optional<TimePoint> until;
  for (const Contender& contender : contenders_) {
    if (contender.exhausted()) continue;
    const Duration delay = contender.share.max_delay;
    const Duration window =
        delay > Duration(0) ? std::min(contender.share.gather, delay) : contender.share.gather;
    const bool open = window > Duration(0) && now_ - contender.next().pushed < window;
    if (!open || worth_a_tick(contender)) return std::nullopt;
    const TimePoint due = contender.next().pushed + window;
    until = until ? std::min(*until, due) : due;
  }
  return until;
}

// Whether the class has staged a whole budget's worth: waiting cannot make its slice larger.
bool Planner::worth_a_tick(const Contender& contender) const {
  const std::uint64_t records = std::min(tick_.records, contender.share.budget.records);
  const std::uint64_t bytes = std::min(tick_.bytes, contender.share.budget.bytes);
  Load staged;
  for (const Unit& unit : contender.backlog) {
    staged.add(unit, 0);
    if (staged.records >= records || staged.bytes >= bytes) return true;
  }
  return false;
}

void Planner::take_guarantees() {
  for (Contender& contender : contenders_) {
    while (contender.next_is_guaranteed()) take(contender);
  }
}

// Takes heads that are larger than their guarantee and have waited long enough for credit. The head
// that is due longest goes first. Guarantees fit the tick, so at least one head passes (README.md).
void Planner::take_credit() {
  const auto waited = [this](std::uint32_t klass) {
    return state_.classes[klass].head_ticks - need(contenders_[klass]);
  };
  for (std::uint32_t klass = 0; klass < class_count(); ++klass) {
    ClassState& state = state_.classes[klass];
    if (!contenders_[klass].head_needs_credit()) {
      state.head_ticks = 0;
    } else if (++state.head_ticks >= need(contenders_[klass])) {
      credited_.push_back(klass);
    }
  }
  std::sort(credited_.begin(), credited_.end(), [&](std::uint32_t a, std::uint32_t b) {
    return waited(a) != waited(b) ? waited(a) > waited(b) : a < b;
  });
  for (const std::uint32_t klass : credited_) {
    if (records_or_bytes_met()) break;
    take(contenders_[klass]);
  }
}

// Else a class whose units are longer than the hold would have its credit only, and not its share.
// With some to spare: stop() counts BEGIN, too, and would cut what runs a little longer.
void Planner::make_room_for_heads() {
  std::uint64_t dearest_ps = 0;
  for (const Contender& contender : contenders_) {
    if (contender.ended()) continue;
    const std::uint64_t ps = predicted_with(guaranteed_, contender);
    if (ps > hold_ps_ && ps <= hold_most_ps_) dearest_ps = std::max(dearest_ps, ps);
  }
  if (dearest_ps == 0) return;
  const std::uint64_t spare_ps = add_ps(commit_fixed_ps_, dearest_ps / kSpareParts);
  hold_ps_ = std::min(hold_most_ps_, add_ps(dearest_ps, spare_ps));
}

std::uint64_t Planner::need(const Contender& contender) const {
  return ticks_of_credit(contender.next(), contender.guarantee);
}

// Surplus round robin. A class that is owed lane time takes units, and the last of them may leave
// it in debt. A round grants every class lane time by weight; rounds that would leave every class
// in debt are granted in one step. The class that is owed most, by weight, goes first, in the
// tick's order as well: so cuts do not always hit the same class.
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

// If only one class has a backlog left, it takes whatever the tick has room for. It is charged
// nothing, and it neither owes nor is owed anything afterwards. False if several must share.
bool Planner::take_alone() {
  Contender* alone = nullptr;
  for (Contender& contender : contenders_) {
    if (contender.exhausted()) continue;
    if (alone != nullptr) return false;
    alone = &contender;
  }
  if (alone == nullptr) return true;
  alone->balance_ps = 0;
  if (room(*alone) != Room::now) return true;
  shared_order_.push_back(index_of(*alone));
  do {
    take(*alone);
  } while (!met() && room(*alone) == Room::now);
  pay_debts(*alone);
  return true;
}

// What one class takes alone counts as rounds: the others work off their debts by them.
void Planner::pay_debts(const Contender& alone) {
  const std::uint64_t taken_ps = load_.hold_ps - std::min(load_.hold_ps, guaranteed_.hold_ps);
  for (Contender& contender : contenders_) {
    if (&contender == &alone) continue;
    contender.pay(times_ps(taken_ps, contender.weight()) / alone.weight());
  }
}

// Computes each class's quantum and part from what this tick can share, and limits what it is owed.
// `shared_ps` is the least that this tick has to share: the rest of its hold, or the lane time
// until the cheapest of the next units meet its records or bytes. `most_ps` is the most that a
// whole tick has: the same for an empty tick and the dearest units, but never less than the longest
// of them.
void Planner::set_parts() {
  std::uint64_t weights = 0;
  std::uint64_t shared_ps = hold_ps_ - std::min(hold_ps_, predicted(load_));
  std::uint64_t dearest_ps = 0, longest_ps = 0;
  for (const Contender& contender : contenders_) {
    if (contender.exhausted()) continue;
    weights += contender.weight();
    turns_.push_back(index_of(contender));
    dearest_ps = std::max(dearest_ps, fill_ps(contender, {}));
    longest_ps = std::max(longest_ps, contender.next_ps);
    if (!is_giant(contender.next())) shared_ps = std::min(shared_ps, fill_ps(contender, load_));
  }
  const std::uint64_t most_ps = std::max(longest_ps, std::min(hold_ps_, dearest_ps));
  const std::uint64_t round_ps = std::clamp(shared_ps / kRoundsPerTick, kRoundPsMin, kRoundPsMax);
  for (Contender& contender : contenders_) {
    contender.quantum_ps =
        std::max<std::uint64_t>(1, times_ps(round_ps, contender.weight()) / weights);
    contender.part_ps = times_ps(shared_ps, contender.weight()) / weights;
    // What the class was owed among others, or after cuts, counts up to its part among these.
    const std::uint64_t most = times_ps(most_ps, contender.weight()) / weights;
    if (hold_ps_ > 0) contender.limit_credit(times_ps(kOwedTicks, most));
  }
}

// Lane time until units like the class's next one meet the records or bytes of a tick that has
// already taken `taken`.
std::uint64_t Planner::fill_ps(const Contender& contender, const Load& taken) const {
  const Unit& unit = contender.next();
  const std::uint64_t units =
      std::min(ceil_div(tick_.records - taken.records, std::max<std::uint64_t>(1, unit.records)),
               ceil_div(tick_.bytes - taken.bytes, std::max<std::uint64_t>(1, unit.bytes)));
  return times_ps(units, contender.next_ps);
}

void Planner::order_by_owed() {
  __extension__ using Wide = __int128;
  const auto owed_more = [this](std::uint32_t a, std::uint32_t b) {
    const Contender& one = contenders_[a];
    const Contender& other = contenders_[b];
    const Wide mine = Wide{one.balance_ps} * other.quantum_ps;
    const Wide theirs = Wide{other.balance_ps} * one.quantum_ps;
    return mine != theirs ? mine > theirs : a < b;
  };
  std::sort(turns_.begin(), turns_.end(), owed_more);
}

// Takes units of the class while it is owed lane time. False once the tick is full.
bool Planner::take_owed(std::uint32_t klass) {
  Contender& contender = contenders_[klass];
  while (contender.balance_ps > 0 && room(contender) == Room::now) {
    if (contender.taken == contender.guaranteed) shared_order_.push_back(klass);
    contender.insisted |= predicted_with(load_, contender) > hold_for(contender, contender.next());
    contender.charge();
    take(contender);
    if (met()) return false;
  }
  return true;
}

// How many rounds it takes until a class that the tick has room for is owed something, or until a
// class that stands back is owed its part. nullopt ends the tick: it has room for no class, or a
// class that is owed its part waits for the next tick.
std::optional<std::uint64_t> Planner::rounds_needed() const {
  std::optional<std::uint64_t> rounds;
  bool any = false;
  for (const Contender& contender : contenders_) {
    const Room left = room(contender);
    if (left == Room::ended || left == Room::never) continue;
    if (left == Room::later && contender.owed_a_part()) return std::nullopt;
    any |= left == Room::now;
    const std::int64_t wanted = left == Room::now ? 1 : signed_ps(contender.part_ps) + 1;
    const std::int64_t missing = std::max<std::int64_t>(0, wanted - contender.balance_ps);
    const std::uint64_t needed =
        ceil_div(static_cast<std::uint64_t>(missing), contender.quantum_ps);
    rounds = rounds ? std::min(*rounds, needed) : needed;
  }
  return any ? rounds : std::nullopt;
}

// A class that cannot use what it is granted works off its debt.
void Planner::grant(std::uint64_t rounds) {
  for (Contender& contender : contenders_) {
    const Room left = room(contender);
    const std::uint64_t granted = times_ps(rounds, contender.quantum_ps);
    left == Room::now || left == Room::later ? contender.credit(granted) : contender.pay(granted);
  }
}

void Planner::take(Contender& contender) {
  load_.add(contender.next(), contender.next_hold_ps);
  contender.take();
}

bool Planner::records_or_bytes_met() const {
  return load_.records >= tick_.records || load_.bytes >= tick_.bytes;
}

// Whether the tick is full. An empty tick never is, however dear a commit.
bool Planner::met() const {
  return records_or_bytes_met() || (!load_.empty() && predicted(load_) >= hold_ps_);
}

// Whether the tick has taken more than its guarantees.
bool Planner::shares_begun() const {
  return load_.records != guaranteed_.records || load_.bytes != guaranteed_.bytes;
}

// Larger than the tick.
bool Planner::is_giant(const Unit& unit) const {
  return unit.records > tick_.records || unit.bytes > tick_.bytes;
}

std::uint64_t Planner::predicted(const Load& load) const {
  return add_ps(load.hold_ps, commit_fixed_ps_);
}

std::uint64_t Planner::predicted_with(const Load& load, const Contender& contender) const {
  return add_ps(predicted(load), contender.next_hold_ps);
}

Room Planner::room(const Contender& contender) const {
  if (contender.ended()) return Room::ended;
  const Unit& unit = contender.next();
  if (is_giant(unit) && shares_begun()) return Room::later;

  // A class that is owed its part no longer stands back for more urgent units: otherwise a class
  // that is overloaded and urgent would take all there is to share. An empty tick takes any unit:
  // otherwise one longer than a hold would never go.
  const std::uint64_t hold = contender.owed_a_part() ? hold_ps_ : hold_for(contender, unit);
  if (predicted_with(load_, contender) <= hold || (hold == hold_ps_ && load_.empty()))
    return Room::now;
  const std::uint64_t most = std::max(hold_ps_, hold_most_ps_);  // as the head of the next tick
  const bool fits_first = guaranteed_.empty() || predicted_with(guaranteed_, contender) <= most;
  return fits_first ? Room::later : Room::never;
}

// Shorter than the tick's hold if another class's next unit is more urgent and would otherwise miss
// its max_delay.
std::uint64_t Planner::hold_beside_delayed(const Contender& contender, const Unit& unit) const {
  std::uint64_t hold = hold_ps_;
  for (const std::uint32_t klass : delayed_) {
    const Contender& other = contenders_[klass];
    if (&other == &contender || other.exhausted()) continue;
    const TimePoint overdue = other.overdue_at(other.next());
    if (overdue < contender.overdue_at(unit)) hold = std::min(hold, to_ps(overdue - now_));
  }
  return hold;
}

TickEnd Planner::end() const {
  const auto exhausted = [](const Contender& contender) { return contender.exhausted(); };
  if (std::all_of(contenders_.begin(), contenders_.end(), exhausted)) return TickEnd::drained;
  if (load_.records >= tick_.records) return TickEnd::records;
  if (load_.bytes >= tick_.bytes) return TickEnd::bytes;
  if (met()) return TickEnd::hold;
  for (const Contender& contender : contenders_) {
    if (room(contender) != Room::ended) return refusal(contender);
  }
  return TickEnd::share;
}

// Why a tick that is not full had no room for the class's next unit.
TickEnd Planner::refusal(const Contender& contender) const {
  if (contender.next().records > tick_.records) return TickEnd::records;
  if (contender.next().bytes > tick_.bytes) return TickEnd::bytes;
  return predicted_with(load_, contender) <= hold_ps_ ? TickEnd::max_delay : TickEnd::hold;
}

// What stop() holds the shared slices to, given the units that are left for the next tick.
Duration Planner::planned_hold() const {
  std::uint64_t hold = hold_ps_;
  for (const std::uint32_t klass : shared_order_) {
    const Contender& contender = contenders_[klass];
    if (contender.insisted) return to_duration(hold_ps_);
    hold = std::min(hold, hold_for(contender, contender.backlog[contender.taken - 1]));
  }
  return to_duration(hold);
}

// Notes the credit of a head that was taken by it, in case the head is cut.
void Planner::keep_credit(std::uint32_t klass) {
  const Contender& contender = contenders_[klass];
  ClassState& state = state_.classes[klass];
  state.cut_units = 0;
  if (state.head_ticks == 0 || contender.used.empty()) return;
  state.cut_units = paid_units(contender.backlog.first(contender.taken));
  state.cut_head_ticks = state.head_ticks;
  state.head_ticks = 0;
}

void Planner::add_slices() {
  plan_.slices.reserve(contenders_.size() + shared_order_.size());
  for (const Contender& contender : contenders_) {
    if (contender.guaranteed == 0) continue;
    plan_.slices.push_back(
        {.klass = index_of(contender), .count = contender.guaranteed, .guaranteed = true});
  }
  for (const std::uint32_t klass : shared_order_) {
    const Contender& contender = contenders_[klass];
    plan_.slices.push_back({.klass = klass,
                            .first = contender.guaranteed,
                            .count = contender.taken - contender.guaranteed,
                            .guaranteed = false});
  }
}

}  // namespace

Plan plan(const Inputs& inputs) { return Planner(inputs).run(); }

Plan plan(const Inputs& inputs, const Pace& pace) {
  const auto& [budget, shares, backlogs, costs, state, now, unread] = inputs;
  const Duration room = pace.patient ? pace.room_most : pace.room_hold;
  const Duration wanted = pace.patient
                              ? budget.hold
                              : hold_for(costs.commit_fixed_ps, pace.commit_percent, budget.hold);
  Budget tick = budget;
  tick.hold = std::min(room, wanted);
  return plan({tick, shares, backlogs, costs, state, now, std::min(room, budget.hold)});
}

}  // namespace onelane::inline v0::schedule
