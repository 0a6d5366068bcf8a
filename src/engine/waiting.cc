// The core's way out: how a caller learns what became of its unit.
#include <algorithm>
#include <optional>

#include "src/ack/settle.h"
#include "src/base/memory.h"
#include "src/base/priority.h"
#include "src/engine/core.h"
#include "src/engine/patience.h"
#include "src/engine/refusals.h"
#include "src/engine/thread_waiter.h"

namespace onelane::inline v0::detail {

using engine::after;
using engine::kPatienceMax;
using engine::would_block;

// Where every commit is durable when it returns, nothing is left to wait for.
Promise Core::kept_by_sync(Promise promise) const {
  if (promise == Promise::committed || sink_->commit_is_durable()) return Promise::committed;
  return promise;
}

// Whether ticks and syncs are not slower on this thread than on the journal's own, which run as
// whoever opened the journal did. A caller of lower priority that holds the lane makes others wait
// until it gets a processor.
bool Core::caller_may_run() const {
  return options_.callers_commit && base::lateness_of_this_thread() <= lateness_;
}

Status Core::wait(Entry& entry, Promise promise, std::optional<Duration> timeout) {
  if (entry.settled() && kept_by_sync(promise) == Promise::committed) return {};
  if (Status why = may_wait("wait"); !why.ok()) return why;
  return wait_on(entry, promise, timeout);
}

Status Core::wait_on(Entry& entry, Promise promise, std::optional<Duration> timeout) {
  promise = kept_by_sync(promise);
  std::optional<TimePoint> until;
  if (timeout && *timeout <= kPatienceMax) until = after(clock_->now(), *timeout);
  if (Status why = wait_settled(entry, promise, until); !why.ok()) return why;
  const std::uint64_t commit = ack::commit_of(entry);
  if (promise == Promise::committed || commit == 0) return {};
  return wait_durable(commit, until);
}

// Of a unit that nobody else can wait for, or cancel.
Status Core::wait_until(Entry& entry, TimePoint deadline) {
  Status why = wait_on(entry, entry.promise, engine::left(deadline, clock_->now()));
  if (why.code() != Errc::timed_out || entry.settled()) return why;
  if (entry.settle_queued(End::expired)) {
    (void)entry.close_watch();  // nobody's
    return {};
  }
  if (entry.settled()) return {};  // just now
  return {Errc::timed_out,
          "write: the deadline came while the unit was being committed; what becomes of it is not "
          "known to this call"};
}

Status Core::wait_settled(Entry& entry, Promise promise, std::optional<TimePoint> until) {
  if (entry.settled()) return {};
  if (options_.drive == Drive::manual) return would_block();
  const TimePoint began = clock_->now();
  const auto left = [&]() -> std::optional<Duration> {
    if (!until) return std::nullopt;
    return engine::left(*until, clock_->now());
  };
  if (caller_may_run()) lend_thread(entry, promise, left());
  engine::ThreadWaiter waiter(promise);
  waiter.leads = base::lateness_of_this_thread() <= lateness_;
  const Entry::Watch watch = entry.watch(waiter);
  if (watch == Entry::Watch::occupied) return engine::occupied_status();
  if (watch == Entry::Watch::settled || waiter.wait(left())) return {};
  if (entry.unwatch(waiter)) {
    return base::worded(Errc::timed_out, [&] {
      return "wait: a unit of class \"" + std::string(class_name(entry.klass)) +
             "\" is not settled after " + engine::in_words(clock_->now() - began);
    });
  }
  // Settled just now: the waker is on its way, but for who waits for a sync.
  if (promise == Promise::durable && syncer_.unwatch(waiter)) return {};
  waiter.wait(std::nullopt);
  return {};
}

Status Core::wait_durable(std::uint64_t commit, std::optional<TimePoint> until) {
  std::optional<Duration> left;
  if (until) left = engine::left(*until, clock_->now());
  const bool manual = options_.drive == Drive::manual;
  const bool itself = manual || (caller_may_run() && !until);
  return syncer_.wait(commit, left, itself ? engine::Syncs::by_caller : engine::Syncs::by_thread);
}

bool Core::cancel(Entry& entry) {
  if (!lanes_[entry.klass]->cancel(entry)) return false;
  worker_.bell().ring();  // its memory can go
  return true;
}

Outcome Core::outcome(const Entry& entry) const {
  Outcome out = entry.outcome();
  const std::uint64_t commit = ack::commit_of(out.end, out.commit);
  if (commit == 0) return out;
  out.durable = commit <= durable();
  if (entry.promise == Promise::durable && !out.durable && out.committed()) {
    out.cause = syncer_.lost(commit);
  }
  return out;
}

bool Core::kept(const Entry& entry) const {
  if (!entry.settled()) return false;
  const std::uint64_t commit = ack::commit_of(entry);
  return entry.promise == Promise::committed || commit <= durable() || !syncer_.lost(commit).ok();
}

bool Core::watch(const Entry& entry, Waiter& who) {
  if (entry.promise == Promise::committed || !syncer_.watch(who, ack::commit_of(entry))) {
    return false;
  }
  syncer_.nudge();
  return true;
}

std::uint64_t Core::durable() const {
  return sink_->commit_is_durable() ? pipeline_.recorder().committed() : syncer_.durable();
}

}  // namespace onelane::inline v0::detail
