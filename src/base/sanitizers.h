// What is built for a tool that watches memory.
#pragma once

namespace onelane::base {

// Pools hand out malloc's memory, so that the tool sees who uses something too long.
#if defined(__SANITIZE_ADDRESS__)
inline constexpr bool kPoolIsMalloc = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
inline constexpr bool kPoolIsMalloc = true;
#else
inline constexpr bool kPoolIsMalloc = false;
#endif
#else
inline constexpr bool kPoolIsMalloc = false;
#endif

}  // namespace onelane::base
