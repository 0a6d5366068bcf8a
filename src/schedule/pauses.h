// Which class may not tick yet, since it added to the log and the disk is behind.
//
// The log has room for what one tick added every so often, whoever adds it. A class that takes less
// than its part of that, by weight among those that add, waits for its own alone; what it leaves is
// anybody's, first come, first served. So a row is not held back by the large writes of others, and
// however many classes there are, all of them together add no more than one would.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "onelane/clock.h"

namespace onelane::inline v0::schedule {

// Nothing waits for longer because of the log, before it is asked again.
inline constexpr Duration kPauseMost = std::chrono::seconds(10);
// A pause may be lifted: once the disk has caught up, nobody is told. So one looks this often.
inline constexpr Duration kPauseLook = std::chrono::milliseconds(10);

class Pauses {
 public:
  void reserve(std::size_t classes) { classes_.reserve(classes); }
  // Within what was reserved.
  void add_class(std::uint32_t weight) noexcept { classes_.push_back({.weight = weight}); }
  void set_weight(std::size_t klass, std::uint32_t weight) { classes_[klass].weight = weight; }

  // After a tick that began `from` then, in which each class took so long of the lane: there is
  // room for another one after `pause`.
  void tick(TimePoint from, Duration pause, std::span<const Duration> spent);
  // There is room for all.
  void lift() noexcept;
  TimePoint until(std::size_t klass) const { return classes_[klass].until; }

 private:
  struct Class {
    std::uint32_t weight = 1;
    TimePoint until = TimePoint::min();
  };
  std::vector<Class> classes_;
  TimePoint all_until_ = TimePoint::min();  // when there is room for whoever comes first
};

}  // namespace onelane::inline v0::schedule
