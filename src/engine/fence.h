// Settles a COMMIT whose outcome is unknown. Its frames may lie behind the log's end, where
// recovery after a crash would find them. A fence is a commit without units that writes over the
// first of them and so breaks their chain. Once it is durable, the tick's units are surely not
// applied, and run again; until then none of them is settled. Each try writes the same bytes over
// the same frames, so a fence that failed may be tried again.
//
// A server that was gone in COMMIT may have carried it out all the same. A sink with a watermark
// says so once a fence's commit has reached the store; the units are then settled as committed.
//
// Everything here is the baton holder's, with the lanes' lock.
#pragma once

#include <cstdint>
#include <span>

#include "onelane/clock.h"
#include "onelane/sink.h"
#include "src/commit/committer.h"
#include "src/engine/durability.h"
#include "src/engine/lane_state.h"
#include "src/engine/lanes.h"
#include "src/engine/recorder.h"
#include "src/engine/recovery.h"
#include "src/engine/settlement.h"

namespace onelane::inline v0::engine {

class Fence {
 public:
  struct Parts {
    Sink& sink;
    const Lanes& lanes;
    LaneState& state;
    Recorder& recorder;
    Durability& durability;
    Recovery& recovery;
    Settlement& settlement;
  };
  // All of the parts must outlive it.
  explicit Fence(const Parts& parts) : with_(parts) {}

  // The lane becomes unknown. Keeps the units of the COMMIT that failed, until they are settled or
  // put back; `work` must live as long.
  void keep(std::span<commit::Work> work, const Status& cause, const Settlement::At& at);

  enum class Result : std::uint8_t {
    later,      // it failed, and is to be tried again
    settled,    // the units are put back or settled: the lane is no longer unknown
    committed,  // the same: the store had the commit, and they are settled so
    poisoned,   // no fence will ever succeed: poison the lane, then call abandon()
  };
  // last: close does not try again; where it fails, the units are settled as unknown.
  enum class Try : std::uint8_t { one_of_many, last };
  Result raise(Try how, const Settlement::At& at);

  // Settles what is held as unknown, with this cause.
  void abandon(const Status& cause, const Settlement::At& at);

 private:
  onelane::Result<bool> was_committed() const;
  // `committed`: there was nothing to write over.
  Reply write_over(bool& committed);

  const Parts with_;
  std::span<commit::Work> units_;  // units of the COMMIT that failed
  std::uint64_t commit_ = 0;       // its number
};

}  // namespace onelane::inline v0::engine
