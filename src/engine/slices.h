// The last minute in slices of five seconds. One thread at a time writes, any thread reads: what it
// reads of the oldest slice may already be the newest's, and no more is amiss.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "onelane/clock.h"

namespace onelane::inline v0::engine {

inline constexpr Duration kSlice = std::chrono::seconds(5);
inline constexpr std::size_t kSlicesOfMinute = 12;
inline constexpr std::size_t kSlicesOfRecent = 2;

// Slices are numbered by the journal's clock, which may show less than 0.
inline std::int64_t slice_of(TimePoint when) {
  const auto count = when.time_since_epoch().count();
  const auto length = kSlice.count();
  return count / length - (count % length < 0 ? 1 : 0);
}
inline TimePoint begin_of_slice(std::int64_t number) { return TimePoint(kSlice * number); }

// Slice: has clear().
template <class Slice>
class Slices {
 public:
  // The writer's: that of this time.
  Slice& at(TimePoint now) noexcept {
    if (now < from_ || now >= until_) [[unlikely]]
      turn_to(now);
    return *current_;
  }
  // Any thread's: each(number, slice) for the newest `whole` slices before that of this time, and
  // that, oldest first, as far as they are there.
  template <class Each>
  void newest(TimePoint now, std::size_t whole, const Each& each) const {
    const std::int64_t last = slice_of(now);
    for (std::int64_t number = last - static_cast<std::int64_t>(whole); number <= last; ++number) {
      const Slot& slot = slots_[index_of(number)];
      if (slot.number.load(std::memory_order_acquire) == number) each(number, slot.slice);
    }
  }

 private:
  static constexpr std::size_t kSlots = kSlicesOfMinute + 1;
  static constexpr std::int64_t kNone = INT64_MIN;

  struct Slot {
    std::atomic<std::int64_t> number{kNone};
    Slice slice;
  };
  void turn_to(TimePoint now) noexcept {
    const std::int64_t number = slice_of(now);
    Slot& slot = slots_[index_of(number)];
    if (slot.number.load(std::memory_order_relaxed) != number) {
      slot.number.store(kNone, std::memory_order_relaxed);
      slot.slice.clear();
      slot.number.store(number, std::memory_order_release);
    }
    current_ = &slot.slice;
    from_ = begin_of_slice(number);
    until_ = from_ + kSlice;
  }
  static std::size_t index_of(std::int64_t number) {
    constexpr auto kCount = static_cast<std::int64_t>(kSlots);
    return static_cast<std::size_t>(((number % kCount) + kCount) % kCount);
  }

  // The writer's: its last slice. Divisions by its length are for where it ends.
  TimePoint from_;
  TimePoint until_;
  Slice* current_ = nullptr;
  std::array<Slot, kSlots> slots_{};
};

// How long the slices are that newest() gives, of a journal that was opened then.
inline Duration span_of(TimePoint opened, TimePoint now, std::size_t whole) {
  const TimePoint from = begin_of_slice(slice_of(now) - static_cast<std::int64_t>(whole));
  return now - (opened < from ? from : opened);
}

}  // namespace onelane::inline v0::engine
