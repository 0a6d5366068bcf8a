#include "src/render/words.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

namespace onelane::inline v0::render {
namespace {

// Two digits, or all that stand before the point.
std::string short_text(double value) {
  return value >= 9.95 ? fmt::format("{:.0f}", value) : fmt::format("{:.2g}", value);
}

std::string long_duration_text(std::int64_t seconds) {
  constexpr std::int64_t kMinute = 60;
  constexpr std::int64_t kHour = 60 * kMinute;
  constexpr std::int64_t kDay = 24 * kHour;
  if (seconds < kHour) return fmt::format("{} min {} s", seconds / kMinute, seconds % kMinute);
  if (seconds < kDay) {
    return fmt::format("{} h {} min", seconds / kHour, seconds % kHour / kMinute);
  }
  return fmt::format("{} d {} h", seconds / kDay, seconds % kDay / kHour);
}

}  // namespace

std::string duration_text(Duration duration) {
  struct Unit {
    double nanoseconds;
    std::string_view name;
  };
  constexpr std::array kUnits{Unit{1e9, "s"}, Unit{1e6, "ms"}, Unit{1e3, "\u00b5s"}};
  constexpr double kMinute = 60e9;
  const auto nanoseconds = static_cast<double>(duration.count());
  if (duration <= Duration(0)) return "0 ms";
  if (nanoseconds >= kMinute) return long_duration_text(duration.count() / 1'000'000'000);
  for (const Unit& unit : kUnits) {
    // 999.6 us reads as 1 ms, not as 1000 us.
    if (nanoseconds >= 0.9995 * unit.nanoseconds) {
      return fmt::format("{} {}", short_text(nanoseconds / unit.nanoseconds), unit.name);
    }
  }
  return fmt::format("{} ns", duration.count());
}

std::string duration_text_ns(std::uint64_t nanoseconds) {
  constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<Duration::rep>::max());
  return duration_text(Duration(static_cast<Duration::rep>(std::min(nanoseconds, kMost))));
}

std::string bytes_text(std::uint64_t bytes) {
  constexpr std::array<std::string_view, 5> kUnits{"B", "KiB", "MiB", "GiB", "TiB"};
  constexpr double kStep = 1024;
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= kStep && unit + 1 < kUnits.size()) {
    value /= kStep;
    ++unit;
  }
  return fmt::format("{} {}", unit == 0 ? std::to_string(bytes) : short_text(value), kUnits[unit]);
}

std::string percent_text(double share) {
  constexpr double kHundred = 100;
  if (!std::isfinite(share) || share <= 0) return "0 %";
  const double percent = share * kHundred;
  if (percent < 0.1) return "under 0.1 %";
  return percent < 0.95 ? fmt::format("{:.1f} %", percent) : fmt::format("{:.0f} %", percent);
}

std::string count_text(std::uint64_t count) {
  constexpr std::size_t kGroup = 3;
  std::string text = std::to_string(count);
  for (std::size_t at = text.size(); at > kGroup;) {
    at -= kGroup;
    text.insert(at, ",");
  }
  return text;
}

std::string counted(std::uint64_t count, std::string_view one, std::string_view many) {
  return fmt::format("{} {}", count_text(count), count == 1 ? one : many);
}

std::string listed(const std::vector<std::string>& parts) {
  std::string text;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (i != 0) text += i + 1 == parts.size() ? " and " : ", ";
    text += parts[i];
  }
  return text;
}

std::string process_text(std::int64_t pid, std::string_view name) {
  return name.empty() ? fmt::format("process {}", pid) : fmt::format("{} (process {})", name, pid);
}

std::string_view phrase(Obstacle obstacle) noexcept {
  switch (obstacle) {
    case Obstacle::checkpoint:
      return "checkpoints";
    case Obstacle::sync:
      return "syncs";
    case Obstacle::lock:
      return "somebody else's lock";
    case Obstacle::disk:
      return "pauses for the disk";
    case Obstacle::window:
      return "its own gathering";
    case Obstacle::other:
      return "threads and the processor";
  }
  return "?";
}

std::string class_name(const JournalStats& stats, std::uint32_t write_class) {
  if (write_class < stats.classes.size()) return stats.classes[write_class].name;
  return fmt::format("class {}", write_class);
}

double share(Duration part, Duration whole) noexcept {
  if (whole <= Duration(0)) return 0;
  return static_cast<double>(part.count()) / static_cast<double>(whole.count());
}

std::string shortened(std::string_view text, std::size_t characters) {
  std::string valid = valid_utf8(text);
  const auto begins = [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80; };
  std::size_t before = 0;  // of the characters up to here
  std::size_t cut = 0;     // where the last one would begin
  for (std::size_t at = 0; at < valid.size(); ++at) {
    if (!begins(valid[at])) continue;
    if (++before == characters) cut = at;
    if (before > characters) return valid.substr(0, cut) + "\u2026";
  }
  return valid;
}

std::string valid_utf8(std::string_view text) {
  const bool ascii = std::all_of(text.begin(), text.end(),
                                 [](char c) { return static_cast<unsigned char>(c) < 0x80; });
  if (ascii) return std::string(text);
  using nlohmann::json;
  return json::parse(json(text).dump(-1, ' ', false, json::error_handler_t::replace))
      .get<std::string>();
}

}  // namespace onelane::inline v0::render
