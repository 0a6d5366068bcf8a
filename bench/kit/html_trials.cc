#include "bench/kit/html_trials.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "bench/kit/units.h"
#include "src/render/chart.h"
#include "src/render/table.h"

namespace onelane::bench {
namespace {

using nlohmann::json;
using render::Bar;
using render::bar_chart;
using render::Chart;
using render::HtmlTable;
using render::Line;
using render::line_chart;
using render::Range;
using render::range_chart;
using render::Scale;

struct Spread {
  double median = 0;
  double min = 0;
  double max = 0;
};

// Figures without a value are null or not-a-number.
std::optional<Spread> spread_of(const json& contestant, const std::string& figure) {
  auto found = contestant.find(figure);
  if (found == contestant.end() || !found->is_object()) return std::nullopt;
  auto number = [&](const char* name) -> std::optional<double> {
    const json value = found->value(name, json());
    if (!value.is_number() || !std::isfinite(value.get<double>())) return std::nullopt;
    return value.get<double>();
  };
  auto median = number("median");
  if (!median) return std::nullopt;
  return Spread{*median, number("min").value_or(*median), number("max").value_or(*median)};
}

// What a case is about; empty where it has no figures.
std::string first_figure(const json& one) {
  const auto figures = one.value("figures", std::vector<std::string>());
  return figures.empty() ? "" : figures.front();
}

std::string name_of(const json& named) { return named.value("name", ""); }

// The colour of each contestant, the same in all charts; our own has the first.
class Styles {
 public:
  explicit Styles(const json& cases) {
    for (const json& one : cases) {
      for (const json& contestant : one.at("contestants")) {
        const std::string name = name_of(contestant);
        if (name == "onelane" || name == "smallest") styles_[name] = 0;
        if (!styles_.contains(name)) styles_[name] = next_++;
      }
    }
  }
  std::size_t of(const std::string& name) const { return styles_.at(name); }

 private:
  std::map<std::string, std::size_t> styles_;
  std::size_t next_ = 1;
};

// "p50_us", "p9999_ns": a percentile and its unit.
std::optional<std::pair<double, std::string>> percentile_named(const std::string& figure) {
  const std::size_t underscore = figure.find('_');
  if (figure.size() < 2 || figure[0] != 'p' || underscore == std::string::npos) return std::nullopt;
  double percent = 0;
  double place = 10;
  for (char digit : figure.substr(1, underscore - 1)) {
    if (std::isdigit(static_cast<unsigned char>(digit)) == 0) return std::nullopt;
    percent += (digit - '0') * place;
    place /= 10;
  }
  return std::pair(percent, figure.substr(underscore + 1));
}

std::string unit_title(std::string_view figure) {
  if (figure == "per_s") return "rows per second";
  if (figure == "us_per_row") return "\u00b5s per row";
  if (figure == "us") return "\u00b5s";
  if (auto percentile = percentile_named(std::string(figure))) {
    return fmt::format("p{:g}, {}", percentile->first, unit_title(percentile->second));
  }
  std::string text(figure);
  std::replace(text.begin(), text.end(), '_', ' ');
  return text;
}

// A case's name as a letter, a number and the rest: "p16_small" is 16 of "p..._small".
struct CaseName {
  double number = 0;
  std::string family;
};

std::optional<CaseName> parsed(const std::string& name) {
  std::size_t digits = 0;
  while (digits < name.size() && std::isalpha(static_cast<unsigned char>(name[digits])) != 0) {
    ++digits;
  }
  std::size_t rest = digits;
  while (rest < name.size() && std::isdigit(static_cast<unsigned char>(name[rest])) != 0) ++rest;
  constexpr std::size_t kMostDigits = 15;
  if (digits == 0 || rest == digits || rest - digits > kMostDigits) return std::nullopt;
  return CaseName{std::stod(name.substr(digits, rest - digits)),
                  name.substr(0, digits) + name.substr(rest)};
}

// Cases that differ in a number make lines of one chart.
struct Family {
  std::string title;
  std::vector<std::pair<double, const json*>> cases;
};

std::vector<Family> families_of(const json& cases) {
  std::vector<Family> families;
  for (const json& one : cases) {
    const auto name = parsed(name_of(one));
    if (!name) continue;
    auto found = std::find_if(families.begin(), families.end(),
                              [&](const Family& family) { return family.title == name->family; });
    if (found == families.end()) {
      families.push_back({name->family, {}});
      found = families.end() - 1;
    }
    found->cases.emplace_back(name->number, &one);
  }
  std::erase_if(families, [](const Family& family) { return family.cases.size() < 2; });
  return families;
}

std::string x_title(const std::string& family) {
  if (family.starts_with("t")) return "callers";
  if (family.starts_with("p")) return "producers";
  return family;
}

std::string rest_of(const std::string& family) {
  const std::size_t underscore = family.find('_');
  return underscore == std::string::npos ? "" : family.substr(underscore + 1);
}

std::string family_chart(const Family& family, const std::string& figure, const Styles& styles) {
  std::string rest = rest_of(family.title);
  Chart chart{.title = rest.empty() ? "" : rest + ", ",
              .x = {.title = x_title(family.title), .scale = Scale::logarithmic},
              .y = {.title = unit_title(figure)}};
  chart.title += "by " + chart.x.title;
  std::vector<Line> lines;
  for (const auto& [number, one] : family.cases) {
    chart.x.ticks.push_back(number);
    for (const json& contestant : one->at("contestants")) {
      const std::string name = name_of(contestant);
      auto line = std::find_if(lines.begin(), lines.end(),
                               [&](const Line& known) { return known.name == name; });
      if (line == lines.end()) line = lines.insert(line, {name, styles.of(name), {}});
      if (auto spread = spread_of(contestant, figure)) {
        line->points.push_back({number, spread->median, std::pair(spread->min, spread->max)});
      }
    }
  }
  return line_chart(chart, lines);
}

std::string bars(const json& one, const std::string& figure, const Styles& styles) {
  std::vector<Bar> all;
  for (const json& contestant : one.at("contestants")) {
    const std::string name = name_of(contestant);
    auto spread = spread_of(contestant, figure);
    if (!spread) continue;
    all.push_back({name, styles.of(name), spread->median, std::pair(spread->min, spread->max)});
  }
  return bar_chart({.title = name_of(one), .x = {.title = unit_title(figure)}, .y = {}}, all);
}

// Nothing where the case has fewer than two percentiles.
std::string distribution(const json& one, const Styles& styles) {
  std::vector<std::pair<double, std::string>> percentiles;
  std::string unit;
  for (const std::string& figure : one.value("figures", std::vector<std::string>())) {
    if (auto percentile = percentile_named(figure)) {
      percentiles.emplace_back(percentile->first, figure);
      unit = percentile->second;
    }
  }
  std::sort(percentiles.begin(), percentiles.end());
  if (percentiles.size() < 2) return "";
  std::vector<Range> ranges;
  for (const json& contestant : one.at("contestants")) {
    Range range{name_of(contestant), styles.of(name_of(contestant)), {}};
    for (const auto& [percent, figure] : percentiles) {
      auto spread = spread_of(contestant, figure);
      if (spread) range.marks.push_back({fmt::format("p{:g}", percent), spread->median});
    }
    if (!range.marks.empty()) ranges.push_back(std::move(range));
  }
  return range_chart({.title = name_of(one) + ": distribution",
                      .x = {.title = unit_title(unit), .scale = Scale::logarithmic},
                      .y = {}},
                     ranges);
}

// Contestants that are alone in their cases, one chart for those that are measured alike.
std::string lone_bars(const json& cases, const Styles& styles) {
  std::vector<std::pair<std::string, std::vector<Bar>>> charts;  // by figure
  for (const json& one : cases) {
    if (one.at("contestants").size() != 1) continue;
    const std::string figure = first_figure(one);
    auto spread = spread_of(one.at("contestants").front(), figure);
    if (!spread) continue;
    auto chart = std::find_if(charts.begin(), charts.end(),
                              [&](const auto& known) { return known.first == figure; });
    if (chart == charts.end()) chart = charts.insert(chart, {figure, {}});
    chart->second.push_back({name_of(one), styles.of(name_of(one.at("contestants").front())),
                             spread->median, std::pair(spread->min, spread->max)});
  }
  std::string out;
  for (const auto& [figure, bars] : charts) {
    out +=
        bar_chart({.title = unit_title(figure), .x = {.title = unit_title(figure)}, .y = {}}, bars);
  }
  return out;
}

std::string cell(const std::optional<Spread>& spread) {
  if (!spread) return "-";
  if (spread->min == spread->max) return table_number(spread->median);
  return fmt::format("{} ({} \u2013 {})", table_number(spread->median), table_number(spread->min),
                     table_number(spread->max));
}

std::string case_table(const json& one) {
  HtmlTable table(name_of(one) + ": median (lowest \u2013 highest)");
  const auto figures = one.value("figures", std::vector<std::string>());
  std::vector<std::string> titles{"contestant"};
  for (const std::string& figure : figures) titles.push_back(unit_title(figure));
  table.columns(titles);
  for (const json& contestant : one.at("contestants")) {
    std::vector<std::string> cells{name_of(contestant)};
    for (const std::string& figure : figures) cells.push_back(cell(spread_of(contestant, figure)));
    table.row(cells);
  }
  for (const json& ratio : one.value("ratios", json::array())) {
    std::string name = name_of(ratio);
    std::replace(name.begin(), name.end(), '_', ' ');
    std::vector<std::string> cells{name};
    for (const std::string& figure : figures) cells.push_back(cell(spread_of(ratio, figure)));
    table.row(cells);
  }
  return table.text();
}

}  // namespace

std::string trials_html(const json& result) {
  const json cases = result.value("cases", json::array());
  const Styles styles(cases);
  const std::vector<Family> families = families_of(cases);
  std::string charts;
  for (const Family& family : families) {
    charts += family_chart(family, first_figure(*family.cases.front().second), styles);
  }
  if (families.empty()) charts += lone_bars(cases, styles);
  std::string distributions;
  std::string tables = "<h2>Figures</h2>\n";
  for (const json& one : cases) {
    if (families.empty() && one.at("contestants").size() > 1) {
      charts += bars(one, first_figure(one), styles);
    }
    distributions += distribution(one, styles);
    tables += case_table(one);
  }
  return "<div class=\"columns\">\n" + charts + distributions + "</div>\n" + tables;
}

}  // namespace onelane::bench
