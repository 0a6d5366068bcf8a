#include "src/engine/attribution.h"

#include <algorithm>
#include <cstring>

namespace onelane::inline v0::engine {

using detail::EntryKind;

namespace {

constexpr std::int64_t kSlicesPerMinute = kSlicesOfMinute;

// That part of a duration.
Duration scaled(Duration whole, double part) {
  return Duration(static_cast<Duration::rep>(static_cast<double>(whole.count()) * part));
}

double ratio(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

std::uint64_t weight_of_slice(const commit::SliceTime& slice) {
  return weight_of(slice.records, slice.bytes);
}

bool began(const commit::Work& work) {
  return work.verdict == commit::Verdict::applied && work.entry->kind != EntryKind::barrier;
}

}  // namespace

Duration held_for(const commit::TickResult& result, std::size_t slice) {
  std::uint64_t all = 0;
  for (const commit::SliceTime& each : result.slices) all += weight_of_slice(each);
  const commit::SliceTime& own = result.slices[slice];
  return own.elapsed + scaled(result.commit_time, ratio(weight_of_slice(own), all));
}

// --- Spells.

void Attribution::append(const Spell& spell) noexcept {
  const std::scoped_lock lock(mutex_);
  spells_[spells_count_ % kSpells] = spell;
  ++spells_count_;
}

// The time since the last spell. One that goes on for the same reason gets longer.
void Attribution::append_rest(TimePoint now) noexcept {
  if (now <= ended_) return;
  {
    const std::scoped_lock lock(mutex_);
    Spell& last = spells_[(spells_count_ + kSpells - 1) % kSpells];
    if (spells_count_ != 0 && !last.tick && last.rest == rest_ && last.to == ended_) {
      last.to = ended_ = now;
      return;
    }
  }
  append({.from = ended_, .to = now, .rest = rest_});
  ended_ = now;
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
  const double part =
      static_cast<double>(waited.count()) / static_cast<double>((spell.to - spell.from).count());
  Duration rest = waited;
  const auto give = [&](std::size_t to_whom, Duration held) {
    const Duration given = std::min(rest, scaled(held, part));
    behind[to_whom] += given;
    rest -= given;
  };
  for (const Part& each : std::span(spell.parts).first(spell.parts_count)) {
    give(each.klass, each.held);
  }
  give(index_of(Obstacle::sync), spell.sync);
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
  if (result.log_hold > Duration(0)) {
    held(Obstacle::checkpoint, result.began - result.log_hold, result.began);
    account(result.began);
  }
  if (!result.transaction) return;
  append_rest(result.began);
  Spell spell{.from = result.began, .to = result.ended, .commit = commit, .tick = true};
  spell.commit_time = result.commit_time;
  if (commits_sync_) spell.sync = result.commit_time;
  std::array<Duration, kClassesMax> held{};
  for (std::size_t i = 0; i < result.slices.size(); ++i) {
    const commit::SliceTime& slice = result.slices[i];
    const std::uint32_t klass = plan.slices[i].klass;
    const Duration whole = held_for(result, i);
    held[klass] += whole;
    add_part(spell, {.klass = klass, .held = commits_sync_ ? slice.elapsed : whole});
  }
  note_held(result, work, held);
  append(spell);
  ended_ = std::max(ended_, result.ended);
  note_slow_tick(plan, result, commit);
  if (result.committed) note_slow_units(result, work, commit);
}

// Of more classes than a spell has room for, the rest is Obstacle::other to those that wait.
void Attribution::add_part(Spell& spell, const Part& part) noexcept {
  if (part.held <= Duration(0)) return;
  const auto parts = std::span(spell.parts).first(spell.parts_count);
  const auto known = std::find_if(parts.begin(), parts.end(),
                                  [&](const Part& each) { return each.klass == part.klass; });
  if (known != parts.end()) {
    known->held += part.held;
  } else if (spell.parts_count < spell.parts.size()) {
    spell.parts[spell.parts_count++] = part;
  }
}

// A commit is a class's if it holds any of its units.
void Attribution::note_held(const commit::TickResult& result, std::span<const commit::Work> work,
                            std::span<const Duration> held) noexcept {
  std::uint64_t committed = 0;
  for (const commit::Work& each : work) {
    if (result.committed && began(each)) committed |= std::uint64_t{1} << each.entry->klass;
  }
  const auto lanes = lanes_.all();
  for (std::size_t i = 0; i < lanes.size(); ++i) {
    const bool in_it = (committed >> i & 1) != 0;
    if (in_it || held[i] > Duration(0)) lanes[i]->waits.held(held[i], in_it, result.ended);
  }
}

void Attribution::held(Obstacle what, TimePoint from, TimePoint to) noexcept {
  append_rest(from);
  if (to <= ended_) return;
  append({.from = ended_, .to = to, .rest = {.why = what}});
  ended_ = to;
}

// --- What took longest.

template <class Slow>
void Attribution::Slowest<Slow>::turn_to(TimePoint when) noexcept {
  const std::int64_t number = slice_of(when) / kSlicesPerMinute;
  if (number <= minute) return;
  before = number == minute + 1 ? now : decltype(now){};
  now = {};
  minute = number;
}

template <class Slow>
Slow* Attribution::Slowest<Slow>::place_for(Duration measure) noexcept {
  const auto shortest = std::min_element(now.begin(), now.end(), [](const auto& a, const auto& b) {
    return a.measure() < b.measure();
  });
  return shortest->measure() < measure ? &*shortest : nullptr;
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
  const std::scoped_lock lock(mutex_);
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
    const std::uint32_t klass = plan.slices[i].klass;
    auto parts = std::span(slow->parts).first(slow->parts_count);
    auto part = std::find_if(parts.begin(), parts.end(),
                             [&](const TickPart& each) { return each.write_class == klass; });
    if (part == parts.end()) {
      if (slice.records == 0 || slow->parts_count == slow->parts.size()) continue;
      parts = std::span(slow->parts).first(++slow->parts_count);
      part = parts.end() - 1;
      part->write_class = klass;
    }
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
  const std::scoped_lock lock(mutex_);
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
    tick.parts.assign(slow->parts.begin(),
                      slow->parts.begin() + static_cast<std::ptrdiff_t>(slow->parts_count));
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
