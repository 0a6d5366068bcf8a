#include "bench/kit/html_lead.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "bench/kit/units.h"
#include "src/render/chart.h"

namespace onelane::bench {
namespace {

using nlohmann::json;
using render::escape;

constexpr std::size_t kSentencesMax = 8;

enum class Better { larger, smaller };

struct Entrant {
  std::string name;
  double value = 0;  // the median of the runs
  double worst = 0;  // of them
  double best = 0;
};

std::string text_at(const json& object, const char* name) {
  const json value = object.value(name, json());
  return value.is_string() ? value.get<std::string>() : std::string();
}

std::string environment_text(const json& result) {
  const json environment = result.value("environment", json::object());
  std::vector<std::string> parts;
  const std::string processor = text_at(environment, "processor");
  if (environment.contains("processors")) {
    const std::string each = processor.empty() ? "of an unknown kind" : processor;
    parts.push_back(fmt::format("on {} processors ({})", environment["processors"].dump(), each));
  }
  if (environment.contains("file_system")) {
    const json sync = environment.value("sync_ms", json::object());
    parts.push_back(
        fmt::format("with databases on {}, where a page's sync takes {} ms at p50 and "
                    "{} ms at p99",
                    text_at(environment, "file_system"), table_number(sync.value("p50", NAN)),
                    table_number(sync.value("p99", NAN))));
  }
  if (environment.contains("sqlite_version")) {
    parts.push_back("SQLite " + text_at(environment, "sqlite_version"));
  }
  if (environment.contains("onelane_version")) {
    parts.push_back("onelane " + text_at(environment, "onelane_version"));
  }
  std::string text = fmt::format("onelane-bench {}", text_at(result, "question"));
  const std::string date = text_at(environment, "date");
  if (!date.empty()) text += " ran " + date;
  for (const std::string& part : parts) text += ", " + part;
  return text + ".";
}

// "" where nobody can be said to have won.
std::string winner_text(const std::string& what, std::vector<Entrant> entrants, Better better) {
  std::erase_if(entrants, [](const Entrant& one) { return !(one.value > 0); });
  if (entrants.size() < 2) return "";
  std::sort(entrants.begin(), entrants.end(), [better](const Entrant& a, const Entrant& b) {
    return better == Better::larger ? a.value > b.value : a.value < b.value;
  });
  const Entrant& first = entrants[0];
  const Entrant& second = entrants[1];
  const bool apart =
      better == Better::larger ? first.worst > second.best : first.worst < second.best;
  if (!apart) {
    return fmt::format("{}: {} ({}) and {} ({}) are not told apart by their runs.", what,
                       first.name, table_number(first.value), second.name,
                       table_number(second.value));
  }
  const double times =
      better == Better::larger ? first.value / second.value : second.value / first.value;
  const bool once = first.worst == first.best && second.worst == second.best;
  return fmt::format("{}: {} {} with {}, {:.3g} times {} than {} ({}).", what, first.name,
                     once ? "leads" : "wins", table_number(first.value), times,
                     better == Better::larger ? "more" : "less", second.name,
                     table_number(second.value));
}

std::optional<double> number_at(const json& object, const char* name) {
  const json value = object.value(name, json());
  if (!value.is_number()) return std::nullopt;
  return value.get<double>();
}

// Whether more of a figure is better; nothing is said of one that is neither a rate nor a cost.
std::optional<Better> better_of(std::string_view figure) {
  if (figure == "per_s") return Better::larger;
  for (const std::string_view cost : {"ns", "us", "ms", "us_per_row", "instructions"}) {
    if (figure == cost || figure.ends_with("_" + std::string(cost))) return Better::smaller;
  }
  return std::nullopt;
}

std::vector<std::string> trials_sentences(const json& result) {
  std::vector<std::string> sentences;
  for (const json& one : result.value("cases", json::array())) {
    const auto figures = one.value("figures", std::vector<std::string>());
    if (figures.empty()) continue;
    const auto better = better_of(figures.front());
    if (!better) continue;
    std::vector<Entrant> entrants;
    for (const json& contestant : one.at("contestants")) {
      const json series = contestant.value(figures.front(), json::object());
      const auto median = number_at(series, "median");
      if (!median) continue;
      const double low = number_at(series, "min").value_or(*median);
      const double high = number_at(series, "max").value_or(*median);
      const bool larger = *better == Better::larger;
      entrants.push_back(
          {text_at(contestant, "name"), *median, larger ? low : high, larger ? high : low});
    }
    std::string unit = figures.front() == "per_s" ? "rows per second" : figures.front();
    std::replace(unit.begin(), unit.end(), '_', ' ');
    sentences.push_back(
        winner_text(text_at(one, "name") + ", " + unit, std::move(entrants), *better));
  }
  return sentences;
}

// A storm runs once: what it measured is its own spread.
Entrant once(const std::string& name, double value) { return {name, value, value, value}; }

std::vector<std::string> storm_sentences(const json& strategies) {
  std::vector<std::string> sentences;
  for (const json& named : strategies.front().value("classes", json::array())) {
    const std::string name = text_at(named, "name");
    std::vector<Entrant> entrants;
    for (const json& strategy : strategies) {
      for (const json& one : strategy.at("classes")) {
        const auto p99 = number_at(one.value("total_ms", json::object()), "p99");
        if (text_at(one, "name") == name && p99) {
          entrants.push_back(once(text_at(strategy, "name"), *p99));
        }
      }
    }
    sentences.push_back(winner_text(name + ", ms from its intended start to its acknowledgement "
                                           "at p99",
                                    std::move(entrants), Better::smaller));
  }
  std::vector<Entrant> rates;
  for (const json& strategy : strategies) {
    if (const auto rate = number_at(strategy, "heavy_rows_per_s")) {
      rates.push_back(once(text_at(strategy, "name"), *rate));
    }
  }
  sentences.push_back(winner_text("Heavy rows per second", std::move(rates), Better::larger));
  return sentences;
}

}  // namespace

std::string lead_html(const json& result) {
  const json strategies = result.value("strategies", json::array());
  std::vector<std::string> sentences =
      strategies.empty() ? trials_sentences(result) : storm_sentences(strategies);
  std::erase(sentences, "");
  std::string list;
  for (std::size_t i = 0; i < std::min(sentences.size(), kSentencesMax); ++i) {
    list += fmt::format("<li>{}</li>\n", escape(sentences[i]));
  }
  if (sentences.size() > kSentencesMax) list += "<li>The other cases are in the tables.</li>\n";
  return fmt::format("<p>{}</p>\n{}", escape(environment_text(result)),
                     list.empty() ? "" : "<ul>\n" + list + "</ul>\n");
}

}  // namespace onelane::bench
