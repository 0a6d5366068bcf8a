// The core's way out: how a caller learns what became of its unit.
#include <algorithm>
#include <optional>

#include "src/ack/settle.h"
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

Status Core::wait(Entry& entry, Promise promise, std::optional<Duration> timeout) {
  promise = kept_by_sync(promise);
  if (entry.settled() && promise == Promise::committed) return {};
  if (Status why = may_wait(); !why.ok()) return why;
  std::optional<TimePoint> until;
  if (timeout && *timeout <= kPatienceMax) until = after(clock_->now(), *timeout);
  if (Status why = wait_settled(entry, promise, until); !why.ok()) return why;
  const std::uint64_t commit = ack::commit_of(entry);
  if (promise == Promise::committed || commit == 0) return {};
  return wait_durable(commit, until);
}

Status Core::wait_settled(Entry& entry, Promise promise, std::optional<TimePoint> until) {
  if (entry.settled()) return {};
  if (options_.drive == Drive::manual) return would_block();
  const auto left = [&]() -> std::optional<Duration> {
    if (!until) return std::nullopt;
    return *until - clock_->now();
  };
  if (options_.callers_commit) lend_thread(entry, promise, left());
  engine::ThreadWaiter waiter(promise);
  const Entry::Watch watch = entry.watch(waiter);
  if (watch == Entry::Watch::occupied) return engine::occupied_status();
  if (watch == Entry::Watch::settled || waiter.wait(left())) return {};
  if (entry.unwatch(waiter)) return {Errc::timed_out, "not settled within the time given"};
  // Settled just now: the waker is on its way, but for who waits for a sync.
  if (promise == Promise::durable && syncer_.unwatch(waiter)) return {};
  waiter.wait(std::nullopt);
  return {};
}

Status Core::wait_durable(std::uint64_t commit, std::optional<TimePoint> until) {
  std::optional<Duration> left;
  if (until) left = std::max(Duration(0), *until - clock_->now());
  const bool manual = options_.drive == Drive::manual;
  const bool itself = manual || (options_.callers_commit && !until);
  return syncer_.wait(commit, left, itself ? engine::Syncs::by_caller : engine::Syncs::by_thread);
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
