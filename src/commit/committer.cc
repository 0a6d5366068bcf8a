#include "src/commit/committer.h"

#include <algorithm>
#include <exception>
#include <string>
#include <utility>

#include "src/base/check.h"
#include "src/base/memory.h"
#include "src/commit/lane_transaction.h"
#include "src/commit/sheltered.h"
#include "src/commit/slice_timer.h"
#include "src/model/row.h"

namespace onelane::inline v0::commit {

using detail::EntryKind;

namespace {

// How many units ahead rows are prefetched. Another processor wrote them, or they have left this
// one's caches since.
constexpr std::size_t kAhead = 4;

bool may_run(const Work& work) {
  return work.verdict != Verdict::culprit && work.verdict != Verdict::gone;
}

// The next older one of its key takes its place, if there is one.
bool give_way(Work& work) {
  Entry* const older = work.entry->behind;
  if (older->leads) return false;
  work.entry->culprit = work.verdict == Verdict::culprit;
  work.entry->refused = work.entry->culprit || work.verdict == Verdict::rejected;
  work.entry = older;
  work.asks = true;
  work.taken = false;
  work.verdict = Verdict::left;
  return true;
}

// A journaled unit is refused in a commit, which says so.
bool needs_transaction(const Work& work) {
  const bool refused = work.verdict == Verdict::culprit && work.entry->is_journaled();
  return (may_run(work) || refused) && work.entry->kind != EntryKind::barrier;
}

void reset_for_attempt(std::span<Work> work, TickResult& result) {
  for (Work& unit : work) {
    if (!may_run(unit) && !give_way(unit)) continue;
    if (unit.verdict == Verdict::rejected && !unit.entry->condemned) unit.entry->forget_outcome();
    unit.verdict = Verdict::left;
  }
  result.stopped = false;
  result.suspect = nullptr;
  result.units = result.records = result.bytes = 0;
  result.commit_time = result.lock_wait = Duration(0);
  for (SliceTime& slice : result.slices) slice = {};
}

}  // namespace

TickResult Committer::run(std::span<Work> work, const StopRule& stop,
                          std::span<const Duration> step_times) {
  step_times_ = step_times;
  troubled_.clear();
  spent_ = Duration(0);
  TickResult result;
  result.pipelined = pipelined_.on();
  result.slices.resize(work.empty() ? 0 : work.back().slice + 1);
  result.began = result.ended = clock_.now();
  for (;;) {
    reset_for_attempt(work, result);
    Failed failed = attempt(work, stop, result);
    spent_ += result.ended - result.began;
    if (failed.action == Action::rerun) {
      if (may_rerun(result)) {
        ++result.conflicts;
        continue;
      }
      failed.action = Action::back_off;
    }
    if (failed.action == Action::rerun_without) continue;
    divide_commit_time(result);
    result.action = failed.action;
    result.cause = std::move(failed.cause);
    return result;
  }
}

bool Committer::may_rerun(const TickResult& result) const noexcept {
  return result.conflicts < kRerunsMax && spent_ < kRerunsFor;
}

// What of it the slices' own calls waited is theirs already.
void Committer::note_lock_wait(TickResult& result) noexcept {
  if (server_ == nullptr) return;
  result.lock_wait = server_->lock_wait();
  result.lock_waits += result.lock_wait;
  Duration at_the_ends = result.lock_wait;
  for (const SliceTime& each : result.slices) at_the_ends -= each.lock_wait;
  result.commit_time -= std::clamp(at_the_ends, Duration(0), result.commit_time);
}

Committer::Troubled* Committer::troubled(std::uint32_t klass) noexcept {
  for (Troubled& each : troubled_) {
    if (each.klass == klass) return &each;
  }
  return nullptr;
}

// Whether its class has had a culprit in this tick.
bool Committer::in_trouble(const Work& work) noexcept {
  return !troubled_.empty() && troubled(work.entry->klass) != nullptr;
}

// Whether its class has had all its culprits in this tick, and the unit comes after the last of
// them, or in its place.
bool Committer::waits(const Work& work) noexcept {
  if (troubled_.empty()) return false;
  const Troubled* const trouble = troubled(work.entry->klass);
  return trouble != nullptr && trouble->culprits >= kCulpritsMax && &work >= trouble->last;
}

Committer::Troubled& Committer::trouble_at(const Work& work) {
  Troubled* trouble = troubled(work.entry->klass);
  if (trouble == nullptr) trouble = &troubled_.emplace_back(Troubled{.klass = work.entry->klass});
  trouble->last = &work;
  return *trouble;
}

Committer::Failed Committer::attempt(std::span<Work> work, const StopRule& stop,
                                     TickResult& result) {
  if (std::none_of(work.begin(), work.end(), needs_transaction)) {
    return execute_sheltered(work, stop, result);
  }
  ++result.attempts;
  pipelined_.begin();
  const Reply began = begin(result);
  result.commit_time = clock_.now() - result.began;
  if (!began.ok()) {
    result.ended = clock_.now();
    return {action_for(Place::begin, began.fault, began.effect), began.cause};
  }
  result.transaction = true;
  Failed failed = commit(work, result, execute_sheltered(work, stop, result));
  result.ended = clock_.now();
  note_lock_wait(result);
  return failed;
}

// If the units' COMMIT would restart the WAL, a probe restarts it first, in a hold of its own. This
// is done once in a tick: a program that checkpoints all the time must not keep the tick from its
// turn.
Reply Committer::begin(TickResult& result) {
  result.began = clock_.now();
  Reply reply = or_undone([this] { return sink_.begin(); });
  if (!reply.ok() || !sink_.begins_log_anew()) return reply;
  reply = or_undone([this] {
    Reply ended = sink_.rollback();
    return ended.ok() ? sink_.probe() : ended;
  });
  const TimePoint now = clock_.now();
  result.log_hold += now - result.began;
  result.began = now;
  return reply.ok() ? or_undone([this] { return sink_.begin(); }) : reply;
}

// A sink that ran out of memory may have begun or not, so it is rolled back.
template <class Call>
Reply Committer::or_undone(const Call& call) {
  try {
    return call();
  } catch (const std::bad_alloc&) {
    Reply reply = sheltered(Effect::kept, [this] { return sink_.rollback(); });
    if (reply.ok()) reply.fault = Fault::environment;
    reply.effect = Effect::ended;
    reply.cause = base::out_of_memory();
    return reply;
  }
}

// Nobody is to blame for memory that was missing on the way: all of it is undone and runs again.
Committer::Failed Committer::execute_sheltered(std::span<Work> work, const StopRule& stop,
                                               TickResult& result) {
  try {
    return execute(work, stop, result);
  } catch (const std::bad_alloc&) {
    return {Action::back_off, base::out_of_memory()};
  }
}

// COMMIT if all went well and something is to be committed, else ROLLBACK.
Committer::Failed Committer::commit(std::span<const Work> work, TickResult& result,
                                    Failed executed) {
  bool owed = false;
  if (executed.action == Action::proceed && journaled_ != nullptr) {
    try {
      owed = journaled_->owed(work);
    } catch (const std::bad_alloc&) {
      executed = {Action::back_off, base::out_of_memory()};
    }
  }
  if (executed.action == Action::proceed && (result.units > 0 || owed)) {
    const TimePoint start = clock_.now();
    Reply reply = write_last(owed);
    if (reply.ok()) reply = sheltered(Effect::unknown, [this] { return sink_.commit(); });
    result.commit_time += clock_.now() - start;
    result.committed = reply.ok();
    if (reply.ok()) {
      pipelined_.settle();
      return {};
    }
    executed = failed_commit(std::move(reply), result);
  }
  const Reply undone = sheltered(Effect::kept, [this] { return sink_.rollback(); });
  if (undone.ok()) return executed;
  // Nothing may be settled on the strength of a transaction that would not end.
  if (executed.action == Action::fence) executed.action = Action::poison_unknown;
  if (executed.action == Action::poison || executed.action == Action::poison_unknown) {
    return executed;  // the first error is the one that is kept
  }
  return {Action::poison, undone.cause};
}

Committer::Failed Committer::failed_commit(Reply reply, TickResult& result) {
  Work* const earlier = pipelined_.failed();
  if (earlier == nullptr) {
    return {action_for(Place::commit, reply.fault, reply.effect), std::move(reply.cause)};
  }
  Failed failed = judge(*earlier, std::move(reply));
  blame(failed, result);
  return failed;
}

// What is written behind the units.
Reply Committer::write_last(bool owed) {
  Reply reply;
  if (owed) reply = sheltered(Effect::kept, [this] { return journaled_->write(); });
  if (reply.ok() && watermark_ != nullptr) {
    reply = sheltered(Effect::kept, [this] { return watermark_->mark(number_); });
  }
  return reply;
}

namespace {

bool take(Work& unit) {
  if (!unit.taken) unit.taken = unit.entry->take();
  if (!unit.taken) unit.verdict = Verdict::gone;
  return unit.taken;
}

}  // namespace

Committer::Failed Committer::execute(std::span<Work> work, const StopRule& stop,
                                     TickResult& result) {
  SliceTimer timer(clock_, server_);
  std::size_t done = 0;
  for (std::span<Work> rest = work; !rest.empty(); rest = rest.subspan(done)) {
    Work& unit = rest.front();
    done = 1;
    if ((!may_run(unit) && !give_way(unit)) || waits(unit)) continue;
    const Duration elapsed = unit.asks ? clock_.now() - result.began + spent_ : Duration(0);
    const bool instead = !unit.entry->leads;  // of one that was executed
    if (unit.asks && stop(unit, elapsed, result.records + (instead ? 1 : 0), result.bytes)) {
      if (instead) {
        trouble_at(unit).culprits = kCulpritsMax;
        unit.verdict = Verdict::deferred;
        continue;
      }
      result.stopped = true;
      break;
    }
    if (!take(unit)) {
      done = 0;  // for what is behind it
      continue;
    }
    if (unit.entry->condemned) {
      unit.verdict = Verdict::rejected;
      done = give_way(unit) ? 0 : 1;
      continue;
    }
    timer.enter(result.slices[unit.slice]);
    pipelined_.wait_for_each(in_trouble(unit));
    Failed failed =
        unit.entry->kind == EntryKind::record ? records(rest, result, done) : run(unit, result);
    if (failed.action == Action::proceed) {
      Work& last = rest[done - 1];
      if (last.verdict == Verdict::rejected && give_way(last)) --done;
      continue;
    }
    blame(failed, result);
    return failed;
  }
  return {};
}

// What the reply means: the verdict of the unit, or of an earlier one that it is about, and what
// the tick does.
Committer::Failed Committer::judge(Work& asked, Reply reply) {
  const Action action = action_for(Place::unit, reply.fault, reply.effect);
  if (action == Action::proceed) {
    asked.verdict = Verdict::applied;
    return {};
  }
  Work* const earlier = pipelined_.failed();
  Work& work = earlier == nullptr ? asked : *earlier;
  if (action == Action::reject || action == Action::rerun_without) {
    work.entry->forget_outcome();
    work.entry->cause = reply.cause;
    work.verdict = action == Action::reject ? Verdict::rejected : Verdict::culprit;
  }
  const bool go_on = action == Action::reject;
  return {go_on ? Action::proceed : action, std::move(reply.cause), &work};
}

void Committer::blame(const Failed& failed, TickResult& result) {
  if (failed.action == Action::rerun_without) ++trouble_at(*failed.unit).culprits;
  result.suspect = failed.unit->entry;
}

// Takes the lone records that follow each other in one slice, up to where the tick may end. The
// first is taken already.
std::size_t Committer::gather(std::span<Work> units) {
  const std::uint32_t slice = units.front().slice;
  const bool shelter = in_trouble(units.front());
  std::size_t n = 0;
  for (Work& unit : units.first(std::min(units.size(), kBatch))) {
    if (n + kAhead < units.size()) __builtin_prefetch(units[n + kAhead].entry->frames().data());
    const bool another = unit.slice == slice && !unit.asks && may_run(unit) &&
                         unit.entry->kind == EntryKind::record && !unit.entry->condemned &&
                         take(unit);
    if (n != 0 && !another) break;
    model::Frame frame;
    const bool one = model::FrameReader(unit.entry->frames()).next(frame);
    ONELANE_CHECK(one, unit.entry->bytes);
    batch_[n].statement = frame.statement;
    batch_[n].row = frame.row;
    batch_[n].shelter = shelter;
    batch_[n].wants_returned = !unit.entry->alone();
    ++n;
  }
  return n;
}

Committer::Failed Committer::records(std::span<Work> units, TickResult& result, std::size_t& done) {
  const std::size_t gathered = gather(units);
  Reply reply;
  const std::size_t applied = sink_.apply_each(std::span(batch_).first(gathered), reply);
  std::uint64_t bytes = 0;
  for (std::size_t i = 0; i < applied; ++i) {
    Entry& entry = *units[i].entry;
    entry.changes = batch_[i].changes;
    entry.rowid = batch_[i].rowid;
    keep_returned(entry, batch_[i].returned);
    units[i].verdict = Verdict::applied;
    pipelined_.applied(units[i]);
    bytes += entry.bytes;
  }
  SliceTime& slice = result.slices[units.front().slice];
  slice.units += applied;
  slice.applied += applied;
  slice.records += applied;
  slice.bytes += bytes;
  result.units += applied;
  result.records += applied;
  result.bytes += bytes;
  done = applied;
  if (applied == gathered) return {};
  Work& culprit = units[applied];
  slice.units += 1;
  slice.records += culprit.entry->rows;
  slice.bytes += culprit.entry->bytes;
  ++done;
  return judge(culprit, std::move(reply));
}

// A unit that is more than one record.
Committer::Failed Committer::run(Work& work, TickResult& result) {
  if (work.entry->kind == EntryKind::barrier) {
    work.verdict = Verdict::applied;
    return {};
  }
  Failed failed = work.entry->kind == EntryKind::group ? group(work) : job(work, result);
  if (failed.action != Action::proceed) return failed;
  SliceTime& slice = result.slices[work.slice];
  slice.units += 1;
  slice.records += work.entry->rows;
  slice.bytes += work.entry->bytes;
  if (work.verdict != Verdict::applied) return failed;
  ++slice.applied;
  ++result.units;
  result.records += work.entry->rows;
  result.bytes += work.entry->bytes;
  return failed;
}

Committer::Failed Committer::group(Work& work) {
  Reply reply = begin_unit();
  if (!reply.ok()) return judge(work, std::move(reply));
  Entry& entry = *work.entry;
  entry.changes = 0;
  entry.rowid.reset();
  const bool wanted = !entry.alone();
  std::vector<ReturnedRow> returned;
  model::FrameReader frames(entry.frames());
  model::Frame frame;
  while (reply.ok() && frames.next(frame)) {
    reply = wanted ? sink_.apply_returning(frame.statement, frame.row, returned)
                   : sink_.apply(frame.statement, frame.row);
    entry.changes += reply.changes;
    if (reply.rowid) entry.rowid = reply.rowid;
    if (reply.ok()) pipelined_.applied(work);
  }
  ONELANE_CHECK(frames.ok(), entry.bytes);
  keep_returned(entry, returned);
  return judge(work, end_unit(std::move(reply)));
}

Committer::Failed Committer::job(Work& work, TickResult& result) {
  detail::JobRun& run = *work.entry->job;
  if (run.steps != 0 && work.entry->stop_requested.load(std::memory_order_relaxed)) {
    return stopped(work);
  }
  ++run.attempt;
  Reply reply = begin_unit();
  if (!reply.ok()) return judge(work, std::move(reply));
  const TimePoint began = clock_.now();
  {
    LaneTransaction transaction(sink_.job_statements(), clock_, run,
                                step_times_[work.entry->klass]);
    transaction.stop_on(work.entry->stop_requested, closing_);
    Result<Step> step = call_step(run.job.step, transaction);
    transaction.end_step();
    reply = transaction.failure();
    if (step) {
      run.step = *step;
    } else if (reply.ok()) {
      reply.fault = Fault::record;
      reply.effect = Effect::kept;
      reply.cause = step.status();
    }
    run.changes = transaction.changes();
  }
  const Duration elapsed = clock_.now() - began;
  if (elapsed > result.longest_step_time) {
    result.longest_step = work.entry;
    result.longest_step_time = elapsed;
  }
  pipelined_.wait_for_each(true);  // what the step left deferred is no record's
  Failed failed = judge(work, end_unit(std::move(reply)));
  if (work.verdict == Verdict::rejected || work.verdict == Verdict::culprit) {
    Status& cause = work.entry->cause;
    cause = base::worded(Errc::record, cause.sqlite_code(),
                         [&] { return "job \"" + run.job.name + "\": " + cause.message(); });
  }
  return failed;
}

// A job that was cancelled between its steps.
Committer::Failed Committer::stopped(Work& work) {
  work.entry->forget_outcome();
  work.entry->cause = base::worded(Errc::not_committed, [&] {
    return "job \"" + work.entry->job->job.name + "\": cancelled between its steps";
  });
  work.verdict = Verdict::rejected;
  return {};
}

Reply Committer::begin_unit() {
  return savepoints_ == nullptr ? Reply() : savepoints_->savepoint();
}

Reply Committer::end_unit(Reply reply) {
  if (reply.ok()) reply = sink_.verify();
  if (!reply.ok()) return undo_unit(std::move(reply));
  return savepoints_ == nullptr ? reply : savepoints_->release();
}

// All or nothing: a unit that failed by its own fault is undone by the savepoint, if there still is
// a transaction. Without savepoints it is undone with the whole transaction.
Reply Committer::undo_unit(Reply reply) {
  if (reply.fault != Fault::record || reply.effect == Effect::ended) return reply;
  if (savepoints_ == nullptr) {
    reply.effect = Effect::kept;
    return reply;
  }
  Reply undone = savepoints_->rollback_to();
  if (!undone.ok()) return undone;
  reply.effect = Effect::undone;
  return reply;
}

}  // namespace onelane::inline v0::commit
