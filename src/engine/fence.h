// What is done about a COMMIT whose outcome is unknown. Its frames may lie behind the log's end,
// and a crash would find them there. A commit that writes over the first of them breaks their
// chain, and once it is durable they are gone for good: then the tick's units are surely not
// applied, and run again. Until then nobody is answered; each try writes the same over the same
// frames, so it may be tried again whatever became of it.
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

namespace onelane::engine {

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

  // A tick's COMMIT failed so: the lane is unknown from here on. Keeps the units that it held,
  // whose memory stays the caller's.
  void hold(std::span<commit::Work> work, const Status& cause, const Settlement::At& at);

  enum class End : std::uint8_t {
    later,     // it is to be tried again
    settled,   // all units are back in staging, or ended: the lane is unknown no more
    poisoned,  // no fence will succeed: the lane is to be poisoned, and then abandon() called
  };
  // `last`: a close gives up what this try does not settle, where a later one might.
  enum class Try : std::uint8_t { one_of_many, last };
  End raise(Try how, const Settlement::At& at);

  // Settles what is held as unknown, with this cause.
  void abandon(const Status& cause, const Settlement::At& at);

 private:
  Reply write_over();

  const Parts with_;
  std::span<commit::Work> held_;  // units of the COMMIT that failed
  std::uint64_t commit_ = 0;      // its number
};

}  // namespace onelane::engine
