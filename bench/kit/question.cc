#include "bench/kit/question.h"

#include <fmt/format.h>

#include <cmath>

#include "bench/kit/environment.h"
#include "bench/kit/errors.h"
#include "bench/kit/units.h"
#include "tools/kit/interrupt.h"
#include "tools/kit/table.h"
#include "tools/kit/terminal.h"

namespace onelane::bench {
namespace {

using nlohmann::json;

constexpr std::uint64_t kRealRepeats = 5;
constexpr std::uint64_t kSmokeRepeats = 1;
constexpr std::uint64_t kMostRepeats = 1000;

std::uint64_t repeats_of(const QuestionOptions& options) {
  if (options.repeats != 0) return options.repeats;
  return options.size == Size::smoke ? kSmokeRepeats : kRealRepeats;
}

Size parse_size_name(std::string_view text) {
  if (text == "smoke") return Size::smoke;
  if (text == "real") return Size::real;
  throw UsageError(fmt::format("'{}' is neither smoke nor real", text));
}

std::uint64_t parse_repeats(std::string_view text) {
  std::uint64_t repeats = parse_count(text);
  if (repeats >= 1 && repeats <= kMostRepeats) return repeats;
  throw UsageError(fmt::format("'{}' is not between 1 and {}", text, kMostRepeats));
}

std::filesystem::path parse_directory(std::string_view text) {
  std::filesystem::path path(text);
  if (std::filesystem::is_directory(path)) return path;
  throw UsageError(fmt::format("there is no directory {}", text));
}

json settings_json(const Question& question, const QuestionOptions& options) {
  json settings = question.settings;
  settings["size"] = options.size == Size::smoke ? "smoke" : "real";
  settings["repeats"] = repeats_of(options);
  settings["seed"] = options.seed;
  return settings;
}

json environment_json(const Environment& environment, const Question& question) {
  json pragmas = json::object();
  for (const auto& [name, value] : question.pragmas) pragmas[name] = value;
  json out = to_json(environment);
  out["pragmas"] = pragmas;
  if (!question.server.empty()) out["server"] = question.server;
  return out;
}

json result_json(const Question& question, const QuestionOptions& options,
                 const Environment& environment, const std::vector<CaseResult>& results) {
  json cases = json::array();
  for (const CaseResult& result : results) cases.push_back(to_json(result, question.subject));
  return {{"schema", 1},
          {"question", question.name},
          {"settings", settings_json(question, options)},
          {"environment", environment_json(environment, question)},
          {"cases", cases}};
}

std::string header_text(const Question& question, const QuestionOptions& options,
                        const Environment& environment) {
  std::string text = fmt::format("settings {}\n{}", settings_text(settings_json(question, options)),
                                 to_text(environment));
  if (!question.server.empty()) text += "server   " + settings_text(question.server) + "\n";
  if (question.pragmas.empty()) return text;
  text += "pragmas  ";
  for (const auto& [name, value] : question.pragmas) text += fmt::format(" {}={}", name, value);
  return text + "\n";
}

// Four digits that mean something.
std::string number_text(double value) {
  if (!std::isfinite(value)) return "-";
  if (std::abs(value) >= 1000) {
    return fmt::format("{}{}", value < 0 ? "-" : "",
                       format_count(static_cast<std::uint64_t>(std::abs(value) + 0.5)));
  }
  int digits = value == 0 ? 0 : 2 - static_cast<int>(std::floor(std::log10(std::abs(value))));
  return fmt::format("{:.{}f}", value, std::max(digits, 0));
}

std::string ratio_text(const CaseResult& result, const ContestantResult& to,
                       std::string_view subject) {
  const ContestantResult* of = result.find(subject);
  if (of == nullptr || of == &to) return "";
  const std::string& figure = result.figures.front();
  Series ratio = of->figures.at(figure) / to.figures.at(figure);
  return fmt::format("{:.2f} ({:.2f}..{:.2f})", ratio.median(), ratio.min(), ratio.max());
}

std::vector<std::string> cells_of(const CaseResult& result, const ContestantResult& one,
                                  std::string_view subject) {
  std::vector<std::string> cells{one.name};
  const Series& first = one.figures.at(result.figures.front());
  for (const std::string& figure : result.figures) {
    cells.push_back(number_text(one.figures.at(figure).median()));
  }
  cells.insert(cells.begin() + 2,
               fmt::format("{}..{}", number_text(first.min()), number_text(first.max())));
  cells.insert(cells.begin() + 3, ratio_text(result, one, subject));
  return cells;
}

std::string case_text(const CaseResult& result, std::string_view subject) {
  Table table;
  std::vector<std::string> titles{result.name};
  titles.insert(titles.end(), result.figures.begin(), result.figures.end());
  titles.insert(titles.begin() + 2, "spread");
  titles.insert(titles.begin() + 3, fmt::format("{} to it", subject));
  table.columns(std::move(titles));
  for (const ContestantResult& one : result.contestants) {
    table.row(cells_of(result, one, subject));
  }
  return table.text();
}

}  // namespace

std::string settings_text(const json& settings) {
  std::string text;
  for (const auto& [name, value] : settings.items()) {
    text +=
        fmt::format(" {}={}", name, value.is_string() ? value.get<std::string>() : value.dump());
  }
  return text;
}

void add_question_flags(FlagSet& flags, QuestionOptions& o) {
  flags.group("Trials");
  flags.add({"size", "NAME", "real", "real, or smoke: as small as it can be, for the tests",
             into(o.size, parse_size_name)});
  flags.add({"repeat", "N", "",
             "repetitions, in each of which the contestants take turns (5; of smoke size 1)",
             into(o.repeats, parse_repeats)});
  flags.add({"seed", "N", "1", "of everything random", into(o.seed, parse_count)});
  flags.add({"directory", "DIR", "",
             "where the databases are made and removed; without: TMPDIR, or /tmp",
             into(o.directory, parse_directory)});
  add_output_flags(flags, o.output);
}

int answer(const Question& question, const QuestionOptions& options, const Scratch& scratch) {
  Outputs outputs(options.output,
                  result_json(question, options, {}, run_trials(question.cases, 0)));
  catch_interrupt();
  Environment environment = measure_environment(scratch.path());
  std::FILE* text = outputs.text();
  fmt::print(text, "{}\n{}", bold("onelane-bench " + question.name, text),
             header_text(question, options, environment));
  std::fflush(text);

  std::vector<CaseResult> results = run_trials(question.cases, repeats_of(options));
  for (const CaseResult& result : results) {
    fmt::print(text, "\n{}", case_text(result, question.subject));
  }
  nlohmann::json json = result_json(question, options, environment, results);
  outputs.write(json);
  return outputs.judge(json);
}

}  // namespace onelane::bench
