// What callers are told when they cannot be served, in one wording.
#pragma once

#include <string>
#include <string_view>

#include "onelane/status.h"
#include "src/base/memory.h"

namespace onelane::inline v0::engine {

inline Status forked_status() {
  return {
      Errc::forked,
      "this process was forked after the journal was opened, and cannot use its database; exec a "
      "program that does, or fork before it is opened"};
}

inline Status in_lane_status(std::string_view what) {
  return {Errc::in_lane, std::string(what) + ": inside the lane it would wait for itself"};
}

// In a coroutine that an executor resumed in post().
inline Status own_thread_status(std::string_view what) {
  return {Errc::in_lane, std::string(what) +
                             ": on a thread of the journal's own, or within its close(), it would "
                             "wait for itself; an executor's post() should only queue"};
}

inline Status would_block() {
  return {Errc::would_block, "the next tick is not due yet, and a manual journal does not wait"};
}

inline Status occupied_status() {
  return {
      Errc::invalid_argument,
      "somebody else waits for this receipt: a receipt is one thread's or coroutine's at a time"};
}

// Of a handle that was moved from, or never had anything.
[[gnu::cold]] inline Status empty_status(std::string_view handle) {
  return {Errc::invalid_argument,
          "the " + std::string(handle) + " is empty: it was moved from, or never had a value"};
}

// A failure's cause, for a sink that gives none: a state is told by it.
inline Status worded_cause(const Status& cause) noexcept {
  if (!cause.ok()) return cause;
  return base::worded(Errc::storage, [] { return std::string("the sink gives no cause"); });
}

inline Status closed_status() { return {Errc::closed, "the journal is closed"}; }

}  // namespace onelane::inline v0::engine
