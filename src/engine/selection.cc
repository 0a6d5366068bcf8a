#include "src/engine/selection.h"

#include <algorithm>
#include <utility>

#include "src/schedule/predict.h"

namespace onelane::inline v0::engine {

static_assert(kClassesMax <= 64, "a bit for each class");

using commit::Work;
using detail::EntryKind;

namespace {

// Whether a gathering window may keep the class's units waiting: not, with an intake, if one
// promises more than journaled.
bool gathers(const ClassLane& lane) {
  return lane.may_rest() && (lane.journaled == nullptr || !lane.staging.hurry());
}

constexpr const char* kSum =
    "the sum of max(records / tick.records, bytes / tick.bytes) must be at most 1";

template <class Amount>
std::string in_words(const Amount& amount) {
  return "(" + std::to_string(amount.records) + " records, " + std::to_string(amount.bytes) +
         " bytes)";
}

Status does_not_fit(const std::string& name, const Guarantee& guarantee, const Budget& tick) {
  return {Errc::invalid_argument, "class \"" + name + "\": its guarantee " + in_words(guarantee) +
                                      " does not fit the tick " + in_words(tick) +
                                      " beside those of the other classes: " + kSum};
}

// Which part of the tick a guarantee takes up.
double part_of(const Budget& tick, const Guarantee& guarantee) {
  return std::max(static_cast<double>(guarantee.records) / static_cast<double>(tick.records),
                  static_cast<double>(guarantee.bytes) / static_cast<double>(tick.bytes));
}

}  // namespace

Status Selection::prepare(const ClassLane& lane) {
  const std::size_t count = shares_.size() + 1;
  backlogs_.reserve(count);
  step_times_.reserve(count);
  state_.classes.reserve(count);
  pauses_.reserve(count);
  spent_.reserve(count);
  last_took_.reserve(count);
  costs_.reserve(count);
  shares_.push_back(lane.settings.share());
  const bool fits = schedule::guarantees_fit(tick_budget_, shares_);
  shares_.pop_back();
  return fits ? Status() : does_not_fit(lane.name, lane.settings.share().guarantee, tick_budget_);
}

void Selection::add_class(const ClassLane& lane) noexcept {
  shares_.push_back(lane.settings.share());
  step_times_.emplace_back();
  state_.classes.emplace_back();
  pauses_.add_class(lane.settings.share().weight);
  spent_.emplace_back();
  last_took_.push_back(TimePoint::min());
  costs_.add_class();
}

Status Selection::may_set(const ClassLane& lane, const schedule::Share& share) {
  const schedule::Share before = std::exchange(shares_[lane.index], share);
  const bool fits = schedule::guarantees_fit(tick_budget_, shares_);
  shares_[lane.index] = before;
  return fits ? Status() : does_not_fit(lane.name, share.guarantee, tick_budget_);
}

void Selection::set(std::size_t klass, const schedule::Share& share) noexcept {
  shares_[klass] = share;
  pauses_.set_weight(klass, share.weight);
}

Status Selection::may_set_tick(const Budget& tick) const {
  if (schedule::guarantees_fit(tick, shares_)) return {};
  const auto larger = [&](const schedule::Share& a, const schedule::Share& b) {
    return part_of(tick, a.guarantee) < part_of(tick, b.guarantee);
  };
  const auto largest = std::max_element(shares_.begin(), shares_.end(), larger);
  return {Errc::invalid_argument,
          "a tick of " + in_words(tick) +
              " has no room for the guarantees of the classes, of "
              "which \"" +
              lanes_[static_cast<std::size_t>(largest - shares_.begin())].name +
              "\" has the largest " + in_words(largest->guarantee) + ": " + kSum};
}

// What of each class may be planned now. When the first of those that are held back may go on.
std::optional<TimePoint> Selection::collect(const Room& room, TimePoint now) {
  backlogs_.clear();
  held_back_ = resting_ = 0;
  if (!room.paced) pauses_.lift();
  std::optional<TimePoint> ends;
  const auto until = [&](TimePoint when) { ends = std::min(ends.value_or(when), when); };
  const std::optional<std::size_t>& quarantined = recovery_.quarantined_class();
  for (std::size_t i = 0; i < shares_.size(); ++i) {
    const Staging& staging = lanes_[i].staging;
    const Quarantine& quarantine = recovery_.quarantine(i);
    const bool planned = quarantined ? *quarantined == i : !quarantine.on();
    backlogs_.push_back(staging.empty() || !planned ? std::span<const schedule::Unit>()
                                                    : staging.units());
    if (quarantined && planned && quarantine.limit() < backlogs_[i].size()) {
      backlogs_[i] = backlogs_[i].first(quarantine.limit());
    }
    const std::uint64_t bit = std::uint64_t{1} << i;
    if (pauses(i, now) && hold_back(i)) {
      until(std::min(pauses_.until(i), now + schedule::kPauseLook));
      held_back_ |= bit;
    }
    if (rests(i, now) && hold_back(i)) {
      until(rests_until(i));
      resting_ |= bit;
    }
    shares_[i].gather = gathers(lanes_[i]) ? lanes_[i].settings.share().gather : Duration(0);
    if (shares_[i].gather != Duration(0)) resting_ |= bit;
  }
  if (room.paced && nobody_waits() && all_gather()) {
    for (std::size_t i = 0; i < shares_.size(); ++i) {
      if (!hold_back(i)) continue;
      until(now + schedule::kPauseLook);
      held_back_ |= std::uint64_t{1} << i;
    }
  }
  return ends;
}

schedule::Plan Selection::plan(const Room& room, TimePoint now) {
  const std::optional<TimePoint> held_back_until = collect(room, now);
  const bool patient = nobody_waits();
  planned_from_ = {.now = now, .room = room, .patient = patient, .first_class = first_class_};
  schedule::Plan plan = schedule::plan({.tick = tick_budget_,
                                        .shares = shares_,
                                        .backlogs = backlogs_,
                                        .costs = costs_.costs(),
                                        .state = state_,
                                        .now = now},
                                       {.commit_percent = commit_percent_,
                                        .room_hold = room.hold,
                                        .room_most = room.most,
                                        .patient = patient});
  if (recovery_.limit() != 0) shorten(plan);
  for (std::size_t i = 0; i < shares_.size(); ++i) {
    if (pauses(i, now) || rests(i, now)) planned_from_.held_back |= std::uint64_t{1} << i;
  }
  plan.keep(state_, planned_from_.held_back);
  if (plan.slices.empty() && held_back_until) {
    plan.not_before = std::min(plan.not_before.value_or(*held_back_until), *held_back_until);
  }
  return plan;
}

// Leaves of the class's backlog what needs no room. Whether there was more.
bool Selection::hold_back(std::size_t klass) {
  std::span<const schedule::Unit>& backlog = backlogs_[klass];
  const std::size_t free = schedule::free_units(backlog);
  return std::exchange(backlog, backlog.first(free)).size() > free;
}

// Whether all that needs any room is journaled, and promises no more.
bool Selection::nobody_waits() const {
  for (std::size_t i = 0; i < shares_.size(); ++i) {
    const bool costs = schedule::free_units(backlogs_[i]) < backlogs_[i].size();
    const bool patient = lanes_[i].journaled != nullptr && !lanes_[i].staging.hurry();
    if (costs && !patient) return false;
  }
  return true;
}

// Whether a gathering window might be open for each class that has anything.
bool Selection::all_gather() const {
  for (std::size_t i = 0; i < shares_.size(); ++i) {
    if (!backlogs_[i].empty() && !gathers(lanes_[i])) return false;
  }
  return true;
}

void Selection::shorten(schedule::Plan& plan) {
  const std::optional<std::size_t> next =
      schedule::shorten(plan, costs_.costs(),
                        {.units = recovery_.limit(),
                         .first_class = first_class_,
                         .backlogs = backlogs_,
                         .occupied = [this](std::uint32_t klass, std::size_t slot) {
                           return lanes_[klass].staging.at(slot) != nullptr;
                         }});
  next_first_class_ = next.value_or(next_first_class_);
}

// The plan's units, in order.
void Selection::select(const schedule::Plan& plan) {
  std::size_t planned = 0;
  for (const schedule::Slice& slice : plan.slices) planned += slice.count;
  work_ = {};  // while there may be no memory for what is selected
  if (work_slots_.size() < planned) work_slots_.resize(planned);
  std::size_t selected = 0;
  schedule::Asking asking(plan.hold);
  for (std::uint32_t i = 0; i < plan.slices.size(); ++i) {
    const schedule::Slice& slice = plan.slices[i];
    const Staging& staging = lanes_[slice.klass].staging;
    const schedule::LinearCost cost = costs_.costs().classes[slice.klass];
    for (std::uint32_t slot = slice.first; slot < slice.first + slice.count; ++slot) {
      Entry* entry = staging.at(slot);
      if (entry == nullptr) continue;
      const schedule::Unit& unit = staging.unit(slot);
      work_slots_[selected++] = {.entry = entry,
                                 .slice = i,
                                 .guaranteed = slice.guaranteed,
                                 .asks = !slice.guaranteed && asking.before(cost, unit),
                                 .taken = unit.closes_slice && between_steps(*entry)};
    }
  }
  work_ = std::span(work_slots_).first(selected);
}

bool Selection::declines(const Runner& runner) const {
  if (!runner.lends_thread) return false;
  return lanes_.jobs() || (runner.patience && predict() > *runner.patience);
}

// The hold of the selected units, but for jobs.
Duration Selection::predict() const {
  const schedule::Costs& costs = costs_.costs();
  std::uint64_t ps = costs.commit_fixed_ps;
  for (const Work& work : work_) {
    const schedule::LinearCost& own = costs.classes[work.entry->klass];
    ps += work.entry->rows * costs.commit.per_record_ps +
          work.entry->bytes * costs.commit.per_byte_ps;
    if (work.entry->kind == EntryKind::job) continue;
    ps += work.entry->rows * own.per_record_ps + work.entry->bytes * own.per_byte_ps;
  }
  return schedule::to_duration(ps);
}

std::span<const Duration> Selection::step_times(const schedule::Plan& plan) {
  schedule::StepTimes times;
  for (std::size_t i = 0; i < shares_.size(); ++i) {
    const Staging& staging = lanes_[i].staging;
    if (staging.empty()) continue;
    const bool more = schedule::planned_units(plan, i) < staging.slots();
    times.add(shares_[i].weight, staging.jobs() != 0, more);
  }
  std::fill(step_times_.begin(), step_times_.end(), Duration(0));
  if (!times.any()) return step_times_;
  // What the others got of this tick was planned with the step's learned cost beside it, so what
  // they left is not shared with them a second time.
  const Duration left = times.others_wait() ? plan.hold : plan.hold - predict();
  for (std::size_t i = 0; i < shares_.size(); ++i) {
    step_times_[i] = times.of(shares_[i], left, tick_budget_.hold);
  }
  return step_times_;
}

commit::StopRule Selection::stop_rule(const schedule::Plan& plan) const {
  return [this, &plan](const Work& next, Duration elapsed, std::uint64_t records,
                       std::uint64_t bytes) {
    schedule::Progress progress;
    progress.elapsed = elapsed;
    progress.records = records;
    progress.bytes = bytes;
    progress.next_class = next.entry->klass;
    progress.next = {.bytes = next.entry->bytes,
                     .records = next.entry->rows,
                     .closes_slice = next.entry->kind == EntryKind::job,
                     .pushed = next.entry->pushed};
    return schedule::stop(progress, costs_.costs(), plan.hold);
  };
}

void Selection::keep_state(const schedule::Plan& plan) {
  if (recovery_.quarantined_class()) return;  // the plan was of a part of the classes
  state_ = plan.next;
  first_class_ = next_first_class_;
  for (const Work& work : work_) {
    if (work.verdict != commit::Verdict::left) continue;
    const Staging& staging = lanes_[work.entry->klass].staging;
    const schedule::Unit& unit = staging.unit(staging.slot_of(work.entry));
    schedule::refund(state_, costs_.costs(), plan.slices[work.slice], std::span(&unit, 1));
  }
}

void Selection::learn(const schedule::Plan& plan, const commit::TickResult& result) {
  std::fill(spent_.begin(), spent_.end(), Duration(0));
  for (std::size_t i = 0; i < result.slices.size(); ++i) {
    const commit::SliceTime& slice = result.slices[i];
    spent_[plan.slices[i].klass] += slice.elapsed;
    if (slice.records == 0) continue;
    const std::uint32_t klass = plan.slices[i].klass;
    costs_.learn_slice(klass, slice.records, slice.bytes, slice.elapsed);
    last_took_[klass] = result.began;
  }
  if (result.units != 0) costs_.learn_commit(result.records, result.bytes, result.commit_time);
}

void Selection::pause(TimePoint from, Duration pause) {
  pauses_.tick(from, pause, spent_);
  std::fill(spent_.begin(), spent_.end(), Duration(0));
}

}  // namespace onelane::inline v0::engine
