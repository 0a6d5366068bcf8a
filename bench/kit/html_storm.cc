#include "bench/kit/html_storm.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <vector>

#include "bench/kit/units.h"
#include "src/render/chart.h"
#include "src/render/table.h"

namespace onelane::bench {
namespace {

using nlohmann::json;
using render::Bar;
using render::bar_chart;
using render::HtmlTable;
using render::Line;
using render::line_chart;
using render::Range;
using render::range_chart;
using render::Scale;

// onelane has the first colour, as on the other pages; whoever it is compared with those after it.
std::size_t style_of(const json& strategy) {
  constexpr std::array<std::string_view, 6> kNames{"onelane", "direct",    "heavy",
                                                   "durable", "journaled", "pool"};
  auto at = std::find(kNames.begin(), kNames.end(), strategy.value("name", ""));
  return static_cast<std::size_t>(at - kNames.begin());
}

const json* find(const json& array, const std::string& name) {
  for (const json& one : array) {
    if (one.value("name", "") == name) return &one;
  }
  return nullptr;
}

constexpr const char* kTotals = "total, ms";

std::string totals_chart(const json& strategies, const std::string& name) {
  std::vector<Range> ranges;
  for (const json& strategy : strategies) {
    const json* one = find(strategy.at("classes"), name);
    if (one == nullptr || !one->contains("total_ms")) continue;
    Range range{strategy.value("name", ""), style_of(strategy), {}};
    for (const char* mark : {"p50", "p90", "p99", "p999", "max"}) {
      const json value = one->at("total_ms").value(mark, json());
      if (value.is_number()) range.marks.push_back({mark, value.get<double>()});
    }
    ranges.push_back(std::move(range));
  }
  return range_chart({.title = name + ": distribution",
                      .x = {.title = kTotals, .scale = Scale::logarithmic},
                      .y = {}},
                     ranges);
}

// A line through the p99 of each slice of time, with its p50 and maximum as the spread.
std::optional<Line> timeline_of(const json& strategy, const std::string& name) {
  const json* one = find(strategy.at("classes"), name);
  if (one == nullptr || !one->contains("timeline")) return std::nullopt;
  const json& timeline = one->at("timeline");
  const double slice = timeline.value("slice_s", 1.0);
  Line line{strategy.value("name", ""), style_of(strategy), {}};
  const json& p99 = timeline.at("p99_ms");
  for (std::size_t i = 0; i < p99.size(); ++i) {
    if (!p99[i].is_number()) continue;  // nothing ended in that slice
    line.points.push_back({static_cast<double>(i) * slice, p99[i].get<double>(),
                           std::pair(timeline.at("p50_ms")[i].get<double>(),
                                     timeline.at("max_ms")[i].get<double>())});
  }
  return line;
}

std::string timeline_chart(const json& strategies, const std::string& name) {
  std::vector<Line> lines;
  for (const json& strategy : strategies) {
    if (auto line = timeline_of(strategy, name)) lines.push_back(std::move(*line));
  }
  if (lines.empty()) return "";
  return line_chart({.title = name + " over time",
                     .x = {.title = "seconds since the start"},
                     .y = {.title = "total in ms, p99 of each slice, from its p50 to its maximum",
                           .scale = Scale::logarithmic}},
                    lines);
}

std::string number_at(const json& object, const char* name) {
  const json value = object.value(name, json());
  return value.is_number() ? table_number(value.get<double>()) : "-";
}

void add_spread(std::vector<std::string>& cells, const json& object, const char* name) {
  const json spread = object.value(name, json::object());
  for (const char* mark : {"p50", "p99", "max"}) cells.push_back(number_at(spread, mark));
}

std::string classes_table(const json& strategy) {
  HtmlTable table(strategy.value("name", "") + ": classes, times in ms");
  table.columns({"class", "offered", "acknowledged", "busy", "failed", "superseded", "lost",
                 "total p50", "p99", "max", "wait p50", "p99", "max"});
  for (const json& one : strategy.at("classes")) {
    std::vector<std::string> cells{one.value("name", "")};
    for (const char* count : {"offered", "acknowledged", "busy", "failed", "superseded", "lost"}) {
      cells.push_back(number_at(one, count));
    }
    add_spread(cells, one, "total_ms");
    add_spread(cells, one, "wait_ms");
    table.row(cells);
  }
  return table.text();
}

std::string strategies_table(const json& strategies) {
  HtmlTable table("strategies");
  table.columns({"strategy", "heavy rows/s", "hold p50, ms", "p99", "max", "occupancy, %",
                 "transactions", "largest log, MiB", "verified"});
  for (const json& strategy : strategies) {
    constexpr double kMebibyte = 1024.0 * 1024.0;
    std::vector<std::string> cells{strategy.value("name", ""),
                                   number_at(strategy, "heavy_rows_per_s")};
    add_spread(cells, strategy, "hold_ms");
    cells.push_back(table_number(strategy.value("occupancy", 0.0) * 100));
    cells.push_back(number_at(strategy, "transactions"));
    cells.push_back(table_number(strategy.value("wal_bytes_max", 0.0) / kMebibyte));
    cells.emplace_back(strategy.value("verified", false) ? "yes" : "no");
    table.row(cells);
  }
  return table.text();
}

std::string rates_chart(const json& strategies) {
  std::vector<Bar> bars;
  for (const json& strategy : strategies) {
    bars.push_back({strategy.value("name", ""), style_of(strategy),
                    strategy.value("heavy_rows_per_s", 0.0), std::nullopt});
  }
  return bar_chart({.title = "Heavy writes", .x = {.title = "rows per second"}, .y = {}}, bars);
}

}  // namespace

std::string storm_html(const json& result) {
  const json strategies = result.value("strategies", json::array());
  if (strategies.empty()) return "";
  std::string totals;
  std::string timelines;
  for (const json& one : strategies.front().at("classes")) {
    const std::string name = one.value("name", "");
    totals += totals_chart(strategies, name);
    timelines += timeline_chart(strategies, name);
  }
  std::string tables = "<h2>Figures</h2>\n" + strategies_table(strategies);
  for (const json& strategy : strategies) tables += classes_table(strategy);
  return "<div class=\"columns\">\n" + rates_chart(strategies) + timelines + totals + "</div>\n" +
         tables;
}

}  // namespace onelane::bench
