// What `onelane plan` computes.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "tools/kit/errors.h"
#include "tools/kit/printable.h"
#include "tools/kit/units.h"
#include "tools/plan.h"

namespace onelane::tools {
namespace {

using kit::printable;
using kit::UsageError;

struct CostUnit {
  std::string_view name;
  double ns;
};
constexpr std::array kCostUnits{CostUnit{"ps", 1e-3}, CostUnit{"ns", 1}, CostUnit{"us", 1e3},
                                CostUnit{"ms", 1e6}};
constexpr double kCostMaxNs = 1e12;

double parse_cost_time(std::string_view key, std::string_view text) {
  double value = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const std::string_view unit(stop, static_cast<std::size_t>(text.data() + text.size() - stop));
  for (const CostUnit& known : kCostUnits) {
    if (error != std::errc() || unit != known.name || !(value >= 0)) continue;
    if (value * known.ns <= kCostMaxNs) return value * known.ns;
  }
  throw UsageError(
      fmt::format("{}: '{}' is not a cost: a number of 0 or more with ps, ns, us or ms, such as "
                  "20us",
                  key, printable(text)));
}

double largest_ns(const ClassCost& cost, const Waiting& waiting) {
  return static_cast<double>(waiting.largest_records) * cost.record_ns +
         static_cast<double>(waiting.largest_bytes) * cost.byte_ns;
}

// What the class takes at the front of a tick, whatever the tick's hold: its guarantee, and a unit
// that is larger than it.
double guaranteed_ns(const PlannedClass& planned, const ClassCost& cost) {
  const Waiting waiting = waiting_of(planned);
  const Guarantee& guarantee = planned.options.guarantee;
  const double records = static_cast<double>(std::min(guarantee.records, waiting.records));
  const double bytes = static_cast<double>(std::min(guarantee.bytes, waiting.bytes));
  const bool fits =
      waiting.largest_records <= guarantee.records && waiting.largest_bytes <= guarantee.bytes;
  return records * cost.record_ns + bytes * cost.byte_ns + (fits ? 0 : largest_ns(cost, waiting));
}

Budget tick_of(const JournalOptions& options) {
  const Budget& tick = options.tick;
  return {.records = tick.records != 0 ? tick.records : kDefaultTick.records,
          .bytes = tick.bytes != 0 ? tick.bytes : kDefaultTick.bytes,
          .hold = tick.hold != Duration(0) ? tick.hold : kDefaultTick.hold};
}

Duration longest_tick(const PlanInput& input, Duration hold) {
  double guaranteed = 0;
  double alone = 0;  // a unit that no hold has room for goes by itself
  for (std::size_t i = 0; i < input.classes.size(); ++i) {
    guaranteed += guaranteed_ns(input.classes[i], input.costs[i]);
    alone = std::max(alone, largest_ns(input.costs[i], waiting_of(input.classes[i])));
  }
  const double needed = std::min(std::max(guaranteed, alone), 9e18 - 1e13);
  return std::max(hold, input.commit + Duration(std::llround(needed)));
}

// Saturating at 100 years, which nobody waits for either.
Duration times(std::uint64_t ticks, Duration each) {
  constexpr double kMost = 3.15e18;
  return Duration(std::llround(std::min(static_cast<double>(ticks) * double(each.count()), kMost)));
}

}  // namespace

ClassCost parse_cost(std::string_view text) {
  ClassCost out;
  for (const std::string& part : kit::split_list(text)) {
    const auto equals = std::min(part.find('='), part.size());
    const std::string key = part.substr(0, equals);
    const std::string value = part.substr(std::min(equals + 1, part.size()));
    if (key == "record") {
      out.record_ns = parse_cost_time(key, value);
    } else if (key == "byte") {
      out.byte_ns = parse_cost_time(key, value);
    } else {
      throw UsageError(
          fmt::format("'{}' is no cost; there are record=TIME and byte=TIME", printable(part)));
    }
  }
  return out;
}

LaneWaits waits_of(const PlanInput& input) {
  const auto ticks = worst_waits(input.journal, input.classes);
  if (!ticks) throw UsageError(ticks.status().message());
  const Budget tick = tick_of(input.journal);
  LaneWaits out{.hold = tick.hold, .longest = longest_tick(input, tick.hold)};
  for (std::size_t i = 0; i < input.classes.size(); ++i) {
    const ClassOptions& options = input.classes[i].options;
    const Guarantee& guarantee = options.guarantee;
    out.guaranteed += std::max(static_cast<double>(guarantee.records) / double(tick.records),
                               static_cast<double>(guarantee.bytes) / double(tick.bytes));
    // At most one of its ticks in an interval, and one that began just before is waited for.
    const Duration each =
        options.interval > Duration(0) ? options.interval + out.longest : out.longest;
    const WorstWait& wait = (*ticks)[i];
    out.classes.push_back({.ticks = wait,
                           .first = options.gather + times(wait.first_ticks, each),
                           .last = options.gather + times(wait.last_ticks, each)});
  }
  return out;
}

}  // namespace onelane::tools
