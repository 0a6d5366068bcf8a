#include "tools/kit/units.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <span>

#include "onelane/option_text.h"
#include "tools/kit/errors.h"

namespace onelane::kit {
namespace {

struct Unit {
  std::string_view name;
  double factor;
};

constexpr std::array kDurations{Unit{"ns", 1}, Unit{"us", 1e3}, Unit{"ms", 1e6}, Unit{"s", 1e9}};
constexpr std::array kSizes{Unit{"B", 1}, Unit{"KiB", 1024}, Unit{"MiB", 1024. * 1024},
                            Unit{"GiB", 1024. * 1024 * 1024}};

// The digits at the front of the text; the rest of it goes to `unit`.
double leading_number(std::string_view text, std::string_view& unit) {
  std::size_t end = text.find_first_not_of("0123456789.");
  if (end == std::string_view::npos) end = text.size();
  double value = 0;
  auto [stop, error] = std::from_chars(text.data(), text.data() + end, value);
  if (error != std::errc() || stop != text.data() + end)
    unit = text;
  else
    unit = text.substr(end);
  return value;
}

template <class T>
T required(Result<T> result) {
  if (!result) throw UsageError(result.status().message());
  return *result;
}

std::string shortest(double value, std::span<const Unit> units) {
  const Unit* best = &units.front();
  for (const Unit& unit : units) {
    if (value >= unit.factor) best = &unit;
  }
  double scaled = value / best->factor;
  return fmt::format("{:g}{}", std::round(scaled * 100) / 100, best->name);
}

}  // namespace

Nanoseconds parse_duration(std::string_view text) {
  return required(onelane::parse_duration(text));
}

std::uint64_t parse_size(std::string_view text) { return required(onelane::parse_size(text)); }

std::uint64_t parse_count(std::string_view text) {
  std::uint64_t value = 0;
  auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || stop != text.data() + text.size()) {
    throw UsageError(fmt::format("'{}' is not a whole number, such as 4096", text));
  }
  return value;
}

double parse_number(std::string_view text) {
  std::string_view rest;
  double value = leading_number(text, rest);
  if (text.empty() || !rest.empty()) {
    throw UsageError(fmt::format("'{}' is not a number, such as 20 or 2.5", text));
  }
  return value;
}

std::vector<std::string> split_list(std::string_view text) {
  std::vector<std::string> parts;
  while (true) {
    std::size_t comma = text.find(',');
    parts.emplace_back(text.substr(0, comma));
    if (comma == std::string_view::npos) return parts;
    text.remove_prefix(comma + 1);
  }
}

std::string format_duration(Nanoseconds value) {
  if (value == Nanoseconds(0)) return "0";
  return shortest(static_cast<double>(value.count()), kDurations);
}

std::string format_size(std::uint64_t bytes) {
  return shortest(static_cast<double>(bytes), kSizes);
}

std::string format_count(std::uint64_t value) {
  std::string digits = std::to_string(value);
  for (std::size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, 1, ',');
  return digits;
}

std::string format_ms(double milliseconds) {
  if (milliseconds >= 100) return fmt::format("{:.0f}", milliseconds);
  if (milliseconds >= 10) return fmt::format("{:.1f}", milliseconds);
  if (milliseconds >= 1) return fmt::format("{:.2f}", milliseconds);
  return fmt::format("{:.3f}", milliseconds);
}

double to_ms(std::uint64_t nanoseconds) { return static_cast<double>(nanoseconds) / 1e6; }

double to_seconds(Nanoseconds value) { return static_cast<double>(value.count()) / 1e9; }

std::string table_number(double value) {
  constexpr double kWhole = 1000;
  if (!std::isfinite(value)) return "-";
  if (std::abs(value) < kWhole) return fmt::format("{:.3g}", value);
  return fmt::format("{}{}", value < 0 ? "-" : "",
                     format_count(static_cast<std::uint64_t>(std::abs(value) + 0.5)));
}

}  // namespace onelane::kit
