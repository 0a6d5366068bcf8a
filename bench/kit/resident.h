// This process's resident memory, as the kernel counts it.
#pragma once

#include <cstdint>

namespace onelane::bench {

std::uint64_t resident_bytes();       // now, exactly; throws RunError
std::uint64_t resident_bytes_peak();  // so far; throws RunError

}  // namespace onelane::bench
