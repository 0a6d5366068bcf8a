#include "src/model/option_kinds.h"

#include <charconv>

namespace onelane::inline v0::model {

bool Table::allowed(const Value& value) {
  constexpr std::string_view kLetters =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";
  if (value.empty() || value.size() > kTableCharsMax || value.starts_with("sqlite_")) return false;
  const bool digit = value.front() >= '0' && value.front() <= '9';
  return !digit && value.find_first_not_of(kLetters) == std::string::npos;
}

std::optional<Mode::Value> Mode::read(std::string_view text) {
  constexpr int kOctal = 8;
  constexpr unsigned kMost = 07777;
  unsigned mode = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), mode, kOctal);
  if (text.empty() || error != std::errc() || stop != text.data() + text.size() || mode > kMost) {
    return std::nullopt;
  }
  return static_cast<Value>(mode);
}

std::string Mode::print(Value value) {
  constexpr int kOctal = 8;
  std::array<char, 16> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(),
                                 static_cast<unsigned>(value), kOctal)
                       .ptr;
  return "0" + std::string(digits.data(), end);
}

bool Mode::allowed(Value value) {
  using std::filesystem::perms;
  constexpr perms kOwner = perms::owner_read | perms::owner_write;
  constexpr perms kMost =
      kOwner | perms::group_read | perms::group_write | perms::others_read | perms::others_write;
  return (value & kOwner) == kOwner && (value & ~kMost) == perms::none;
}

}  // namespace onelane::inline v0::model
