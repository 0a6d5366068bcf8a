// Between which limits options may be set, and the defaults for what is 0. onelane/options.h says
// the same in words.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "onelane/options.h"

namespace onelane::inline v0::model {

inline constexpr std::uint64_t kTickRecordsMax = 1'000'000;
inline constexpr std::uint64_t kTickBytesMin = 4 * kKiB;
inline constexpr std::uint64_t kTickBytesMax = 1024 * kMiB;
inline constexpr Duration kHoldMin = std::chrono::microseconds(100);
inline constexpr Duration kHoldMax = std::chrono::seconds(10);
inline constexpr std::uint32_t kWeightMax = 1000;
inline constexpr std::size_t kNameCharsMax = 64;
inline constexpr std::size_t kTableCharsMax = 64;
inline constexpr std::uint64_t kSegmentBytesMin = 64 * kKiB;
inline constexpr std::uint64_t kSegmentBytesMax = 1024 * kMiB;
inline constexpr std::uint64_t kIntakeBlockBytes = 4 * kKiB;
inline constexpr std::uint64_t kWalLimitMin = kMiB;
inline constexpr std::uint64_t kWalLimitMax = kMiB * kMiB;
inline constexpr std::uint64_t kTraceBytesMin = 64 * kKiB;
inline constexpr std::uint64_t kTraceBytesMax = 1024 * kMiB;
inline constexpr std::uint64_t kCapacityRecordsMax = 100'000'000;
inline constexpr std::uint64_t kCapacityBytesMin = 4 * kKiB;
inline constexpr std::uint64_t kCapacityBytesMax = kMiB * kMiB;
// Longer durations overflow nothing, but are surely a mistake in the unit.
inline constexpr Duration kDurationMax = std::chrono::hours(24 * 365);

// JournalOptions::tick, with the default for what is 0.
inline Budget tick_of(const JournalOptions& options) {
  const Budget& tick = options.tick;
  return {.records = tick.records != 0 ? tick.records : kDefaultTick.records,
          .bytes = tick.bytes != 0 ? tick.bytes : kDefaultTick.bytes,
          .hold = tick.hold != Duration(0) ? tick.hold : kDefaultTick.hold};
}

}  // namespace onelane::inline v0::model
