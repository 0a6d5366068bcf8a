#include "bench/kit/times.h"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "bench/kit/units.h"

namespace onelane::bench {
namespace {

double rounded_ms(std::uint64_t nanoseconds) {
  constexpr double kThousandths = 1000;
  return std::round(to_ms(nanoseconds) * kThousandths) / kThousandths;
}

}  // namespace

nlohmann::json times_json(const Histogram& times) {
  return {{"p50", rounded_ms(times.p50())},
          {"p90", rounded_ms(times.p90())},
          {"p99", rounded_ms(times.p99())},
          {"max", rounded_ms(times.max())}};
}

std::string times_text(const Histogram& times) {
  return fmt::format("{} / {} / {}", format_ms(to_ms(times.p50())), format_ms(to_ms(times.p99())),
                     format_ms(to_ms(times.max())));
}

}  // namespace onelane::bench
