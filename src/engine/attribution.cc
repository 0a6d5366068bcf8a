#include "src/engine/attribution.h"

#include <algorithm>
#include <cstring>

namespace onelane::inline v0::engine {

using detail::EntryKind;

namespace {

constexpr std::int64_t kSlicesPerMinute = kSlicesOfMinute;

bool began(const commit::Work& work) {
  return work.verdict == commit::Verdict::applied && work.entry->kind != EntryKind::barrier;
}

}  // namespace

template <class Part>
Part* Attribution::Parts<Part>::of(std::uint32_t write_class) noexcept {
  for (Part& each : std::span(list).first(count)) {
    if (each.write_class == write_class) return &each;
  }
  if (count == list.size()) return nullptr;
  Part& added = list[count++];
  added = {};
  added.write_class = write_class;
  return &added;
}

// --- Spells.

Attribution::Spell& Attribution::append(TimePoint from, TimePoint to, const Rest& why) noexcept {
  Spell& spell = spells_[spells_count_++ % kSpells];
  spell.from = from;
  spell.to = to;
  spell.rest = why;
  spell.tick = false;
  ended_ = std::max(ended_, to);
  return spell;
}

// The time since the last spell. One that goes on for the same reason gets longer.
void Attribution::append_rest(TimePoint now) noexcept {
  if (now <= ended_) return;
  Spell& last = spells_[(spells_count_ + kSpells - 1) % kSpells];
  if (spells_count_ != 0 && !last.tick && last.rest == rest_ && last.to == ended_) {
    last.to = ended_ = now;
  } else {
    append(ended_, now, rest_);
  }
}

void Attribution::append_held(Obstacle what, TimePoint from, TimePoint to) noexcept {
  append_rest(from);
  if (to > ended_) append(ended_, to, {.why = what});
}

void Attribution::append_tick(const schedule::Plan& plan, const commit::TickResult& result,
                              std::uint64_t commit) noexcept {
  append_rest(result.began);
  Spell& spell = append(result.began, result.ended, {});
  spell.tick = true;
  spell.commit = commit;
  spell.commit_time = result.commit_time;
  spell.sync = commits_sync_ ? result.commit_time : Duration(0);
  spell.lock = result.lock_wait;
  spell.parts.count = 0;
  for (std::size_t i = 0; i < result.slices.size(); ++i) {
    const commit::SliceTime& slice = result.slices[i];
    const Duration time = commits_sync_ ? slice.elapsed : slice.held;
    if (time <= Duration(0)) continue;
    if (Held* const part = spell.parts.of(plan.slices[i].klass)) part->time += time;
  }
}

// Each spell that lies after that time, newest first. With the lock, or by the baton's holder.
template <class Each>
void Attribution::back_to(TimePoint from, const Each& each) const {
  const std::uint64_t oldest = spells_count_ > kSpells ? spells_count_ - kSpells : 0;
  for (std::uint64_t i = spells_count_; i > oldest; --i) {
    const Spell& spell = spells_[(i - 1) % kSpells];
    if (spell.to <= from) return;
    each(spell);
  }
}

// What a class waited behind that waited so long of the spell.
void Attribution::add_behind(const Spell& spell, Duration waited, const ClassLane& lane,
                             Behind& behind) noexcept {
  if (!spell.tick) {
    const std::uint64_t bit = std::uint64_t{1} << lane.index;
    Obstacle why = spell.rest.why;
    if ((spell.rest.resting & bit) != 0) why = Obstacle::window;
    if ((spell.rest.paused & bit) != 0) why = Obstacle::disk;
    // While the lane has nothing to do, it waits to be written to its intake.
    if (why == Obstacle::other && lane.journaled != nullptr) why = Obstacle::sync;
    behind[index_of(why)] += waited;
    return;
  }
  const auto part = static_cast<std::uint64_t>(waited.count());
  const auto whole = static_cast<std::uint64_t>((spell.to - spell.from).count());
  Duration rest = waited;
  const auto give = [&](std::size_t to_whom, Duration held) {
    const Duration given = std::min(rest, commit::part_of(held, part, whole));
    behind[to_whom] += given;
    rest -= given;
  };
  for (const Held& each : spell.parts.all()) give(each.write_class, each.time);
  give(index_of(Obstacle::sync), spell.sync);
  give(index_of(Obstacle::lock), spell.lock);
  behind[index_of(Obstacle::other)] += rest;
}

Behind Attribution::behind(const ClassLane& lane, TimePoint from, TimePoint to) const noexcept {
  Behind out{};
  back_to(from, [&](const Spell& spell) {
    const Duration waited = std::min(to, spell.to) - std::max(from, spell.from);
    if (waited > Duration(0)) add_behind(spell, waited, lane, out);
  });
  return out;
}

// --- The baton's holder.

void Attribution::begin(TimePoint now) noexcept {
  const std::scoped_lock lock(mutex_);
  append_rest(now);
  rest_ = {};
  account(now);
}

// Each class with something staged has waited until then.
void Attribution::account(TimePoint now) noexcept {
  const auto lanes = lanes_.all();
  for (const auto& lane : lanes) {
    const Staging& staging = lane->staging;
    if (staging.empty()) continue;
    std::size_t oldest = 0;
    while (staging.at(oldest) == nullptr) ++oldest;
    const TimePoint from = std::max(accounted_, staging.unit(oldest).pushed);
    if (from < now) lane->waits.waited(behind(*lane, from, now), lanes.size(), now);
  }
  accounted_ = std::max(accounted_, now);
}

void Attribution::end(const schedule::Plan& plan, const commit::TickResult& result,
                      std::span<const commit::Work> work, std::uint64_t commit) noexcept {
  const std::scoped_lock lock(mutex_);
  if (result.log_hold > Duration(0)) {
    append_held(Obstacle::checkpoint, result.began - result.log_hold, result.began);
    account(result.began);
  }
  if (result.lock_waits > Duration(0)) lock_waits_.record(result.lock_waits);
  if (!result.transaction) return;
  append_tick(plan, result, commit);
  note_held(plan, result);
  note_slow_tick(plan, result, commit);
  if (result.committed) note_slow_units(result, work, commit);
}

// A commit is a class's if it holds any of its units.
void Attribution::note_held(const schedule::Plan& plan, const commit::TickResult& result) noexcept {
  std::uint64_t in_it = 0;
  for (std::size_t i = 0; i < result.slices.size(); ++i) {
    const commit::SliceTime& slice = result.slices[i];
    const std::uint32_t klass = plan.slices[i].klass;
    const std::uint64_t bit = std::uint64_t{1} << klass;
    const bool commits = result.committed && slice.applied != 0 && (in_it & bit) == 0;
    if (commits) in_it |= bit;
    if (commits || slice.held > Duration(0)) {
      lanes_[klass].waits.held(slice.held, commits, result.ended);
    }
  }
}

void Attribution::held(Obstacle what, TimePoint from, TimePoint to) noexcept {
  const std::scoped_lock lock(mutex_);
  append_held(what, from, to);
}

// --- What took longest.

template <class Slow>
void Attribution::Slowest<Slow>::turn_to(TimePoint when) noexcept {
  const std::int64_t number = slice_of(when) / kSlicesPerMinute;
  if (number <= minute) return;
  before = number == minute + 1 ? now : decltype(now){};
  now = {};
  least = Duration(0);
  minute = number;
}

template <class Slow>
Slow* Attribution::Slowest<Slow>::place_for(Duration measure) noexcept {
  if (measure <= least) return nullptr;
  Slow* shortest = &now[0];
  Duration next = Duration::max();  // what is the shortest after it
  for (Slow& each : std::span(now).subspan(1)) {
    next = std::min(next, std::max(each.measure(), shortest->measure()));
    if (each.measure() < shortest->measure()) shortest = &each;
  }
  least = std::min(next, measure);
  return shortest;
}

template <class Slow>
std::vector<const Slow*> Attribution::Slowest<Slow>::longest_first() const {
  std::vector<const Slow*> out;
  for (const auto* list : {&now, &before}) {
    for (const Slow& each : *list) {
      if (each.measure() > Duration(0)) out.push_back(&each);
    }
  }
  std::stable_sort(out.begin(), out.end(),
                   [](const Slow* a, const Slow* b) { return a->measure() > b->measure(); });
  return out;
}

void Attribution::note_slow_tick(const schedule::Plan& plan, const commit::TickResult& result,
                                 std::uint64_t commit) noexcept {
  const Duration hold = result.ended - result.began;
  slow_ticks_.turn_to(result.ended);
  SlowTick* const slow = slow_ticks_.place_for(hold);
  if (slow == nullptr) return;
  *slow = {};
  slow->tick.began = result.began;
  slow->tick.hold = hold;
  slow->tick.commit_time = result.commit_time;
  slow->tick.commit = commit;
  slow->tick.attempts = result.attempts;
  if (result.longest_step != nullptr) {
    const std::string& name = result.longest_step->job->job.name;
    std::memcpy(slow->longest_step.data(), name.data(),
                std::min(name.size(), slow->longest_step.size() - 1));
    slow->tick.longest_step_time = result.longest_step_time;
  }
  for (std::size_t i = 0; i < result.slices.size(); ++i) {
    const commit::SliceTime& slice = result.slices[i];
    slow->tick.statements += slice.elapsed;
    TickPart* const part = slice.units == 0 ? nullptr : slow->parts.of(plan.slices[i].klass);
    if (part == nullptr) continue;
    part->units += slice.units;
    part->records += slice.records;
    part->bytes += slice.bytes;
    part->statements += slice.elapsed;
  }
}

// The first of a slice has waited longest.
void Attribution::note_slow_units(const commit::TickResult& result,
                                  std::span<const commit::Work> work,
                                  std::uint64_t commit) noexcept {
  slow_units_.turn_to(result.ended);
  std::optional<std::uint32_t> slice;
  for (const commit::Work& each : work) {
    if (slice == each.slice || !began(each)) continue;
    slice = each.slice;
    const Entry& entry = *each.entry;
    const Duration total = result.ended - entry.pushed;
    SlowUnit* const slow = slow_units_.place_for(total);
    if (slow == nullptr) continue;
    *slow = {.klass = entry.klass,
             .site = entry.site,
             .pushed = entry.pushed,
             .wait = result.began - entry.pushed,
             .total = total,
             .commit = commit,
             .behind = behind(lanes_[entry.klass], entry.pushed, result.began)};
  }
}

// --- Any thread.

void Attribution::snapshot(JournalStats& out) const {
  const std::size_t classes = out.classes.size();
  const auto lanes = lanes_.all();
  for (std::size_t i = 0; i < classes; ++i) lanes[i]->waits.fill(out.classes[i], out.when, classes);
  out.foreign.changes = foreign_changes_.load(std::memory_order_relaxed);
  out.foreign.lock_wait_ns = lock_waits_.snapshot();
  out.foreign.lock_waits = out.foreign.lock_wait_ns.count();
  snapshot_slowest(out);
}

void Attribution::snapshot_slowest(JournalStats& out) const {
  const std::size_t classes = out.classes.size();
  Slowest<SlowTick> ticks;
  Slowest<SlowUnit> units;
  {
    const std::scoped_lock lock(mutex_);
    ticks = slow_ticks_;
    units = slow_units_;
  }
  ticks.turn_to(out.when);
  units.turn_to(out.when);
  for (const SlowTick* slow : ticks.longest_first()) {
    TickStats& tick = out.slowest_ticks.emplace_back(slow->tick);
    tick.longest_step = slow->longest_step.data();
    const auto parts = slow->parts.all();
    tick.parts.assign(parts.begin(), parts.end());
    std::erase_if(tick.parts, [&](const TickPart& part) {  // of a class that was added since
      return part.write_class >= classes;
    });
    std::stable_sort(tick.parts.begin(), tick.parts.end(),
                     [](const auto& a, const auto& b) { return a.statements > b.statements; });
  }
  for (const SlowUnit* slow : units.longest_first()) {
    if (slow->klass >= classes) continue;  // a class that was added since
    const bool other = slow->site == CallSites::kOther;
    out.slowest_units.push_back(
        {.write_class = slow->klass,
         .label = other ? std::string(CallSites::kOtherLabel) : sites_[slow->site].label,
         .pushed = slow->pushed,
         .wait = slow->wait,
         .total = slow->total,
         .commit = slow->commit,
         .behind = to_public(slow->behind, classes)});
  }
}

std::optional<Journey> Attribution::journey(const Entry& unit) const {
  const std::size_t classes = lanes_.all().size();
  Behind waited{};
  Journey out;
  bool found = false;
  {
    const std::scoped_lock lock(mutex_);
    // A clock need not have moved since the push.
    back_to(unit.pushed - Duration(1), [&](const Spell& spell) {
      if (!spell.tick || spell.commit != unit.commit) return;
      found = true;
      out.waited = spell.from - unit.pushed;
      out.executed = (spell.to - spell.from) - spell.commit_time;
      out.committed = spell.commit_time;
    });
    if (found) waited = behind(lanes_[unit.klass], unit.pushed, unit.pushed + out.waited);
  }
  if (!found) return std::nullopt;
  out.behind = to_public(waited, classes);
  return out;
}

}  // namespace onelane::inline v0::engine
