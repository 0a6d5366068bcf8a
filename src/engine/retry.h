// What the engine does when ticks fail for reasons that are not a record's: how long it waits, and
// how much less it tries. Values only; the pipeline acts on them.
//
// The environment's failures are waited out. There are three cases.
// 1. A statement failed: its unit is known. The unit's class is quarantined, and the others go on
//    at once. A quarantined class has ticks of its own, which begin at one unit, until they are as
//    large as any again; a unit that fails alone is tried again after longer and longer pauses.
// 2. COMMIT failed, and any unit may be the reason: the disk may have room for less. After
//    kPatience failures in a row each further one halves the next tick, down to one unit. The class
//    of a unit that fails alone is quarantined.
// 3. BEGIN failed, or a probe commit after a unit that failed alone: the store takes no commits.
//    Pushes are refused with that code, and probes go on until one succeeds.
// A unit that failed alone for kStorePatience of pauses, while the store took commits, ends as
// rejected with the store's code. Its deadline may come first.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "onelane/clock.h"

namespace onelane::inline v0::engine {

// What is tried again after this many failures in a row is tried otherwise, or put to the proof.
inline constexpr int kPatience = 3;
// How long the store's failure of one unit is waited out.
inline constexpr std::chrono::seconds kStorePatience{30};

// The pause after this many failures in a row: 2 ms, doubling up to 256 ms.
inline Duration pause_after(int failures) {
  constexpr Duration kPauseMin = std::chrono::milliseconds(2);
  constexpr int kDoublings = 7;
  return kPauseMin * (1 << std::clamp(failures - 1, 0, kDoublings));
}

// Of ticks as a whole.
class Retry {
 public:
  // The database is locked by somebody else; nobody's failure. Returns how long to wait.
  Duration locked() {
    const Duration pause = kLockPauseMin * (1 << std::min(locked_in_a_row_, kLockDoublings));
    ++locked_in_a_row_;
    return pause;
  }

  // Something failed that does not depend on how much was tried. Returns how long to wait.
  Duration failed() { return pause_after(++failures_); }

  // A tick of `units` units failed. Returns how long to wait.
  Duration failed(std::size_t units) {
    const Duration pause = failed();
    if (impatient()) limit_ = std::max<std::size_t>(1, units / 2);
    return pause;
  }

  // A tick of `units` units was committed. The limit doubles until it no longer binds.
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

  // Whether this has gone on for so long that more is done than to try again.
  bool impatient() const { return failures_ >= kPatience; }

  // The most units of the next tick; 0: no limit.
  std::size_t limit() const { return limit_; }

 private:
  static constexpr Duration kLockPauseMin = std::chrono::microseconds(500);
  static constexpr int kLockDoublings = 5;  // up to 16 ms

  int failures_ = 0;
  int locked_in_a_row_ = 0;
  std::size_t limit_ = 0;
};

// Of one class.
class Quarantine {
 public:
  Quarantine() = default;

  // A unit failed among others: its class's next ones are tried one by one.
  void begin() { limit_ = 1; }

  // The unit of this number failed alone. The class pauses.
  void failed_alone(std::uint64_t unit, TimePoint now) {
    if (unit != unit_) *this = Quarantine(unit);
    begin();
    waited_ += pause_;
    pause_ = pause_after(++failures_);
    until_ = now + pause_;
  }
  // It was not the unit, then.
  void store_failed_too() { waited_ = Duration(0); }

  // A tick of its own, of `units` units, was committed.
  void succeeded(std::size_t units) {
    const std::size_t next = units < limit_ ? 0 : 2 * limit_;
    *this = Quarantine();
    limit_ = next;
  }

  // The most units of the class in the next tick; 0: no limit.
  std::size_t limit() const { return limit_; }
  bool on() const { return limit_ != 0; }
  // Until when the class pauses, if that is not over.
  std::optional<TimePoint> until(TimePoint now) const {
    return on() && now < until_ ? std::optional(until_) : std::nullopt;
  }
  // Its turn came, and what is staged is kept until then, by an interval or a gathering window or,
  // if the class may not rest, by the disk.
  void idle_until(TimePoint when, bool may_rest) {
    idle_until_ = when;
    idle_rests_ = may_rest;
  }
  // When its next turn is due, if that is not yet, and it may rest or may not, as it did then.
  std::optional<TimePoint> idle(TimePoint now, bool may_rest) const {
    const bool same = may_rest == idle_rests_;
    return on() && same && now < idle_until_ ? std::optional(idle_until_) : std::nullopt;
  }
  // Whether the unit has failed alone for so long that the store is put to the proof.
  bool impatient() const { return failures_ >= kPatience; }
  // Whether it has had all the pauses that are waited for it.
  bool exhausted() const { return waited_ >= kStorePatience; }

 private:
  static constexpr std::uint64_t kNoUnit = UINT64_MAX;

  explicit Quarantine(std::uint64_t unit) : unit_(unit) {}

  std::size_t limit_ = 0;
  std::uint64_t unit_ = kNoUnit;
  int failures_ = 0;  // of the unit, alone
  Duration pause_{0};
  Duration waited_{0};  // the pauses that are over
  TimePoint until_{};
  TimePoint idle_until_ = TimePoint::min();
  bool idle_rests_ = false;
};

}  // namespace onelane::inline v0::engine
