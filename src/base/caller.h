// A number for the calling thread: 1 to 65,535, in the order in which threads first ask, and then
// from 1 again. So that a trace can tell callers apart; nothing else depends on it.
#pragma once

#include <cstdint>

namespace onelane::inline v0::base {

std::uint16_t caller_number() noexcept;

}  // namespace onelane::inline v0::base
