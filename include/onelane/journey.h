// Where waiting time goes: what the lane did meanwhile. Plain values.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "onelane/clock.h"

namespace onelane::inline v0 {

// What kept a class waiting, where it was no class's work in a tick.
enum class Obstacle : std::uint8_t {
  checkpoint,  // the lane itself checkpointed the WAL, or restarted it
  sync,    // of the intake, before a tick may take the unit; or of COMMIT, with Synchronous::full
  lock,    // somebody else had the write lock
  disk,    // the class paused for what it had added to the log, or the store took no commits
  window,  // its own gathering window or interval
  other,   // none of these: a thread was woken, waiters were answered, the processor was busy
};
inline constexpr std::size_t kObstacleCount = static_cast<std::size_t>(Obstacle::other) + 1;

// The obstacle's name as it is written above, "checkpoint". Stable.
std::string_view name(Obstacle obstacle) noexcept;

// What the lane did while somebody waited, as durations.
struct WaitedBehind {
  // Of each class's work in ticks: its statements, and its part of BEGIN and COMMIT. By the index
  // of JournalStats::classes; a class waits behind its own work, too.
  std::vector<Duration> classes;
  std::array<Duration, kObstacleCount> obstacles{};  // indexed by Obstacle

  Duration of(Obstacle which) const { return obstacles[static_cast<std::size_t>(which)]; }
  Duration sum() const;
};

// Where the time of a settled unit went. What comes after each other adds up to the whole.
struct Journey {
  Duration waited{0};              // from push to the BEGIN of its tick
  WaitedBehind behind;             // what the lane did meanwhile
  Duration executed{0};            // the tick's statements
  Duration committed{0};           // BEGIN and COMMIT, and the sync in it with Synchronous::full
  std::optional<Duration> synced;  // from COMMIT's return to the sync that made it durable
};

}  // namespace onelane::inline v0
