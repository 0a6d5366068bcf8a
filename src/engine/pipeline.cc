#include "src/engine/pipeline.h"

#include <algorithm>
#include <memory>
#include <mutex>
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

void earliest(std::optional<TimePoint>& first, std::optional<TimePoint> other) {
  if (other && (!first || *other < *first)) first = other;
}

}  // namespace

Pipeline::Pipeline(Sink& sink, const Clock& clock, const JournalOptions& options)
    : sink_(sink), clock_(clock), tick_budget_(options.tick), committer_(sink, clock) {}

Status Pipeline::add_class(ClassLane& lane) {
  const std::size_t count = lanes_.size() + 1;
  lanes_.reserve(count);
  if (lane.shared()) shared_.reserve(count);
  backlogs_.reserve(count);
  step_times_.reserve(count);
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
  if (lane.shared()) shared_.add(lane);
  step_times_.emplace_back();
  state_.classes.emplace_back();
  costs_.add_class();
  quarantines_.emplace_back();
  return {};
}

TickReport Pipeline::tick(const Runner& runner, ack::Wakes& wakes) {
  const std::scoped_lock shared(shared_);
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
  if (!store_recovered(now, wakes)) return report(before, now);
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
  schedule::Plan plan = make_plan(now);
  if (plan.slices.empty()) {
    TickReport waiting = report(progress_before, now);
    waiting.more = false;
    earliest(waiting.next, plan.not_before);
    return waiting;
  }
  if (retry_.limit() != 0) shorten(plan);
  select(plan);
  if (declines(runner)) return report(progress_before, now);
  const Hand hand(shared_, plan);
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
  const std::scoped_lock shared(shared_);
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
  for (const ClassLane* lane : lanes_) out += lane->tally.settled();
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
  if (lone_ && others_wait()) return std::nullopt;
  for (std::size_t n = 1; n <= lanes_.size(); ++n) {
    const std::size_t i = (quarantine_turn_ + n) % lanes_.size();
    const Quarantine& each = quarantines_[i];
    if (each.on() && !each.until(now) && !lanes_[i]->staging.empty()) return i;
  }
  return std::nullopt;
}

// While the store takes no commits, only a probe may find out that it does again. It is made with
// nothing staged, too: pushes are refused until then. It may find what no probe will heal, instead.
bool Pipeline::store_recovered(TimePoint now, ack::Wakes& wakes) {
  if (stalled_.ok()) return true;
  const Reply reply = probe();
  if (reply.ok()) {
    stalled_ = {};
    retry_at_.reset();
    return true;
  }
  retry_at_ = now + (reply.fault == Fault::busy ? retry_.locked() : retry_.failed());
  if (poisons(reply.fault)) fail_held(reply.cause, wakes);
  return false;
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
  const std::span<const Duration> times = step_times(plan);
  const LetGo meanwhile(shared_);
  return committer_.run(work_, stop, times);
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
  if (lone_) return;  // the plan was of a part of the classes
  state_ = plan.next;
  turn_ = next_turn_;
  for (const Work& work : work_) {
    if (work.verdict != Verdict::left) continue;
    const Staging& staging = lanes_[work.entry->klass]->staging;
    const schedule::Unit& unit = staging.unit(staging.slot_of(work.entry));
    schedule::refund(state_, costs_.costs(), plan.slices[work.slice], std::span(&unit, 1));
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
    lanes_[slice.front().entry->klass]->tally.count_committed(slice, result.began, now);
    rest = rest.subspan(slice.size());
  }
  for (Work& work : work_) {
    if (!work.entry->leads) {
      const bool left = work.verdict == Verdict::left;  // those ahead run again, too
      settle_passed(work, left ? GaveWay::queued : GaveWay::rejected, now, wakes);
    }
    if (committed_rows(work)) {
      ClassLane& lane = *lanes_[work.entry->klass];
      lane.settle_behind(*work.entry, End::superseded, now, wakes);
      work.entry->commit = commit;
      lane.settle_counted(work.entry, wakes);
      continue;
    }
    const bool began = work.taken && work.verdict != Verdict::left && !between_steps(*work.entry);
    if (began && work.entry->kind != EntryKind::barrier) {
      lanes_[work.entry->klass]->tally.wait.record(result.began - work.entry->pushed);
    }
    settle(work, commit, now, wakes);
  }
}

void Pipeline::settle(Work& work, std::uint64_t commit, TimePoint now, ack::Wakes& wakes) {
  ClassLane& lane = *lanes_[work.entry->klass];
  switch (work.verdict) {
    case Verdict::left:
    case Verdict::deferred:
      if (work.taken && !between_steps(*work.entry)) work.entry->put_back();
      break;
    case Verdict::gone:
      lane.bury(work.entry, wakes);
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

// Of those ahead of it that gave way to it: culprits are rejected in any case.
void Pipeline::settle_passed(Work& work, GaveWay how, TimePoint now, ack::Wakes& wakes) {
  ClassLane& lane = *lanes_[work.entry->klass];
  for (Entry* next = newest(work.entry); next != work.entry;) {
    Entry* const passed = std::exchange(next, next->behind);
    if (passed->settled()) {
      lane.bury(passed, wakes);
    } else if (passed->culprit || how == GaveWay::rejected) {
      lane.tally.wait.record(began_ - passed->pushed);
      lane.settle(passed, End::rejected, now, wakes);
    } else if (!passed->queued()) {
      passed->put_back();
    }
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
    staging.compact(std::min(staging.slots(), schedule::planned_units(plan, i)));
    lanes_[i]->give_back();
  }
}

void Pipeline::end(Status cause) {
  if (!ended_) ended_ = std::move(cause);
}

bool Pipeline::drained() const {
  const std::scoped_lock shared(shared_);
  return std::none_of(lanes_.begin(), lanes_.end(), [](const ClassLane* lane) {
    return lane->pending() || !lane->staging.empty();
  });
}

}  // namespace onelane::engine
