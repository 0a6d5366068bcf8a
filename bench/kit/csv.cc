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

}  // namespace

// All names are of [A-Za-z0-9_], so nothing needs quotes.
std::string to_csv(const json& result) {
  std::string csv = "question,case,contestant,figure,run,value\n";
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
