// When the log is written out and copied back, and what classes may add to it meanwhile: pure
// functions of what is known about the log and of how long the disk takes (disk_time.h), so that
// they can be tested with literal inputs. README.md, beside this file, has the idea on a page.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>

#include "onelane/clock.h"
#include "onelane/sink.h"
#include "src/engine/disk_time.h"

namespace onelane::inline v0::engine {

struct LogView {
  std::uint64_t limit = 0;    // bytes
  Duration hold{0};           // of a full tick
  bool commits_sync = false;  // each commit puts on the disk what it adds to the log
  DiskModel disk;
  LogState log;
  Duration quiet{0};  // since a commit was last seen
};

// write: put on the disk what is in the log. sync: put there what was copied back.
enum class LogAction : std::uint8_t { wait, write, copy, sync, close };

// What is remembered of the passes since a commit last restarted the log.
struct LogCycle {
  std::optional<TimePoint> began;  // when that was, if it was seen
  std::uint64_t written = 0;       // bytes, from the log's beginning, that are on the disk
  std::uint64_t copied = 0;        // and that are copied back
  std::uint64_t on_disk() const { return std::max(written, copied); }
  std::uint64_t round = 0;   // bytes that the last pass began with
  bool synced = true;        // nothing was copied since the last sync
  bool blocked = false;      // all was copied, but a reader keeps commits from restarting it
  std::uint64_t pinned = 0;  // bytes that a reader keeps from being copied
  std::optional<TimePoint> pinned_since;
  std::optional<TimePoint> not_before;  // of the next pass
};

// A closing pass, and how long it held the lane.
struct Closing {
  LogPass pass;
  Duration held{0};
};

// What ticks may make of the log until the next decision, in bytes.
struct LogRoom {
  std::uint64_t free = 0;  // up to here nobody waits,
  std::uint64_t most = 0;  // up to here who adds is spread over the time; then guarantees alone are
};

struct LogDecision {
  LogAction action = LogAction::wait;
  // For wait: until the log has this many bytes, or until then; whichever comes first.
  std::uint64_t wake_bytes = 0;
  std::optional<TimePoint> wake_at;
  std::uint64_t piece = 0;  // of copy: the bytes after which what was copied is synced
  Duration takes{0};  // the action, as predicted; of close, the most that it is to hold the lane
  LogRoom room;
  LogRoom restarted;  // instead, once a commit has restarted the log
};

LogDecision decide(const LogView& view, const LogCycle& cycle, TimePoint now);

// How much may be added yet; at least a small part of the limit.
std::uint64_t left(const LogRoom& room, std::uint64_t bytes, std::uint64_t limit);

// How much may be added before there is room for guarantees alone.
std::uint64_t left_to_limit(std::uint64_t bytes, std::uint64_t limit);

// How long the classes that added so much wait, where so much is left for the time that an action
// takes, which began so long ago.
Duration pause_for(std::uint64_t added, std::uint64_t left, Duration takes, Duration ago);

// How fast ticks add to the log, at the most of late.
class LogGrowth {
 public:
  void tick(std::uint64_t bytes, Duration held);
  // How long a tick may hold the lane to add no more than about so much.
  Duration time_of(std::uint64_t bytes) const;

 private:
  double per_ns_ = 0;  // bytes
};

// How what was done changes what is remembered.
void observe(LogCycle& cycle, const LogState& log, TimePoint now);
void note_write(LogCycle& cycle, std::uint64_t bytes);
void note_copy(LogCycle& cycle, const LogPass& pass, TimePoint now);
void note_sync(LogCycle& cycle);
void note_close(LogCycle& cycle, const Closing& closing, TimePoint now);

}  // namespace onelane::inline v0::engine
