// What an operator must know: a journal tells it to a function of the program's as it begins and
// as it is over (JournalOptions::on_event). JournalStats has the figures.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>

#include "onelane/clock.h"
#include "onelane/status.h"

namespace onelane::inline v0 {

enum class Condition : std::uint8_t {
  stalled,     // the store takes no commits: a full disk, an I/O error. Pushes are refused
  locked_out,  // somebody else has held the write lock for a second
  log_pinned,  // a reader keeps the log from being copied back, and so it grows
  held_back,   // the disk is behind, and classes that add to the log pause for it
  poisoned,    // a failure that only reopening can cure. Never over
};
inline constexpr std::size_t kConditionCount = static_cast<std::size_t>(Condition::poisoned) + 1;

// The condition's name as it is written above, "log_pinned". Stable.
std::string_view name(Condition condition) noexcept;

struct Event {
  Condition condition = Condition::stalled;
  bool over = false;  // it began before, and has been no more for a second
  Status cause;       // ok if it is over
  TimePoint when;     // the tick that noticed it, by the journal's clock
};

// Called by the thread that noticed, which is the journal's or any that is in a call of the
// journal: outside the lane, one call at a time and in order, and not any more once close() has
// returned. It should return soon, for that thread goes on only then; nor may it take a lock that
// the program holds in calls of the journal. It may push where there is room; calls that wait for a
// unit, and flush, sync and close, are refused there as in_lane. What it throws is dropped. If 64
// events wait for a call that takes long, further ones are left out.
using EventHandler = std::function<void(const Event&)>;

}  // namespace onelane::inline v0
