// Decides whose turn the lane is: the only owner of the baton, the only caller of Pipeline::tick,
// and the only place that says what follows a tick.
//
//   function     thread                      baton           does
//   run          the committer thread        in turn (*)     ticks while there is more to do and
//                                                            no other thread queues for the baton
//   lend         a caller that waits for     only if free    one tick; further ones while it would
//                its ticket                                  wait for a running sync anyway
//   tick         a caller by hand; close     in turn         one tick; on a manual journal also
//                while it drains; flush on                   what is to be journaled before it,
//                a manual journal                            and the syncs and log passes that are
//                                                            due after it
//   settle_rest  close                       in turn         ticks until every ticket is settled
//   enter        any other that needs the    in turn         no tick: adds a class or a statement,
//                lane                                        runs a closing pass, probes, poisons
//
// (*) but lend() may pass it.
//
// A stay in the lane has this order; what throws goes on with step 3:
// 1. The work itself.
// 2. follow(), with the baton: the log keeper looks at the log, the watermark's waiters are handed
//    over, the classes of a tick pause for what they added to the log, a lane that is shut turns
//    pushes away, and what an operator must know is noted.
// 3. leave(): gives the baton back, then rings for the committer thread if a push is pending, then
//    wakes the waiters of the settled tickets, then tells the program what was noted. run() wakes
//    between its ticks, too, with the baton.
// 4. nudge(): asks for the sync that is wanted and that no thread runs. run() does so after each
//    tick, before step 3. lend() leaves it out where its caller goes on to run that sync; tick() on
//    a manual journal runs what is wanted itself.
//
// A caller that finds the baton taken rings no bell: step 3 sees its push. The push came before the
// caller's try_lock, and that came before the baton was given back.
#pragma once

#include <atomic>
#include <optional>
#include <thread>

#include "onelane/clock.h"
#include "onelane/options.h"
#include "onelane/stats.h"
#include "onelane/status.h"
#include "src/ack/settle.h"
#include "src/base/process.h"
#include "src/base/uncancelled.h"
#include "src/engine/baton.h"
#include "src/engine/conditions.h"
#include "src/engine/durability.h"
#include "src/engine/events.h"
#include "src/engine/lane_state.h"
#include "src/engine/lanes.h"
#include "src/engine/log_keeper.h"
#include "src/engine/pen.h"
#include "src/engine/pipeline.h"
#include "src/engine/returning.h"
#include "src/engine/thread.h"

namespace onelane::inline v0::engine {

class Turn {
 public:
  struct Parts {
    Pipeline& pipeline;
    Lanes& lanes;
    LaneState& state;
    Durability& durability;
    LogKeeper& log;
    Pen& pen;
    SegmentKeeper& segments;
    Events& events;
    const Clock& clock;
    Tracer* tracer = nullptr;
    bool at_server = false;  // ticks go to one
  };
  // All of the parts must outlive it.
  Turn(const Parts& parts, const JournalOptions& options);
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

  // Starts the committer thread, the log keeper's and the syncs'. Error: storage, where the system
  // has no thread to give; those that were started run on until close.
  Status start();
  // Returns once the committer thread has ended its tick.
  void stop_committer() { committer_.stop(); }
  // For close, after that: sleeps until the next tick is due, or something is pushed or cancelled.
  void sleep(Duration at_most) { committer_.sleep_instead(at_most); }

  // --- In the lane.

  TickReport tick();
  // For a caller that waits for this entry. `patience`: how long it may wait; none is no limit.
  void lend(const detail::Entry& entry, Promise promise, std::optional<Duration> patience);
  // Settles every ticket that is left, those of pushes under way included.
  void settle_rest();
  // Runs step(wakes) and returns its result. The step must not wait for the lane's progress. What
  // it throws is thrown on, after leave().
  template <class Step>
  auto enter(const Step& step);
  // The same for the last step of a journal's life: follow() and nudge() are left out.
  template <class Step>
  auto enter_last(const Step& step) {
    baton_.lock();
    return stay(step);
  }

  // --- Any thread.

  // Wakes the committer thread if it sleeps: a push is pending.
  void ring() { committer_.ring(); }
  // The same, and ends its next sleep at once if it does not sleep yet.
  void wake() { committer_.wake(); }

  Health health() const { return conditions_.health(with_.clock.now()); }
  // ok, or why the call is refused: forked, or in_lane where it would wait for its own thread.
  Status may_enter(const char* call) const;
  Status may_wait(const char* call) const;
  bool forked() const { return process_.forked(); }
  // Whether the calling thread has the baton, is one of the journal's own, or runs close().
  bool awaits_itself() const;
  // Marks the thread that runs close(), while one lives.
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
  void await_returning();
  void follow(ack::Wakes& wakes);
  void look_around();
  void look_again(TickReport& report) const;
  void leave(ack::Wakes& wakes);
  bool pending() const { return !with_.pipeline.starved() && with_.lanes.pending(); }

  const Parts with_;
  const JournalOptions& options_;
  Conditions conditions_;
  Returning returning_;  // with the baton
  const base::ForkWitness process_;
  Baton baton_;
  std::atomic<std::thread::id> closer_{};
  Thread committer_;
};

// pthread_cancel takes effect only after the stay.
template <class Step>
auto Turn::stay(const Step& step) {
  const base::Uncancelled uncancelled;
  ack::Wakes wakes;
  try {
    auto result = step(wakes);
    leave(wakes);
    return result;
  } catch (...) {  // std::bad_alloc
    leave(wakes);
    throw;
  }
}

template <class Step>
auto Turn::enter(const Step& step) {
  baton_.lock();
  auto result = stay([&](ack::Wakes& wakes) {
    auto out = step(wakes);
    follow(wakes);
    return out;
  });
  with_.durability.nudge();
  return result;
}

}  // namespace onelane::inline v0::engine
