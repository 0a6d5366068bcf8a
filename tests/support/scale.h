// How much a randomised or threaded test does: all of it in an optimised build, less where a
// sanitizer makes each step many times as slow.
#pragma once

#include <cstddef>

#if defined(__SANITIZE_THREAD__)
#define ONELANE_TEST_UNDER_TSAN 1
#elif defined(__SANITIZE_ADDRESS__)
#define ONELANE_TEST_UNDER_ASAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define ONELANE_TEST_UNDER_TSAN 1
#elif __has_feature(address_sanitizer)
#define ONELANE_TEST_UNDER_ASAN 1
#endif
#endif

namespace onelane::test {

#if defined(ONELANE_TEST_UNDER_TSAN)
inline constexpr std::size_t kSlowdown = 8;
#elif defined(ONELANE_TEST_UNDER_ASAN)
inline constexpr std::size_t kSlowdown = 4;
#else
inline constexpr std::size_t kSlowdown = 1;
#endif

// `full` where nothing slows the test down.
constexpr std::size_t scaled(std::size_t full) {
  return full / kSlowdown == 0 ? 1 : full / kSlowdown;
}

}  // namespace onelane::test
