// What the engine does when ticks fail for reasons that are not a record's: how long it waits, and
// how much less it tries. Values only; the pipeline acts on them.
//
// After kPatience failures in a row each further one halves the next tick, down to one unit. A unit
// that fails alone is put to the proof: if a probe commit succeeds it is to blame after all and is
// rejected with that code; if the probe fails too, the store takes no commits and intake stops with
// that code until a probe succeeds. After a success the limit doubles until it no longer binds.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>

#include "onelane/clock.h"

namespace onelane::engine {

class Retry {
 public:
  // The database is locked by somebody else; nobody's failure. Returns how long to wait.
  Duration locked() {
    const Duration pause = kLockPauseMin * (1 << std::min(locked_in_a_row_, kLockDoublings));
    ++locked_in_a_row_;
    return pause;
  }

  // A tick of `units` units failed. Returns how long to wait.
  Duration failed(std::size_t units) {
    ++failures_;
    if (failures_ >= kPatience) limit_ = std::max<std::size_t>(1, units / 2);
    return kPauseMin * (1 << std::min(failures_ - 1, kDoublings));
  }

  // A tick of `units` units was committed.
  void succeeded(std::size_t units) {
    locked_in_a_row_ = 0;
    if (limit_ == 0 || units < limit_) {
      limit_ = 0;
      failures_ = 0;
      return;
    }
    limit_ *= 2;
    failures_ = kPatience;  // the next failure halves at once
  }

  // Whether a tick of one unit that has just failed puts it to the proof.
  bool alone(std::size_t units) const { return units == 1 && impatient(); }

  // Whether this has gone on for so long that more is done than to try again.
  bool impatient() const { return failures_ >= kPatience; }

  // The most units of the next tick; 0: no limit.
  std::size_t limit() const { return limit_; }

 private:
  static constexpr int kPatience = 3;
  static constexpr Duration kPauseMin = std::chrono::milliseconds(2);
  static constexpr int kDoublings = 7;  // up to 256 ms
  static constexpr Duration kLockPauseMin = std::chrono::microseconds(500);
  static constexpr int kLockDoublings = 5;  // up to 16 ms

  int failures_ = 0;
  int locked_in_a_row_ = 0;
  std::size_t limit_ = 0;
};

}  // namespace onelane::engine
