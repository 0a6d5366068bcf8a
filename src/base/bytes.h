// Numbers at places in bytes that go to a file, or come from one: in the machine's own order, which
// src/model/row.h says is little-endian. The caller knows that there are enough bytes.
#pragma once

#include <cstddef>
#include <cstring>
#include <span>

namespace onelane::inline v0::base {

template <class T>
void store(std::span<std::byte> to, std::size_t at, T value) noexcept {
  std::memcpy(to.data() + at, &value, sizeof value);
}
template <class T>
T load(std::span<const std::byte> from, std::size_t at) noexcept {
  T value;
  std::memcpy(&value, from.data() + at, sizeof value);
  return value;
}

}  // namespace onelane::inline v0::base
