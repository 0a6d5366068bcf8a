#include "src/base/digits.h"

#include <charconv>

namespace onelane::inline v0::base {

std::uint64_t number_of(std::string_view text) noexcept {
  std::uint64_t out = 0;
  std::from_chars(text.data(), text.data() + text.size(), out);
  return out;
}

std::string joined(std::span<const std::uint64_t> numbers) {
  std::string out;
  for (const std::uint64_t each : numbers) {
    if (!out.empty()) out += ',';
    out += std::to_string(each);
  }
  return out;
}

std::string hex(std::span<const std::byte> bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  out.reserve(2 * bytes.size());
  for (const std::byte each : bytes) {
    const auto value = static_cast<unsigned>(each);
    out += kDigits[value >> 4];
    out += kDigits[value & 15U];
  }
  return out;
}

std::array<std::byte, 16> unhex_uuid(std::string_view text) noexcept {
  std::array<std::byte, 16> out{};
  for (std::size_t i = 0; i < out.size() && 2 * i + 2 <= text.size(); ++i) {
    unsigned value = 0;
    std::from_chars(text.data() + 2 * i, text.data() + 2 * i + 2, value, 16);
    out[i] = static_cast<std::byte>(value);
  }
  return out;
}

}  // namespace onelane::inline v0::base
