// Contestants that take turns, over and over, and their figures. Whatever drifts on a machine (its
// disk, its clock rate, other programs) then affects all of them. A ratio is taken within a
// repetition, where the two runs lie close together.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace onelane::bench {

// By name, with the unit last: {"per_s": 23000, "p50_us": 120}.
using Figures = std::map<std::string, double>;
// In place of one that does not apply, or cannot be told.
inline constexpr double kNoFigure = std::numeric_limits<double>::quiet_NaN();

struct Contestant {
  std::string name;              // of [A-Za-z0-9_], as all names here: --fail-if has paths of them
  std::function<Figures()> run;  // once, from the start, checking its own result; throws RunError
};

// What contestants are compared in: all of them give all of its figures.
struct Case {
  std::string name;
  std::vector<std::string> figures;  // in the order of the table; the first is what it is about
  std::vector<Contestant> contestants;
};

// One figure of all repetitions, in their order.
struct Series {
  std::vector<double> runs;

  // Not-a-number where there are no runs.
  double median() const;
  double min() const;
  double max() const;
};

// Repetition by repetition.
Series operator/(const Series& of, const Series& to);

struct ContestantResult {
  std::string name;
  std::map<std::string, Series> figures;
};

struct CaseResult {
  std::string name;
  std::vector<std::string> figures;
  std::vector<ContestantResult> contestants;

  const ContestantResult* find(std::string_view contestant) const;
};

// Each repetition runs all cases, and in each the contestants one after another, another one first
// each time. Once interrupted, ends after the running contestant, whose figures do not count.
std::vector<CaseResult> run_trials(const std::vector<Case>& cases, std::uint64_t repeats);

// {"name", "figures": [FIGURE, ...], "contestants": [{"name", FIGURE: SERIES, ...}], "ratios":
// [{"name": "onelane_to_mutex", FIGURE: SERIES, ...}]} with a SERIES {"median", "min", "max",
// "runs"}. Ratios are those of `subject` to each of the others.
nlohmann::json to_json(const CaseResult& result, std::string_view subject);

}  // namespace onelane::bench
