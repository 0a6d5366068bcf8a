// Invariants of onelane's own, checked in release builds, too. A broken one ends the process and
// prints the value that was seen, since going on could acknowledge a write that is lost. A caller's
// mistake is a Status instead.
#pragma once

#include <cstdint>

namespace onelane::inline v0::base {

[[noreturn]] void check_failed(const char* expression, const char* file, int line,
                               std::int64_t seen);

}  // namespace onelane::inline v0::base

// `seen` is an integer worth printing when the expression is false.
#define ONELANE_CHECK(expression, seen)                               \
  do {                                                                \
    if (!(expression)) [[unlikely]] {                                 \
      ::onelane::base::check_failed(#expression, __FILE__, __LINE__,  \
                                    static_cast<std::int64_t>(seen)); \
    }                                                                 \
  } while (false)
