// One tick, from the queues to the settled tickets: stage, plan, commit, settle. The only code that
// names all stages. Everything here is the baton holder's, except where it says otherwise.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "onelane/clock.h"
#include "onelane/options.h"
#include "onelane/sink.h"
#include "onelane/stats.h"
#include "src/ack/settle.h"
#include "src/commit/committer.h"
#include "src/engine/class_lane.h"
#include "src/engine/log_policy.h"
#include "src/engine/recorder.h"
#include "src/engine/retry.h"
#include "src/schedule/costs.h"
#include "src/schedule/plan.h"

namespace onelane::engine {

// Who runs the tick. A caller that lends its thread takes no job and no tick longer than it may
// wait.
struct Runner {
  bool lends_thread = false;
  std::optional<Duration> patience;
};

class Pipeline {
 public:
  // All must outlive the pipeline.
  Pipeline(Sink& sink, const Clock& clock, const JournalOptions& options);

  Status add_class(ClassLane& lane);

  TickReport tick(const Runner& runner, ack::Wakes& wakes);
  // Of the ticks from now on: every class gets its guarantee only, and they begin no sooner than so
  // long after each other. None: as ever.
  void hold_back(std::optional<Duration> pause) { pause_ = pause; }

  // Holds the lane for a pass that copies all of the log back. A failure without a way back is
  // left to fail().
  Closing close_in(Log& log);
  // A commit that holds no unit, but is really written.
  Status touch(ack::Wakes& wakes);
  // Ends the pipeline for good with the first error, which was met outside a tick.
  void fail(const Status& cause, ack::Wakes& wakes);

  // How a commit of this number is made durable, for fences; without it, what a failed COMMIT
  // leaves unknown poisons.
  void use_sync(std::function<Status(std::uint64_t)> make_durable) {
    make_durable_ = std::move(make_durable);
  }

  // From now on whatever is or gets staged is settled as closed, with this cause. The first counts.
  void end(Status cause);
  // Whether nothing is queued or staged any more.
  bool drained() const;

  // Whether the last tick had no memory to take in what is queued: it is tried again by itself, and
  // with each push. Any thread.
  bool starved() const { return starved_.load(std::memory_order_relaxed); }

  // Whether all that is staged was promised to be durable.
  bool only_durable() const;

  // ok, or the failure that ended it for good.
  const Status& poison() const { return poison_; }
  // ok, or why the store takes no commits for now.
  const Status& stalled() const { return stalled_; }

  const Recorder& recorder() const { return recorder_; }  // any thread

 private:
  bool paced(TimePoint now) const;
  bool stage(TimePoint now, ack::Wakes& wakes);
  bool idle(TimePoint now) const;
  bool others_wait() const;
  std::optional<std::size_t> quarantined_class(TimePoint now) const;
  TickReport run(const Runner& runner, std::uint64_t progress_before, TimePoint now,
                 ack::Wakes& wakes);
  void starve(TimePoint now, std::size_t units);
  Reply probe();
  static bool poisons(Fault probed) noexcept;
  std::uint64_t progress() const;
  TickReport report(std::uint64_t progress_before, TimePoint now) const;
  bool store_recovered(TimePoint now, ack::Wakes& wakes);
  schedule::Plan make_plan(TimePoint now);
  void shorten(schedule::Plan& plan);
  void select(const schedule::Plan& plan);
  bool declines(const Runner& runner) const;
  Duration predict() const;
  std::span<const Duration> step_times(const schedule::Plan& plan);
  commit::TickResult commit(const schedule::Plan& plan);

  // From here on nothing may fail for want of memory: what was committed has to be settled.
  void conclude(const schedule::Plan& plan, const commit::TickResult& result,
                ack::Wakes& wakes) noexcept;
  void learn(const schedule::Plan& plan, const commit::TickResult& result);
  void keep_state(const schedule::Plan& plan);
  void settle(const commit::TickResult& result, ack::Wakes& wakes);
  void settle(commit::Work& work, std::uint64_t commit, TimePoint now, ack::Wakes& wakes);
  // What became of those that gave way in a tick.
  enum class GaveWay : std::uint8_t { rejected, queued };
  void settle_passed(commit::Work& work, GaveWay how, TimePoint now, ack::Wakes& wakes);
  void settle_applied(commit::Work& work, std::uint64_t commit, TimePoint now, ack::Wakes& wakes);
  void put_back(ack::Wakes& wakes);
  void put_back(commit::Work& work, TimePoint now, ack::Wakes& wakes);
  void back_off(const commit::TickResult& result, ack::Wakes& wakes);
  bool failed_among_others(const Entry* suspect);
  enum class Store : std::uint8_t { unasked, takes_commits, failed_too };
  void failed_alone(Store store, const Status& cause, TimePoint now, ack::Wakes& wakes);
  Store prove_store(const Status& cause, TimePoint now);
  void leave_behind(TimePoint now, ack::Wakes& wakes);
  bool leave_limbo(TimePoint now, ack::Wakes& wakes);
  Reply fence();
  void put_off_fence(const Reply& fenced, TimePoint now);
  void rerun_fenced(TimePoint now, ack::Wakes& wakes);
  void settle_unknown(const Status& cause, TimePoint now, ack::Wakes& wakes);
  void fail_held(const Status& cause, ack::Wakes& wakes);
  void poison(const commit::TickResult& result, ack::Wakes& wakes);
  void compact(const schedule::Plan& plan);

  // What classes share with pushes, see class_lane.h: held by every call here that looks at what is
  // staged, and let go of for as long as the sink takes.
  class Shared {
   public:
    void reserve(std::size_t count) { lanes_.reserve(count); }
    void add(ClassLane& lane) { lanes_.push_back(&lane); }
    void lock() {
      for (ClassLane* lane : lanes_) lane->lock();
    }
    void unlock() {
      for (ClassLane* lane : lanes_) lane->unlock();
    }
    const std::vector<ClassLane*>& lanes() const { return lanes_; }

   private:
    std::vector<ClassLane*> lanes_;
  };
  // What of it a tick has in hand, while it commits and until it has settled.
  class Hand {
   public:
    Hand(Shared& shared, const schedule::Plan& plan) : shared_(shared) {
      for (ClassLane* lane : shared_.lanes()) {
        lane->take_in_hand(schedule::planned_units(plan, lane->index));
      }
    }
    Hand(const Hand&) = delete;
    Hand& operator=(const Hand&) = delete;
    ~Hand() {
      for (ClassLane* lane : shared_.lanes()) lane->nothing_in_hand();
    }

   private:
    Shared& shared_;
  };
  // Lets go of it in a scope.
  class LetGo {
   public:
    explicit LetGo(Shared& shared) : shared_(shared) { shared_.unlock(); }
    LetGo(const LetGo&) = delete;
    LetGo& operator=(const LetGo&) = delete;
    ~LetGo() { shared_.lock(); }

   private:
    Shared& shared_;
  };

  Sink& sink_;
  const Clock& clock_;
  const Budget tick_budget_;
  commit::Committer committer_;
  schedule::CostModel costs_;
  schedule::State state_;
  Retry retry_;
  std::vector<Quarantine> quarantines_;  // by class
  std::optional<std::size_t> lone_;      // the quarantined class whose tick the last one was
  std::size_t quarantine_turn_ = 0;      // the last such class
  Recorder recorder_;

  std::vector<ClassLane*> lanes_;
  mutable Shared shared_;
  std::vector<schedule::Share> shares_;
  std::vector<std::span<const schedule::Unit>> backlogs_;  // scratch
  std::vector<Duration> step_times_;                       // scratch
  std::vector<commit::Work> work_slots_;                   // scratch, as many as ever were needed
  std::span<commit::Work> work_;                           // of these, the tick's
  // The class that a shortened tick begins with, and the one after it.
  std::size_t turn_ = 0;
  std::size_t next_turn_ = 0;
  std::uint64_t steps_ = 0;  // committed, of jobs that went on afterwards
  std::optional<TimePoint> retry_at_;
  // Why COMMIT failed, while it is unknown what became of work_, whose units stay taken.
  std::optional<Status> limbo_;
  std::uint64_t unknown_commit_ = 0;  // the number of the commit that failed
  bool fence_put_off_ = false;
  std::function<Status(std::uint64_t)> make_durable_;
  std::optional<Duration> pause_;  // while held back
  std::atomic<bool> starved_{false};
  TimePoint began_;  // the last tick
  Status poison_;
  Status stalled_;
  std::optional<Status> ended_;
};

}  // namespace onelane::engine
