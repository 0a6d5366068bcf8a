// An object that is never destroyed, so that threads may use it during and after the destruction of
// the process's static objects.
#pragma once

#include <array>
#include <cstddef>
#include <new>
#include <utility>

namespace onelane::inline v0::base {

template <class T>
class Immortal {
 public:
  template <class... Arguments>
  explicit Immortal(Arguments&&... arguments)
      : value_(new (place_.data()) T(std::forward<Arguments>(arguments)...)) {}
  Immortal(const Immortal&) = delete;
  Immortal& operator=(const Immortal&) = delete;

  const T& operator*() const noexcept { return *value_; }

 private:
  alignas(T) std::array<std::byte, sizeof(T)> place_{};
  const T* const value_;
};

}  // namespace onelane::inline v0::base
