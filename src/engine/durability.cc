#include "src/engine/durability.h"

#include <algorithm>
#include <new>
#include <string>
#include <utility>

#include "src/base/memory.h"
#include "src/base/uncancelled.h"
#include "src/engine/refusals.h"
#include "src/engine/thread_waiter.h"

namespace onelane::inline v0::engine {

namespace {

void hand_on(detail::Waiter* first, ack::Wakes& wakes) {
  while (first != nullptr) wakes.add(std::exchange(first, first->next));
}

}  // namespace

Durability::Durability(Sink& sink, const Recorder& recorder, const Clock& clock)
    : sync_(sink.commit_is_durable() ? nullptr : sink.commit_sync()),
      at_once_(sink.commit_is_durable()),
      recorder_(recorder),
      clock_(clock) {
  if (sync_ == nullptr) {
    ended_ = {Errc::invalid_argument, "the journal's sink cannot make a commit durable"};
  }
}

Status Durability::start() {
  if (sync_ == nullptr) return {};
  has_thread_ = true;
  Status started = thread_.start({
      .name = "onelane-syncs",
      .step = [this]() -> std::optional<Thread::Sleep> {
        if (sync_once()) return std::nullopt;
        return Thread::Sleep{};
      },
      .pending =
          [this] {
            const std::scoped_lock lock(mutex_);
            return wanted();
          },
  });
  if (!started.ok()) has_thread_ = false;
  return started;
}

void Durability::stop() {
  {
    ack::Wakes wakes;
    give_up(closed_status(), wakes);
  }
  thread_.stop();
  std::unique_lock lock(mutex_);
  idle_.wait(lock, [this] { return !running_; });
}

bool Durability::wanted() const { return !running_ && ended_.ok() && wanted_ > durable(); }

void Durability::nudge() {
  {
    const std::scoped_lock lock(mutex_);
    if (!wanted()) return;
  }
  thread_.ring();
}

std::optional<Duration> Durability::sync_time_if_waiting(std::uint64_t commit) const {
  const std::scoped_lock lock(mutex_);
  const bool waits = running_ && ended_.ok() && durable() < commit;
  return waits && took_ > Duration(0) ? std::optional(took_) : std::nullopt;
}

void Durability::tick_ended(ack::Wakes& wakes) {
  const std::uint64_t promised = wakes.take_promised();
  hand_on(std::exchange(released_in_lane_, nullptr), wakes);
  if (promised == 0) return;
  detail::Waiter* held = wakes.take_durable_waiters();
  const std::scoped_lock lock(mutex_);
  wanted_ = std::max(wanted_, promised);
  if (held == nullptr) return;
  detail::Waiter* last = held;
  while (last->next != nullptr) last = last->next;
  last->next = std::exchange(waiters_, held);
  hand_on(take_released(), wakes);
}

// Those whose commit is durable, or never will be, or who gave up; by `next`.
detail::Waiter* Durability::take_released() {
  detail::Waiter* taken = nullptr;
  detail::Waiter** link = &waiters_;
  while (*link != nullptr) {
    detail::Waiter* who = *link;
    if (!who->abandoned && ended_.ok() && who->commit > durable()) {
      link = &who->next;
      continue;
    }
    *link = who->next;
    who->next = std::exchange(taken, who);
  }
  return taken;
}

bool Durability::sync_once() {
  if (!take_sync(Syncer::thread, 0)) return false;
  if (const Status failed = run_sync(Syncer::thread); !failed.ok()) poison_(failed);
  return true;
}

Status Durability::run_sync(Syncer who) {
  detail::Waiter* released = nullptr;
  Status failed;
  {
    const base::Uncancelled uncancelled;
    failed = sync_now(released);
  }
  if (who == Syncer::fence) {
    keep(released);
  } else {
    // Before poisoning, which waits for the lane, and that perhaps for them.
    while (released != nullptr) std::exchange(released, released->next)->wake();
  }
  return failed;
}

// The baton's holder's.
void Durability::keep(detail::Waiter* released) {
  while (released != nullptr) {
    detail::Waiter* who = std::exchange(released, released->next);
    who->next = std::exchange(released_in_lane_, who);
  }
}

// The counter is read before the sync: a commit that returns later may not be covered by it.
Status Durability::sync_now(detail::Waiter*& released) {
  const std::uint64_t covered = recorder_.committed();
  const TimePoint began = clock_.now();
  Reply reply = sync_or_fail();
  const TimePoint ended = clock_.now();
  const Duration took = ended - began;
  times_.record(took);
  if (tell_synced_) tell_synced_(began, took);
  const std::scoped_lock lock(mutex_);
  running_ = false;
  took_ = took;
  Status failed;
  if (!reply.ok() && ended_.ok()) failed = ended_ = std::move(reply.cause);
  if (ended_.ok()) {
    durable_.store(std::max(durable(), covered), std::memory_order_release);
    synced_[synced_count_++ % synced_.size()] = {.commit = covered, .when = ended};
  }
  released = take_released();
  idle_.notify_all();
  return failed;
}

std::optional<Duration> Durability::synced_after(std::uint64_t commit, TimePoint committed) const {
  if (at_once_) return Duration(0);
  if (durable() < commit) return std::nullopt;
  const std::scoped_lock lock(mutex_);
  const std::size_t kept = std::min(synced_count_, synced_.size());
  const std::size_t oldest = synced_count_ - kept;
  // What the oldest one covers may have been durable before it.
  if (oldest != 0 && synced_[oldest % synced_.size()].commit >= commit) return std::nullopt;
  for (std::size_t i = oldest; i < synced_count_; ++i) {
    const Synced& each = synced_[i % synced_.size()];
    if (each.commit >= commit) return std::max(Duration(0), each.when - committed);
  }
  return std::nullopt;
}

// A sync that could not be asked for, or whose answer could not be put in words, counts as failed.
Reply Durability::sync_or_fail() {
  try {
    Reply reply = sync_->sync();
    if (!reply.ok()) reply.cause = worded_cause(reply.cause);
    return reply;
  } catch (const std::bad_alloc&) {
    Reply reply;
    reply.fault = Fault::sync;
    reply.cause = base::out_of_memory();
    return reply;
  }
}

void Durability::give_up(const Status& why, ack::Wakes& wakes) {
  const std::scoped_lock lock(mutex_);
  if (ended_.ok()) ended_ = why;
  hand_on(take_released(), wakes);
}

Status Durability::lost(std::uint64_t commit) const {
  const std::scoped_lock lock(mutex_);
  if (ended_.ok()) return {};
  return base::worded(Errc::not_durable, ended_.sqlite_code(), [&] {
    return "committed in commit " + std::to_string(commit) +
           ", durability lost; the cause was: " + ended_.to_string();
  });
}

bool Durability::watch(detail::Waiter& who, std::uint64_t commit) {
  const std::scoped_lock lock(mutex_);
  if (durable() >= commit || !ended_.ok()) return false;
  wanted_ = std::max(wanted_, commit);
  who.commit = commit;
  who.next = std::exchange(waiters_, &who);
  return true;
}

bool Durability::unwatch(detail::Waiter& who) {
  const std::scoped_lock lock(mutex_);
  for (detail::Waiter** link = &waiters_; *link != nullptr; link = &(*link)->next) {
    if (*link != &who) continue;
    *link = who.next;
    return true;
  }
  who.abandoned = true;  // its tick has not handed it on yet, or it is being woken
  return false;
}

Status Durability::wait(std::uint64_t commit, std::optional<Duration> timeout, Syncer who) {
  if (durable() >= commit) return {};
  if (take_sync(who, commit)) {
    const Status failed = run_sync(who);
    if (!failed.ok() && who == Syncer::waiter) poison_(failed);
    // Who came meanwhile waits for the next. In the lane it is for whoever ticks to see to that.
    if (has_thread_) {
      nudge();
    } else if (who == Syncer::waiter) {
      sync_all();
    }
    return result(commit, timeout);
  }
  ThreadWaiter waiter(Promise::durable);
  waiter.leads = who != Syncer::fence;
  if (watch(waiter, commit)) {
    nudge();
    // Not taken back: whoever wakes it is on the way.
    if (!waiter.wait(timeout) && !unwatch(waiter)) waiter.wait(std::nullopt);
  }
  return result(commit, timeout);
}

bool Durability::fence(std::uint64_t commit) {
  return at_once_ || wait(commit, std::nullopt, Syncer::fence).ok();
}

// Whether it is for this one to run the sync that is wanted: nobody else will, then.
bool Durability::take_sync(Syncer who, std::uint64_t commit) {
  const std::scoped_lock lock(mutex_);
  wanted_ = std::max(wanted_, commit);
  if (!wanted()) return false;
  return running_ = who != Syncer::guest;
}

// For who waited for this commit, and waits no longer.
Status Durability::result(std::uint64_t commit, std::optional<Duration> timeout) const {
  if (durable() >= commit) return {};
  if (Status why = lost(commit); !why.ok()) return why;
  return base::worded(Errc::timed_out, [&] {
    return "committed in commit " + std::to_string(commit) + ", but not durable within " +
           std::to_string(timeout.value_or(Duration(0)).count()) + " ns";
  });
}

}  // namespace onelane::inline v0::engine
