// What becomes of a tick's units: settled, or back in staging as they were. Everything here is the
// baton holder's, with the lanes' lock. Nothing may fail for want of memory: what was committed has
// to be settled.
#pragma once

#include <cstdint>
#include <span>

#include "onelane/clock.h"
#include "src/ack/settle.h"
#include "src/commit/committer.h"
#include "src/engine/attribution.h"
#include "src/engine/lanes.h"
#include "src/engine/recorder.h"

namespace onelane::inline v0::engine {

class Settlement {
 public:
  // Both must outlive it.
  Settlement(const Lanes& lanes, Recorder& recorder) : lanes_(lanes), recorder_(recorder) {}

  // When it happens; `wakes` gets the waiters of what is settled.
  struct At {
    TimePoint began;  // the tick
    TimePoint now;
    ack::Wakes& wakes;
  };
  // After a tick that was committed, or had nothing to commit.
  void settle(std::span<commit::Work> work, const commit::TickResult& result, const At& at);
  // After a rollback: the units are queued again, but those whose own fault it was are settled.
  void put_back(std::span<commit::Work> work, const At& at);
  // After a COMMIT whose outcome is unknown: puts back the units that were not part of it, and
  // returns those that were.
  std::span<commit::Work> leave_behind(std::span<commit::Work> work, const At& at);
  // Settles those as committed: the store has them. What their tick took is not known any more.
  void settle_found(std::span<commit::Work> work, const At& at);
  // Settles those as unknown, with this cause; `commit` is the number of the commit that failed.
  void settle_unknown(std::span<commit::Work> work, std::uint64_t commit, const Status& cause,
                      const At& at);

  // Steps committed so far, of jobs that went on afterwards.
  std::uint64_t steps() const { return steps_; }

 private:
  // What becomes of records that gave way to older ones of their key in a tick.
  enum class GaveWay : std::uint8_t { rejected, queued, undone };

  ClassLane& lane_of(const commit::Work& work) const { return lanes_[work.entry->klass]; }
  void count(std::span<const commit::Work> work, const commit::TickResult& result, SliceDone done);
  void settle_committed(commit::Work& work, std::uint64_t commit, const At& at);
  void settle(commit::Work& work, std::uint64_t commit, const At& at);
  void settle_applied(commit::Work& work, std::uint64_t commit, const At& at);
  void settle_passed(commit::Work& work, GaveWay how, const At& at);
  void put_back(commit::Work& work, const At& at);

  const Lanes& lanes_;
  Recorder& recorder_;
  std::uint64_t steps_ = 0;
};

}  // namespace onelane::inline v0::engine
