// Numbers with units, and the nearest of several names.
#include "src/model/option_values.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "onelane/option_text.h"

namespace onelane::inline v0 {

namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

constexpr std::array kTimes{
    Unit{"ns", 1},
    Unit{"us", 1'000},
    Unit{"ms", 1'000'000},
    Unit{"s", 1'000'000'000},
    Unit{"m", 60'000'000'000},
    Unit{"h", 3'600'000'000'000},
    Unit{"d", 86'400'000'000'000},
};
constexpr std::array kSizes{Unit{"", 1},
                            Unit{"B", 1},
                            Unit{"KiB", kKiB},
                            Unit{"MiB", kMiB},
                            Unit{"GiB", kKiB* kMiB},
                            Unit{"TiB", kMiB* kMiB}};

constexpr std::string_view kDigits = "0123456789";

std::string_view take_digits(std::string_view& text) {
  const std::string_view digits = text.substr(0, text.find_first_not_of(kDigits));
  text.remove_prefix(digits.size());
  return digits;
}

// `digits` x `factor` / 10^`places`, if that is whole and fits.
std::optional<std::uint64_t> scaled(const std::string& digits, std::uint64_t factor,
                                    std::size_t places) {
  std::optional<std::uint64_t> value = model::read_count(digits);
  std::uint64_t product = 0;
  if (!value || __builtin_mul_overflow(*value, factor, &product)) return std::nullopt;
  for (; places > 0; --places, product /= 10) {
    if (product % 10 != 0) return std::nullopt;
  }
  return product;
}

// "1.5" with one of the units. Zero needs none.
std::optional<std::uint64_t> read_number(std::string_view text, std::span<const Unit> units) {
  std::string digits(take_digits(text));
  std::string_view places;
  if (digits.empty()) return std::nullopt;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    places = take_digits(text);
    if (places.empty()) return std::nullopt;
    places = places.substr(0, places.find_last_not_of('0') + 1);
    digits += places;
  }
  if (text.empty() && digits.find_first_not_of('0') == std::string::npos) return 0;
  for (const Unit& unit : units) {
    if (unit.name == text) return scaled(digits, unit.factor, places.size());
  }
  return std::nullopt;
}

std::string text_in(std::uint64_t value, std::span<const Unit> units) {
  const Unit* best = &units.front();
  for (const Unit& unit : units) {
    if (value % unit.factor == 0 && unit.factor > best->factor) best = &unit;
  }
  return std::to_string(value / best->factor) + std::string(best->name);
}

std::string in_small(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

// Levenshtein's distance; none to a name that goes on where `from` ends.
std::size_t edits(std::string_view from, std::string_view to) {
  if (to.starts_with(from)) return 0;
  std::vector<std::size_t> row(to.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < from.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < to.size(); ++j) {
      const std::size_t changed = diagonal + (from[i] == to[j] ? 0 : 1);
      diagonal = std::exchange(row[j + 1], std::min({changed, row[j] + 1, row[j + 1] + 1}));
    }
  }
  return row.back();
}

Status wrong(std::string_view text, std::string_view right) {
  return {Errc::invalid_argument, model::in_quotes(text) + " is not " + std::string(right)};
}

}  // namespace

namespace model {

std::string in_quotes(std::string_view text) {
  constexpr std::size_t kMost = 200;
  if (text.size() > kMost) return "'" + std::string(text.substr(0, kMost)) + "...'";
  return "'" + std::string(text) + "'";
}

std::optional<std::uint64_t> read_count(std::string_view text) {
  std::uint64_t value = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || stop != text.data() + text.size()) {
    return std::nullopt;
  }
  return value;
}

std::optional<std::uint64_t> read_size(std::string_view text) { return read_number(text, kSizes); }

std::optional<Duration> read_duration(std::string_view text) {
  const std::optional<std::uint64_t> value = read_number(text, kTimes);
  if (!value || *value > static_cast<std::uint64_t>(Duration::max().count())) return std::nullopt;
  return Duration(static_cast<Duration::rep>(*value));
}

}  // namespace model

Result<Duration> parse_duration(std::string_view text) {
  if (const std::optional<Duration> value = model::read_duration(text)) return *value;
  return wrong(text, "a time: a number with ns, us, ms, s, m, h or d, such as 20ms");
}

Result<std::uint64_t> parse_size(std::string_view text) {
  if (const std::optional<std::uint64_t> value = model::read_size(text)) return *value;
  return wrong(text, "a size: a number with B, KiB, MiB, GiB or TiB, such as 64MiB");
}

std::string duration_text(Duration value) {
  if (value == Duration(0)) return "0";
  const auto count = static_cast<std::uint64_t>(value.count());
  return value < Duration(0) ? "-" + text_in(0 - count, kTimes) : text_in(count, kTimes);
}

std::string size_text(std::uint64_t bytes) { return bytes == 0 ? "0" : text_in(bytes, kSizes); }

std::string nearest(std::string_view name, std::span<const std::string> names) {
  const std::string small = in_small(name);
  const auto closer = [&](const std::string& one, const std::string& other) {
    return edits(small, in_small(one)) < edits(small, in_small(other));
  };
  const auto found = std::min_element(names.begin(), names.end(), closer);
  return found == names.end() ? std::string() : *found;
}

}  // namespace onelane::inline v0
