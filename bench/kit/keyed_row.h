// The row of most questions: a key and a value, upserted; and how some of them make its key.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <tuple>

#include "onelane/record.h"

namespace onelane::bench {

using Bytes = std::span<const std::byte>;

// Key: text or bytes.
template <class Key>
struct KeyedRow {
  Key key;
  Bytes value;
};

using TextRow = KeyedRow<std::string_view>;
inline constexpr std::string_view kTextSchema =
    "CREATE TABLE IF NOT EXISTS rows(key TEXT PRIMARY KEY, value BLOB NOT NULL)";

inline constexpr std::size_t kKeyTextBytes = 16;
inline constexpr std::size_t kValueBytes = 100;

using KeyText = std::array<char, kKeyTextBytes>;

// The key of row `number`: each number another one, spread over the whole range.
constexpr KeyText key_text(std::uint64_t number) {
  std::uint64_t mixed = (number + 1) * 0x9e3779b97f4a7c15;  // odd, so no two numbers collide
  mixed ^= mixed >> 32;
  KeyText text{};
  for (std::size_t i = kKeyTextBytes; i-- > 0; mixed >>= 4) {
    text[i] = "0123456789abcdef"[mixed & 15];
  }
  return text;
}

}  // namespace onelane::bench

template <class Key>
struct onelane::RecordTraits<onelane::bench::KeyedRow<Key>> {
  static constexpr std::string_view sql =
      "INSERT INTO rows(key, value) VALUES(?1, ?2) "
      "ON CONFLICT(key) DO UPDATE SET value = excluded.value";
  static auto columns(const onelane::bench::KeyedRow<Key>& row) {
    return std::tuple(row.key, row.value);
  }
};
