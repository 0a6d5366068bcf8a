// Looks after the sink's log: a shell around the decisions of log_policy.h. With a thread of its
// own on a journal that has threads; otherwise run_due() does the same on the caller's.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "onelane/clock.h"
#include "onelane/sink.h"
#include "onelane/stats.h"
#include "src/engine/lane_state.h"
#include "src/engine/log_policy.h"
#include "src/engine/thread.h"

namespace onelane::inline v0::engine {

// What the log has room for.
struct Room {
  // How long the next tick may hold the lane, since a longer one would add too much. 0: every class
  // gets its guarantee only.
  Duration hold = Duration::max();
  // The same for a tick that nobody waits for, and that may take what the disk has yet to write.
  Duration most = Duration::max();
  bool paced = false;  // whether who added much waits
};

class LogKeeper {
 public:
  // What it needs of the lane. Called without any lock of the log keeper's that the lane takes.
  struct Lane {
    std::function<Closing(Log&)> close_in;      // holds the lane for a closing pass
    std::function<void(const Status&)> poison;  // a pass met a failure without a way back
  };

  struct Parts {
    Log* log;  // null: nothing to do
    const LaneState& state;
    const Clock& clock;
  };
  struct Terms {
    std::uint64_t limit = 0;    // of the log, in bytes
    Duration hold{0};           // of a full tick; until set_hold()
    bool commits_sync = false;  // each commit puts on the disk what it adds to the log
  };
  // All of the parts must outlive it.
  LogKeeper(const Parts& parts, const Terms& terms);
  LogKeeper(const LogKeeper&) = delete;
  LogKeeper& operator=(const LogKeeper&) = delete;
  ~LogKeeper() { stop(); }

  void use(Lane lane) { lane_ = std::move(lane); }
  Status start();
  // For good. Returns after the running pass, if any; not to be called with the baton, nor where
  // mine() is true.
  void stop();

  // Any thread: Terms::hold, from the next decision on.
  void set_hold(Duration hold) { hold_.store(hold, std::memory_order_relaxed); }
  // After each tick, by the baton's holder, with its hold: wakes the thread if the log has grown
  // enough. How long the classes that added to the log wait where ticks are paced.
  Duration tick_ended(Duration held);
  // The baton holder's, too. What tick_ended() found added to the log since the time before.
  std::uint64_t added() const { return tick_added_; }
  Room room() const;
  // Whether the log has grown enough since it was last looked at, or a commit has restarted it:
  // what was waited for before then is void.
  bool wanted() const;
  // Without a thread, and without the baton: what is due now, unless somebody is at it already, who
  // may tick in the middle of it.
  void run_due();

  // Whether the calling thread is its own, or is in run_due().
  bool mine() const {
    return thread_.mine() ||
           due_runner_.load(std::memory_order_relaxed) == std::this_thread::get_id();
  }

  // Any thread: how much of the log a reader keeps from being copied back, as of the last look.
  std::uint64_t pinned() const { return pinned_.load(std::memory_order_relaxed); }
  void snapshot(LogStats& out) const;
  // After stop() and the sink's close.
  void closed(const LogLeft& left);

 private:
  LogDecision step();
  LogView look(TimePoint now);
  void tell(const LogDecision& decision, TimePoint now);
  void note_most(std::uint64_t bytes);
  void act(const LogDecision& decision);
  bool write();
  void copy(std::uint64_t piece_bytes);
  void sync();
  void close(Duration budget);
  void learn(DiskTime& disk, std::uint64_t bytes, Duration took);
  void note_failure(const LogPass& pass);
  void find_readers();
  std::optional<Thread::Sleep> run();
  const LogRoom& room_at(std::uint64_t bytes) const;
  Duration pause_for(std::uint64_t bytes, std::uint64_t added) const;

  Log* const log_;
  const LaneState& state_;
  const Clock& clock_;
  const Terms terms_;
  std::atomic<Duration> hold_;
  Lane lane_;

  std::mutex step_mutex_;  // of what a step uses: one runs at a time
  LogCycle cycle_;
  DiskModel disk_;
  Duration copying_{0};  // that the round under way took so far
  std::uint64_t commits_seen_ = 0;
  TimePoint commit_seen_at_;

  std::uint64_t tick_written_ = 0;  // of the log, by the last tick: the baton holder's
  std::uint64_t tick_added_ = 0;
  LogGrowth growth_;

  mutable std::mutex decided_mutex_;  // of the two below
  LogDecision decided_;
  TimePoint decided_at_;

  std::atomic<std::uint64_t> wake_bytes_{0};
  std::atomic<std::uint64_t> seen_bytes_{0};
  std::atomic<std::uint64_t> bytes_max_{0};
  std::atomic<std::uint64_t> passes_{0};
  std::atomic<std::uint64_t> late_closings_{0};
  std::atomic<std::uint64_t> pinned_{0};

  bool pinned_told_ = false;  // what stats say; a step's

  mutable std::mutex stats_mutex_;  // of what is below
  DiskStats learned_;
  std::optional<TimePoint> pinned_since_;
  std::vector<LogReader> readers_;
  Status blocked_;

  std::atomic<bool> due_runs_{false};
  std::atomic<std::thread::id> due_runner_{};

  Thread thread_;
};

}  // namespace onelane::inline v0::engine
