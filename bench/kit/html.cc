#include "bench/kit/html.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "bench/kit/chart.h"
#include "bench/kit/html_storm.h"
#include "bench/kit/html_trials.h"

namespace onelane::bench {
namespace {

using nlohmann::json;

// Eight colours that are told apart, by eyes that see fewer of them too, on either ground.
constexpr std::string_view kStyle = R"(
:root { color-scheme: light dark; --ground: #ffffff; --text: #1c2128; --faint: #5b6470;
  --rule: #dde1e6; --s0: #0060c0; --s1: #c2410c; --s2: #15803d; --s3: #7e22ce; --s4: #a16207;
  --s5: #be185d; --s6: #0e7490; --s7: #57534e; }
@media (prefers-color-scheme: dark) {
  :root { --ground: #14181d; --text: #e6e9ed; --faint: #9aa4b0; --rule: #323a44; --s0: #5eb1ff;
    --s1: #fb923c; --s2: #4ade80; --s3: #c99bff; --s4: #facc15; --s5: #f88cc0; --s6: #4dd4e8;
    --s7: #b8b0a8; } }
body { margin: 0 auto; padding: 1.5rem 1rem 4rem; max-width: 60rem; background: var(--ground);
  color: var(--text); font: 1rem/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; margin: 0 0 .5rem; } h2 { font-size: 1.2rem; margin: 2.5rem 0 .5rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; margin: 1rem 0;
  font-size: .875rem; } dt { color: var(--faint); } dd { margin: 0; overflow-wrap: anywhere; }
.columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(18rem, 1fr));
  gap: 0 2rem; }
figure { margin: 1.5rem 0; } figcaption { font-weight: 600; }
.legend { margin: .25rem 0; font-size: .875rem; } .entry { display: inline-block;
  margin-right: 1.25rem; } .entry svg { vertical-align: middle; margin-right: .35rem; }
.wide { overflow-x: auto; } .wide > svg { width: 100%; min-width: 34rem; height: auto; }
svg text { fill: var(--text); font: 12px system-ui, sans-serif; }
svg .small text { fill: var(--faint); font-size: 10px; }
.rule { stroke: var(--rule); stroke-width: 1; } .line { stroke: currentColor; stroke-width: 2;
  fill: none; } .spread { stroke: currentColor; stroke-width: 1.5; opacity: .45; }
.whisker { stroke: var(--text); stroke-width: 1.5; } .bar { fill: currentColor; }
.mark { fill: currentColor; stroke: currentColor; stroke-width: 1.5; }
.hollow { fill: var(--ground); }
.s0, .entry.s0 svg { color: var(--s0); }
.s1, .entry.s1 svg { color: var(--s1); }
.s2, .entry.s2 svg { color: var(--s2); }
.s3, .entry.s3 svg { color: var(--s3); }
.s4, .entry.s4 svg { color: var(--s4); }
.s5, .entry.s5 svg { color: var(--s5); }
.s6, .entry.s6 svg { color: var(--s6); }
.s7, .entry.s7 svg { color: var(--s7); }
.entry { color: var(--text); }
table { border-collapse: collapse; font-size: .875rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; font-weight: 600; padding: 1.25rem 0 .25rem; }
th, td { padding: .2rem .75rem .2rem 0; text-align: right; border-bottom: 1px solid var(--rule);
  white-space: nowrap; } th:first-child { text-align: left; } thead th { color: var(--faint);
  font-weight: 500; }
)";

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
    out += fmt::format("<dt>{}</dt><dd>{}</dd>\n", escape(name), escape(text_of(value)));
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
      escape(title), kStyle, escape(title), body,
      list_of("Settings", result.value("settings", json::object())),
      list_of("Environment", result.value("environment", json::object())));
}

}  // namespace onelane::bench
