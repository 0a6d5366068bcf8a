// What a journal says of itself, gathered from its parts. Any thread; nothing here waits for the
// lane.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>

#include "onelane/clock.h"
#include "onelane/stats.h"
#include "src/engine/attribution.h"
#include "src/engine/call_sites.h"
#include "src/engine/durability.h"
#include "src/engine/lanes.h"
#include "src/engine/log_keeper.h"
#include "src/engine/pen.h"
#include "src/engine/recorder.h"
#include "src/engine/tracer.h"
#include "src/engine/turn.h"

namespace onelane::inline v0::engine {

class Statistics {
 public:
  struct Parts {
    const Lanes& lanes;
    const CallSites& sites;
    const Attribution& attribution;
    const LaneState& state;
    const Recorder& recorder;
    const Durability& durability;
    const LogKeeper& log;
    const Pen& pen;
    const Turn& turn;
    const Tracer* tracer;      // null: nothing is recorded
    const ServerSide* server;  // null: the store is none
    const Clock& clock;
  };
  // All of the parts must outlive it. `epoch`: of this opening, where a watermark is kept; else 0.
  Statistics(const Parts& parts, TimePoint opened, std::uint64_t epoch)
      : with_(parts), opened_(opened), epoch_(epoch) {}

  // What the opening found in the intake. Before anybody can ask.
  struct Replayed {
    std::uint64_t units = 0;
    std::uint64_t letters = 0;  // of these
    Duration took{0};
  };
  void replayed(const Replayed& found) { replayed_ = found; }
  // The journal is closed: its time stands still.
  void end();

  // The first needs memory, and so does the last. Empty in a forked child.
  JournalStats snapshot() const;
  Health health() const;
  std::optional<Journey> journey(const Entry& unit) const;

 private:
  void add_call_sites(const ClassLane& lane, JournalStats& out) const;

  const Parts with_;
  const TimePoint opened_;
  const std::uint64_t epoch_;
  Replayed replayed_;

  mutable std::mutex ended_mutex_;
  std::optional<TimePoint> ended_;
};

}  // namespace onelane::inline v0::engine
