#include "bench/kit/csv.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace onelane::bench {
namespace {

using nlohmann::json;

void add_lines(const std::string& prefix, const json& figure, std::string& csv) {
  std::size_t run = 0;
  for (const json& value : figure.at("runs")) {
    csv += fmt::format("{},{},{:.6g}\n", prefix, ++run, value.get<double>());
  }
}

// Each number in it, named by its path. Arrays hold other lines' figures, or times of a chart.
void add_figures(const std::string& prefix, const std::string& path, const json& node,
                 std::string& csv) {
  for (const auto& [name, value] : node.items()) {
    const std::string below = path.empty() ? name : path + "." + name;
    if (value.is_number()) {
      csv += fmt::format("{},{},1,{:.6g}\n", prefix, below, value.get<double>());
    } else if (value.is_object()) {
      add_figures(prefix, below, value, csv);
    }
  }
}

void add_strategies(const json& result, std::string& csv) {
  add_figures("storm,environment,", "", result.at("environment"), csv);
  for (const json& strategy : result.at("strategies")) {
    const std::string name = strategy.at("name").get<std::string>();
    add_figures("storm,all," + name, "", strategy, csv);
    for (const json& one : strategy.at("classes")) {
      add_figures(fmt::format("storm,{},{}", one.at("name").get<std::string>(), name), "", one,
                  csv);
    }
  }
}

}  // namespace

// All names are of [A-Za-z0-9_.], so nothing needs quotes.
std::string to_csv(const json& result) {
  std::string csv = "question,case,contestant,figure,run,value\n";
  if (result.contains("strategies")) {
    add_strategies(result, csv);
    return csv;
  }
  std::string question = result.at("question").get<std::string>();
  for (const json& one : result.at("cases")) {
    std::string case_name = one.at("name").get<std::string>();
    for (const json& contestant : one.at("contestants")) {
      std::string name = contestant.at("name").get<std::string>();
      for (const auto& [figure, series] : contestant.items()) {
        if (!series.is_object()) continue;
        add_lines(fmt::format("{},{},{},{}", question, case_name, name, figure), series, csv);
      }
    }
  }
  return csv;
}

}  // namespace onelane::bench
