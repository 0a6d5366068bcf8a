// How often a thread allocates. Linking this puts counting versions of malloc and its kind into the
// program, which go on to the C library's; operator new arrives there, too.
#pragma once

#include <cstdint>

namespace onelane::bench {

// False where malloc cannot be taken over: another C library than glibc, or a sanitizer, whose own
// business it is.
bool counts_allocations() noexcept;

// Of the calling thread, so far. 0 where they are not counted.
std::uint64_t allocations_of_this_thread() noexcept;

}  // namespace onelane::bench
