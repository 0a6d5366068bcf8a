#include "bench/kit/trials.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "bench/kit/errors.h"
#include "tools/kit/interrupt.h"
#include "tools/kit/terminal.h"

namespace onelane::bench {
namespace {

using nlohmann::json;

std::vector<CaseResult> empty_results(const std::vector<Case>& cases) {
  std::vector<CaseResult> results;
  for (const Case& one : cases) {
    CaseResult& result = results.emplace_back(CaseResult{one.name, one.figures, {}});
    for (const Contestant& contestant : one.contestants) {
      ContestantResult& of = result.contestants.emplace_back(ContestantResult{contestant.name, {}});
      for (const std::string& figure : one.figures) of.figures[figure];
    }
  }
  return results;
}

void add(const Figures& figures, ContestantResult& result) {
  for (auto& [name, series] : result.figures) {
    auto found = figures.find(name);
    if (found == figures.end()) {
      throw RunError(fmt::format("{} has no figure '{}'", result.name, name));
    }
    series.runs.push_back(found->second);
  }
}

void run_case(const Case& one, std::uint64_t repetition, CaseResult& result) {
  Progress progress;
  std::size_t count = one.contestants.size();
  for (std::size_t turn = 0; turn < count && !interrupted(); ++turn) {
    std::size_t at = (turn + repetition) % count;
    progress.show(
        fmt::format("repetition {}: {} {}", repetition + 1, one.name, one.contestants[at].name));
    Figures figures = one.contestants[at].run();
    if (!interrupted()) add(figures, result.contestants[at]);
  }
}

json series_json(const Series& series) {
  return {{"median", series.median()},
          {"min", series.min()},
          {"max", series.max()},
          {"runs", series.runs}};
}

}  // namespace

double Series::median() const {
  if (runs.empty()) return kNoFigure;
  std::vector<double> sorted = runs;
  std::sort(sorted.begin(), sorted.end());
  std::size_t middle = sorted.size() / 2;
  if (sorted.size() % 2 == 1) return sorted[middle];
  return (sorted[middle - 1] + sorted[middle]) / 2;
}

double Series::min() const {
  return runs.empty() ? kNoFigure : *std::min_element(runs.begin(), runs.end());
}

double Series::max() const {
  return runs.empty() ? kNoFigure : *std::max_element(runs.begin(), runs.end());
}

Series operator/(const Series& of, const Series& to) {
  Series ratios;
  for (std::size_t i = 0; i < std::min(of.runs.size(), to.runs.size()); ++i) {
    ratios.runs.push_back(of.runs[i] / to.runs[i]);
  }
  return ratios;
}

const ContestantResult* CaseResult::find(std::string_view contestant) const {
  for (const ContestantResult& one : contestants) {
    if (one.name == contestant) return &one;
  }
  return nullptr;
}

std::vector<CaseResult> run_trials(const std::vector<Case>& cases, std::uint64_t repeats) {
  std::vector<CaseResult> results = empty_results(cases);
  for (std::uint64_t repetition = 0; repetition < repeats; ++repetition) {
    for (std::size_t i = 0; i < cases.size(); ++i) run_case(cases[i], repetition, results[i]);
  }
  return results;
}

json to_json(const CaseResult& result, std::string_view subject) {
  json contestants = json::array();
  json ratios = json::array();
  const ContestantResult* of = result.find(subject);
  for (const ContestantResult& one : result.contestants) {
    json figures{{"name", one.name}};
    json to{{"name", fmt::format("{}_to_{}", subject, one.name)}};
    for (const auto& [name, series] : one.figures) {
      figures[name] = series_json(series);
      if (of != nullptr) to[name] = series_json(of->figures.at(name) / series);
    }
    contestants.push_back(std::move(figures));
    if (of != nullptr && of != &one) ratios.push_back(std::move(to));
  }
  return {{"name", result.name},
          {"figures", result.figures},
          {"contestants", contestants},
          {"ratios", ratios}};
}

}  // namespace onelane::bench
