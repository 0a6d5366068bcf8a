// Tells the program of conditions that an operator must know of: noted where a tick finds them, in
// the lane, and told once the lane was let go.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "onelane/event.h"

namespace onelane::inline v0::engine {

class Events {
 public:
  explicit Events(EventHandler handler) : handler_(std::move(handler)) {}
  Events(const Events&) = delete;
  Events& operator=(const Events&) = delete;

  bool wanted() const { return handler_ != nullptr; }

  // The baton's holder: whether it is so now. `cause()` is asked where that begins.
  template <class Cause>
  void say(Condition condition, bool is, TimePoint now, const Cause& cause) {
    Known& known = known_[static_cast<std::size_t>(condition)];
    if (is) known.last = now;
    if (is == known.told || (!is && now - known.last < kQuiet)) return;
    known.told = is;
    begun_ |= is;
    note({.condition = condition, .over = !is, .cause = is ? cause() : Status(), .when = now});
  }

  // Any thread, outside the lane and without a lock: calls the handler with what was noted, unless
  // another thread does so just now.
  bool pending() const { return noted_.load() != 0; }
  void tell() noexcept;
  // Once, for close: tells what is left. The handler is not called after that.
  void finish() noexcept;
  // Whether the calling thread is in the handler.
  bool mine() const { return teller_.load() == std::this_thread::get_id(); }

  // The baton's holder: when to look again, so that it is told in time that something is over.
  std::optional<TimePoint> next() const;
  // The same: whether anything began since the last call, so that whoever sleeps by next() is to be
  // woken.
  bool take_begun() { return std::exchange(begun_, false); }

 private:
  static constexpr std::size_t kNotedMax = 64;
  static constexpr Duration kQuiet = std::chrono::seconds(1);

  struct Known {
    bool told = false;
    TimePoint last{};  // when it was so
  };

  void note(Event event) noexcept;
  bool take(Event& event) noexcept;

  const EventHandler handler_;
  std::array<Known, kConditionCount> known_{};  // the baton holder's
  bool begun_ = false;                          // its, too

  std::mutex mutex_;  // of what is noted
  std::array<Event, kNotedMax> ring_{};
  std::size_t first_ = 0;
  bool finished_ = false;
  std::atomic<std::size_t> noted_{0};
  std::atomic<std::thread::id> teller_{};
};

}  // namespace onelane::inline v0::engine
