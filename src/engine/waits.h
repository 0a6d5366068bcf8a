// What one class took of the lane, and what it waited behind. Written by the baton's holder, read
// by any thread. Takes 8 KiB.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "onelane/clock.h"
#include "onelane/options.h"
#include "onelane/stats.h"
#include "src/engine/slices.h"
#include "src/model/histogram.h"

namespace onelane::inline v0::engine {

// Durations by what was waited behind: the classes by their number, then the obstacles.
using Behind = std::array<Duration, kClassesMax + kObstacleCount>;
inline std::size_t index_of(Obstacle obstacle) {
  return kClassesMax + static_cast<std::size_t>(obstacle);
}
// Of a journal with so many classes. Needs memory.
WaitedBehind to_public(const Behind& behind, std::size_t classes);

class Waits {
 public:
  // Of a journal with so many classes.
  void waited(const Behind& behind, std::size_t classes, TimePoint now) noexcept;
  // A tick held the lane so long for the class; whether it was committed.
  void held(Duration time, bool committed, TimePoint now) noexcept;

  // Fills in what ClassStats says of it. Needs memory.
  void fill(ClassStats& stats, TimePoint now, std::size_t classes) const;

 private:
  struct Counts {
    // What each tick writes lies together: a tick's thread is often another than the last one's.
    std::atomic<std::uint64_t> commits{0};
    std::atomic<std::uint64_t> held_ns{0};
    std::array<std::atomic<std::uint64_t>, kObstacleCount> obstacles_ns{};
    std::array<std::atomic<std::uint64_t>, kClassesMax> classes_ns{};
    void clear() noexcept;
    void add(const Behind& behind, std::size_t classes) noexcept;
    void add_to(Behind& behind) const;
  };

  Counts all_;
  Slices<Counts> slices_;
};

}  // namespace onelane::inline v0::engine
