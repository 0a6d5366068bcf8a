// What the contestants write: 16-byte keys and incompressible values, all of them a function of a
// number and the seed, so that a database can be held against what was acknowledged.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "bench/kit/keyed_row.h"

namespace onelane::bench {

using KeyValue = KeyedRow<Bytes>;

inline constexpr std::size_t kKeyBytes = 16;

enum class KeyOrder : std::uint8_t { ascending, random };

class Rows {
 public:
  using Key = std::array<std::byte, kKeyBytes>;

  Rows(std::uint64_t seed, std::size_t value_bytes, KeyOrder order);

  // Different for different numbers.
  Key key(std::uint64_t number) const;
  // The number that a key was made from; nothing if it is no key of ours.
  std::optional<std::uint64_t> number_of(Bytes key) const;
  // A value's version is the number of the write that it belongs to.
  Bytes value(std::uint64_t version) const;

  std::size_t value_bytes() const noexcept { return value_bytes_; }

 private:
  std::uint64_t seed_;
  std::size_t value_bytes_;
  KeyOrder order_;
  std::vector<std::byte> pool_;  // values are windows of it
};

// A hash that spreads consecutive numbers: no two give the same.
std::uint64_t spread(std::uint64_t number) noexcept;

}  // namespace onelane::bench
