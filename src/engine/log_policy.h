// When the log is copied back, when a pass closes in on its end, when ticks are paced:
// pure functions of what is known about the log, so that they can be tested with literal inputs.
//
// A cycle: from three quarters of the limit on, passes copy beside the commits, each followed by a
// sync. Where the log grows so fast that they would come too late, they begin earlier. The writers
// append meanwhile, so each round leaves something, but less than the one before. When little is
// left, or more than half of what the round before began with, a closing pass takes the rest while
// it holds the lane, and the next commit begins the log anew. Near the limit, and where rounds do
// not converge, classes are held to their guarantees first. Rounds that converge go on beyond the
// limit, as long as the log stays within a quarter more. A quiet moment is used for a closing pass
// that nobody waits for. While a reader keeps part of the log from being copied back, ticks are not
// paced: pacing does not make the reader leave.
#pragma once

#include <cstdint>
#include <optional>

#include "onelane/clock.h"
#include "onelane/sink.h"

namespace onelane::engine {

struct LogView {
  std::uint64_t limit = 0;  // bytes
  LogState log;
  Duration quiet{0};  // since a commit was last seen
};

enum class LogAction : std::uint8_t { wait, copy, sync, close };

// What is remembered of the passes since the log began anew.
struct LogCycle {
  std::uint64_t copied = 0;  // bytes, from the log's beginning
  std::uint64_t round = 0;   // bytes that the last pass began with and that were not copied yet
  std::uint32_t rounds = 0;  // from three quarters of the limit on
  bool synced = true;        // nothing was copied since the last sync
  bool strained = false;     // a round left as much as the one before
  std::uint64_t pinned = 0;  // bytes that a reader keeps from being copied
  std::optional<TimePoint> pinned_since;
  std::optional<TimePoint> not_before;  // of the next pass
  std::optional<TimePoint> settled_at;  // when it was last seen wholly copied
};

// A closing pass, and how long it held the lane.
struct Closing {
  LogPass pass;
  Duration held{0};
};

struct LogDecision {
  LogAction action = LogAction::wait;
  // For wait: until the log has this many bytes, or until then; whichever comes first.
  std::uint64_t wake_bytes = 0;
  std::optional<TimePoint> wake_at;
  // While the log has this many bytes, every class gets its guarantee only.
  std::uint64_t pace_bytes = 0;
};

LogDecision decide(const LogView& view, const LogCycle& cycle, TimePoint now);

// While ticks are paced: how long after the beginning of a tick that added so much to the log
// the next may begin, up to `full`.
Duration pause_after(std::uint64_t bytes, std::uint64_t limit, Duration full);

// How what was done changes what is remembered.
void observe(LogCycle& cycle, const LogState& log, TimePoint now);
void note_copy(LogCycle& cycle, const LogPass& pass, std::uint64_t limit, TimePoint now);
void note_sync(LogCycle& cycle);
void note_close(LogCycle& cycle, const Closing& closing, TimePoint now);

}  // namespace onelane::engine
