// Makes commits durable beside the ticks: the watermark, the waiters for it, and the syncs that
// raise it. A sync reads the counter of commits, syncs the sink's log, and then raises the
// watermark to that counter. One sync runs at a time. take_sync() alone decides which thread runs a
// wanted one:
//
//   Syncer   a thread that ...                       runs the sync       else
//   thread   is the journal's own for syncs          if no other runs    sleeps until nudged
//   waiter   waits for a commit                      if no other runs    waits for that one
//   guest    waits, for a limited time or at a low   never               nudges, and waits
//            priority
//   fence    has the baton, in a tick                if no other runs    waits for that one
//
// A manual journal has no such thread: the thread that ticked runs all wanted syncs (sync_all).
// Waiters sync by themselves since waking another thread takes as long as a good part of a sync.
//
// After the first failure, a sync's or the lane's, the watermark never rises again.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <utility>

#include "onelane/clock.h"
#include "onelane/sink.h"
#include "onelane/stats.h"
#include "src/ack/settle.h"
#include "src/engine/recorder.h"
#include "src/engine/thread.h"
#include "src/model/histogram.h"

namespace onelane::inline v0::engine {

enum class Syncer : std::uint8_t { thread, waiter, guest, fence };

class Durability {
 public:
  // All three must outlive it.
  Durability(Sink& sink, const Recorder& recorder, const Clock& clock);
  Durability(const Durability&) = delete;
  Durability& operator=(const Durability&) = delete;
  ~Durability() { stop(); }

  // poison: called with the first error of a sync that ran outside the lane, with no lock of this.
  // synced: told of each sync, when it began and what it took, by the thread that ran it; or empty.
  void use(std::function<void(const Status&)> poison,
           std::function<void(TimePoint, Duration)> synced) {
    poison_ = std::move(poison);
    tell_synced_ = std::move(synced);
  }
  Status start();
  // No sync runs any more once it returns. Not to be called with the baton, nor where mine() is
  // true.
  void stop();
  bool mine() const { return thread_.mine(); }

  // --- The watermark. Any thread.

  // Commits up to this number survive a power cut.
  std::uint64_t durable() const {
    return at_once_ ? recorder_.committed() : durable_.load(std::memory_order_acquire);
  }
  // Whether any commit ever can.
  bool possible() const { return at_once_ || sync_ != nullptr; }
  // What a waiter has to wait for: `committed` where each commit is durable when it returns.
  Promise awaited(Promise promise) const { return at_once_ ? Promise::committed : promise; }
  // ok while commits can become durable; else not_durable, for a waiter for this commit.
  Status lost(std::uint64_t commit) const;
  Histogram sync_times() const { return times_.snapshot(); }
  // How long after then the sync returned that made the commit durable; 0 where COMMIT does. None
  // if it is not durable, or became so too many syncs ago.
  std::optional<Duration> synced_after(std::uint64_t commit, TimePoint committed) const;

  // --- Waiters. Any thread.

  // Blocks until the commit is durable. Errors: timed_out; not_durable, after a failure.
  Status wait(std::uint64_t commit, std::optional<Duration> timeout, Syncer who);
  // Wakes `who` once the commit is durable, or durability is lost. False if it is so already: then
  // it is not woken.
  bool watch(detail::Waiter& who, std::uint64_t commit);
  // The waiter gives up: true if it is not woken any more, false if wake() was or will be called.
  bool unwatch(detail::Waiter& who);

  // --- Ticks. The baton's holder's.

  // After each tick: takes over the waiters for its commit, and what it promised to be durable.
  void tick_ended(ack::Wakes& wakes);
  // For a fence: blocks until the commit is durable; false if it will not be known to be.
  bool fence(std::uint64_t commit);
  // The lane is poisoned or closed: no further commit becomes durable. The first reason is kept.
  // `wakes` gets all waiters.
  void give_up(const Status& why, ack::Wakes& wakes);

  // --- Syncs. Any thread.

  // Wakes the journal's thread for syncs if a sync is wanted and none runs.
  void nudge();
  // On a manual journal: runs syncs until none is wanted.
  void sync_all() {
    while (sync_once()) {
    }
  }
  // The duration of the last sync, if a waiter for this commit waits for the one that runs now.
  // None if it does not, or if no sync has ended yet.
  std::optional<Duration> sync_time_if_waiting(std::uint64_t commit) const;

 private:
  Status result(std::uint64_t commit, std::optional<Duration> timeout) const;
  bool wanted() const;  // with the lock
  bool take_sync(Syncer who, std::uint64_t commit);
  bool sync_once();
  // Not ok for the first sync that failed.
  Status run_sync(Syncer who);
  Status sync_now(detail::Waiter*& released);
  Reply sync_or_fail();
  detail::Waiter* take_released();  // with the lock
  void keep(detail::Waiter* released);

  CommitSync* const sync_;  // null if commits are durable when they return, or never
  const bool at_once_;      // they are
  const Recorder& recorder_;
  const Clock& clock_;
  std::function<void(const Status&)> poison_;
  std::function<void(TimePoint, Duration)> tell_synced_;

  std::atomic<std::uint64_t> durable_{0};
  model::SharedHistogram times_;

  mutable std::mutex mutex_;  // of what follows
  bool running_ = false;      // a sync: whoever set it is the only one to call the sink's
  std::condition_variable idle_;
  Duration took_{0};  // the last sync
  struct Synced {
    std::uint64_t commit = 0;
    TimePoint when;
  };
  std::array<Synced, 128> synced_{};  // a ring of the newest that raised the watermark
  std::size_t synced_count_ = 0;
  std::uint64_t wanted_ = 0;  // the newest commit that somebody wants durable
  detail::Waiter* waiters_ = nullptr;
  Status ended_;  // why no further commit becomes durable; ok while one can

  // The baton's holder's: released by a fence's sync, and handed on by the next tick_ended().
  detail::Waiter* released_in_lane_ = nullptr;

  bool has_thread_ = false;  // constant once started
  Thread thread_;
};

}  // namespace onelane::inline v0::engine
