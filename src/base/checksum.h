// The checksum of everything that is read back from a file: XXH3, 64 bits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace onelane::inline v0::base {

std::uint64_t checksum_of(std::span<const std::byte> bytes, std::uint64_t seed) noexcept;

}  // namespace onelane::inline v0::base
