// What is kept of a class whose units are journaled, beside what every class has.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "onelane/clock.h"
#include "src/engine/applied_units.h"

namespace onelane::inline v0::engine {

// When which unit was journaled, roughly: a mark now and then, of which old ones are thinned out.
class JournaledTimes {
 public:
  // The pen's: the newest unit, journaled now.
  void mark(Position newest, TimePoint now) {
    const std::scoped_lock lock(mutex_);
    if (count_ == marks_.size()) thin_out();
    marks_[count_++] = {.position = newest, .time = now};
  }
  // Any thread: a time at which or before which the oldest unit above the position was journaled;
  // none if there is none.
  std::optional<TimePoint> above(Position done) {
    const std::scoped_lock lock(mutex_);
    std::size_t gone = 0;
    while (gone < count_ && marks_[gone].position <= done) ++gone;
    std::copy(marks_.begin() + gone, marks_.begin() + count_, marks_.begin());
    count_ -= gone;
    return count_ == 0 ? std::nullopt : std::optional(marks_[0].time);
  }

 private:
  struct Mark {
    Position position = 0;
    TimePoint time{};
  };

  // Every other one; the first stays, and what was marked after one that goes counts as the time of
  // the mark before it.
  void thin_out() {
    for (std::size_t i = 0; i < count_ / 2; ++i) {
      marks_[i] = {.position = marks_[2 * i + 1].position, .time = marks_[2 * i].time};
    }
    count_ /= 2;
  }

  std::mutex mutex_;
  std::array<Mark, 64> marks_;
  std::size_t count_ = 0;
};

struct JournaledClass {
  explicit JournaledClass(std::string class_name) : name(std::move(class_name)) {}

  const std::string name;
  AppliedUnits applied;
  std::atomic<Position> newest{0};  // that is journaled; the pen's
  JournaledTimes times;
  std::atomic<std::uint64_t> dead_letters{0};
  std::atomic<bool> full{false};  // the intake has no room, until something is committed
};

}  // namespace onelane::inline v0::engine
