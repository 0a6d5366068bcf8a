#include "bench/kit/html.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "bench/kit/html_storm.h"
#include "bench/kit/html_trials.h"
#include "src/render/chart.h"
#include "src/render/page_text.h"

namespace onelane::bench {
namespace {

using nlohmann::json;

std::string text_of(const json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_array()) {
    std::string text;
    for (const json& one : value) text += (text.empty() ? "" : ", ") + text_of(one);
    return text;
  }
  if (value.is_number_float()) return fmt::format("{:.4g}", value.get<double>());
  if (!value.is_object()) return value.dump();
  std::string text;
  for (const auto& [name, one] : value.items()) {
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", name, text_of(one));
  }
  return text;
}

std::string list_of(std::string_view title, const json& object) {
  std::string out = fmt::format("<section>\n<h2>{}</h2>\n<dl>\n", title);
  for (const auto& [name, value] : object.items()) {
    out += fmt::format("<dt>{}</dt><dd>{}</dd>\n", render::escape(name),
                       render::escape(text_of(value)));
  }
  return out + "</dl>\n</section>\n";
}

}  // namespace

std::string to_html(const json& result) {
  const std::string title = "onelane-bench " + result.value("question", "");
  std::string body = result.contains("strategies") ? storm_html(result) : trials_html(result);
  return fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<title>{}</title>\n<style>{}</style>\n</head>\n<body>\n<main>\n<h1>{}</h1>\n{}"
      "<div class=\"columns\">\n{}{}</div>\n</main>\n</body>\n</html>\n",
      render::escape(title), render::page_style(), render::escape(title), body,
      list_of("Settings", result.value("settings", json::object())),
      list_of("Environment", result.value("environment", json::object())));
}

}  // namespace onelane::bench
