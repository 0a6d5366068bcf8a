#include "onelane/options.h"

#include <array>
#include <cstdio>
#include <string>
#include <string_view>

#include "src/model/limits.h"

namespace onelane::inline v0 {

namespace {

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

Status table_is_plain(const std::string& option, const std::string& name) {
  constexpr const char* kLetters =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";
  if (name.empty()) return {};
  const bool digit = name.front() >= '0' && name.front() <= '9';
  if (!digit && name.size() <= model::kTableCharsMax &&
      name.find_first_not_of(kLetters) == std::string::npos && !name.starts_with("sqlite_")) {
    return {};
  }
  return {Errc::invalid_argument, option + " is \"" + name + "\"; it must be 1 to " +
                                      std::to_string(model::kTableCharsMax) +
                                      " letters, digits and _, no digit or sqlite_ first"};
}

Status validate(const IntakeOptions& options) {
  Status status = first_of({
      in_range<std::uint64_t>("intake.segment_bytes", options.segment_bytes,
                              model::kSegmentBytesMin, model::kSegmentBytesMax),
      in_range<std::uint64_t>("intake.most_bytes", options.most_bytes, 2 * options.segment_bytes,
                              model::kWalLimitMax),
      table_is_plain("intake.positions", options.positions),
      table_is_plain("intake.dead_letters", options.dead_letters),
  });
  if (!status.ok()) return status;
  if (options.segment_bytes % model::kIntakeBlockBytes != 0) {
    return {Errc::invalid_argument, "intake.segment_bytes is " + text(options.segment_bytes) +
                                        "; it must be a multiple of " +
                                        text(model::kIntakeBlockBytes)};
  }
  if (options.positions.empty()) {
    return {Errc::invalid_argument, "intake.positions is empty; it must name a table"};
  }
  if (options.positions != options.dead_letters) return {};
  return {Errc::invalid_argument, "intake.positions and intake.dead_letters both name \"" +
                                      options.positions + "\"; they are two tables"};
}

Status validate(const std::vector<Migration>& migrations) {
  std::int32_t before = 0;
  for (const Migration& each : migrations) {
    const std::string named = "migrations: version " + std::to_string(each.version);
    if (each.version <= before) {
      return {Errc::invalid_argument, named + " comes after " + std::to_string(before) +
                                          "; versions must be above 0, and ascend"};
    }
    if (each.sql.empty() && !each.step) {
      return {Errc::invalid_argument, named + " has neither SQL nor a step"};
    }
    before = each.version;
  }
  return {};
}

Status validate(std::filesystem::perms mode) {
  using std::filesystem::perms;
  constexpr perms kOwner = perms::owner_read | perms::owner_write;
  constexpr perms kMost =
      kOwner | perms::group_read | perms::group_write | perms::others_read | perms::others_write;
  if ((mode & kOwner) == kOwner && (mode & ~kMost) == perms::none) return {};
  std::array<char, 16> octal{};
  std::snprintf(octal.data(), octal.size(), "%#o", static_cast<unsigned>(mode));
  return {Errc::invalid_argument, "file_mode is " + std::string(octal.data()) +
                                      "; the owner must be allowed to read and write, and nobody "
                                      "to execute"};
}

// What an intake cannot be had with.
Status suits_intake(const ClassOptions& options) {
  if (!options.intake && options.promise == Promise::journaled) {
    return {Errc::invalid_argument, "promise is journaled, which needs an intake"};
  }
  if (options.intake && options.when_full == WhenFull::drop_oldest) {
    return {Errc::invalid_argument,
            "when_full is drop_oldest; a class with an intake drops nothing that it has written"};
  }
  return {};
}

Status named(const std::string& class_name, Status status) {
  if (status.ok()) return status;
  return {status.code(), "class \"" + class_name + "\": " + status.message()};
}

}  // namespace

Status validate(const JournalOptions& options) {
  const Budget tick = model::tick_of(options);
  return first_of({
      in_range<std::uint64_t>("tick.records", tick.records, 1, model::kTickRecordsMax),
      in_range<std::uint64_t>("tick.bytes", tick.bytes, model::kTickBytesMin, model::kTickBytesMax),
      in_range<Duration>("tick.hold", tick.hold, model::kHoldMin, model::kHoldMax),
      in_range<std::uint64_t>("commit_percent", options.commit_percent, 0, 100),
      in_range<Duration>("close_timeout", options.close_timeout, Duration(0), model::kDurationMax),
      in_range<std::uint64_t>("wal_limit_bytes", options.wal_limit_bytes, model::kWalLimitMin,
                              model::kWalLimitMax),
      in_range<std::uint64_t>("ballast_bytes", options.ballast_bytes, 0, model::kWalLimitMax),
      table_is_plain("watermark_table", options.watermark_table),
      validate(options.file_mode),
      validate(options.migrations),
      validate(options.intake),
  });
}

Status validate(const ClassOptions& options) {
  if (options.name.empty() || options.name.size() > model::kNameCharsMax ||
      !name_is_plain(options.name)) {
    return {Errc::invalid_argument, "class name \"" + options.name + "\": it must be 1 to " +
                                        std::to_string(model::kNameCharsMax) +
                                        " characters of a-z, 0-9, _ and -"};
  }
  return named(
      options.name,
      first_of({
          in_range<std::uint64_t>("guarantee.records", options.guarantee.records, 1,
                                  model::kTickRecordsMax),
          in_range<std::uint64_t>("guarantee.bytes", options.guarantee.bytes, 1,
                                  model::kTickBytesMax),
          in_range<std::uint64_t>("budget.records", options.budget.records, 0,
                                  model::kTickRecordsMax),
          in_range<std::uint64_t>("budget.bytes", options.budget.bytes, 0, model::kTickBytesMax),
          in_range<Duration>("budget.hold", options.budget.hold, Duration(0), model::kHoldMax),
          in_range<std::uint64_t>("weight", options.weight, 1, model::kWeightMax),
          in_range<Duration>("max_delay", options.max_delay, Duration(0), model::kDurationMax),
          in_range<Duration>("gather", options.gather, Duration(0), model::kDurationMax),
          in_range<Duration>(
              "interval", options.interval, Duration(0),
              options.max_delay == Duration(0) ? model::kDurationMax : options.max_delay),
          in_range<std::uint64_t>("capacity_records", options.capacity_records, 1,
                                  model::kCapacityRecordsMax),
          in_range<std::uint64_t>("capacity_bytes", options.capacity_bytes,
                                  model::kCapacityBytesMin, model::kCapacityBytesMax),
          in_range<Duration>("block_timeout", options.block_timeout, Duration(0),
                             model::kDurationMax),
          suits_intake(options),
      }));
}

}  // namespace onelane::inline v0
