// The pipeline's way out of a tick that failed, and what else it does with the sink between ticks.
#include <algorithm>
#include <mutex>
#include <new>
#include <utility>

#include "src/base/memory.h"
#include "src/commit/sheltered.h"
#include "src/engine/pipeline.h"

namespace onelane::engine {

using commit::Action;
using commit::Verdict;
using commit::Work;

namespace {

Status poisoned_by(const Status& cause) noexcept {
  return base::worded(Errc::poisoned, cause.sqlite_code(), [&cause] {
    return "reopen the journal; the first error was: " + cause.to_string();
  });
}

}  // namespace

// There was no memory for a tick, or for what is queued: nothing was taken, and it is tried again
// later, as after a failed tick.
void Pipeline::starve(TimePoint now, std::size_t units) { retry_at_ = now + retry_.failed(units); }

// A sink that ran out of memory may have left its transaction open.
Reply Pipeline::probe() {
  const LetGo meanwhile(shared_);
  bool lost = false;
  Reply reply = commit::sheltered(Effect::ended, [&] {
    lost = true;
    Reply answer = sink_.probe();
    lost = false;
    return answer;
  });
  if (lost) (void)commit::sheltered(Effect::kept, [this] { return sink_.rollback(); });
  return reply;
}

// As in BEGIN and COMMIT: see commit/failure.cc.
bool Pipeline::poisons(Fault probed) noexcept {
  return probed == Fault::sync || probed == Fault::corrupt || probed == Fault::internal;
}

void Pipeline::put_back(ack::Wakes& wakes) {
  const TimePoint now = clock_.now();
  for (Work& work : work_) put_back(work, now, wakes);
}

// After a rollback: back to queued, except who is known to be to blame for itself.
void Pipeline::put_back(Work& work, TimePoint now, ack::Wakes& wakes) {
  if (!work.entry->leads) settle_passed(work, GaveWay::queued, now, wakes);
  if (work.verdict == Verdict::gone || work.verdict == Verdict::culprit) {
    settle(work, recorder_.committed(), now, wakes);
  } else if (work.taken) {
    between_steps(*work.entry) ? work.entry->forget_outcome() : work.entry->put_back();
  }
}

// Nobody is blamed for what the environment does; see retry.h.
void Pipeline::back_off(const commit::TickResult& result, ack::Wakes& wakes) {
  if (!result.transaction) {  // BEGIN failed, whatever the units
    retry_at_ = result.ended + retry_.failed();
    if (retry_.impatient()) prove_store(result.cause, result.ended);
  } else if (work_.size() == 1) {
    return failed_alone(Store::unasked, result.cause, result.ended, wakes);
  } else if (!failed_among_others(result.suspect)) {
    retry_at_ = result.ended + retry_.failed(work_.size());
  }
  put_back(wakes);
}

// Whether a class is known whose units failed: then they are tried one by one, and the others go on
// at once.
bool Pipeline::failed_among_others(const Entry* suspect) {
  if (suspect != nullptr) {
    quarantines_[suspect->klass].begin();
  } else if (lone_) {
    quarantines_[*lone_].begin();
  }
  return suspect != nullptr || lone_;
}

// A unit failed alone in its transaction. Its class pauses; after kPatience failures the store is
// put to the proof, and after kStorePatience of pauses the unit ends.
void Pipeline::failed_alone(Store store, const Status& cause, TimePoint now, ack::Wakes& wakes) {
  Work& work = work_.front();
  Quarantine& quarantine = quarantines_[work.entry->klass];
  quarantine.failed_alone(work.entry->seq, now);
  if (store == Store::unasked && quarantine.impatient()) store = prove_store(cause, now);
  if (store == Store::failed_too) quarantine.store_failed_too();
  const bool own_fault = cause.code() == Errc::record;  // which only COMMIT could find
  const bool ends = store == Store::takes_commits && quarantine.exhausted();
  if (work.taken && (own_fault || ends)) {
    work.verdict = Verdict::culprit;
    work.entry->cause = own_fault ? cause : base::worded(cause.code(), cause.sqlite_code(), [&] {
      return cause.message() + " (tried alone for 30 s, while other commits succeeded)";
    });
    quarantine.succeeded(0);
  }
  put_back(wakes);
}

// Says no more than that somebody holds a lock if the probe is locked out.
Pipeline::Store Pipeline::prove_store(const Status& cause, TimePoint now) {
  const Reply probed = probe();
  if (probed.ok()) return Store::takes_commits;
  if (probed.fault == Fault::busy) return Store::unasked;
  stalled_ = cause;
  retry_at_ = now + retry_.failed();
  return Store::failed_too;
}

// Whom the failed transaction did not hold: they have no part in its outcome, and while a fence is
// waited for their class may settle them, or forget that they were.
void Pipeline::leave_behind(TimePoint now, ack::Wakes& wakes) {
  for (Work& work : work_) {
    if (work.verdict != Verdict::gone && work.verdict != Verdict::culprit) continue;
    put_back(work, now, wakes);
    work.taken = false;
  }
  const auto rest =
      std::remove_if(work_.begin(), work_.end(), [](auto& each) { return !each.taken; });
  work_ = work_.first(static_cast<std::size_t>(rest - work_.begin()));
}

// After a COMMIT whose outcome is unknown: its frames may lie behind the log's end, and a crash
// would find them there. A commit that writes over the first of them breaks their chain, and once
// it is durable they are gone for good. Whether the lane can go on.
bool Pipeline::leave_limbo(TimePoint now, ack::Wakes& wakes) {
  if (!ended_ && retry_at_ && now < *retry_at_) return false;
  const Reply fenced = fence();
  const bool may_succeed = fenced.fault == Fault::busy || fenced.fault == Fault::environment;
  if (fenced.ok()) {
    rerun_fenced(now, wakes);
  } else if (may_succeed && ended_) {
    settle_unknown(*limbo_, now, wakes);
  } else if (may_succeed) {
    put_off_fence(fenced, now);
    return false;
  } else {
    commit::TickResult result;
    result.action = Action::poison_unknown;
    result.cause = *limbo_;  // the first error is the one that is kept
    poison(result, wakes);
  }
  limbo_.reset();
  return true;
}

Reply Pipeline::fence() {
  Reply reply;
  reply.fault = Fault::internal;
  if (!make_durable_) return reply;
  reply = probe();
  if (!reply.ok()) return reply;
  recorder_.fence();
  reply.fault = Fault::sync;
  const LetGo meanwhile(shared_);
  try {
    if (make_durable_(recorder_.next_commit()).ok()) reply.fault = Fault::none;
  } catch (const std::bad_alloc&) {  // a sync that could not be asked for counts as failed
  }
  return reply;
}

// A fence may be tried again, whatever became of this one: each writes the same over the same
// frames, and until one is durable nobody is answered. A lock says nothing about the store; while
// it takes no commits, it takes no records, either.
void Pipeline::put_off_fence(const Reply& fenced, TimePoint now) {
  fence_put_off_ = true;
  if (fenced.fault == Fault::busy) {
    retry_at_ = now + retry_.locked();
    return;
  }
  retry_at_ = now + retry_.failed();
  if (retry_.impatient()) stalled_ = fenced.cause;
}

// Now surely not applied, as after any other rollback.
void Pipeline::rerun_fenced(TimePoint now, ack::Wakes& wakes) {
  stalled_ = {};
  retry_at_.reset();
  const bool failed_too = std::exchange(fence_put_off_, false);
  if (work_.size() == 1) {
    const Store store = failed_too ? Store::failed_too : Store::takes_commits;
    return failed_alone(store, *limbo_, now, wakes);
  }
  if (!failed_among_others(nullptr)) retry_at_ = now + retry_.failed(work_.size());
  put_back(wakes);
}

void Pipeline::settle_unknown(const Status& cause, TimePoint now, ack::Wakes& wakes) {
  for (Work& work : work_) {
    if (work.verdict != Verdict::applied) {
      put_back(work, now, wakes);
      continue;
    }
    ClassLane& lane = *lanes_[work.entry->klass];
    if (!work.entry->leads) settle_passed(work, GaveWay::queued, now, wakes);
    work.entry->forget_outcome();
    work.entry->cause = cause;
    work.entry->commit = unknown_commit_;
    lane.settle_behind(*work.entry, End::unknown, now, wakes);
    lane.settle(work.entry, End::unknown, now, wakes);
  }
}

void Pipeline::poison(const commit::TickResult& result, ack::Wakes& wakes) {
  poison_ = poisoned_by(result.cause);
  const TimePoint now = clock_.now();
  if (result.action == Action::poison_unknown) {
    settle_unknown(poison_, now, wakes);
  } else {
    put_back(wakes);
  }
  end(poison_);
  for (ClassLane* lane : lanes_) lane->end_all(poison_, now, wakes);
}

Closing Pipeline::close_in(Log& log) {
  const TimePoint began = clock_.now();
  const Reply locked = commit::sheltered(Effect::ended, [this] { return sink_.begin(); });
  if (!locked.ok()) return {.pass = {.fault = locked.fault, .cause = locked.cause}};
  Closing closing;
  try {
    closing.pass = log.close_in();
  } catch (const std::bad_alloc&) {
    closing.pass.fault = Fault::environment;
    closing.pass.cause = base::out_of_memory();
  }
  const Reply ended = commit::sheltered(Effect::kept, [this] { return sink_.rollback(); });
  closing.held = clock_.now() - began;
  recorder_.closing(closing.held);
  if (closing.pass.ok() && !ended.ok()) {
    closing.pass.fault = ended.fault;
    closing.pass.cause = ended.cause;
  }
  return closing;
}

Status Pipeline::touch(ack::Wakes& wakes) {
  const std::scoped_lock shared(shared_);
  const Reply reply = probe();
  if (reply.ok()) {
    recorder_.next_commit();
  } else if (poisons(reply.fault)) {
    fail_held(reply.cause, wakes);
  }
  return reply.cause;
}

void Pipeline::fail(const Status& cause, ack::Wakes& wakes) {
  const std::scoped_lock shared(shared_);
  fail_held(cause, wakes);
}

void Pipeline::fail_held(const Status& cause, ack::Wakes& wakes) {
  if (!poison_.ok()) return;
  commit::TickResult result;
  result.action = limbo_ ? Action::poison_unknown : Action::poison;
  result.cause = cause;
  if (!limbo_) work_ = {};
  limbo_.reset();
  poison(result, wakes);
}

}  // namespace onelane::engine
