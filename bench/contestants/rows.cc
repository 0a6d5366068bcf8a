#include "bench/contestants/rows.h"

#include <algorithm>
#include <cstring>

namespace onelane::bench {
namespace {

constexpr std::size_t kHalfKey = kKeyBytes / 2;
constexpr std::size_t kPoolBytes = std::size_t{4} << 20;

// Big-endian, so that keys compare as their numbers do.
void put(std::uint64_t number, std::byte* at) {
  for (std::size_t i = 0; i < kHalfKey; ++i) {
    at[i] = static_cast<std::byte>(number >> (8 * (kHalfKey - 1 - i)));
  }
}

std::uint64_t get(const std::byte* at) {
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < kHalfKey; ++i) {
    number = number << 8 | static_cast<std::uint64_t>(at[i]);
  }
  return number;
}

std::vector<std::byte> random_bytes(std::uint64_t seed, std::size_t size) {
  std::vector<std::byte> bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(spread(seed + i));
  return bytes;
}

}  // namespace

// The finalizer of SplitMix64 (Steele, Lea and Flood, 2014), which is a bijection.
std::uint64_t spread(std::uint64_t number) noexcept {
  number += 0x9E3779B97F4A7C15;
  number = (number ^ number >> 30) * 0xBF58476D1CE4E5B9;
  number = (number ^ number >> 27) * 0x94D049BB133111EB;
  return number ^ number >> 31;
}

Rows::Rows(std::uint64_t seed, std::size_t value_bytes, KeyOrder order)
    : seed_(spread(seed)),
      value_bytes_(value_bytes),
      order_(order),
      pool_(random_bytes(seed_, kPoolBytes + value_bytes)) {}

// One half is the number itself, so that it can be read back.
Rows::Key Rows::key(std::uint64_t number) const {
  Key key;
  std::size_t number_at = order_ == KeyOrder::ascending ? 0 : kHalfKey;
  put(number, key.data() + number_at);
  put(spread(seed_ ^ number), key.data() + (kHalfKey - number_at));
  return key;
}

std::optional<std::uint64_t> Rows::number_of(Bytes key) const {
  if (key.size() != kKeyBytes) return std::nullopt;
  std::uint64_t number = get(key.data() + (order_ == KeyOrder::ascending ? 0 : kHalfKey));
  Key expected = this->key(number);
  if (!std::equal(key.begin(), key.end(), expected.begin())) return std::nullopt;
  return number;
}

Bytes Rows::value(std::uint64_t version) const {
  return {pool_.data() + spread(seed_ + version) % kPoolBytes, value_bytes_};
}

}  // namespace onelane::bench
