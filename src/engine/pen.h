// The pen: the right to write to the intake. Whoever has it drains the queues of the classes with
// an intake, writes what it found as one group, syncs it, and hands it on to the lane. What is
// pushed meanwhile is the next group. Ticks never wait for the pen, nor the pen for ticks.
//
//   who has it           when                                  does
//   a caller that waits  it waits for journaled, and the pen   groups, until its own unit is
//                        is free                               journaled
//   the pen's thread     it is rung for: a push that nobody    groups, while anything is queued
//                        waits for, or what came behind a
//                        caller's group
//   tick(), close()      on a manual journal; while it drains  one group
//
// The first error of the intake poisons the journal. The units of the group that failed end as
// unknown: the next opening finds them, or does not.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "onelane/clock.h"
#include "onelane/options.h"
#include "onelane/stats.h"
#include "src/ack/settle.h"
#include "src/engine/lane_state.h"
#include "src/engine/lanes.h"
#include "src/engine/segment_keeper.h"
#include "src/engine/thread.h"
#include "src/intake/intake.h"
#include "src/model/histogram.h"

namespace onelane::inline v0::engine {

class Pen {
 public:
  struct Parts {
    Lanes& lanes;
    LaneState& state;
    SegmentKeeper& keeper;
    const Clock& clock;
  };
  // What it needs of the lane: somebody is to tick; the journal is to be poisoned.
  struct Hooks {
    std::function<void()> ring;
    std::function<void(const Status&)> poison;
  };
  // All of the parts must outlive it.
  Pen(const Parts& parts, const JournalOptions& options) : with_(parts), options_(options) {}
  Pen(const Pen&) = delete;
  Pen& operator=(const Pen&) = delete;
  ~Pen() { stop(); }
  void use(Hooks hooks) { hooks_ = std::move(hooks); }

  // The baton's holder, once: from now on there is an intake. On a journal with threads starts the
  // pen's. Error: storage, where the system has no thread to give; then there is none.
  Status open(std::unique_ptr<intake::Intake> intake);
  // Ends the threads, and waits until nobody has the pen. The caller must not have the baton.
  void stop();
  // For close, after stop(). Ends the intake in good order, if all that was journaled is in the
  // database, and durable; then, in any case, lets go of its files.
  Status seal();
  void close();

  // --- Any thread.
  bool is_open() const { return open_.load(std::memory_order_acquire); }
  bool mine() const { return thread_.mine() || with_.keeper.mine(); }
  // Something was pushed to a class with an intake, and the caller does not wait for it.
  void ring() { thread_.ring(); }
  // For a caller that waits until this entry is journaled.
  void lend(const Entry& entry);
  // Whether it has something to write, and may.
  bool pending() const;
  // Whether it has drained what it has not written, for want of a segment.
  bool holds_units() const { return in_hand_.load() != 0; }
  // One group, unless somebody has the pen. Whether there was anything to do.
  bool run();
  // After a tick: whether what it committed frees a segment.
  void tick_ended() {
    if (is_open() && intake_->wants_spare()) with_.keeper.wake();
  }
  // A segment is free, or the lane takes no more: there may be something to do.
  void go_on();
  void snapshot(IntakeStats& out) const;

 private:
  // Of one class.
  struct Hand {
    EntryList queued;  // drained, and not in a group yet
    EntryList group;   // to be handed on once the group is written: its units, and what needs none
    std::uint64_t grouped = 0;
    bool hurry = false;
  };

  enum class Found : std::uint8_t { nothing, something, no_memory };
  enum class Drained : std::uint8_t { in_order, all };

  Found write_group(ack::Wakes& wakes);
  bool drain(Drained what);
  Status fill();
  bool fill_from(ClassLane& lane);
  bool write_down(ClassLane& lane, Entry& entry);
  void set_full(bool full);
  Status write();
  void hand_on(ack::Wakes& wakes);
  void hand_back();
  static void pass(Hand& hand);
  static void pass_expired(Hand& hand, TimePoint now);
  Status start();

  const Parts with_;
  const JournalOptions& options_;
  Hooks hooks_;
  std::unique_ptr<intake::Intake> intake_;  // constant while it is open
  std::atomic<bool> open_{false};
  mutable std::mutex closing_;          // held by who looks at it without the pen or the baton
  intake::IntakeFigures last_figures_;  // once it is closed

  std::atomic<bool> taken_{false};       // the pen
  std::array<Hand, kClassesMax> hands_;  // the holder's, by class
  std::size_t first_ = 0;                // the class that the next group begins with
  std::uint64_t in_group_ = 0;           // units
  // Why the holder leaves units in its hands. The keeper has it go on, or a pause.
  std::atomic<bool> no_segment_{false};
  std::atomic<bool> no_memory_{false};
  bool short_of_memory_ = false;           // the holder's
  std::atomic<std::uint64_t> in_hand_{0};  // units

  model::SharedHistogram units_;
  model::SharedHistogram times_;
  std::atomic<std::uint64_t> waits_{0};

  Status not_started_;  // the baton's holder's

  Thread thread_;
};

}  // namespace onelane::inline v0::engine
