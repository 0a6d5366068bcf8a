#include "tools/replayed.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "onelane/option_text.h"
#include "tools/kit/errors.h"
#include "tools/kit/printable.h"
#include "tools/kit/table.h"
#include "tools/kit/units.h"

namespace onelane::tools {

using kit::UsageError;
using nlohmann::json;

void add_trace_operand(kit::FlagSet& flags, std::string& path) {
  flags.operand({.placeholder = "TRACE",
                 .help = "a file that JournalOptions::trace has recorded",
                 .parse = [&path](std::string_view text) { path = text; }});
}

Trace trace_of(const std::string& path) {
  Result<Trace> trace = read_trace(path);
  if (!trace.ok()) throw UsageError(trace.status().message());
  if (!trace->damage.empty()) {
    fmt::print(stderr, "onelane: {}; what is before it is used\n", trace->damage);
  } else if (!trace->end) {
    fmt::print(stderr, "onelane: the trace ends without its journal having been closed\n");
  } else if (*trace->end != TraceEnd::closed) {
    fmt::print(stderr, "onelane: the recording ended early ({}); {} ticks are missing\n",
               name(*trace->end), trace->lost_ticks);
  }
  return *std::move(trace);
}

void add_budget_flags(kit::FlagSet& flags, BudgetChanges& changes) {
  flags.add({.name = "class",
             .placeholder = "NAME:KEY=VALUE,...",
             .help = "options of a class, instead of the recorded ones; may be repeated",
             .parse = [&changes](std::string_view text) { changes.classes.emplace_back(text); },
             .repeatable = true});
  for (const OptionField& field : journal_fields()) {
    if (!field.name.starts_with("tick.") && field.name != "commit-percent") continue;
    flags.add({.name = field.name,
               .placeholder = field.unit,
               .help = fmt::format("{} ({}); else as recorded", field.help, field.limits),
               .parse = [&changes, key = field.name](std::string_view text) {
                 changes.journal.push_back(fmt::format("{}={}", key, text));
               }});
  }
}

Budgets changed(const Budgets& recorded, const BudgetChanges& changes) {
  Budgets out = recorded;
  JournalOptions journal{.tick = recorded.tick, .commit_percent = recorded.commit_percent};
  for (const std::string& text : changes.journal) {
    Result<JournalOptions> next = parse_journal(text, journal);
    if (!next.ok()) throw UsageError(next.status().message());
    journal = *std::move(next);
  }
  out.tick = journal.tick;
  out.commit_percent = journal.commit_percent;
  std::vector<std::string> names;
  for (const ClassOptions& each : recorded.classes) names.push_back(each.name);
  for (const std::string& text : changes.classes) {
    const std::string named = text.substr(0, text.find(':'));
    const auto at = std::find(names.begin(), names.end(), named);
    if (at == names.end()) {
      throw UsageError(fmt::format("--class: the trace has no class '{}'; the nearest is {}",
                                   kit::printable(named), nearest(named, names)));
    }
    ClassOptions& of = out.classes[static_cast<std::size_t>(at - names.begin())];
    Result<ClassOptions> next = parse_class(text, of);
    if (!next.ok()) throw UsageError(next.status().message());
    of = *std::move(next);
  }
  if (const Status why = validate(out); !why.ok()) throw UsageError(why.message());
  return out;
}

std::string replay_table(const Replay& replay) {
  kit::Table table;
  table.group("", 3);
  table.group("waits, ms", 4);
  table.group("push to receipt, ms", 4);
  table.columns(
      {"class", "units", "units/s", "p50", "p90", "p99", "max", "p50", "p90", "p99", "max"});
  for (const ReplayedClass& each : replay.classes) {
    std::vector<std::string> row = {each.name, kit::format_count(each.units),
                                    kit::table_number(each.units_per_s)};
    for (const Histogram* times : {&each.wait_ns, &each.total_ns}) {
      for (const std::uint64_t ns : {times->p50(), times->p90(), times->p99(), times->max()}) {
        row.push_back(kit::format_ms(kit::to_ms(ns)));
      }
    }
    table.row(std::move(row));
  }
  return table.text() +
         fmt::format(
             "{} ticks in {:.1f} s, hold p50 {} ms, p99 {} ms; the lane was held for "
             "{:.0f} % of the time; {} added to the log.\n",
             kit::format_count(replay.ticks), kit::to_seconds(replay.span),
             kit::format_ms(kit::to_ms(replay.hold_ns.p50())),
             kit::format_ms(kit::to_ms(replay.hold_ns.p99())), replay.occupancy * 100,
             kit::format_size(replay.log_bytes));
}

namespace {

json figures(const Histogram& times) {
  return {{"p50_ns", times.p50()},
          {"p90_ns", times.p90()},
          {"p99_ns", times.p99()},
          {"max_ns", times.max()}};
}

}  // namespace

json to_json(const Replay& replay) {
  json classes = json::array();
  for (const ReplayedClass& each : replay.classes) {
    classes.push_back({{"name", each.name},
                       {"units", each.units},
                       {"records", each.records},
                       {"bytes", each.bytes},
                       {"refused", each.refused},
                       {"units_per_s", each.units_per_s},
                       {"statements_ns", each.held.count()},
                       {"wait", figures(each.wait_ns)},
                       {"total", figures(each.total_ns)}});
  }
  json out = {{"span_ns", replay.span.count()},
              {"ticks", replay.ticks},
              {"classes", classes},
              {"hold", figures(replay.hold_ns)},
              {"held_ns", replay.held.count()},
              {"occupancy", replay.occupancy},
              {"log_bytes", replay.log_bytes},
              {"assumptions", replay.assumptions}};
  if (replay.difference) {
    out["difference"] = {{"tick", replay.difference->tick}, {"what", replay.difference->what}};
  }
  return out;
}

}  // namespace onelane::tools
