// What holds of every plan, over random classes, backlogs, costs and states; and of every wait,
// over simulated runs against adversarial rivals. A failure names its seed.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <deque>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "src/schedule/plan.h"
#include "src/schedule/predict.h"

namespace onelane::schedule {
namespace {

constexpr TimePoint kStart{std::chrono::hours(1)};

class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}
  std::uint64_t upto(std::uint64_t most) { return engine_() % (most + 1); }
  std::uint64_t between(std::uint64_t least, std::uint64_t most) {
    return least + upto(most - least);
  }
  bool one_in(std::uint64_t n) { return upto(n - 1) == 0; }
  // Small and large numbers alike.
  std::uint64_t scaled(std::uint64_t most) { return upto(most >> upto(10)); }

 private:
  std::mt19937_64 engine_;
};

// Everything that a plan is made from.
struct Case {
  Budget tick;
  std::vector<Share> shares;
  std::vector<std::vector<Unit>> backlogs;
  Costs costs;
  State state;
  TimePoint now = kStart;

  std::size_t classes() const { return shares.size(); }
  Plan make() const {
    const std::vector<std::span<const Unit>> spans(backlogs.begin(), backlogs.end());
    return plan({tick, shares, spans, costs, state, now});
  }
};

// Classes whose guarantees fit the tick, often exactly.
void add_classes(Case& it, Random& random) {
  const std::uint64_t count = random.between(1, 6);
  it.tick = {.records = random.between(count, 400),
             .bytes = random.between(4096, 100'000),
             .hold = std::chrono::microseconds(random.between(50, 2000))};
  for (std::uint64_t i = 0; i < count; ++i) {
    Share share{.guarantee = {.records = random.between(1, it.tick.records / count),
                              .bytes = random.between(1, it.tick.bytes / count)},
                .budget = it.tick};
    if (random.one_in(3)) share.guarantee.records = it.tick.records / count;
    if (random.one_in(3)) share.guarantee.bytes = it.tick.bytes / count;
    share.weight = static_cast<std::uint32_t>(random.one_in(4) ? random.between(1, 1000)
                                                               : random.between(1, 4));
    it.shares.push_back(share);
    it.costs.classes.push_back(
        {.per_record_ps = random.scaled(20'000'000), .per_byte_ps = random.scaled(2000)});
    it.state.classes.emplace_back();
    it.backlogs.emplace_back();
  }
  it.costs.commit = {.per_record_ps = random.scaled(300'000), .per_byte_ps = random.scaled(1000)};
  it.costs.commit_fixed_ps = random.scaled(500'000'000);
}

Unit any_unit(const Case& it, std::size_t klass, Random& random) {
  const Guarantee& guarantee = it.shares[klass].guarantee;
  const auto sized = [&](std::uint64_t records, std::uint64_t bytes) {
    return Unit{.bytes = random.between(1, bytes),
                .records = static_cast<std::uint32_t>(random.between(1, records))};
  };
  switch (random.upto(9)) {
    case 0:
      return {};
    case 1:
      return sized(2 * it.tick.records, 2 * it.tick.bytes);
    case 2:
      return {.bytes = guarantee.bytes + 1, .records = 1};
    case 3:
      return sized(2 * guarantee.records, 2 * guarantee.bytes);
    case 4:
      return {.bytes = 1, .records = static_cast<std::uint32_t>(guarantee.records)};
    case 5:
      return sized(guarantee.records, guarantee.bytes);
    default:
      return sized(guarantee.records / 8 + 1, guarantee.bytes / 8 + 1);
  }
}

Case any_case(Random& random) {
  Case it;
  add_classes(it, random);
  for (std::size_t klass = 0; klass < it.classes(); ++klass) {
    Share& share = it.shares[klass];
    if (random.one_in(4)) share.budget.records = random.between(1, it.tick.records);
    if (random.one_in(4)) share.budget.bytes = random.between(1, it.tick.bytes);
    if (random.one_in(8)) share.budget.hold = it.tick.hold / 4;
    if (random.one_in(4)) share.max_delay = std::chrono::microseconds(random.upto(5000));
    if (random.one_in(8)) share.gather = std::chrono::microseconds(random.upto(1000));
    ClassState& state = it.state.classes[klass];
    if (random.one_in(2)) state.head_ticks = random.upto(8);
    if (random.one_in(2)) {
      state.balance_ps = static_cast<std::int64_t>(random.scaled(500'000'000));
      if (random.one_in(3)) state.balance_ps = -state.balance_ps;
      state.last_records = static_cast<std::uint32_t>(random.scaled(100));
    }
    const std::uint64_t units = random.one_in(4) ? 0 : random.scaled(60);
    for (std::uint64_t i = 0; i < units; ++i) {
      Unit unit = any_unit(it, klass, random);
      unit.closes_slice = random.one_in(40);
      unit.pushed = kStart - std::chrono::microseconds(6000 - 100 * i);
      it.backlogs[klass].push_back(unit);
    }
  }
  return it;
}

struct Sum {
  std::uint64_t records = 0, bytes = 0, ps = 0, units = 0;
  void add(const Unit& unit, const LinearCost& cost) {
    records += unit.records;
    bytes += unit.bytes;
    ps += unit_ps(cost, unit);
    units += !is_free(unit);
  }
};

// A plan taken apart; what the rules say about it is computed here a second time.
struct Look {
  const Case& it;
  const Plan& plan;
  std::vector<std::uint32_t> guaranteed, taken;
  std::vector<Sum> of;  // by class
  Sum all, by_guarantee;

  Look(const Case& of_case, const Plan& of_plan)
      : it(of_case),
        plan(of_plan),
        guaranteed(it.classes()),
        taken(it.classes()),
        of(it.classes()) {
    for (const Slice& slice : plan.slices) {
      for (const Unit& unit :
           std::span(it.backlogs[slice.klass]).subspan(slice.first, slice.count)) {
        of[slice.klass].add(unit, it.costs.classes[slice.klass]);
        all.add(unit, it.costs.classes[slice.klass]);
        if (slice.guaranteed) by_guarantee.add(unit, it.costs.classes[slice.klass]);
      }
      (slice.guaranteed ? guaranteed : taken)[slice.klass] = slice.count;
    }
    for (std::size_t klass = 0; klass < it.classes(); ++klass) taken[klass] += guaranteed[klass];
  }

  std::uint64_t predicted(const Sum& sum) const {
    return sum.ps + commit_ps(it.costs, sum.records, sum.bytes);
  }
  bool records_or_bytes_met(const Sum& sum) const {
    return sum.records >= it.tick.records || sum.bytes >= it.tick.bytes;
  }
  // The head that decides about guarantee or credit: the first unit that is not free.
  std::size_t head(std::size_t klass) const {
    const auto& backlog = it.backlogs[klass];
    std::size_t at = 0;
    while (at < backlog.size() && is_free(backlog[at])) {
      if (backlog[at++].closes_slice) return backlog.size();
    }
    return at;
  }
  std::uint64_t need(std::size_t klass) const {
    const std::size_t at = head(klass);
    if (at == it.backlogs[klass].size()) return 0;
    return ticks_of_credit(it.backlogs[klass][at], effective_guarantee(it.shares[klass]));
  }
  bool gathers(std::size_t klass) const { return need(klass) > 1; }
  bool credited(std::size_t klass) const {
    return gathers(klass) && guaranteed[klass] > head(klass);
  }
  // Closed by a unit, or at its own budget.
  bool may_go_on(std::size_t klass) const {
    const auto& backlog = it.backlogs[klass];
    const Budget& budget = it.shares[klass].budget;
    const Sum& sum = of[klass];
    if (taken[klass] == backlog.size()) return false;
    if (taken[klass] > 0 && backlog[taken[klass] - 1].closes_slice) return false;
    const auto commit =
        sum.records * it.costs.commit.per_record_ps + sum.bytes * it.costs.commit.per_byte_ps;
    return sum.records < budget.records && sum.bytes < budget.bytes &&
           sum.ps + commit < to_ps(budget.hold);
  }
  // Another class has a more urgent unit left.
  std::uint64_t hold_for(std::size_t klass, const Unit& unit) const {
    const auto due = [&](std::size_t of_class, const Unit& of_unit) {
      const Duration delay = it.shares[of_class].max_delay;
      return delay > Duration(0) ? of_unit.pushed + delay : TimePoint::max();
    };
    std::uint64_t hold = to_ps(it.tick.hold);
    for (std::size_t other = 0; other < it.classes(); ++other) {
      if (other == klass || taken[other] == it.backlogs[other].size()) continue;
      const TimePoint theirs = due(other, it.backlogs[other][taken[other]]);
      if (theirs < due(klass, unit)) hold = std::min(hold, to_ps(theirs - it.now));
    }
    return hold;
  }
};

void slices_are_runs_from_the_head(const Look& look) {
  bool shared = false;
  std::vector<int> seen(look.it.classes());
  for (const Slice& slice : look.plan.slices) {
    EXPECT_GT(slice.count, 0U);
    EXPECT_FALSE(slice.guaranteed && shared) << "guaranteed slices come first";
    shared = !slice.guaranteed;
    const int bit = slice.guaranteed ? 1 : 2;
    EXPECT_EQ(seen[slice.klass] & bit, 0) << "one slice of a kind";
    seen[slice.klass] |= bit;
    EXPECT_EQ(slice.first, slice.guaranteed ? 0 : look.guaranteed[slice.klass]);
    EXPECT_LE(slice.first + slice.count, look.it.backlogs[slice.klass].size());
  }
}

// How many units go when the one at `index` does: free ones go along with what is before them.
std::uint32_t with_free_units(const std::vector<Unit>& backlog, std::uint32_t index) {
  while (!backlog[index++].closes_slice && index < backlog.size() && is_free(backlog[index])) {
  }
  return index;
}

void every_class_gets_its_guarantee(const Look& look) {
  for (std::size_t klass = 0; klass < look.it.classes(); ++klass) {
    const Guarantee guarantee = effective_guarantee(look.it.shares[klass]);
    Sum sum;
    std::uint32_t expected = 0;
    for (const Unit& unit : look.it.backlogs[klass]) {
      sum.add(unit, {});
      if (sum.records > guarantee.records || sum.bytes > guarantee.bytes) break;
      ++expected;
      if (unit.closes_slice) break;
    }
    if (look.credited(klass)) expected = with_free_units(look.it.backlogs[klass], expected);
    EXPECT_EQ(look.guaranteed[klass], expected) << "class " << klass;
  }
}

void every_large_head_gets_its_credit(const Look& look) {
  std::uint64_t due = 0, served = 0, waited_of_served = UINT64_MAX, waited_of_left = 0;
  for (std::size_t klass = 0; klass < look.it.classes(); ++klass) {
    const ClassState& next = look.plan.next.classes[klass];
    if (!look.gathers(klass)) {
      EXPECT_EQ(next.head_ticks, 0U);
      continue;
    }
    const std::uint64_t ticks = look.it.state.classes[klass].head_ticks + 1;
    EXPECT_EQ(next.head_ticks, look.taken[klass] > look.head(klass) ? 0U : ticks);
    if (ticks < look.need(klass)) {
      EXPECT_FALSE(look.credited(klass)) << "class " << klass << " has not gathered enough";
      continue;
    }
    ++due;
    const std::uint64_t waited = ticks - look.need(klass);
    if (look.credited(klass)) {
      ++served;
      waited_of_served = std::min(waited_of_served, waited);
    } else {
      waited_of_left = std::max(waited_of_left, waited);
      EXPECT_TRUE(look.records_or_bytes_met(look.by_guarantee)) << "class " << klass;
    }
  }
  EXPECT_TRUE(due == 0 || served > 0);
  EXPECT_LE(waited_of_left, waited_of_served) << "who is due longest goes first";
}

// The last that is not free.
const Unit& last_unit(const Look& look, const Slice& slice) {
  const auto& backlog = look.it.backlogs[slice.klass];
  std::size_t at = slice.first + slice.count - 1;
  while (at > slice.first && is_free(backlog[at])) --at;
  return backlog[at];
}

// Taking one unit away again, some last one of a slice, is enough to be below every budget of
// records and bytes.
void no_budget_is_exceeded_by_more_than_a_unit(const Look& look) {
  bool within = look.plan.slices.empty();
  for (const Slice& slice : look.plan.slices) {
    const Unit& last = last_unit(look, slice);
    const std::uint64_t records = look.all.records - last.records;
    const std::uint64_t bytes = look.all.bytes - last.bytes;
    within |= records < look.it.tick.records && bytes < look.it.tick.bytes;
  }
  within |= look.all.records <= look.it.tick.records && look.all.bytes <= look.it.tick.bytes;
  EXPECT_TRUE(within);

  const bool shares = std::any_of(look.plan.slices.begin(), look.plan.slices.end(),
                                  [](const Slice& slice) { return !slice.guaranteed; });
  if (shares && look.all.units > 1) {
    EXPECT_LE(look.predicted(look.all), to_ps(look.it.tick.hold));
  }
}

void no_class_exceeds_its_own_budget_by_more_than_a_unit(const Look& look) {
  for (const Slice& slice : look.plan.slices) {
    if (slice.guaranteed) continue;
    const auto& backlog = look.it.backlogs[slice.klass];
    const Budget& budget = look.it.shares[slice.klass].budget;
    Sum sum = look.of[slice.klass];
    const Unit& last = last_unit(look, slice);
    EXPECT_LT(sum.records - last.records, budget.records);
    EXPECT_LT(sum.bytes - last.bytes, budget.bytes);
    EXPECT_LT(sum.ps - unit_ps(look.it.costs.classes[slice.klass], last), to_ps(budget.hold));
    for (const Unit& unit : std::span(backlog).subspan(0, look.taken[slice.klass] - 1)) {
      EXPECT_FALSE(unit.closes_slice);
    }
  }
}

bool larger_than_the_tick(const Look& look, const Unit& unit) {
  return unit.records > look.it.tick.records || unit.bytes > look.it.tick.bytes;
}

void a_unit_larger_than_the_tick_goes_with_guarantees_only(const Look& look) {
  Sum shared;
  bool giant = false;
  for (const Slice& slice : look.plan.slices) {
    if (slice.guaranteed) continue;
    const auto& backlog = look.it.backlogs[slice.klass];
    for (const Unit& unit : std::span(backlog).subspan(slice.first, slice.count)) {
      shared.add(unit, {});
      giant |= larger_than_the_tick(look, unit);
    }
  }
  EXPECT_TRUE(!giant || shared.units == 1);
}

// A class that is owed more than its next unit, which does not fit: it goes first in the next tick.
bool somebody_stands_back(const Look& look) {
  for (std::size_t klass = 0; klass < look.it.classes(); ++klass) {
    if (look.may_go_on(klass) && look.plan.next.classes[klass].balance_ps > 0) return true;
  }
  return false;
}

// If a tick is not full, nothing is left that it had room for.
void no_room_is_left_unused(const Look& look) {
  if (look.records_or_bytes_met(look.all) || somebody_stands_back(look)) return;
  const bool nothing_shared = look.all.units == look.by_guarantee.units;
  for (std::size_t klass = 0; klass < look.it.classes(); ++klass) {
    if (!look.may_go_on(klass)) continue;
    const Unit& unit = look.it.backlogs[klass][look.taken[klass]];
    if (larger_than_the_tick(look, unit) && !nothing_shared) continue;
    const bool whole = look.hold_for(klass, unit) == to_ps(look.it.tick.hold);
    EXPECT_FALSE(whole && look.all.units == 0) << "an empty tick takes anything";
    Sum with = look.all;
    with.add(unit, look.it.costs.classes[klass]);
    const bool full = look.predicted(look.all) >= to_ps(look.it.tick.hold);
    EXPECT_TRUE(full || look.predicted(with) > look.hold_for(klass, unit)) << "class " << klass;
  }
}

void the_end_says_what_ended_it(const Look& look) {
  bool left = false, could = false;
  for (std::size_t klass = 0; klass < look.it.classes(); ++klass) {
    left |= look.taken[klass] < look.it.backlogs[klass].size();
    could |= look.may_go_on(klass);
  }
  EXPECT_EQ(look.plan.end == TickEnd::drained, !left);
  if (!left) return;
  const bool met = look.records_or_bytes_met(look.all) ||
                   (look.all.units > 0 && look.predicted(look.all) >= to_ps(look.it.tick.hold));
  EXPECT_EQ(look.plan.end == TickEnd::share, !met && !could);
}

void the_hold_leaves_room_for_what_is_urgent(const Look& look) {
  std::uint64_t hold = to_ps(look.it.tick.hold);
  for (const Slice& slice : look.plan.slices) {
    if (slice.guaranteed) continue;
    const Unit& last = look.it.backlogs[slice.klass][slice.first + slice.count - 1];
    hold = std::min(hold, look.hold_for(slice.klass, last));
  }
  if (look.plan.hold == look.it.tick.hold) return;  // so is what is owed
  EXPECT_EQ(to_ps(look.plan.hold), hold);
  if (look.plan.end != TickEnd::drained && hold < to_ps(look.it.tick.hold)) {
    EXPECT_LE(std::min(look.predicted(look.all), hold), hold);
  }
}

bool same(const Plan& a, const Plan& b) {
  const auto slice = [](const Slice& x, const Slice& y) {
    return x.klass == y.klass && x.first == y.first && x.count == y.count &&
           x.guaranteed == y.guaranteed;
  };
  const auto state = [](const ClassState& x, const ClassState& y) {
    return x.head_ticks == y.head_ticks && x.balance_ps == y.balance_ps &&
           x.last_bytes == y.last_bytes && x.last_records == y.last_records &&
           x.charged_ps == y.charged_ps && x.cut_units == y.cut_units &&
           x.cut_head_ticks == y.cut_head_ticks;
  };
  return std::equal(a.slices.begin(), a.slices.end(), b.slices.begin(), b.slices.end(), slice) &&
         a.end == b.end && a.hold == b.hold && a.not_before == b.not_before &&
         std::equal(a.next.classes.begin(), a.next.classes.end(), b.next.classes.begin(),
                    b.next.classes.end(), state);
}

// A plan depends on nothing that it does not take, but for the unit after each slice.
void only_what_fits_a_tick_is_looked_at(const Look& look) {
  Case cut = look.it;
  for (std::size_t klass = 0; klass < cut.classes(); ++klass) {
    auto& backlog = cut.backlogs[klass];
    backlog.resize(std::min<std::size_t>(backlog.size(), look.taken[klass] + 1));
    cut.shares[klass].gather = Duration(0);
  }
  EXPECT_TRUE(same(cut.make(), look.plan));
}

void check(const Case& it) {
  const Plan plan = it.make();
  EXPECT_TRUE(same(it.make(), plan)) << "the same inputs, another plan";
  if (plan.not_before) {
    EXPECT_TRUE(plan.slices.empty());
    EXPECT_GT(*plan.not_before, it.now);
    return;
  }
  const Look look(it, plan);
  slices_are_runs_from_the_head(look);
  if (::testing::Test::HasFailure()) return;
  every_class_gets_its_guarantee(look);
  every_large_head_gets_its_credit(look);
  no_budget_is_exceeded_by_more_than_a_unit(look);
  no_class_exceeds_its_own_budget_by_more_than_a_unit(look);
  a_unit_larger_than_the_tick_goes_with_guarantees_only(look);
  no_room_is_left_unused(look);
  the_end_says_what_ended_it(look);
  the_hold_leaves_room_for_what_is_urgent(look);
  only_what_fits_a_tick_is_looked_at(look);
}

TEST(SchedulerProperties, EveryPlanKeepsTheRules) {
  constexpr std::uint64_t kCases = 100'000;
  for (std::uint64_t seed = 1; seed <= kCases && !HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    check(any_case(random));
  }
}

// ---- runs of many ticks

// How a run's shared slices are carried out.
enum class Cuts : std::uint8_t { never, sometimes, always };

struct Pending {
  Unit unit;
  std::uint64_t latest_tick = 0;  // by worst_wait_ticks
  std::uint64_t head_since = 0;   // 0: not the head yet
  std::uint64_t rival_ticks = 0;  // as the head, beside a large head of another class
};

// Pushes, plans, cuts, refunds, and holds every wait against what was promised.
class Run {
 public:
  Run(std::uint64_t seed, Cuts cuts) : random_(seed), cuts_(cuts) {
    add_classes(it_, random_);
    pending_.resize(it_.classes());
    for (std::size_t klass = 0; klass < it_.classes(); ++klass) modes_.push_back(random_.upto(4));
  }

  void ticks(std::uint64_t count) {
    for (tick_ = 1; tick_ <= count && !::testing::Test::HasFailure(); ++tick_) {
      for (std::size_t klass = 0; klass < it_.classes(); ++klass) arrive(klass);
      note_heads();
      tick();
    }
  }

 private:
  // Classes differ in what they push: large units back to back, units of more than half a
  // guarantee, small ones, anything, or large and small in turn.
  Unit next_unit(std::size_t klass) {
    const Guarantee& guarantee = it_.shares[klass].guarantee;
    const auto records = static_cast<std::uint32_t>(guarantee.records);
    const Unit small{.bytes = random_.between(1, guarantee.bytes / 4 + 1), .records = 1};
    const Unit large =
        random_.one_in(2)
            ? Unit{.bytes = 1,
                   .records = records + 1 +
                              static_cast<std::uint32_t>(
                                  random_.upto(random_.one_in(3) ? 3 * records : 0))}
            : Unit{.bytes = guarantee.bytes + 1 + random_.upto(3 * guarantee.bytes), .records = 1};
    switch (modes_[klass]) {
      case 0:
        return large;
      case 1:
        return {.bytes = 1, .records = records / 2 + 1};
      case 2:
        return small;
      case 3:
        return random_.one_in(2) ? large : small;
      default:
        return any_unit(it_, klass, random_);
    }
  }

  void arrive(std::size_t klass) {
    auto& queue = pending_[klass];
    if (queue.size() > 12 || random_.one_in(3)) return;
    for (std::uint64_t i = random_.upto(random_.one_in(4) ? 6 : 2); i > 0; --i) {
      Unit unit = next_unit(klass);
      unit.pushed = it_.now;
      queue.push_back({.unit = unit});
      promise(klass);
    }
  }

  void promise(std::size_t klass) {
    Unit ahead, largest;
    for (const Pending& each : pending_[klass]) {
      ahead.records += each.unit.records;
      ahead.bytes += each.unit.bytes;
      largest.records = std::max(largest.records, each.unit.records);
      largest.bytes = std::max(largest.bytes, each.unit.bytes);
    }
    const std::uint64_t wait =
        worst_wait_ticks(it_.shares[klass], ahead, largest, it_.classes() - 1);
    pending_[klass].back().latest_tick = tick_ + wait - 1;
  }

  // The first unit that is not free is the head.
  Pending* head(std::size_t klass) {
    for (Pending& each : pending_[klass]) {
      if (!is_free(each.unit)) return &each;
    }
    return nullptr;
  }
  bool large(const Pending& each, std::size_t klass) const {
    const Guarantee& guarantee = it_.shares[klass].guarantee;
    return each.unit.records > guarantee.records || each.unit.bytes > guarantee.bytes;
  }

  void note_heads() {
    std::vector<Pending*> large_heads;
    for (std::size_t klass = 0; klass < it_.classes(); ++klass) {
      Pending* const at = head(klass);
      if (at == nullptr) continue;
      if (at->head_since == 0) at->head_since = tick_;
      if (large(*at, klass)) large_heads.push_back(at);
    }
    if (large_heads.size() < 2) return;
    for (Pending* each : large_heads) ++each->rival_ticks;
  }

  void tick() {
    for (std::size_t klass = 0; klass < it_.classes(); ++klass) {
      it_.backlogs[klass].clear();
      for (const Pending& each : pending_[klass]) it_.backlogs[klass].push_back(each.unit);
    }
    const Plan plan = it_.make();
    it_.state = plan.next;
    const std::uint64_t executed = cut_after(plan);
    std::uint64_t shared = 0;
    for (const Slice& slice : plan.slices) {
      std::uint64_t count = slice.count;
      if (!slice.guaranteed) {
        count = std::min<std::uint64_t>(count, executed - std::min(executed, shared));
        shared += slice.count;
        refund(
            it_.state, it_.costs, slice,
            std::span(it_.backlogs[slice.klass]).subspan(slice.first + count, slice.count - count));
      }
      for (std::uint64_t i = 0; i < count; ++i) take(slice.klass);
    }
    for (std::size_t klass = 0; klass < it_.classes(); ++klass) not_late(klass);
    it_.now += std::chrono::microseconds(700);
  }

  // How many units of shared slices this tick executes.
  std::uint64_t cut_after(const Plan& plan) {
    std::uint64_t shared = 0;
    for (const Slice& slice : plan.slices) shared += slice.guaranteed ? 0 : slice.count;
    if (cuts_ == Cuts::always) return 0;
    return cuts_ == Cuts::never || random_.one_in(3) ? shared : random_.upto(shared);
  }

  void take(std::size_t klass) {
    const Pending& each = pending_[klass].front();
    EXPECT_LE(tick_, each.latest_tick) << "class " << klass << " waited longer than computed";
    if (each.head_since != 0 && large(each, klass)) {
      const std::uint64_t need = ticks_of_credit(each.unit, it_.shares[klass].guarantee);
      const std::uint64_t waited = tick_ - each.head_since + 1;
      EXPECT_LE(waited, need + it_.classes() - 1) << "class " << klass;
      EXPECT_TRUE(each.rival_ticks > 0 || waited <= need) << "class " << klass;
    }
    pending_[klass].pop_front();
  }
  // Whoever is never taken would not be noticed otherwise.
  void not_late(std::size_t klass) {
    for (const Pending& each : pending_[klass]) {
      EXPECT_GT(each.latest_tick, tick_) << "class " << klass << " waits longer than computed";
    }
  }

  Random random_;
  Cuts cuts_;
  Case it_;
  std::vector<std::deque<Pending>> pending_;
  std::vector<std::uint64_t> modes_;
  std::uint64_t tick_ = 1;
};

void run_all(Cuts cuts, std::uint64_t first_seed) {
  constexpr std::uint64_t kRuns = 2000, kTicks = 150;
  for (std::uint64_t seed = first_seed; seed < first_seed + kRuns; ++seed) {
    if (::testing::Test::HasFailure()) return;
    SCOPED_TRACE("seed " + std::to_string(seed));
    Run(seed, cuts).ticks(kTicks);
  }
}

TEST(SchedulerProperties, NoWaitExceedsTheComputedOne) { run_all(Cuts::never, 1); }
TEST(SchedulerProperties, NoWaitExceedsTheComputedOneWhenTicksAreCutShort) {
  run_all(Cuts::sometimes, 10'001);
}
TEST(SchedulerProperties, NoWaitExceedsTheComputedOneWhenOnlyGuaranteesAreExecuted) {
  run_all(Cuts::always, 20'001);
}

// Three classes whose guarantees are 1/2, 1/3 and 1/12 of the tick push units that fill a whole
// one. No schedule serves each within its 2, 3 and 12 ticks; one tick per rival is enough.
TEST(SchedulerProperties, HeadsThatCannotAllBeInTimeWaitATickPerRivalAtMost) {
  Case it;
  it.tick = {.records = 12, .bytes = 1'000'000, .hold = std::chrono::milliseconds(1)};
  for (const std::uint64_t records : {6U, 4U, 1U}) {
    it.shares.push_back({.guarantee = {records, 1000}, .budget = it.tick});
    it.costs.classes.push_back({});
    it.state.classes.emplace_back();
    it.backlogs.emplace_back(2, Unit{.bytes = 1, .records = 12});
  }
  ASSERT_TRUE(guarantees_fit(it.tick, it.shares));
  std::vector<std::uint64_t> waited(3), longest(3);
  for (int tick = 0; tick < 1000; ++tick) {
    const Plan plan = it.make();
    it.state = plan.next;
    for (auto& ticks : waited) ++ticks;
    for (const Slice& slice : plan.slices) {
      if (!slice.guaranteed) {
        refund(it.state, it.costs, slice,
               std::span(it.backlogs[slice.klass]).subspan(slice.first, slice.count));
        continue;
      }
      longest[slice.klass] = std::max(longest[slice.klass], waited[slice.klass]);
      waited[slice.klass] = 0;
    }
  }
  EXPECT_LE(longest[0], 2U + 2U);
  EXPECT_LE(longest[1], 3U + 2U);
  EXPECT_LE(longest[2], 12U + 2U);
}

// ---- shares in the long run

struct Saturated {
  explicit Saturated(std::uint64_t seed) : random(seed) {
    const std::uint64_t classes = random.between(2, 6);
    it.tick = {.records = 100'000, .bytes = 100'000'000, .hold = std::chrono::milliseconds(4)};
    for (std::uint64_t i = 0; i < classes; ++i) {
      it.shares.push_back({.guarantee = {.records = random.between(1, 4), .bytes = 1000},
                           .budget = it.tick,
                           .weight = static_cast<std::uint32_t>(random.between(1, 8))});
      it.costs.classes.push_back({.per_record_ps = random.between(1, 9'000'000),
                                  .per_byte_ps = random.between(1, 20'000)});
      it.state.classes.emplace_back();
      it.backlogs.emplace_back();
      size.push_back(random.one_in(3) ? random.between(10'000, 100'000) : 300);
    }
    it.costs.commit_fixed_ps = 500'000'000;
    lane_time.resize(classes);
  }

  void tick() {
    for (std::size_t klass = 0; klass < it.classes(); ++klass) fill(klass);
    const Plan plan = it.make();
    it.state = plan.next;
    bool cut = false;
    for (const Slice& slice : plan.slices) carry_out(slice, cut);
  }

  void fill(std::size_t klass) {
    auto& backlog = it.backlogs[klass];
    while (backlog.size() < 6000) {
      backlog.push_back({.bytes = random.between(1, size[klass]), .records = 1});
    }
  }

  // A tick is cut at some unit of its shared slices, as often as not.
  void carry_out(const Slice& slice, bool& cut) {
    auto& backlog = it.backlogs[slice.klass];
    std::uint32_t count = slice.count;
    if (!slice.guaranteed) {
      const auto units = std::span(backlog).subspan(0, slice.count);
      if (cut || random.one_in(8)) {
        count = cut ? 0 : static_cast<std::uint32_t>(random.upto(count));
        cut = true;
        refund(it.state, it.costs, slice, units.subspan(count));
      }
      for (const Unit& unit : units.first(count)) {
        lane_time[slice.klass] += unit_ps(it.costs.classes[slice.klass], unit);
      }
    }
    backlog.erase(backlog.begin(), backlog.begin() + count);
  }

  Random random;
  Case it;
  std::vector<std::uint64_t> size;
  std::vector<std::uint64_t> lane_time;
};

TEST(SchedulerProperties, SaturatedClassesShareTheLaneByWeight) {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Saturated run(seed);
    for (int i = 0; i < 400; ++i) run.tick();
    double weights = 0, time = 0;
    for (std::size_t klass = 0; klass < run.it.classes(); ++klass) {
      weights += run.it.shares[klass].weight;
      time += static_cast<double>(run.lane_time[klass]);
    }
    for (std::size_t klass = 0; klass < run.it.classes(); ++klass) {
      const double fair = run.it.shares[klass].weight / weights;
      EXPECT_NEAR(static_cast<double>(run.lane_time[klass]) / time, fair, 0.03 * fair)
          << "class " << klass;
    }
  }
}

}  // namespace
}  // namespace onelane::schedule
