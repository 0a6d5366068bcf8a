// Whose turn the lane is. The only owner of the baton, and the only caller of Pipeline::tick.
//
// A stay in the lane is: enter, do something, follow, leave.
//
//   who                      enters         does                          then
//   committer thread         in turn, but   ticks while there is more     sleeps until the next
//                            gives way to   and nobody queues for the     push, or time that the
//                            who lends      baton                         last tick told
//   a caller who waits for   if nobody      one tick; more while it would  waits for its ticket, or
//     its unit (lend)        has the baton  wait for a sync that runs     its sync
//   a caller by hand, flush  in turn        one tick                      on a manual journal: runs
//     on a manual journal,                                                the syncs and passes that
//     close (tick)                                                        are due
//   close, last (end)        in turn        ticks until all is settled
//   whoever else needs the   in turn        no tick: adds a class or a
//     lane (hold)                           statement, closes in on the
//                                           log, touches, poisons
//
// Follow, with the baton: the log keeper and the watermark are told, classes are held back or not,
// and what a lane that is shut no longer lets in is turned away. Where a crowd waits for a sync, it
// is run here. Leave: the baton is given back, then the committer thread is rung if something was
// pushed that nobody saw, then who was released is woken; last, a sync that is wanted and that
// nobody runs is asked for.
//
// A caller that finds the baton taken rings no bell. It counts on leave: its push came before its
// try, which came before the baton was given back, so whoever leaves sees it.
#pragma once

#include <atomic>
#include <optional>
#include <string>
#include <thread>

#include "onelane/clock.h"
#include "onelane/options.h"
#include "onelane/stats.h"
#include "onelane/status.h"
#include "src/ack/settle.h"
#include "src/base/process.h"
#include "src/base/uncancelled.h"
#include "src/engine/baton.h"
#include "src/engine/durability.h"
#include "src/engine/lane_state.h"
#include "src/engine/lanes.h"
#include "src/engine/log_keeper.h"
#include "src/engine/pipeline.h"
#include "src/engine/thread.h"

namespace onelane::engine {

class Turn {
 public:
  struct Parts {
    Pipeline& pipeline;
    Lanes& lanes;
    LaneState& state;
    Durability& durability;
    LogKeeper& log;
    const Clock& clock;
  };
  // All of the parts must outlive it.
  Turn(const Parts& parts, const JournalOptions& options);
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

  // The committer thread, and those of the log and of syncs.
  Status start();
  // The committer thread ends after the tick that it runs.
  void stop_committer() { committer_.stop(); }

  // --- In the lane.

  TickReport tick();
  // On the thread of a caller who waits for this entry to be settled, if the lane is free.
  void lend(const detail::Entry& entry, Promise promise, std::optional<Duration> patience);
  // Settles all that is left, pushes under way included.
  void end();
  // Runs step(wakes), which must not wait for the lane's progress, and returns what it returns.
  template <class Step>
  auto hold(const Step& step);
  // The same for the last step of all: nothing follows.
  template <class Step>
  auto hold_last(const Step& step) {
    baton_.lock();
    return stay(step);
  }

  // --- Any thread.

  // Something was pushed, and its caller does not lend its thread.
  void ring() { committer_.ring(); }
  // The same, though a gathering window or a pause may be under way.
  void wake() { committer_.wake(); }

  // ok, or why the call is refused: where it would wait for the lane, or for the lane's progress.
  Status may_enter(const char* call) const;
  Status may_wait(const char* call) const;
  bool forked() const { return process_.forked(); }
  // Whether the calling thread holds the lane, is one of the journal's own, or closes it: what
  // waits for the journal's progress would wait for itself.
  bool awaits_itself() const;
  // While one lives, its thread closes the journal.
  class Closer {
   public:
    explicit Closer(Turn& turn) : turn_(turn) { turn_.closer_.store(std::this_thread::get_id()); }
    Closer(const Closer&) = delete;
    Closer& operator=(const Closer&) = delete;
    ~Closer() { turn_.closer_.store(std::thread::id()); }

   private:
    Turn& turn_;
  };

 private:
  template <class Step>
  auto stay(const Step& step);
  std::optional<Thread::Sleep> run();
  TickReport run_while_more(ack::Wakes& wakes);
  std::uint64_t run_for(const detail::Entry& entry, Promise promise,
                        std::optional<Duration> patience, ack::Wakes& wakes);
  TickReport run_tick(const Runner& runner, ack::Wakes& wakes);
  void sync_for_crowd(const Runner& runner, ack::Wakes& wakes);
  void follow(ack::Wakes& wakes);
  void leave(ack::Wakes& wakes);
  bool pending() const { return !with_.pipeline.starved() && with_.lanes.pending(); }

  const Parts with_;
  const JournalOptions& options_;
  const base::ForkWitness process_;
  Baton baton_;
  std::atomic<std::thread::id> closer_{};
  Thread committer_;
};

// The thread is not cancelled meanwhile.
template <class Step>
auto Turn::stay(const Step& step) {
  const base::Uncancelled uncancelled;
  ack::Wakes wakes;
  try {
    auto result = step(wakes);
    leave(wakes);
    return result;
  } catch (...) {  // there was no memory for the step
    leave(wakes);
    throw;
  }
}

template <class Step>
auto Turn::hold(const Step& step) {
  baton_.lock();
  auto result = stay([&](ack::Wakes& wakes) {
    auto out = step(wakes);
    follow(wakes);
    return out;
  });
  with_.durability.nudge();
  return result;
}

}  // namespace onelane::engine
