// What is built differently for AddressSanitizer.
#pragma once

namespace onelane::inline v0::base {

// Whether pools hand out malloc's memory, so that the tool finds use after free.
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

}  // namespace onelane::inline v0::base
