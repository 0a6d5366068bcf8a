#include "src/base/caller.h"

#include <atomic>
#include <limits>

namespace onelane::inline v0::base {

namespace {

std::atomic<std::uint32_t> callers{0};

}  // namespace

std::uint16_t caller_number() noexcept {
  thread_local const auto number =
      static_cast<std::uint16_t>(1 + callers.fetch_add(1, std::memory_order_relaxed) %
                                         std::numeric_limits<std::uint16_t>::max());
  return number;
}

}  // namespace onelane::inline v0::base
