// Wants as text.
#include <array>
#include <charconv>
#include <cmath>
#include <string>

#include "onelane/option_text.h"
#include "onelane/trace.h"

namespace onelane::inline v0 {

namespace {

constexpr std::array<std::string_view, 5> kMetrics = {"p50", "p90", "p99", "max", "rate"};
constexpr std::string_view kRateEnd = "/s";
constexpr const char* kRight =
    "it must be like peers:p99<=20ms (p50, p90, p99 or max) or blobs:rate>=5000/s";

Status wrong(std::string_view text, const std::string& what) {
  return {Errc::invalid_argument, "want \"" + std::string(text) + "\": " + what + "; " + kRight};
}

Result<double> value_of(std::string_view text, std::string_view value, Metric metric) {
  if (metric != Metric::rate) {
    const Result<Duration> time = parse_duration(value);
    if (!time.ok()) return wrong(text, time.status().message());
    return static_cast<double>(time->count());
  }
  if (value.ends_with(kRateEnd)) value.remove_suffix(kRateEnd.size());
  double rate = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), rate);
  if (error == std::errc() && end == value.data() + value.size() && std::isfinite(rate)) {
    if (rate >= 0) return rate;
  }
  return wrong(text, "\"" + std::string(value) + "\" is no rate");
}

}  // namespace

Result<Want> parse_want(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos || colon == 0) return wrong(text, "it names no class");
  Want want;
  want.write_class = text.substr(0, colon);
  const std::string_view rest = text.substr(colon + 1);
  for (std::size_t i = 0; i < kMetrics.size(); ++i) {
    if (!rest.starts_with(kMetrics[i])) continue;
    want.metric = static_cast<Metric>(i);
    const std::string_view compared = rest.substr(kMetrics[i].size());
    const std::string_view sign = want.metric == Metric::rate ? ">=" : "<=";
    if (!compared.starts_with(sign)) {
      return wrong(text, std::string(kMetrics[i]) + " goes with " + std::string(sign));
    }
    const Result<double> value = value_of(text, compared.substr(sign.size()), want.metric);
    if (!value.ok()) return value.status();
    want.value = *value;
    return want;
  }
  return wrong(text, "it names none of the figures");
}

std::string to_string(const Want& want) {
  const std::string named =
      want.write_class + ":" + std::string(kMetrics[static_cast<std::size_t>(want.metric)]);
  if (want.metric != Metric::rate) {
    return named + "<=" + duration_text(Duration(static_cast<Duration::rep>(want.value)));
  }
  std::array<char, 32> text{};
  const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), want.value);
  return named + ">=" + std::string(text.data(), end) + "/s";
}

}  // namespace onelane::inline v0
