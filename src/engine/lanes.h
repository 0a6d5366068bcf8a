// The classes of one journal, and what a tick does with all of them.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "onelane/clock.h"
#include "src/ack/settle.h"
#include "src/engine/class_lane.h"
#include "src/schedule/plan.h"

namespace onelane::inline v0::engine {

class Lanes {
 public:
  Lanes() = default;
  Lanes(const Lanes&) = delete;
  Lanes& operator=(const Lanes&) = delete;

  // --- Any thread.
  std::uint32_t count() const { return count_.load(std::memory_order_acquire); }
  ClassLane& operator[](std::size_t index) const { return *lanes_[index]; }
  std::span<const std::unique_ptr<ClassLane>> all() const {
    return std::span(lanes_).first(count());
  }
  // Whether something was pushed that no tick has seen.
  bool pending() const;
  // Records that were accepted and are not settled yet.
  std::uint64_t queued_records() const;
  // No push gets in any more: its class's queue and gate refuse it.
  void shut();

  // --- The baton's holder.
  // Adding needs no memory for a lane that was prepared for.
  void prepare();
  void add(std::unique_ptr<ClassLane> lane) noexcept;
  // Between two ticks: see ClassLane. Needs no memory either, if it was prepared for.
  void set_options(std::size_t klass, ClassOptions&& options,
                   const schedule::Share& share) noexcept;

  // The locks of the classes that make room in the push (see class_lane.h): held while a tick looks
  // at what is staged, released while the sink works.
  void lock() const;
  void unlock() const;
  // Moves into staging what the queues can give. False if memory ran out for one of them: the
  // others go on.
  bool stage(TimePoint now, ack::Wakes& wakes);
  // Nothing is planned before then of what is staged.
  void gather_until(TimePoint until);
  // Settles all that is staged.
  void settle_all(const Status& cause, TimePoint now, ack::Wakes& wakes);
  void compact(const schedule::Plan& plan);
  // Units settled so far.
  std::uint64_t settled() const;
  // With the lock: whether a job is staged.
  bool jobs() const;
  // Without it: whether nothing is queued or staged.
  bool drained() const;

  // Lets go of what is shared in a scope.
  class LetGo {
   public:
    explicit LetGo(const Lanes& lanes) : lanes_(lanes) { lanes_.unlock(); }
    LetGo(const LetGo&) = delete;
    LetGo& operator=(const LetGo&) = delete;
    ~LetGo() { lanes_.lock(); }

   private:
    const Lanes& lanes_;
  };
  // What of it a tick has in hand, while it commits and until it has settled.
  class Hand {
   public:
    Hand(const Lanes& lanes, const schedule::Plan& plan);
    Hand(const Hand&) = delete;
    Hand& operator=(const Hand&) = delete;
    ~Hand();

   private:
    const Lanes& lanes_;
  };

 private:
  std::array<std::unique_ptr<ClassLane>, kClassesMax> lanes_;
  std::atomic<std::uint32_t> count_{0};
  std::vector<ClassLane*> shared_;  // those that share with pushes
};

}  // namespace onelane::inline v0::engine
