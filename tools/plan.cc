#include "tools/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>

#include "onelane/option_text.h"
#include "tools/kit/errors.h"
#include "tools/kit/json_file.h"
#include "tools/kit/printable.h"
#include "tools/kit/table.h"
#include "tools/kit/terminal.h"
#include "tools/kit/units.h"

namespace onelane::tools {
namespace {

using kit::format_count;
using kit::format_duration;
using kit::format_size;
using kit::printable;
using kit::UsageError;
using nlohmann::json;

// "NAME:REST", of a class that --class has named.
using Named = std::pair<std::string, std::string>;

struct PlanOptions {
  JournalOptions journal;
  std::vector<ClassOptions> classes;
  std::vector<Named> costs;
  std::vector<Named> backlogs;
  std::vector<Named> wants;
  Duration commit{0};
  std::optional<std::string> json;
};

Named parse_named(std::string_view text) {
  const auto colon = text.find(':');
  if (colon != std::string_view::npos && colon > 0) {
    return {std::string(text.substr(0, colon)), std::string(text.substr(colon + 1))};
  }
  throw UsageError(fmt::format("'{}' has no class: NAME:..., such as peers:...", printable(text)));
}

template <class T>
T value_or_throw(const Result<T>& result) {
  if (!result) throw UsageError(result.status().message());
  return *result;
}

void add_tick_flags(kit::FlagSet& flags, JournalOptions& journal) {
  for (const OptionField& field : journal_fields()) {
    if (!field.name.starts_with("tick.")) continue;
    std::string unit = field.unit;
    for (char& c : unit) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    flags.add({.name = field.name,
               .placeholder = unit,
               .default_value = field.default_value,
               .help = fmt::format("{} ({})", field.help, field.limits),
               .parse = [&journal, name = field.name](std::string_view text) {
                 const Status status = set_option(journal, name, text);
                 if (!status.ok()) throw UsageError(status.message());
               }});
  }
}

kit::FlagSet::Parse each_into(std::vector<Named>& target) {
  return [&target](std::string_view text) { target.push_back(parse_named(text)); };
}

kit::FlagSet plan_flags(PlanOptions& o) {
  kit::FlagSet flags(
      "usage: onelane plan --class NAME:KEY=VALUE,... [flags]\n\n"
      "The worst wait of each class, from budgets and costs, before anything runs.\n"
      "  onelane plan --class peers:weight=4,guarantee.records=32 --class blobs \\\n"
      "               --tick.hold 5ms --cost blobs:record=20us,byte=2ns --commit 300us\n");
  flags.group("Budgets");
  flags.add(
      {.name = "class",
       .placeholder = "NAME:KEY=VALUE,...",
       .help = "a class and its options, as parse_class() reads them; may be repeated",
       .parse =
           [&o](std::string_view text) { o.classes.push_back(value_or_throw(parse_class(text))); },
       .repeatable = true});
  add_tick_flags(flags, o.journal);
  flags.group("Load");
  flags.add({.name = "backlog",
             .placeholder = "NAME:KEY=VALUE,...",
             .help = "what waits of a class: records=COUNT, bytes=SIZE, and of its largest unit "
                     "unit.records=COUNT, unit.bytes=SIZE. Else its full queue; may be repeated",
             .parse = each_into(o.backlogs),
             .repeatable = true});
  flags.add({.name = "cost",
             .placeholder = "NAME:KEY=TIME,...",
             .help = "what a class's statements take: record=TIME, byte=TIME; may be repeated",
             .parse = each_into(o.costs),
             .repeatable = true});
  flags.add({.name = "commit",
             .placeholder = "TIME",
             .help = "what a tick takes beside its statements: its BEGIN and COMMIT",
             .parse = kit::into(o.commit, kit::parse_duration)});
  flags.group("Output");
  flags.add({.name = "want",
             .placeholder = "NAME:wait<=TIME",
             .help = "end with 3 if the class's worst wait is longer; may be repeated",
             .parse = each_into(o.wants),
             .repeatable = true});
  kit::add_json_flag(flags, o.json);
  return flags;
}

std::size_t class_index(const PlanOptions& options, std::string_view flag, const Named& named) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < options.classes.size(); ++i) {
    if (options.classes[i].name == named.first) return i;
    names.push_back(options.classes[i].name);
  }
  throw UsageError(fmt::format("--{}: no --class is named '{}'; the nearest is {}", flag,
                               printable(named.first), nearest(named.first, names)));
}

// What is left out follows from the rest: the bytes from the class's mean record, and units of one
// record.
Waiting parse_backlog(const PlannedClass& planned, std::string_view text) {
  const Waiting full = waiting_of(planned);
  std::optional<std::uint64_t> records, bytes, unit_records, unit_bytes;
  for (const std::string& part : kit::split_list(text)) {
    const auto equals = std::min(part.find('='), part.size());
    const std::string key = part.substr(0, equals);
    const std::string value = part.substr(std::min(equals + 1, part.size()));
    if (key == "records") {
      records = kit::parse_count(value);
    } else if (key == "bytes") {
      bytes = value_or_throw(parse_size(value));
    } else if (key == "unit.records") {
      unit_records = kit::parse_count(value);
    } else if (key == "unit.bytes") {
      unit_bytes = value_or_throw(parse_size(value));
    } else {
      throw UsageError(fmt::format(
          "'{}' is nothing of a backlog; there are records=COUNT, bytes=SIZE, unit.records=COUNT "
          "and unit.bytes=SIZE",
          printable(part)));
    }
  }
  Waiting out;
  out.largest_records = unit_records.value_or(1);
  out.records = records.value_or(out.largest_records);
  const std::uint64_t units =
      std::max<std::uint64_t>(1, out.records / std::max<std::uint64_t>(1, out.largest_records));
  const std::uint64_t mean =
      bytes ? (*bytes + units - 1) / units : full.largest_bytes * out.largest_records;
  out.largest_bytes = unit_bytes.value_or(mean);
  out.bytes = bytes.value_or(std::max(out.largest_bytes, full.largest_bytes * out.records));
  return out;
}

template <class Function>
auto of_flag(std::string_view flag, const Function& function) {
  try {
    return function();
  } catch (const UsageError& error) {
    throw UsageError(fmt::format("--{}: {}", flag, error.what()));
  }
}

PlanInput input_of(const PlanOptions& options) {
  if (options.classes.empty()) {
    throw UsageError("--class is missing: a plan needs at least one, such as --class peers");
  }
  PlanInput out{.journal = options.journal, .commit = options.commit};
  for (const ClassOptions& one : options.classes) out.classes.push_back({.options = one});
  out.costs.resize(out.classes.size());
  for (const Named& named : options.backlogs) {
    PlannedClass& planned = out.classes[class_index(options, "backlog", named)];
    planned.waiting = of_flag("backlog", [&] { return parse_backlog(planned, named.second); });
  }
  for (const Named& named : options.costs) {
    out.costs[class_index(options, "cost", named)] =
        of_flag("cost", [&] { return parse_cost(named.second); });
  }
  return out;
}

// ---- what is wanted

struct Want {
  std::size_t klass = 0;
  Duration wait{0};
};

std::vector<Want> wants_of(const PlanOptions& options) {
  constexpr std::string_view kBegin = "wait<=";
  std::vector<Want> out;
  for (const Named& named : options.wants) {
    const std::size_t klass = class_index(options, "want", named);
    const std::string_view text = named.second;
    if (!text.starts_with(kBegin)) {
      throw UsageError(
          fmt::format("--want: '{}' is no wish; it is NAME:wait<=TIME, such as "
                      "{}:wait<=20ms",
                      printable(text), named.first));
    }
    const Duration wait =
        of_flag("want", [&] { return kit::parse_duration(text.substr(kBegin.size())); });
    out.push_back({klass, wait});
  }
  return out;
}

int judge(const PlanInput& input, const LaneWaits& waits, const std::vector<Want>& wants) {
  int code = kit::kExitOk;
  for (const Want& want : wants) {
    const Duration wait = waits.classes[want.klass].last;
    if (wait <= want.wait) continue;
    fmt::print(stderr, "onelane: {} can wait {}, longer than the {} that --want allows\n",
               input.classes[want.klass].options.name, format_duration(wait),
               format_duration(want.wait));
    code = kit::kExitThreshold;
  }
  return code;
}

// ---- what is shown

json to_json(const PlanInput& input, const LaneWaits& waits) {
  json classes = json::array();
  for (std::size_t i = 0; i < input.classes.size(); ++i) {
    const Waiting waiting = waiting_of(input.classes[i]);
    const ClassWait& wait = waits.classes[i];
    classes.push_back({{"name", input.classes[i].options.name},
                       {"options", to_text(input.classes[i].options)},
                       {"records", waiting.records},
                       {"bytes", waiting.bytes},
                       {"unit_records", waiting.largest_records},
                       {"unit_bytes", waiting.largest_bytes},
                       {"first_ticks", wait.ticks.first_ticks},
                       {"first_ns", wait.first.count()},
                       {"last_ticks", wait.ticks.last_ticks},
                       {"last_ns", wait.last.count()}});
  }
  return {{"schema", 1},
          {"journal", to_text(input.journal)},
          {"hold_ns", waits.hold.count()},
          {"longest_tick_ns", waits.longest.count()},
          {"guaranteed", waits.guaranteed},
          {"classes", classes}};
}

std::string sentences(const PlanInput& input, const LaneWaits& waits) {
  std::string out =
      fmt::format("A tick holds the lane for at most {}", format_duration(waits.longest));
  out += waits.longest > waits.hold
             ? fmt::format(
                   ": what the guarantees and the largest units cost is more than tick.hold, {}.\n",
                   format_duration(waits.hold))
             : ".\n";
  out += fmt::format("The guarantees together take {:.0f} % of a tick", waits.guaranteed * 100);
  out += ", the rest goes by weight.\n";
  const bool costs = std::any_of(input.costs.begin(), input.costs.end(), [](const ClassCost& cost) {
    return cost.record_ns > 0 || cost.byte_ns > 0;
  });
  if (!costs) {
    out += "Without --cost, the guarantees are taken to cost no more than tick.hold.\n";
  }
  return out;
}

std::string table(const PlanInput& input, const LaneWaits& waits) {
  kit::Table table;
  table.group("", 1);
  table.group("waiting", 3);
  table.group("the first waits", 2);
  table.group("the last waits", 2);
  table.columns({"class", "records", "bytes", "largest unit", "ticks", "time", "ticks", "time"});
  for (std::size_t i = 0; i < input.classes.size(); ++i) {
    const Waiting waiting = waiting_of(input.classes[i]);
    const ClassWait& wait = waits.classes[i];
    table.row({input.classes[i].options.name, format_count(waiting.records),
               format_size(waiting.bytes),
               fmt::format("{} of {}", format_count(waiting.largest_records),
                           format_size(waiting.largest_bytes)),
               format_count(wait.ticks.first_ticks), format_duration(wait.first),
               format_count(wait.ticks.last_ticks), format_duration(wait.last)});
  }
  return table.text();
}

int plan_main(const std::vector<std::string>& arguments) {
  PlanOptions options;
  if (!plan_flags(options).parse(arguments, std::cout)) return kit::kExitOk;
  const PlanInput input = input_of(options);
  const std::vector<Want> wants = wants_of(options);
  const LaneWaits waits = waits_of(input);
  kit::JsonFile result(options.json);
  std::FILE* const output = result.text();
  fmt::print(output, "{}\n{}\n", sentences(input, waits), table(input, waits));
  fmt::print(
      output,
      "At most, with all classes waiting at once. Outside these figures: steps of jobs, ticks\n"
      "that are rolled back, others' locks, and pauses for the disk.\n");
  result.write(to_json(input, waits));
  return judge(input, waits, wants);
}

}  // namespace

Command plan_command() {
  return {
      .name = "plan",
      .group = "Before a program runs",
      .summary = "the worst wait of each class, from budgets and costs",
      .about =
          "Computes how long a unit of each class waits at most while all others have a "
          "backlog: the first of its queue, and the last of all that waits. In ticks this is "
          "what the scheduler guarantees. In time it is the ticks, each as long as the longest "
          "one: tick.hold, or what the guarantees and the largest units cost, where that is "
          "more. To this come a class's gather, once, and its interval, for each tick.\n\n"
          "Outside these figures are steps of jobs, which take as long as they take, ticks that "
          "are rolled back, the locks of other programs, and pauses for a disk that is behind.",
      .flags =
          [] {
            static PlanOptions unused;
            return plan_flags(unused);
          },
      .run = plan_main};
}

}  // namespace onelane::tools
