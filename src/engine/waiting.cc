#include "src/engine/waiting.h"

#include <algorithm>
#include <optional>
#include <thread>

#include "src/ack/settle.h"
#include "src/base/memory.h"
#include "src/base/parker.h"
#include "src/engine/patience.h"
#include "src/engine/refusals.h"
#include "src/engine/retry.h"
#include "src/engine/thread_waiter.h"

namespace onelane::inline v0::engine {

namespace {

Status not_yet(const ClassLane& lane, const char* what, Duration waited) {
  return base::worded(Errc::timed_out, [&] {
    return "wait: a unit of class \"" + lane.name + "\" is not " + what + " after " +
           in_words(waited);
  });
}

Status flush_timed_out(const ClassLane& lane, Duration timeout) {
  return {Errc::timed_out, "flush: what was pushed to class \"" + lane.name +
                               "\" before is not settled after " +
                               in_words(std::max(Duration(0), timeout))};
}

}  // namespace

std::optional<Duration> Waiting::time_left(std::optional<TimePoint> until) const {
  if (!until) return std::nullopt;
  return remaining(*until, with_.clock.now());
}

// Whether ticks and syncs are not slower on this thread than on the journal's own, which run as
// whoever opened the journal did. A caller of lower priority that holds the lane makes others wait
// until it gets a processor.
bool Waiting::caller_may_run() const {
  return options_.callers_commit && base::lateness_of_this_thread() <= lateness_;
}

// A write and sync that has begun is not cut short, so who has little time leaves it to the pen's
// thread.
void Waiting::lend_pen(Entry& entry, bool limited) {
  if (entry.is_journaled()) return;
  if (caller_may_run() && !limited) {
    with_.pen.lend(entry);
  } else {
    with_.pen.ring();
  }
}

Status Waiting::no_intake(const ClassLane& lane) {
  return {Errc::invalid_argument, "class \"" + lane.name +
                                      "\" has no intake, so nothing of it is journaled; see "
                                      "ClassOptions::intake"};
}

Status Waiting::may_await_journaled(const Entry& entry) const {
  const ClassLane& lane = with_.lanes[entry.klass];
  return lane.journaled == nullptr ? no_intake(lane) : Status();
}

Result<Journaled> Waiting::journaled(const Entry& entry) const {
  if (entry.is_journaled()) return Journaled{.position = entry.position};
  const Outcome outcome = entry.outcome();
  return base::worded(Errc::not_journaled, outcome.cause.sqlite_code(), [&] {
    const std::string ended = "the unit ended as " + std::string(name(outcome.end));
    return ended + " before it was journaled" +
           (outcome.cause.ok() ? "" : ": " + outcome.cause.message());
  });
}

Result<Journaled> Waiting::wait_journaled(Entry& entry, std::optional<Duration> timeout) {
  if (Status why = may_await_journaled(entry); !why.ok()) return why;
  if (entry.is_journaled() || entry.settled()) return journaled(entry);
  if (Status why = with_.turn.may_wait("wait_journaled"); !why.ok()) return why;
  if (manual()) {
    pump_pen(entry);
    return entry.is_journaled() || entry.settled() ? journaled(entry) : would_block();
  }
  const TimePoint began = with_.clock.now();
  const bool limited = timeout && *timeout <= kPatienceMax;
  lend_pen(entry, limited);
  ThreadWaiter waiter(Promise::journaled);
  waiter.leads = base::lateness_of_this_thread() <= lateness_;
  const Entry::Watch watch = entry.watch(waiter);
  if (watch == Entry::Watch::occupied) return occupied_status();
  if (watch == Entry::Watch::settled || !keeps_watching(entry, waiter)) return journaled(entry);
  if (waiter.wait(limited ? timeout : std::nullopt)) return journaled(entry);
  if (entry.unwatch(waiter)) {
    return not_yet(with_.lanes[entry.klass], "journaled", with_.clock.now() - began);
  }
  waiter.wait(std::nullopt);  // the waker is on its way
  return journaled(entry);
}

bool Waiting::keeps_watching(Entry& entry, detail::Waiter& who) {
  return who.promise != Promise::journaled || !entry.is_journaled() || !entry.unwatch(who);
}

// Of a unit that nobody else can wait for, or cancel.
Result<Journaled> Waiting::journal_until(Entry& entry, std::optional<TimePoint> deadline) {
  std::optional<Duration> timeout;
  if (deadline) timeout = remaining(*deadline, with_.clock.now());
  Result<Journaled> waited = wait_journaled(entry, timeout);
  if (waited.status().code() == Errc::would_block) {
    if (Status why = take_back(entry, waited.status()); !why.ok()) return why;
    return journaled(entry);
  }
  if (waited.status().code() != Errc::timed_out) return waited;
  if (entry.settle_queued(End::expired) || entry.settled()) return journaled(entry);
  // It is being written just now.
  return wait_journaled(entry, std::nullopt);
}

Status Waiting::wait(Entry& entry, Promise promise, std::optional<Duration> timeout) {
  if (with_.lanes[entry.klass].journaled != nullptr) promise = Promise::committed;
  if (entry.settled() && with_.durability.awaited(promise) == Promise::committed) return {};
  if (Status why = with_.turn.may_wait("wait"); !why.ok()) return why;
  return wait_on(entry, promise, timeout);
}

Status Waiting::wait_on(Entry& entry, Promise promise, std::optional<Duration> timeout) {
  promise = promise == Promise::durable ? with_.durability.awaited(promise) : Promise::committed;
  std::optional<TimePoint> until;
  if (timeout && *timeout <= kPatienceMax) until = after(with_.clock.now(), *timeout);
  if (Status why = wait_settled(entry, promise, until); !why.ok()) return why;
  const std::uint64_t commit = ack::commit_of(entry);
  if (promise == Promise::committed || commit == 0) return {};
  return wait_durable(commit, until);
}

// Of a unit that nobody else can wait for, or cancel.
Status Waiting::wait_until(Entry& entry, TimePoint deadline) {
  Status why = wait_on(entry, entry.promise, remaining(deadline, with_.clock.now()));
  if (why.code() != Errc::timed_out || entry.settled()) return why;
  if (entry.settle_queued(End::expired) || entry.settled()) return {};
  return {Errc::timed_out,
          "write: the deadline came while the unit was being committed; what becomes of it is not "
          "known to this call"};
}

Status Waiting::wait_settled(Entry& entry, Promise promise, std::optional<TimePoint> until) {
  if (entry.settled()) return {};
  const TimePoint began = with_.clock.now();
  if (manual()) {
    Status pumped = pump(entry, until);
    if (pumped.code() != Errc::timed_out) return pumped;
    return not_yet(with_.lanes[entry.klass], "settled", with_.clock.now() - began);
  }
  const bool intake = with_.lanes[entry.klass].journaled != nullptr;
  if (intake) lend_pen(entry, until.has_value());
  if (caller_may_run()) with_.turn.lend(entry, promise, time_left(until));
  ThreadWaiter waiter(promise);
  waiter.leads = base::lateness_of_this_thread() <= lateness_;
  const Entry::Watch watch = entry.watch(waiter);
  if (watch == Entry::Watch::occupied) return occupied_status();
  if (watch == Entry::Watch::settled || waiter.wait(time_left(until))) return {};
  if (entry.unwatch(waiter)) {
    return not_yet(with_.lanes[entry.klass], "settled", with_.clock.now() - began);
  }
  // Settled just now: the waker is on its way, but for who waits for a sync.
  if (promise == Promise::durable && with_.durability.unwatch(waiter)) return {};
  waiter.wait(std::nullopt);
  return {};
}

Status Waiting::wait_durable(std::uint64_t commit, std::optional<TimePoint> until) {
  const std::optional<Duration> patience = time_left(until);
  const bool itself = manual() || (caller_may_run() && !until);
  return with_.durability.wait(commit, patience, itself ? Syncer::waiter : Syncer::guest);
}

bool Waiting::cancel(Entry& entry) {
  if (!with_.lanes[entry.klass].cancel(entry)) {
    entry.stop_requested.store(true, std::memory_order_relaxed);
    return false;
  }
  with_.turn.ring();  // its memory can go
  return true;
}

Outcome Waiting::outcome(const Entry& entry) const {
  Outcome out = entry.outcome();
  const std::uint64_t commit = ack::commit_of(out.end, out.commit);
  if (commit == 0) return out;
  out.durable = entry.is_journaled() || commit <= with_.durability.durable();
  if (entry.promise == Promise::durable && !out.durable && out.committed()) {
    out.cause = with_.durability.lost(commit);
  }
  return out;
}

bool Waiting::decided(const Entry& entry, Promise promise) const {
  if (promise == Promise::journaled && entry.is_journaled()) return true;
  if (!entry.settled()) return false;
  const std::uint64_t commit = ack::commit_of(entry);
  return promise != Promise::durable || commit <= with_.durability.durable() ||
         !with_.durability.lost(commit).ok();
}

bool Waiting::watch(const Entry& entry, detail::Waiter& who) {
  if (who.promise != Promise::durable || !with_.durability.watch(who, ack::commit_of(entry))) {
    return false;
  }
  with_.durability.nudge();
  return true;
}

Status Waiting::flush(std::optional<Duration> timeout) {
  if (Status why = with_.turn.may_wait("flush"); !why.ok()) return why;
  Barriers barriers;
  Status flushed = flush(timeout, barriers);
  if (flushed.ok()) return flushed;
  for (const detail::EntryRef& barrier : barriers) {
    if (barrier != nullptr) (void)cancel(*barrier);  // nobody waits for it any more
  }
  return flushed;
}

Status Waiting::flush(std::optional<Duration> timeout, Barriers& barriers) {
  std::optional<TimePoint> deadline;
  if (timeout) deadline = after(with_.clock.now(), *timeout);
  const auto lanes = with_.lanes.all();
  for (const auto& lane : lanes) {
    Result<detail::EntryRef> barrier = with_.admission.offer_barrier(*lane);
    if (!barrier) return barrier.status();
    barriers[lane->index] = std::move(*barrier);
  }
  for (const auto& lane : lanes) {
    Entry& barrier = *barriers[lane->index];
    Status waited =
        manual() ? pump(barrier, deadline) : wait(barrier, Promise::committed, time_left(deadline));
    if (waited.code() == Errc::timed_out) return flush_timed_out(*lane, *timeout);
    if (!waited.ok()) return waited;
    const Outcome settled = barrier.outcome();
    if (!settled.committed()) return settled.cause;
  }
  return {};
}

// Runs ticks on a manual journal until the entry is settled or a tick does nothing.
Status Waiting::pump(const Entry& entry, std::optional<TimePoint> deadline) {
  while (!entry.settled()) {
    if (deadline && with_.clock.now() >= *deadline) {
      return {Errc::timed_out, {}};  // the caller says of what
    }
    const TickReport report = with_.turn.tick();
    if (report.more || entry.settled()) continue;
    return would_block();
  }
  return {};
}

// Writes groups on a manual journal until the entry is journaled or there is nothing to write.
void Waiting::pump_pen(const Entry& entry) {
  while (!entry.is_journaled() && !entry.settled()) {
    if (with_.pen.run()) continue;
    if (!with_.pen.pending()) (void)with_.segments.keep();  // there may be room for a segment
    if (!with_.pen.pending()) return;
    std::this_thread::yield();  // somebody else has the pen
  }
}

// What a manual journal cannot wait for: nobody could ask what became of it.
Status Waiting::take_back(Entry& entry, Status why) {
  if (cancel(entry)) return why;
  if (entry.settled()) return {};
  if (entry.is_journaled()) {
    return {Errc::timed_out, "the unit is journaled, and is committed once its tick is due"};
  }
  return {Errc::timed_out,
          "the unit is being committed, and a manual journal does not wait; what becomes of it is "
          "not known to this call"};
}

Status Waiting::sync(std::optional<Duration> timeout) {
  if (Status why = with_.turn.may_wait("sync"); !why.ok()) return why;
  std::optional<TimePoint> until;
  if (timeout) until = after(with_.clock.now(), *timeout);
  if (Status why = flush(timeout); !why.ok()) {
    if (why.code() != Errc::timed_out) return why;
    return {Errc::timed_out, "sync, in its " + why.message()};
  }
  const Result<std::uint64_t> commit = probe(until);
  if (!commit) return commit.status();
  return *commit <= with_.durability.durable() ? Status() : wait_durable(*commit, until);
}

// The number of a commit of its own. Somebody else's lock is waited for as the committer does it:
// here, and not in SQLite, so that the lane is free and the time given is kept.
Result<std::uint64_t> Waiting::probe(std::optional<TimePoint> until) {
  Retry patience;
  for (;;) {
    Result<std::uint64_t> commit = try_probe();
    if (commit || commit.status().code() != Errc::locked) return commit;
    if (manual()) {
      return Status(Errc::would_block,
                    "the database is locked, and a manual journal does not wait: " +
                        commit.status().message(),
                    commit.status().sqlite_code());
    }
    Duration pause = patience.locked();
    if (until) {
      const Duration left = *until - with_.clock.now();
      if (left <= Duration(0)) {
        return Status(Errc::timed_out, "sync: the time given is over: " + commit.status().message(),
                      commit.status().sqlite_code());
      }
      pause = std::min(pause, left);
    }
    base::Parker().park(pause);  // nobody calls
  }
}

Result<std::uint64_t> Waiting::try_probe() {
  return with_.turn.enter([this](ack::Wakes& wakes) -> Result<std::uint64_t> {
    if (Status why = with_.state.entrance(); !why.ok()) return why;
    if (Status touched = with_.pipeline.probe(wakes); !touched.ok()) return touched;
    return with_.recorder.committed();
  });
}

}  // namespace onelane::inline v0::engine
