// The smallest parts of a trace: numbers of as many bytes as they need, seven bits in each, the
// lowest first; a number that may be negative is folded so that small ones stay short.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <span>
#include <string_view>
#include <vector>

#include "onelane/clock.h"

namespace onelane::inline v0::trace {

inline constexpr std::size_t kNumberBytesMax = 10;
// No time in a trace is further from the clock's zero than this, in ns, and no duration longer: 36
// years. So no difference of two times overflows.
inline constexpr std::int64_t kTimeMost = std::int64_t{1} << 60;

inline std::uint64_t folded(std::int64_t value) noexcept {
  return (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
}
inline std::int64_t unfolded(std::uint64_t value) noexcept {
  return static_cast<std::int64_t>(value >> 1) ^ -static_cast<std::int64_t>(value & 1);
}

// Takes bytes up to a bound. What does not fit is left out, and everything after it: full(). Never
// throws; without memory it is full, too.
class Out {
 public:
  explicit Out(std::size_t most) noexcept : most_(most) {}

  // Room for this many bytes more, so that number() may be called without looking.
  bool has_room(std::size_t bytes) noexcept {
    if (bytes_.size() - size_ >= bytes) [[likely]]
      return true;
    return grow(bytes);
  }
  void number(std::uint64_t value) noexcept {
    if (!has_room(kNumberBytesMax)) return;
    std::byte* to = bytes_.data() + size_;
    for (; value >= 0x80; value >>= 7) *to++ = static_cast<std::byte>(value | 0x80);
    *to++ = static_cast<std::byte>(value);
    size_ = static_cast<std::size_t>(to - bytes_.data());
  }
  void difference(std::int64_t value) noexcept { number(folded(value)); }
  void duration(Duration value) noexcept {
    number(static_cast<std::uint64_t>(std::clamp<Duration::rep>(value.count(), 0, kTimeMost)));
  }
  void bytes(std::span<const std::byte> from) noexcept {
    if (!has_room(from.size())) return;
    std::copy(from.begin(), from.end(), bytes_.begin() + static_cast<std::ptrdiff_t>(size_));
    size_ += from.size();
  }
  void text(std::string_view from) noexcept {
    number(from.size());
    bytes(std::as_bytes(std::span(from)));
  }

  std::span<const std::byte> all() const noexcept { return std::span(bytes_).first(size_); }
  std::size_t size() const noexcept { return size_; }
  bool full() const noexcept { return full_; }
  void clear() noexcept { size_ = 0; }

 private:
  bool grow(std::size_t bytes) noexcept {
    constexpr std::size_t kFirst = 4096;
    const std::size_t wanted = std::max({kFirst, size_ + bytes, 2 * bytes_.size()});
    if (full_ || size_ + bytes > most_) return refuse();
    try {
      bytes_.resize(std::min(wanted, most_));
    } catch (const std::bad_alloc&) {
      return refuse();
    }
    return true;
  }
  bool refuse() noexcept {
    full_ = true;
    return false;
  }

  std::size_t most_;
  std::vector<std::byte> bytes_;
  std::size_t size_ = 0;
  bool full_ = false;
};

// Takes them apart again. The bytes are not trusted: what is not there is 0, and no longer ok().
class In {
 public:
  explicit In(std::span<const std::byte> bytes) noexcept : rest_(bytes) {}

  std::uint64_t number() noexcept {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (rest_.empty()) break;
      const auto byte = std::to_integer<std::uint64_t>(rest_.front());
      rest_ = rest_.subspan(1);
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    return fail();
  }
  // At most that; more is no longer ok().
  std::uint64_t number(std::uint64_t most) noexcept {
    const std::uint64_t value = number();
    return value <= most ? value : fail();
  }
  std::int64_t difference() noexcept { return unfolded(number()); }
  Duration duration() noexcept {
    return Duration(static_cast<Duration::rep>(number(static_cast<std::uint64_t>(kTimeMost))));
  }
  TimePoint time_after(TimePoint last) noexcept {
    Duration::rep sum = 0;
    const bool wraps = __builtin_add_overflow(last.time_since_epoch().count(), difference(), &sum);
    if (wraps || sum > kTimeMost || sum < -kTimeMost) sum = static_cast<Duration::rep>(fail());
    return TimePoint(Duration(sum));
  }
  std::span<const std::byte> bytes(std::uint64_t count) noexcept {
    if (count > rest_.size()) {
      fail();
      return {};
    }
    const auto out = rest_.first(static_cast<std::size_t>(count));
    rest_ = rest_.subspan(out.size());
    return out;
  }
  std::string_view text() noexcept {
    const auto out = bytes(number());
    return {reinterpret_cast<const char*>(out.data()), out.size()};
  }

  bool empty() const noexcept { return rest_.empty(); }
  std::size_t left() const noexcept { return rest_.size(); }
  bool ok() const noexcept { return ok_; }
  std::uint64_t fail() noexcept {
    ok_ = false;
    rest_ = {};
    return 0;
  }

 private:
  std::span<const std::byte> rest_;
  bool ok_ = true;
};

}  // namespace onelane::inline v0::trace
