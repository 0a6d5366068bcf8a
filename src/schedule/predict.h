// Predicted lane time, in picoseconds. All arithmetic saturates at kPsMax: an absurd cost makes a
// unit dear, never cheap by wrapping around.
#pragma once

#include <algorithm>
#include <cstdint>

#include "src/schedule/plan.h"

namespace onelane::inline v0::schedule {

inline constexpr std::uint64_t kPsMax = 1'000'000'000'000'000'000;  // 11 days
inline constexpr std::uint64_t kPsPerNs = 1000;
static_assert(kPsMax <= UINT64_MAX / 4, "a few of them must add up without wrapping");
static_assert(kPsMax <= INT64_MAX / 4, "a balance must hold a few of them");

inline std::uint64_t add_ps(std::uint64_t a, std::uint64_t b) { return std::min(kPsMax, a + b); }

inline std::int64_t signed_ps(std::uint64_t ps) {
  return static_cast<std::int64_t>(std::min(kPsMax, ps));
}

// Stays within kPsMax on either side.
inline std::int64_t add_balance(std::int64_t balance, std::int64_t ps) {
  return std::clamp(balance + ps, -signed_ps(kPsMax), signed_ps(kPsMax));
}

inline std::uint64_t times_ps(std::uint64_t a, std::uint64_t b) {
  std::uint64_t product = 0;
  return __builtin_mul_overflow(a, b, &product) ? kPsMax : std::min(kPsMax, product);
}

inline std::uint64_t to_ps(Duration duration) {
  return duration <= Duration(0) ? 0
                                 : times_ps(static_cast<std::uint64_t>(duration.count()), kPsPerNs);
}

inline Duration to_duration(std::uint64_t ps) {
  return Duration(static_cast<Duration::rep>(ps / kPsPerNs));
}

// How long a tick has to be for a commit whose fixed part costs so much to take no more than so
// many percent of it; 0 percent: `most`. At least kTickMin, at most `most`.
inline constexpr Duration kTickMin = std::chrono::milliseconds(1);
inline Duration hold_for(std::uint64_t commit_fixed_ps, std::uint32_t percent, Duration most) {
  if (percent == 0) return most;
  const Duration enough = to_duration(times_ps(commit_fixed_ps, 100) / percent);
  return std::min(std::max(enough, kTickMin), most);
}

inline std::uint64_t linear_ps(const LinearCost& cost, std::uint64_t records, std::uint64_t bytes) {
  constexpr std::uint64_t kSmall = 1ULL << 31;  // neither product nor their sum can wrap
  if ((records | bytes | cost.per_byte_ps) < kSmall && cost.per_record_ps < kSmall) [[likely]] {
    return std::min(kPsMax, records * cost.per_record_ps + bytes * cost.per_byte_ps);
  }
  return add_ps(times_ps(records, cost.per_record_ps), times_ps(bytes, cost.per_byte_ps));
}

// A cancelled unit or a barrier. It needs no room: it goes as soon as no unit is before it.
inline bool is_free(const Unit& unit) { return unit.records == 0 && unit.bytes == 0; }

// How many of them go before one that is not free.
inline std::size_t free_units(std::span<const Unit> units) {
  const auto paid = [](const Unit& unit) { return !is_free(unit); };
  return static_cast<std::size_t>(std::find_if(units.begin(), units.end(), paid) - units.begin());
}

inline std::uint64_t paid_units(std::span<const Unit> units) {
  return static_cast<std::uint64_t>(
      std::count_if(units.begin(), units.end(), [](const Unit& unit) { return !is_free(unit); }));
}

// A unit that is not free costs at least 1 ps, so that classes take turns even at zero costs.
inline std::uint64_t unit_ps(const LinearCost& cost, const Unit& unit) {
  const std::uint64_t least = is_free(unit) ? 0 : 1;
  return std::max(least, linear_ps(cost, unit.records, unit.bytes));
}

inline std::uint64_t commit_ps(const Costs& costs, std::uint64_t records, std::uint64_t bytes) {
  return add_ps(std::min(kPsMax, costs.commit_fixed_ps), linear_ps(costs.commit, records, bytes));
}

// The guarantee, limited by the class's own budget; at least one record and one byte.
inline Guarantee effective_guarantee(const Share& share) {
  return {.records = std::clamp<std::uint64_t>(share.guarantee.records, 1,
                                               std::max<std::uint64_t>(1, share.budget.records)),
          .bytes = std::clamp<std::uint64_t>(share.guarantee.bytes, 1,
                                             std::max<std::uint64_t>(1, share.budget.bytes))};
}

inline std::uint64_t ceil_div(std::uint64_t a, std::uint64_t b) { return a / b + (a % b != 0); }

// How many ticks' guarantees the unit amounts to; at most 1 if it fits its guarantee.
inline std::uint64_t ticks_of_credit(const Unit& unit, const Guarantee& guarantee) {
  return std::max(ceil_div(unit.records, guarantee.records), ceil_div(unit.bytes, guarantee.bytes));
}

}  // namespace onelane::inline v0::schedule
