// Makes commits durable beside the ticks: reads the counter of commits, syncs the sink's log, and
// only then raises the durable watermark to that counter. One sync runs at a time, on the syncer's
// own thread, or on that of a caller who waits for it and finds none running: waking another thread
// takes as long as a good part of a sync. For a crowd, on that of whoever ticks.
//
// After the first failure, its own or the lane's, the watermark never rises again.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "onelane/clock.h"
#include "onelane/sink.h"
#include "onelane/stats.h"
#include "src/ack/settle.h"
#include "src/engine/recorder.h"
#include "src/engine/thread.h"
#include "src/model/histogram.h"
#include "src/queue/doorbell.h"

namespace onelane::engine {

// Whether a thread that waits may sync by itself.
enum class Syncs : std::uint8_t {
  by_thread,
  by_caller,
  in_lane,  // as by_caller, but whoever holds the baton poisons the lane itself
};

class Syncer {
 public:
  // sync: null if commits are durable when they return, or never. All must outlive it.
  Syncer(CommitSync* sync, const Recorder& recorder, const Clock& clock);
  Syncer(const Syncer&) = delete;
  Syncer& operator=(const Syncer&) = delete;
  ~Syncer() { stop(); }

  // poison: told of the first sync that failed. Called without any lock of the syncer's.
  void use(std::function<void(const Status&)> poison) { poison_ = std::move(poison); }
  Status start();
  // For good: no sync runs any more once it returns. Not to be called with the baton, nor where
  // mine() is true.
  void stop();

  // After each tick, by the baton's holder: who waits for what it committed, and which commit was
  // promised to be durable (0: none).
  void tick_ended(ack::Wakes& wakes);
  // Wakes the thread if a sync is wanted that nobody runs.
  void nudge();

  // The baton's holder's, after tick_ended(): the sync that is wanted, if those of late were for a
  // crowd and nobody runs one. Whom it releases is left to `wakes`. Not ok if it is the first that
  // failed: the lane is then to be poisoned.
  Status sync_for_crowd(ack::Wakes& wakes);

  // If who waits for this commit waits for a sync that runs, and perhaps for the next: how long the
  // last one took, if it is known.
  std::optional<Duration> sync_before(std::uint64_t commit) const;

  // Commits up to this number survive a power cut.
  std::uint64_t durable() const { return durable_.load(std::memory_order_acquire); }
  // Blocks until the commit is durable: ok, timed_out, or why it will not be known to be.
  Status wait(std::uint64_t commit, std::optional<Duration> timeout, Syncs syncs);
  // Has `who` woken once the commit is durable, or will not be known to be; false if that is so
  // already.
  bool watch(detail::Waiter& who, std::uint64_t commit);
  // `who` gives up: true if it was taken back, false if wake() was or will soon be called.
  bool unwatch(detail::Waiter& who);
  // ok while commits can become durable; else the status for who waits for this one.
  Status lost(std::uint64_t commit) const;

  // One sync, if one is wanted that nobody runs; whether there was.
  bool sync_once();
  // Until none is: who came while one ran waits for the next.
  void sync_all() {
    while (sync_once()) {
    }
  }
  // The lane is poisoned, or closed: what is not durable by now will never be known to be. The
  // first reason counts. Whom it releases is left to `wakes`, since the caller may hold the baton.
  void end(const Status& why, ack::Wakes& wakes);
  bool mine() const { return thread_.mine(); }

  Histogram sync_times() const { return times_.snapshot(); }

 private:
  Status result(std::uint64_t commit, std::optional<Duration> timeout) const;
  bool wanted() const;  // with the lock
  bool take_sync(std::uint64_t commit, std::size_t crowd_min = 0);
  // Not ok for the first sync that failed.
  Status run_sync(Syncs syncs);
  Status sync_now(detail::Waiter*& released);
  Reply sync_or_fail();
  detail::Waiter* take_settled();  // with the lock
  void keep(detail::Waiter* released);
  void run();

  CommitSync* const sync_;
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
  // How many the syncs released of late: as many as the last one, but not below three quarters of
  // what it was. Half of a crowd pushes while the other half's commit is synced, and whoever of it
  // is the first to come back often commits alone: how many wait just now says little.
  std::size_t crowd_ = 0;
  Status ended_;

  queue::Doorbell bell_;
  std::atomic<bool> stopping_{false};
  bool has_thread_ = false;  // constant once started; thread_ is stop()'s to join
  Thread thread_;
};

}  // namespace onelane::engine
