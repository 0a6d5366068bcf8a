#include "tools/tune.h"

#include <fmt/format.h>

#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>

#include "onelane/option_text.h"
#include "tools/kit/errors.h"
#include "tools/kit/json_file.h"
#include "tools/kit/units.h"
#include "tools/replayed.h"

namespace onelane::tools {
namespace {

using kit::UsageError;
using nlohmann::json;

struct TuneOptions {
  std::string path;
  std::vector<Want> wants;
  std::optional<std::string> json;
};

kit::FlagSet tune_flags(TuneOptions& o) {
  kit::FlagSet flags(
      "usage: onelane tune TRACE --want CLASS:FIGURE ... [flags]\n\n"
      "Searches budgets with which the recorded pushes would have had what is wanted.\n"
      "  onelane tune storm.trace --want 'peers:p99<=20ms' --want 'blobs:rate>=5000/s'\n");
  add_trace_operand(flags, o.path);
  flags.group("Wants");
  flags.add({.name = "want",
             .placeholder = "CLASS:FIGURE",
             .help = "p50, p90, p99 or max, from push to receipt, as in peers:p99<=20ms; or "
                     "blobs:rate>=5000/s; may be repeated",
             .parse =
                 [&o](std::string_view text) {
                   const Result<Want> want = parse_want(text);
                   if (!want.ok()) throw UsageError(want.status().message());
                   o.wants.push_back(*want);
                 },
             .repeatable = true});
  flags.group("Output");
  kit::add_json_flag(flags, o.json);
  return flags;
}

std::string in_words(Metric metric, double figure) {
  if (metric == Metric::rate) return fmt::format("{}/s", kit::table_number(figure));
  return fmt::format("{} ms", kit::format_ms(figure / 1e6));
}

std::string in_words(Metric metric, const Forecast& figure) {
  return fmt::format("{}, or {} by chance", in_words(metric, figure.median),
                     in_words(metric, figure.worse));
}

// What differs, as keys and values: of the journal, then of each class.
using Changes = std::vector<std::pair<std::string, std::string>>;

template <class Options, class Fields>
Changes differences(const Options& before, const Options& after, const Fields& fields) {
  Changes out;
  for (const OptionField& field : fields) {
    const std::string value = option_value(after, field.name);
    if (value != option_value(before, field.name)) out.emplace_back(field.name, value);
  }
  return out;
}

JournalOptions journal_of(const Budgets& budgets) {
  return {.tick = budgets.tick, .commit_percent = budgets.commit_percent};
}

std::string joined(const Changes& changes) {
  std::string out;
  for (const auto& [key, value] : changes) {
    out += fmt::format("{}{}={}", out.empty() ? "" : ",", key, value);
  }
  return out;
}

void print_settings(std::FILE* output, const Budgets& before, const Budgets& after) {
  const Changes journal = differences(journal_of(before), journal_of(after), journal_fields());
  std::string flags, code;
  for (const auto& [key, value] : journal) flags += fmt::format(" --lane.{} {}", key, value);
  if (!journal.empty()) {
    code += fmt::format("  auto journal = onelane::parse_journal(\"{}\");\n", joined(journal));
  }
  for (std::size_t i = 0; i < before.classes.size(); ++i) {
    const std::string& name = before.classes[i].name;
    const Changes changes = differences(before.classes[i], after.classes[i], class_fields());
    if (changes.empty()) continue;
    flags += fmt::format(" --lane.class {}:{}", name, joined(changes));
    code +=
        fmt::format("  auto {} = onelane::parse_class(\"{}\");\n", name, to_text(after.classes[i]));
  }
  if (flags.empty()) {
    fmt::print(output, "The budgets as they were recorded: nothing that was tried is better.\n");
    return;
  }
  fmt::print(output, "As flags:\n {}\n\nAs code:\n{}", flags, code);
}

// What the classes of which nothing is wanted, and those that are wanted, get now.
void print_costs(std::FILE* output, const Tuning& tuning) {
  for (std::size_t i = 0; i < tuning.after.classes.size(); ++i) {
    const ReplayedClass& was = tuning.before.classes[i];
    const ReplayedClass& is = tuning.after.classes[i];
    fmt::print(output, "  {}: {} instead of {}, p99 {} instead of {}\n", is.name,
               in_words(Metric::rate, is.units_per_s), in_words(Metric::rate, was.units_per_s),
               in_words(Metric::p99, static_cast<double>(is.total_ns.p99())),
               in_words(Metric::p99, static_cast<double>(was.total_ns.p99())));
  }
}

json tuning_json(const Tuning& tuning) {
  json wants = json::array();
  for (const WantResult& each : tuning.wants) {
    wants.push_back({{"want", to_string(each.want)},
                     {"before", each.before},
                     {"after", each.after.median},
                     {"after_worse", each.after.worse},
                     {"met", each.met},
                     {"met_alone", each.met_alone},
                     {"best_alone", each.best_alone.median},
                     {"best_alone_worse", each.best_alone.worse},
                     {"with_quick_disk", each.with_quick_disk}});
  }
  json classes = json::array();
  for (const ClassOptions& each : tuning.budgets.classes) classes.push_back(to_text(each));
  return {{"schema", 1},
          {"met", tuning.met},
          {"wants", wants},
          {"in_the_way", tuning.in_the_way},
          {"journal", to_text(journal_of(tuning.budgets))},
          {"classes", classes},
          {"predictions", tuning.predictions},
          {"before", tools::to_json(tuning.before)},
          {"after", tools::to_json(tuning.after)}};
}

int tune_main(const std::vector<std::string>& arguments) {
  TuneOptions options;
  if (!tune_flags(options).parse(arguments, std::cout)) return kit::kExitOk;
  if (options.wants.empty()) {
    throw UsageError("--want is missing: what is to be reached, such as peers:p99<=20ms");
  }
  const Trace trace = trace_of(options.path);
  kit::JsonFile result(options.json);
  const Result<Tuning> tuned = tune(trace, options.wants);
  if (!tuned.ok()) throw UsageError(tuned.status().message());
  std::FILE* const output = result.text();
  for (const WantResult& each : tuned->wants) {
    const Metric metric = each.want.metric;
    fmt::print(output, "{} {}: {}; {} as recorded", each.met ? "met    " : "NOT MET",
               to_string(each.want), in_words(metric, each.after), in_words(metric, each.before));
    if (!each.met) {
      fmt::print(output, "; {} if it alone is wanted", in_words(metric, each.best_alone));
    }
    if (each.with_quick_disk != 0) {
      fmt::print(output, "; {} on a disk that keeps up", in_words(metric, each.with_quick_disk));
    }
    fmt::print(output, "\n");
  }
  if (!tuned->met) fmt::print(output, "\n{}.\nThe nearest that was found:\n", tuned->in_the_way);
  fmt::print(output, "\n");
  print_settings(output, trace.budgets, tuned->budgets);
  fmt::print(output, "\nWhat each class gets, as predicted:\n");
  print_costs(output, *tuned);
  fmt::print(output, "\nFrom {} predictions, which assume:\n", tuned->predictions);
  for (const std::string& each : tuned->after.assumptions) fmt::print(output, "- {}\n", each);
  result.write(tuning_json(*tuned));
  return tuned->met ? kit::kExitOk : kit::kExitThreshold;
}

}  // namespace

Command tune_command() {
  return {
      .name = "tune",
      .group = "From a recorded run",
      .summary = "budgets that keep what is wanted, found by replay of a trace",
      .about =
          "Replays a trace with other budgets, again and again, and takes the change that helps "
          "most each time: of tick.hold and commit-percent, and of each class's weight, guarantee, "
          "gather and max-delay. What turned out to be of no use is taken back. What is taken was "
          "predicted seven times, with chance falling otherwise: a want is met if six of them keep "
          "it, and of a figure are printed the median and the worst but one.\n\n"
          "Prints the flags and the code for what was found, and what it costs each class. The "
          "exit code is 3 where not everything can be reached; then it says which want is in the "
          "way, or that the disk is.",
      .flags =
          [] {
            static TuneOptions unused;
            return tune_flags(unused);
          },
      .run = tune_main,
  };
}

}  // namespace onelane::tools
