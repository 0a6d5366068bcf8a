#include "onelane/options.h"

#include <string>
#include <string_view>

namespace onelane::inline v0 {

namespace {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::seconds;

constexpr std::uint64_t kTickRecordsMax = 1'000'000;
constexpr std::uint64_t kTickBytesMin = 4 * kKiB;
constexpr std::uint64_t kTickBytesMax = 1024 * kMiB;
constexpr Duration kHoldMin = microseconds(100);
constexpr Duration kHoldMax = seconds(10);
constexpr std::uint32_t kWeightMax = 1000;
constexpr std::size_t kNameCharsMax = 64;
constexpr std::size_t kTableCharsMax = 64;
constexpr std::uint64_t kWalLimitMin = kMiB;
constexpr std::uint64_t kWalLimitMax = kMiB * kMiB;
constexpr std::uint64_t kCapacityRecordsMax = 100'000'000;
constexpr std::uint64_t kCapacityBytesMin = 4 * kKiB;
constexpr std::uint64_t kCapacityBytesMax = kMiB * kMiB;
// Longer durations overflow nothing, but are surely a mistake in the unit.
constexpr Duration kDurationMax = hours(24 * 365);

std::string text(std::uint64_t value) { return std::to_string(value); }
std::string text(Duration value) { return std::to_string(value.count()) + " ns"; }

template <class T>
Status in_range(std::string_view option, T value, T low, T high) {
  if (value >= low && value <= high) return {};
  return {Errc::invalid_argument, std::string(option) + " is " + text(value) + "; it must be " +
                                      text(low) + " to " + text(high)};
}

Status first_of(std::initializer_list<Status> checks) {
  for (const Status& check : checks) {
    if (!check.ok()) return check;
  }
  return {};
}

bool name_is_plain(std::string_view name) {
  return name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_-") == std::string_view::npos;
}

Status watermark_table_is_plain(const std::string& name) {
  constexpr const char* kLetters =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";
  if (name.empty()) return {};
  const bool digit = name.front() >= '0' && name.front() <= '9';
  if (!digit && name.size() <= kTableCharsMax &&
      name.find_first_not_of(kLetters) == std::string::npos && !name.starts_with("sqlite_")) {
    return {};
  }
  return {Errc::invalid_argument,
          "watermark_table is \"" + name +
              "\"; it must be 1 to 64 letters, digits and _, no digit or sqlite_ first"};
}

Status named(const std::string& class_name, Status status) {
  if (status.ok()) return status;
  return {status.code(), "class \"" + class_name + "\": " + status.message()};
}

}  // namespace

Status validate(const JournalOptions& options) {
  return first_of({
      in_range<std::uint64_t>("tick.records", options.tick.records, 1, kTickRecordsMax),
      in_range<std::uint64_t>("tick.bytes", options.tick.bytes, kTickBytesMin, kTickBytesMax),
      in_range<Duration>("tick.hold", options.tick.hold, kHoldMin, kHoldMax),
      in_range<Duration>("close_timeout", options.close_timeout, Duration(0), kDurationMax),
      in_range<std::uint64_t>("wal_limit", options.wal_limit, kWalLimitMin, kWalLimitMax),
      in_range<std::uint64_t>("ballast", options.ballast, 0, kWalLimitMax),
      watermark_table_is_plain(options.watermark_table),
  });
}

Status validate(const ClassOptions& options) {
  if (options.name.empty() || options.name.size() > kNameCharsMax || !name_is_plain(options.name)) {
    return {Errc::invalid_argument, "class name \"" + options.name +
                                        "\": it must be 1 to 64 characters of a-z, 0-9, _ and -"};
  }
  return named(
      options.name,
      first_of({
          in_range<std::uint64_t>("guarantee.records", options.guarantee.records, 1,
                                  kTickRecordsMax),
          in_range<std::uint64_t>("guarantee.bytes", options.guarantee.bytes, 1, kTickBytesMax),
          in_range<std::uint64_t>("budget.records", options.budget.records, 0, kTickRecordsMax),
          in_range<std::uint64_t>("budget.bytes", options.budget.bytes, 0, kTickBytesMax),
          in_range<Duration>("budget.hold", options.budget.hold, Duration(0), kHoldMax),
          in_range<std::uint64_t>("weight", options.weight, 1, kWeightMax),
          in_range<Duration>("max_delay", options.max_delay, Duration(0), kDurationMax),
          in_range<Duration>("gather", options.gather, Duration(0), kDurationMax),
          in_range<std::uint64_t>("capacity_records", options.capacity_records, 1,
                                  kCapacityRecordsMax),
          in_range<std::uint64_t>("capacity_bytes", options.capacity_bytes, kCapacityBytesMin,
                                  kCapacityBytesMax),
          in_range<Duration>("block_timeout", options.block_timeout, Duration(0), kDurationMax),
      }));
}

}  // namespace onelane::inline v0
