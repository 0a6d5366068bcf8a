#include "src/engine/pipeline.h"

#include <algorithm>
#include <memory>
#include <new>
#include <utility>

#include "src/base/check.h"
#include "src/schedule/predict.h"

namespace onelane::engine {

using commit::Action;
using commit::Verdict;
using commit::Work;
using detail::EntryKind;

namespace {

// The clock is read, and the stop rule asked, so many times while a tick fills its hold as
// predicted; before each unit it would cost as much as a good part of the rest.
constexpr std::uint64_t kAsksPerHold = 128;
// A job's step may always use this part of the tick's hold, however full the tick is otherwise.
constexpr int kStepShareMin = 4;
constexpr Duration kStepTimeMin = std::chrono::microseconds(100);

// Before which units the stop rule is asked: the first, and each time that so much was predicted
// since.
class Asking {
 public:
  explicit Asking(std::uint64_t every_ps) : every_ps_(every_ps), since_ps_(every_ps) {}
  bool before(const schedule::LinearCost& cost, const schedule::Unit& unit) {
    const bool asks = since_ps_ >= every_ps_;
    if (asks) since_ps_ = 0;
    since_ps_ += schedule::linear_ps(cost, unit.records, unit.bytes);
    return asks;
  }

 private:
  const std::uint64_t every_ps_;
  std::uint64_t since_ps_;
};

std::size_t planned_slots(const schedule::Plan& plan, std::size_t klass) {
  std::size_t reach = 0;
  for (const schedule::Slice& slice : plan.slices) {
    if (slice.klass == klass) reach = std::max<std::size_t>(reach, slice.first + slice.count);
  }
  return reach;
}

void earliest(std::optional<TimePoint>& first, std::optional<TimePoint> other) {
  if (other && (!first || *other < *first)) first = other;
}

}  // namespace

Pipeline::Pipeline(Sink& sink, const Clock& clock, const JournalOptions& options)
    : sink_(sink), clock_(clock), tick_budget_(options.tick), committer_(sink, clock) {}

Status Pipeline::add_class(ClassLane& lane) {
  const std::size_t count = lanes_.size() + 1;
  lanes_.reserve(count);
  backlogs_.reserve(count);
  state_.classes.reserve(count);
  costs_.reserve(count);
  quarantines_.reserve(count);
  shares_.push_back(lane.share);
  if (!schedule::guarantees_fit(tick_budget_, shares_)) {
    shares_.pop_back();
    return {Errc::invalid_argument,
            "class \"" + lane.options.name + "\": its guarantee (" +
                std::to_string(lane.share.guarantee.records) + " records, " +
                std::to_string(lane.share.guarantee.bytes) +
                " bytes) does not fit the tick beside those of the other classes: the sum of "
                "max(records / tick.records, bytes / tick.bytes) must be at most 1"};
  }
  lanes_.push_back(&lane);
  state_.classes.emplace_back();
  costs_.add_class();
  quarantines_.emplace_back();
  return {};
}

TickReport Pipeline::tick(const Runner& runner, ack::Wakes& wakes) {
  const TimePoint now = clock_.now();
  const std::uint64_t before = progress();
  const bool starved = !stage(now, wakes);
  starved_.store(starved, std::memory_order_relaxed);
  if (limbo_ && !leave_limbo(now, wakes)) return report(before, now);
  if (ended_) {
    for (ClassLane* lane : lanes_) lane->end_all(*ended_, now, wakes);
    return report(before, now);
  }
  if (retry_at_ && now < *retry_at_) return report(before, now);
  if (!store_recovered(now)) return report(before, now);
  if (idle(now)) {
    if (starved) starve(now, 0);
    return report(before, now);
  }
  if (paced(now)) {
    TickReport waiting = report(before, now);
    waiting.more = false;
    earliest(waiting.next, began_ + *pause_);
    return waiting;
  }
  try {
    return run(runner, before, now, wakes);
  } catch (const std::bad_alloc&) {
    starve(now, work_.size());
    return report(before, now);
  }
}

// Plans and commits. Memory may run out before anything is taken; what comes after sees to itself.
TickReport Pipeline::run(const Runner& runner, std::uint64_t progress_before, TimePoint now,
                         ack::Wakes& wakes) {
  const schedule::Plan plan = make_plan(now);
  if (plan.slices.empty()) {
    TickReport waiting = report(progress_before, now);
    waiting.more = false;
    earliest(waiting.next, plan.not_before);
    return waiting;
  }
  select(plan);
  if (declines(runner)) return report(progress_before, now);
  const commit::TickResult result = commit(plan);
  began_ = result.began;
  if (runner.lends_thread && result.transaction) recorder_.caller_tick();
  conclude(plan, result, wakes);
  return report(progress_before, clock_.now());
}

// Shorter ticks write the pages that all of them touch more often: if they came as often as they
// could while held back, the log would grow as before.
bool Pipeline::paced(TimePoint now) const { return pause_ && now < began_ + *pause_; }

bool Pipeline::only_durable() const {
  return std::all_of(lanes_.begin(), lanes_.end(), [](const ClassLane* lane) {
    return lane->staging.size() == lane->staging.durable();
  });
}

// False if memory ran out for one of them: the others go on.
bool Pipeline::stage(TimePoint now, ack::Wakes& wakes) {
  bool whole = true;
  for (ClassLane* lane : lanes_) whole = lane->stage(now, wakes) && whole;
  return whole;
}

bool Pipeline::idle(TimePoint now) const {
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    if (!lanes_[i]->staging.empty() && !quarantines_[i].until(now)) return false;
  }
  return true;
}

// Units settled and steps committed so far.
std::uint64_t Pipeline::progress() const {
  std::uint64_t out = steps_;
  for (const ClassLane* lane : lanes_) out += lane->settled();
  return out;
}

TickReport Pipeline::report(std::uint64_t progress_before, TimePoint now) const {
  TickReport out;
  out.units = progress() - progress_before;
  bool backlog = false;
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    const ClassLane& lane = *lanes_[i];
    const std::optional<TimePoint> pause = quarantines_[i].until(now);
    backlog |= lane.pending() || (!lane.staging.empty() && !pause);
    if (!lane.staging.empty()) earliest(out.next, pause);
    earliest(out.next, lane.next_deadline());
  }
  const bool waiting = retry_at_ && now < *retry_at_;
  out.more = backlog && !waiting;
  if (waiting && (backlog || !stalled_.ok())) earliest(out.next, retry_at_);
  return out;
}

// Whether a class that is not quarantined has something staged.
bool Pipeline::others_wait() const {
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    if (!quarantines_[i].on() && !lanes_[i]->staging.empty()) return true;
  }
  return false;
}

// The quarantined class whose turn it is, if it is one's: they take turns with the others, and
// among each other.
std::optional<std::size_t> Pipeline::quarantined_class(TimePoint now) const {
  const bool others = others_wait();
  if (lone_ && others) return std::nullopt;
  for (std::size_t n = 1; n <= lanes_.size(); ++n) {
    const std::size_t i = (quarantine_turn_ + n) % lanes_.size();
    const Quarantine& each = quarantines_[i];
    if (each.on() && !each.until(now) && !lanes_[i]->staging.empty()) return i;
  }
  return std::nullopt;
}

// While the store takes no commits, only a probe may find out that it does again. It is made with
// nothing staged, too: pushes are refused until then.
bool Pipeline::store_recovered(TimePoint now) {
  if (stalled_.ok()) return true;
  const Reply reply = probe();
  if (reply.ok()) {
    stalled_ = {};
    retry_at_.reset();
    return true;
  }
  retry_at_ = now + (reply.fault == Fault::busy ? retry_.locked() : retry_.failed());
  return false;
}

schedule::Plan Pipeline::make_plan(TimePoint now) {
  backlogs_.clear();
  lone_ = quarantined_class(now);
  if (lone_) quarantine_turn_ = *lone_;
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    const Staging& staging = lanes_[i]->staging;
    const bool planned = lone_ ? *lone_ == i : !quarantines_[i].on();
    backlogs_.push_back(staging.empty() || !planned ? std::span<const schedule::Unit>()
                                                    : staging.units());
    if (lone_ && planned && quarantines_[i].limit() < backlogs_[i].size()) {
      backlogs_[i] = backlogs_[i].first(quarantines_[i].limit());
    }
    shares_[i].gather = lanes_[i]->gathers() ? lanes_[i]->share.gather : Duration(0);
  }
  Budget budget = tick_budget_;
  if (pause_) budget.hold = Duration(0);  // the guarantees, or one unit
  return schedule::plan(budget, shares_, backlogs_, costs_.costs(), state_, now);
}

// The plan's units, in order, up to the limit that earlier failures set.
void Pipeline::select(const schedule::Plan& plan) {
  std::size_t planned = 0;
  for (const schedule::Slice& slice : plan.slices) planned += slice.count;
  const std::size_t limit = retry_.limit() == 0 ? planned : std::min(planned, retry_.limit());
  work_ = {};  // while there may be no memory for what is selected
  if (work_slots_.size() < limit) work_slots_.resize(limit);
  std::size_t selected = 0;
  Asking asking(schedule::to_ps(plan.hold) / kAsksPerHold);
  for (std::uint32_t i = 0; i < plan.slices.size(); ++i) {
    const schedule::Slice& slice = plan.slices[i];
    const Staging& staging = lanes_[slice.klass]->staging;
    const schedule::LinearCost cost = costs_.costs().classes[slice.klass];
    for (std::uint32_t slot = slice.first; slot < slice.first + slice.count; ++slot) {
      Entry* entry = staging.at(slot);
      if (entry == nullptr) continue;
      if (selected == limit) break;
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

bool Pipeline::declines(const Runner& runner) const {
  if (!runner.lends_thread) return false;
  for (const ClassLane* lane : lanes_) {
    if (lane->staging.jobs() != 0) return true;
  }
  return runner.patience && predict() > *runner.patience;
}

// The hold of the selected units, but for jobs.
Duration Pipeline::predict() const {
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

// What each selected job's step may take of the hold: where the plan leaves others waiting, its
// class's share by weight, or a step that uses all that is left would leave them ever less (its
// cost is learned); otherwise all that is left.
Duration Pipeline::step_time(const schedule::Plan& plan) const {
  std::uint64_t job_weight = 0;
  std::uint64_t waiting_weight = 0;
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    const Staging& staging = lanes_[i]->staging;
    if (staging.empty()) continue;
    if (staging.jobs() != 0) {
      job_weight += shares_[i].weight;
    } else if (planned_slots(plan, i) < staging.slots()) {
      waiting_weight += shares_[i].weight;
    }
  }
  if (job_weight == 0) return Duration(0);
  // What the others got of this tick was planned with the step's learned cost beside it, so what
  // they left is not shared with them a second time.
  const Duration share = waiting_weight == 0 ? plan.hold - predict() : plan.hold;
  const Duration rest = std::max(share, tick_budget_.hold / kStepShareMin);
  const auto total = static_cast<Duration::rep>(job_weight + waiting_weight);
  return std::max(rest * static_cast<Duration::rep>(job_weight) / total, kStepTimeMin);
}

commit::TickResult Pipeline::commit(const schedule::Plan& plan) {
  const auto stop = [&](const Work& next, Duration elapsed, std::uint64_t records,
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
  committer_.number_next(recorder_.committed() + 1);
  return committer_.run(work_, stop, step_time(plan));
}

void Pipeline::conclude(const schedule::Plan& plan, const commit::TickResult& result,
                        ack::Wakes& wakes) noexcept {
  TickEnd end = plan.end;
  if (result.action != Action::proceed) {
    end = TickEnd::failed;
  } else if (result.stopped && end != TickEnd::max_delay) {
    end = TickEnd::hold;
  }
  recorder_.tick(result, end, tick_budget_.hold);
  retry_at_.reset();
  switch (result.action) {
    case Action::proceed:
      keep_state(plan);  // refunds at the costs that the plan charged
      learn(plan, result);
      settle(result, wakes);
      lone_ ? quarantines_[*lone_].succeeded(work_.size()) : retry_.succeeded(work_.size());
      break;
    case Action::wait_for_lock:
      put_back(wakes);
      retry_at_ = result.ended + retry_.locked();
      break;
    case Action::back_off:
      back_off(result, wakes);
      break;
    case Action::fence:
      unknown_commit_ = recorder_.committed() + 1;
      limbo_ = result.cause;
      leave_behind(result.ended, wakes);
      leave_limbo(result.ended, wakes);
      break;
    case Action::poison:
    case Action::poison_unknown:
      unknown_commit_ = recorder_.committed() + 1;
      poison(result, wakes);
      break;
    case Action::reject:
    case Action::rerun_without:
      ONELANE_CHECK(false, static_cast<int>(result.action));
  }
  compact(plan);
}

void Pipeline::learn(const schedule::Plan& plan, const commit::TickResult& result) {
  for (std::size_t i = 0; i < result.slices.size(); ++i) {
    const commit::SliceTime& slice = result.slices[i];
    if (slice.records == 0) continue;
    costs_.learn_slice(plan.slices[i].klass, slice.records, slice.bytes, slice.elapsed);
  }
  if (result.units != 0) costs_.learn_commit(result.records, result.bytes, result.commit_time);
}

// The plan's state, less what was planned but left.
void Pipeline::keep_state(const schedule::Plan& plan) {
  // Only a part of the plan was tried, or the plan was of a part.
  if (retry_.limit() != 0 || lone_) return;
  state_ = plan.next;
  for (const Work& work : work_) {
    if (work.verdict != Verdict::left || work.guaranteed) continue;
    const schedule::Unit unit{.bytes = work.entry->bytes, .records = work.entry->rows};
    schedule::refund(state_, costs_.costs(), work.entry->klass, std::span(&unit, 1));
  }
}

void Pipeline::settle(const commit::TickResult& result, ack::Wakes& wakes) {
  const bool committed = result.transaction && result.units != 0;
  const std::uint64_t commit = committed ? recorder_.next_commit() : recorder_.committed();
  const TimePoint now = clock_.now();
  for (std::span<const Work> rest = work_; !rest.empty();) {
    const auto next = std::find_if(rest.begin(), rest.end(), [&](const Work& work) {
      return work.slice != rest.front().slice;
    });
    const auto slice = rest.first(static_cast<std::size_t>(next - rest.begin()));
    lanes_[slice.front().entry->klass]->count_committed(slice, result.began, now);
    rest = rest.subspan(slice.size());
  }
  for (Work& work : work_) {
    if (committed_rows(work)) {
      work.entry->commit = commit;
      lanes_[work.entry->klass]->settle_counted(work.entry, wakes);
      continue;
    }
    const bool began = work.taken && work.verdict != Verdict::left && !between_steps(*work.entry);
    if (began && work.entry->kind != EntryKind::barrier) {
      lanes_[work.entry->klass]->wait.record(result.began - work.entry->pushed);
    }
    settle(work, commit, now, wakes);
  }
}

void Pipeline::settle(Work& work, std::uint64_t commit, TimePoint now, ack::Wakes& wakes) {
  ClassLane& lane = *lanes_[work.entry->klass];
  switch (work.verdict) {
    case Verdict::left:
      if (work.taken && !between_steps(*work.entry)) work.entry->put_back();
      break;
    case Verdict::gone:
      lane.bury(work.entry);
      break;
    case Verdict::applied:
      settle_applied(work, commit, now, wakes);
      break;
    case Verdict::rejected:
    case Verdict::culprit:
      lane.settle(work.entry, between_steps(*work.entry) ? End::incomplete : End::rejected, now,
                  wakes);
      break;
  }
}

void Pipeline::settle_applied(Work& work, std::uint64_t commit, TimePoint now, ack::Wakes& wakes) {
  Entry& entry = *work.entry;
  entry.commit = commit;
  if (entry.kind == EntryKind::job) {
    entry.changes += entry.job->changes;
    entry.steps = ++entry.job->steps;
    entry.job->attempt = 0;
    if (entry.job->step == Step::more) {
      ++steps_;
      return;  // keeps its place, taken
    }
  }
  lanes_[entry.klass]->settle(&entry, End::committed, now, wakes);
}

void Pipeline::compact(const schedule::Plan& plan) {
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    Staging& staging = lanes_[i]->staging;
    staging.compact(std::min(staging.slots(), planned_slots(plan, i)));
    lanes_[i]->give_back();
  }
}

void Pipeline::end(Status cause) {
  if (!ended_) ended_ = std::move(cause);
}

bool Pipeline::drained() const {
  return std::none_of(lanes_.begin(), lanes_.end(), [](const ClassLane* lane) {
    return lane->pending() || !lane->staging.empty();
  });
}

}  // namespace onelane::engine
