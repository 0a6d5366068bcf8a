// Failures that can be reported without memory. A message needs memory; without any, the Status has
// its codes and an empty message.
#pragma once

#include <new>

#include "onelane/status.h"

namespace onelane::inline v0::base {

template <class Words>
Status worded(Errc code, int sqlite_code, const Words& words) noexcept {
  try {
    return Status(code, words(), sqlite_code);
  } catch (const std::bad_alloc&) {
    return Status(code, {}, sqlite_code);
  }
}

template <class Words>
Status worded(Errc code, const Words& words) noexcept {
  return worded(code, 0, words);
}

inline Status out_of_memory() noexcept { return {Errc::storage, "out of memory"}; }

// The call's own Status or Result; or, if it threw bad_alloc, that memory ran out.
template <class Call>
auto sheltered(const Call& call) -> decltype(call()) {
  try {
    return call();
  } catch (const std::bad_alloc&) {
    return out_of_memory();
  }
}

}  // namespace onelane::inline v0::base
