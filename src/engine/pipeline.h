// One tick, from the queues to the settled tickets: stage, plan, commit, settle. What a tick does
// is what the lane's state says (lane_state.h). Everything here is the baton holder's, except where
// it says otherwise.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "onelane/clock.h"
#include "onelane/options.h"
#include "onelane/sink.h"
#include "onelane/stats.h"
#include "src/ack/settle.h"
#include "src/commit/committer.h"
#include "src/engine/attribution.h"
#include "src/engine/durability.h"
#include "src/engine/fence.h"
#include "src/engine/lane_state.h"
#include "src/engine/lanes.h"
#include "src/engine/log_keeper.h"
#include "src/engine/positions.h"
#include "src/engine/recorder.h"
#include "src/engine/recovery.h"
#include "src/engine/selection.h"
#include "src/engine/server_time.h"
#include "src/engine/settlement.h"
#include "src/engine/tracer.h"

namespace onelane::inline v0::engine {

class Pipeline {
 public:
  struct Parts {
    Sink& sink;
    const Clock& clock;
    Lanes& lanes;
    LaneState& state;
    Recorder& recorder;
    Attribution& attribution;
    Durability& durability;
    Positions* positions;  // null: no class can have an intake
    Tracer* tracer = nullptr;
  };
  // All of the parts must outlive it.
  Pipeline(const Parts& parts, const JournalOptions& options);

  // Adds it to the lanes, too.
  Status add_class(std::unique_ptr<ClassLane> lane);
  // Between two ticks: the next one goes by the new values. ok, or why nothing has changed.
  Status set_class(std::uint32_t klass, ClassOptions options);
  Status set_tick(const Budget& tick);
  const Budget& tick_budget() const { return selection_.tick(); }

  // The turn's alone: see turn.h.
  TickReport tick(const Runner& runner, ack::Wakes& wakes);
  // Of the next tick.
  void pace(const Room& room) { room_ = room; }
  // While ticks are paced, the classes of the last one wait: its like has room after so long.
  void pause(Duration pause) { selection_.pause(began_, pause); }
  // The last tick's hold, once; 0 if it committed nothing.
  Duration take_held() { return std::exchange(held_, Duration(0)); }

  // Since when somebody else has had the write lock, if the last tick found it so.
  std::optional<TimePoint> locked_since() const { return recovery_.locked_since(); }

  // Holds the lane for a pass that copies all of the log back. A failure without a way back is
  // left to fail().
  Closing close_in(Log& log);
  // A commit that holds no unit, but is really written.
  Status probe(ack::Wakes& wakes);
  // Poisons the lane, if nothing did before, for an error that was met outside a tick.
  void fail(const Status& cause, ack::Wakes& wakes);

  // Any thread: whether the last tick had no memory to take in what is queued. It is tried again by
  // itself, and with each push.
  bool starved() const { return starved_.load(std::memory_order_relaxed); }

 private:
  // The tick that runs.
  struct Tick {
    const Runner& runner;
    TimePoint now;
    std::uint64_t progress_before;
    ack::Wakes& wakes;
  };

  // Whether the lane is in that state no more.
  bool leave_unknown(TimePoint now, ack::Wakes& wakes);
  bool leave_stall(TimePoint now, ack::Wakes& wakes);
  TickReport work(const Tick& tick);
  TickReport commit_next(const Tick& tick);
  TickReport run(const Tick& tick);
  commit::TickResult commit(const schedule::Plan& plan);
  // From here on nothing may fail for want of memory: what was committed has to be settled.
  void conclude(const schedule::Plan& plan, const commit::TickResult& result,
                ack::Wakes& wakes) noexcept;
  void succeed(const schedule::Plan& plan, const commit::TickResult& result, ack::Wakes& wakes);
  void fail_locked(const Status& cause, ack::Wakes& wakes);
  void not_locked();
  Rest rest(TimePoint now) const;

  Settlement::At at(TimePoint now, ack::Wakes& wakes) const { return {began_, now, wakes}; }
  std::uint64_t progress() const;
  TickReport report(const Tick& tick) const;
  TickReport report_idle(const Tick& tick, std::optional<TimePoint> next);

  Sink& sink_;
  const Clock& clock_;
  Lanes& lanes_;
  LaneState& state_;
  Recorder& recorder_;
  Attribution& attribution_;
  Positions* const positions_;
  Tracer* const tracer_;

  commit::Committer committer_;
  Recovery recovery_;
  Selection selection_;
  ServerTime server_time_;
  Settlement settlement_;
  Fence fence_;

  Room room_;  // in the log
  std::atomic<bool> starved_{false};
  TimePoint began_;  // the last tick
  Duration held_{0};
};

}  // namespace onelane::inline v0::engine
