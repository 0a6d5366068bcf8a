// Numbers and bytes as the digits that stores keep of them, and back.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace onelane::inline v0::base {

// Decimal, up to the first character that is no digit; 0 if there is none.
std::uint64_t number_of(std::string_view text) noexcept;
// "3,17,18".
std::string joined(std::span<const std::uint64_t> numbers);

std::string hex(std::span<const std::byte> bytes);
// Of a UUID; 0 for what is missing.
std::array<std::byte, 16> unhex_uuid(std::string_view text) noexcept;

}  // namespace onelane::inline v0::base
