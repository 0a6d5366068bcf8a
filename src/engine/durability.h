// Makes commits durable beside the ticks: the watermark, who waits for it, and who syncs. A sync
// reads the counter of commits, syncs the sink's log, and only then raises the watermark to that
// counter. One runs at a time. take_sync() alone says who runs the one that is wanted:
//
//   who comes upon it                 runs it                  otherwise
//   thread: the journal's own         if none runs             sleeps until it is rung
//   waiter: waits for a commit        if none runs             waits for whoever does
//   guest: the same, but may not      never                    rings the thread, and waits
//   ticker: the baton's holder,       for a crowd, within      rings the thread (nudge)
//     after a tick                    the lane
//   fence: the baton's holder,        if none runs             waits for whoever does
//     in a tick
//
// On a manual journal there is no thread: whoever ticked runs all that is wanted (sync_all). Waking
// another thread takes as long as a good part of a sync; so a waiter does not.
//
// After the first failure, its own or the lane's, the watermark never rises again.
#pragma once

#include <algorithm>
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

namespace onelane::engine {

enum class Syncer : std::uint8_t { thread, waiter, guest, ticker, fence };

// Whether so many wait for each sync that whoever ticks had better run it, within the lane. With
// few, the next tick beside a sync is worth more than what it costs to hand the sync to another
// thread and back, and that fewer share a commit. With many, processors are what all of them wait
// for, and it is not: of 256 callers durable writes are 0.98 of those at `full`, and 0.85 without
// this; of 64, which are no crowd, 1.08.
class Crowd {
 public:
  bool here() const { return size_ >= kMin; }
  // A sync released so many.
  void released(std::size_t count) { size_ = std::max(count, size_ - size_ / 4); }

 private:
  static constexpr std::size_t kMin = 64;

  // How many the syncs released of late: as many as the last one, but not below three quarters of
  // what it was. Half of a crowd pushes while the other half's commit is synced, and whoever of it
  // is the first to come back often commits alone: how many wait just now says little.
  std::size_t size_ = 0;
};

class Durability {
 public:
  // sink and all else must outlive it.
  Durability(Sink& sink, const Recorder& recorder, const Clock& clock);
  Durability(const Durability&) = delete;
  Durability& operator=(const Durability&) = delete;
  ~Durability() { stop(); }

  // poison: told of the first sync that failed, outside the lane. Called without any lock of this.
  void use(std::function<void(const Status&)> poison) { poison_ = std::move(poison); }
  Status start();
  // For good: no sync runs any more once it returns. Not to be called with the baton, nor where
  // mine() is true.
  void stop();
  bool mine() const { return thread_.mine(); }

  // --- The watermark. Any thread.

  // Commits up to this number survive a power cut.
  std::uint64_t durable() const {
    return at_once_ ? recorder_.committed() : durable_.load(std::memory_order_acquire);
  }
  // Whether any commit ever can.
  bool possible() const { return at_once_ || sync_ != nullptr; }
  // What there is to wait for: where every commit is durable when it returns, no more than that.
  Promise awaited(Promise promise) const { return at_once_ ? Promise::committed : promise; }
  // ok while commits can become durable; else the status for who waits for this one.
  Status lost(std::uint64_t commit) const;
  Histogram sync_times() const { return times_.snapshot(); }

  // --- Who waits for it. Any thread.

  // Blocks until the commit is durable: ok, timed_out, or why it will not be known to be.
  Status wait(std::uint64_t commit, std::optional<Duration> timeout, Syncer who);
  // Has `who` woken once the commit is durable, or will not be known to be; false if that is so
  // already.
  bool watch(detail::Waiter& who, std::uint64_t commit);
  // `who` gives up: true if it was taken back, false if wake() was or will soon be called.
  bool unwatch(detail::Waiter& who);

  // --- Ticks. The baton's holder's.

  // After each tick: who waits for what it committed, and which commit was promised to be durable.
  void tick_ended(ack::Wakes& wakes);
  // After that: the sync that is wanted, if it is for a crowd and nobody runs one. Whom it releases
  // is left to `wakes`. Not ok if it is the first that failed: the lane is then to be poisoned.
  Status sync_for_crowd(ack::Wakes& wakes);
  // For a fence: blocks until the commit is durable; false if it will not be known to be.
  bool fence(std::uint64_t commit);
  // The lane is poisoned, or closed: what is not durable by now will never be known to be. The
  // first reason counts. Whom it releases is left to `wakes`.
  void end(const Status& why, ack::Wakes& wakes);

  // --- Syncs. Any thread.

  // Wakes the thread if a sync is wanted that nobody runs.
  void nudge();
  // Without a thread: runs syncs until none is wanted. Who came while one ran waits for the next.
  void sync_all() {
    while (sync_once()) {
    }
  }
  // If who waits for this commit waits for a sync that runs, and perhaps for the next: how long the
  // last one took, if it is known.
  std::optional<Duration> sync_before(std::uint64_t commit) const;

 private:
  Status result(std::uint64_t commit, std::optional<Duration> timeout) const;
  bool wanted() const;  // with the lock
  bool take_sync(Syncer who, std::uint64_t commit);
  bool sync_once();
  // Not ok for the first sync that failed.
  Status run_sync(Syncer who);
  Status sync_now(detail::Waiter*& released);
  Reply sync_or_fail();
  detail::Waiter* take_settled();  // with the lock
  void keep(detail::Waiter* released);

  CommitSync* const sync_;  // null if commits are durable when they return, or never
  const bool at_once_;      // they are
  const Recorder& recorder_;
  const Clock& clock_;
  std::function<void(const Status&)> poison_;

  std::atomic<std::uint64_t> durable_{0};
  model::SharedHistogram times_;

  mutable std::mutex mutex_;  // of what follows
  bool running_ = false;      // a sync: whoever set it is the only one to call the sink's
  std::condition_variable idle_;
  Duration took_{0};          // the last sync
  std::uint64_t wanted_ = 0;  // the newest commit that somebody wants durable
  detail::Waiter* waiters_ = nullptr;
  // Released by a sync within the lane, and woken once it is let go: by the next tick_ended().
  detail::Waiter* released_in_lane_ = nullptr;
  Crowd crowd_;
  Status ended_;

  bool has_thread_ = false;  // constant once started
  Thread thread_;
};

}  // namespace onelane::engine
