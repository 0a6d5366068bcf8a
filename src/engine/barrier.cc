// Barriers: to all that was pushed before, and to the disk.
#include <algorithm>

#include "src/engine/core.h"
#include "src/engine/patience.h"
#include "src/engine/retry.h"
#include "src/queue/doorbell.h"

namespace onelane::inline v0::detail {

namespace {

Status flush_timed_out(const engine::ClassLane& lane, Duration timeout) {
  return {Errc::timed_out, "flush: what was pushed to class \"" + lane.options.name +
                               "\" before is not settled after " +
                               engine::in_words(std::max(Duration(0), timeout))};
}

}  // namespace

Status Core::flush(std::optional<Duration> timeout) {
  if (Status why = may_wait("flush"); !why.ok()) return why;
  Barriers barriers;
  Status flushed = flush(timeout, barriers);
  if (flushed.ok()) return flushed;
  for (Receipt& barrier : barriers) {
    if (barrier.valid()) (void)barrier.cancel();  // nobody waits for it any more
  }
  return flushed;
}

Status Core::flush(std::optional<Duration> timeout, Barriers& barriers) {
  std::optional<TimePoint> deadline;
  if (timeout) deadline = engine::after(clock_->now(), *timeout);
  const std::uint32_t count = classes();
  for (std::uint32_t i = 0; i < count; ++i) {
    Result<Receipt> receipt = offer_barrier(*lanes_[i]);
    if (!receipt) return receipt.status();
    barriers[i] = std::move(*receipt);
  }
  for (std::uint32_t i = 0; i < count; ++i) {
    Status waited;
    if (options_.drive == Drive::manual) {
      waited = pump(barriers[i], deadline);
    } else {
      std::optional<Duration> left;
      if (deadline) left = engine::left(*deadline, clock_->now());
      waited = (left ? barriers[i].wait_for(*left) : barriers[i].wait()).status();
    }
    if (waited.code() == Errc::timed_out) return flush_timed_out(*lanes_[i], *timeout);
    if (!waited.ok()) return waited;
    const Outcome outcome = *barriers[i].poll();
    if (!outcome.committed()) return outcome.cause;
  }
  return {};
}

// Runs ticks on a manual journal until the receipt is settled or a tick does nothing.
Status Core::pump(const Receipt& receipt, std::optional<TimePoint> deadline) {
  while (!receipt.poll()) {
    if (deadline && clock_->now() >= *deadline) {
      return {Errc::timed_out, {}};  // flush() says of what
    }
    const TickReport report = run_tick();
    if (report.more || receipt.poll()) continue;
    return {Errc::would_block, "the next tick is not due yet, and a manual journal does not wait"};
  }
  return {};
}

// A flush, and a commit after it that the disk has to prove itself with.
Status Core::sync(std::optional<Duration> timeout) {
  if (Status why = may_wait("sync"); !why.ok()) return why;
  std::optional<TimePoint> until;
  if (timeout) until = engine::after(clock_->now(), *timeout);
  if (Status why = flush(timeout); !why.ok()) {
    if (why.code() != Errc::timed_out) return why;
    return {Errc::timed_out, "sync, in its " + why.message()};
  }
  const Result<std::uint64_t> commit = touch(until);
  if (!commit) return commit.status();
  return *commit <= durable() ? Status() : wait_durable(*commit, until);
}

// The number of a commit of its own. Somebody else's lock is waited for as the committer does it:
// here, and not in SQLite, so that the lane is free and the time given is kept.
Result<std::uint64_t> Core::touch(std::optional<TimePoint> until) {
  engine::Retry patience;
  queue::Doorbell nobody_rings;
  for (;;) {
    Result<std::uint64_t> commit = try_touch();
    if (commit || commit.status().code() != Errc::locked) return commit;
    if (options_.drive == Drive::manual) {
      return Status(Errc::would_block,
                    "the database is locked, and a manual journal does not wait: " +
                        commit.status().message(),
                    commit.status().sqlite_code());
    }
    Duration pause = patience.locked();
    if (until) {
      const Duration left = *until - clock_->now();
      if (left <= Duration(0)) {
        return Status(Errc::timed_out, "sync: the time given is over: " + commit.status().message(),
                      commit.status().sqlite_code());
      }
      pause = std::min(pause, left);
    }
    nobody_rings.sleep([] { return false; }, pause);
  }
}

}  // namespace onelane::inline v0::detail
