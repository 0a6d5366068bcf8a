#include "bench/storm/figures.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>

#include "bench/kit/times.h"
#include "bench/kit/units.h"
#include "tools/kit/table.h"

namespace onelane::bench::storm {
namespace {

using nlohmann::json;

double rounded(double value) {
  constexpr double kThousandths = 1000;
  return std::round(value * kThousandths) / kThousandths;
}

// Enough slices for a line, few enough for each to hold a p99.
Nanoseconds slice_of(const StrategyResult& result) {
  constexpr std::int64_t kSlices = 60;
  constexpr std::chrono::milliseconds kShortest(100);
  return std::max(kShortest,
                  std::chrono::round<std::chrono::milliseconds>(result.elapsed / kSlices));
}

json class_json(const StrategyResult& result, Source source) {
  const Tally& tally = result.ledger.of(source);
  json out{{"name", result.sources[index(source)]},
           {"offered", tally.offered},
           {"acknowledged", tally.acknowledged},
           {"busy", tally.count(Refusal::busy)},
           {"failed", tally.count(Refusal::failed)},
           {"superseded", tally.count(Refusal::superseded)},
           {"dropped", tally.count(Refusal::dropped)},
           {"unserved", tally.count(Refusal::unserved)},
           {"lost", result.verdict.lost_of(source)},
           {"rows", tally.rows},
           {"total_ms", times_json(tally.total)},
           {"timeline", timeline_json(tally.moments, result.began, slice_of(result))}};
  if (result.journal) out["wait_ms"] = times_json(tally.wait);
  return out;
}

double ms_of(Duration time) { return to_ms(static_cast<std::uint64_t>(time.count())); }

json disk_json(const DiskTimeStats& disk) {
  return {{"floor_ms", ms_of(disk.floor)}, {"mb_per_s", disk.bytes_per_s / 1e6}};
}

json journal_json(const JournalStats& stats) {
  json ends;
  for (std::size_t i = 0; i < kTickEndCount; ++i) {
    ends[std::string(onelane::name(static_cast<TickEnd>(i)))] = stats.tick_ends[i];
  }
  return {{"ticks", stats.ticks},
          {"caller_ticks", stats.caller_ticks},
          {"attempts", stats.attempts},
          {"busy", stats.busy},
          {"overlong_steps", stats.overlong_steps},
          {"syncs", stats.sync_ns.count()},
          {"sync_ms", times_json(stats.sync_ns)},
          {"log",
           {{"limit_bytes", stats.log.limit_bytes},
            {"bytes_max", stats.log.bytes_max},
            {"passes", stats.log.passes},
            {"closings", stats.log.closings},
            {"closing_hold_ms", times_json(stats.log.closing_hold_ns)},
            {"late_closings", stats.log.late_closings},
            {"disk",
             {{"log", disk_json(stats.log.disk.log)},
              {"database", disk_json(stats.log.disk.database)}}}}},
          {"tick_ends", ends},
          {"units_per_tick",
           {{"p50", stats.units_per_tick.p50()}, {"max", stats.units_per_tick.max()}}},
          {"bytes_per_tick",
           {{"p50", stats.bytes_per_tick.p50()}, {"max", stats.bytes_per_tick.max()}}}};
}

json server_json(const JournalStats& stats) {
  return {{"connections", stats.server.connections},
          {"conflicts", stats.conflicts},
          {"answer_ms", times_json(stats.server.answer_ns)}};
}

json intake_json(const StrategyResult& result) {
  const IntakeStats& intake = result.journal->intake;
  return {{"units", intake.units},
          {"groups", intake.sync_ns.count()},
          {"units_per_group",
           {{"p50", intake.units_per_group.p50()}, {"max", intake.units_per_group.max()}}},
          {"sync_ms", times_json(intake.sync_ns)},
          {"t_ms", result.group_syncs.percentile_us(0.5) / 1e3},
          {"written_bytes", intake.written_bytes},
          {"padding_bytes", intake.padding_bytes},
          {"log_bytes", result.journal->log.written_bytes},
          {"waits", intake.waits}};
}

void add_times(std::vector<std::string>& cells, const Histogram& times) {
  cells.push_back(format_ms(to_ms(times.p50())));
  cells.push_back(format_ms(to_ms(times.p90())));
  cells.push_back(format_ms(to_ms(times.p99())));
  cells.push_back(format_ms(to_ms(times.max())));
}

Table class_table(const std::vector<StrategyResult>& results) {
  const std::vector<std::string>& sources = results.front().sources;
  Table table;
  std::vector<std::string> titles{"class"};
  table.group("", 1);
  for (const StrategyResult& result : results) {
    for (const char* title : {"offered", "ack'd", "busy", "failed", "p50", "p90", "p99", "max"}) {
      titles.emplace_back(title);
    }
    if (result.journal) titles.insert(titles.end(), {"wait p50", "p90", "p99", "max"});
    table.group(fmt::format("{} (times in ms)", result.name), result.journal ? 12 : 8);
  }
  table.columns(titles);
  for (std::size_t i = 0; i < sources.size(); ++i) {
    const Source source{static_cast<std::uint8_t>(i)};
    std::vector<std::string> cells{sources[i]};
    for (const StrategyResult& result : results) {
      const Tally& tally = result.ledger.of(source);
      for (std::uint64_t count : {tally.offered, tally.acknowledged, tally.count(Refusal::busy),
                                  tally.count(Refusal::failed)}) {
        cells.push_back(format_count(count));
      }
      add_times(cells, tally.total);
      if (result.journal) add_times(cells, tally.wait);
    }
    table.row(cells);
  }
  return table;
}

// Those beside the ticks, which make commits durable.
std::string syncs_text(const StrategyResult& result) {
  if (!result.journal) return "-";
  const Histogram& sync = result.journal->sync_ns;
  return fmt::format("{}: {}", format_count(sync.count()), times_text(sync));
}

// The closing passes among the holds.
std::string closings_text(const StrategyResult& result) {
  if (!result.journal) return "-";
  const LogStats& log = result.journal->log;
  return fmt::format("{}: {}", format_count(log.closings), times_text(log.closing_hold_ns));
}

// What the journal learned of the disk.
std::string disk_text(const StrategyResult& result, const DiskTimeStats DiskStats::*which) {
  if (!result.journal) return "-";
  const DiskTimeStats& disk = result.journal->log.disk.*which;
  return fmt::format("{:.2f} ms + {:.0f} MB/s", ms_of(disk.floor), disk.bytes_per_s / 1e6);
}

bool has_intake(const StrategyResult& result) { return result.intake; }

std::string groups_text(const StrategyResult& result) {
  if (!has_intake(result)) return "-";
  const IntakeStats& intake = result.journal->intake;
  return fmt::format("{} / {}", format_count(intake.sync_ns.count()), format_count(intake.units));
}

std::string group_syncs_text(const StrategyResult& result) {
  return has_intake(result) ? times_text(result.journal->intake.sync_ns) : "-";
}

std::string group_time_text(const StrategyResult& result) {
  if (!has_intake(result)) return "-";
  return format_ms(result.group_syncs.percentile_us(0.5) / 1e3);
}

std::string footprint_text(const StrategyResult& result) {
  if (!has_intake(result)) return "-";
  return fmt::format("{} / {}", format_size(result.journal->intake.written_bytes),
                     format_size(result.journal->log.written_bytes));
}

bool has_server(const StrategyResult& result) { return result.server && result.journal; }

std::string answers_text(const StrategyResult& result) {
  if (!has_server(result)) return "-";
  const Histogram& answers = result.journal->server.answer_ns;
  return fmt::format("{}: {}", format_count(answers.count()), times_text(answers));
}

std::string conflicts_text(const StrategyResult& result) {
  if (!has_server(result)) return "-";
  return fmt::format("{} / {}", format_count(result.journal->conflicts),
                     format_count(result.journal->server.connections));
}

std::string largest_log_text(const StrategyResult& result) {
  if (!result.journal || result.journal->log.limit_bytes == 0) {
    return format_size(result.wal_bytes_max);
  }
  return fmt::format("{} of {}", format_size(result.wal_bytes_max),
                     format_size(result.journal->log.limit_bytes));
}

// What there is of a file only.
template <class Row>
void file_rows(const Row& row) {
  row("closing passes: hold", closings_text);
  row("learned: a sync of the log",
      [](const StrategyResult& r) { return disk_text(r, &DiskStats::log); });
  row("learned: a part copied back",
      [](const StrategyResult& r) { return disk_text(r, &DiskStats::database); });
  row("syncs beside the ticks", syncs_text);
}

std::uint64_t lost(const StrategyResult& result) {
  std::uint64_t lost = 0;
  for (std::uint64_t count : result.verdict.lost) lost += count;
  return lost;
}

std::string refused_text(const StrategyResult& result, Refusal why) {
  std::uint64_t count = 0;
  for (std::size_t i = 0; i < result.sources.size(); ++i) {
    count += result.ledger.of(Source{static_cast<std::uint8_t>(i)}).count(why);
  }
  return format_count(count);
}

Table strategy_table(const std::vector<StrategyResult>& results) {
  Table table;
  std::vector<std::string> titles{""};
  for (const StrategyResult& result : results) titles.emplace_back(result.name);
  table.columns(titles);
  auto row = [&](std::string title, auto cell) {
    std::vector<std::string> cells{std::move(title)};
    for (const StrategyResult& result : results) cells.push_back(cell(result));
    table.row(cells);
  };
  using Result = const StrategyResult&;
  row("hold p50 / p99 / max, ms", [](Result r) { return times_text(r.ledger.hold()); });
  const bool server = results.front().server;
  if (server) {
    row("the server's answers: p50 / p99 / max, ms", answers_text);
    row("conflicts / connections", conflicts_text);
  } else {
    file_rows(row);
  }
  if (std::any_of(results.begin(), results.end(), has_intake)) {
    row("intake: groups / units", groups_text);
    row("intake: sync p50 / p99 / max, ms", group_syncs_text);
    row("the disk alone, T, ms", group_time_text);
    row("intake's bytes / the log's", footprint_text);
  }
  row("transactions", [](Result r) { return format_count(r.ledger.hold().count()); });
  row("occupancy", [](Result r) { return fmt::format("{:.0f} %", r.occupancy() * 100); });
  row("heavy rows/s",
      [](Result r) { return format_count(static_cast<std::uint64_t>(r.heavy_rows_per_s())); });
  if (!server) row("largest log", largest_log_text);
  row("superseded", [](Result r) { return refused_text(r, Refusal::superseded); });
  row("dropped", [](Result r) { return refused_text(r, Refusal::dropped); });
  row("unserved", [](Result r) { return refused_text(r, Refusal::unserved); });
  row("lost", [](Result r) { return format_count(lost(r)); });
  row("verified", [](Result r) { return std::string(r.verdict.verified() ? "yes" : "NO"); });
  return table;
}

std::string notes(const StrategyResult& result) {
  std::string text;
  const std::string& own = result.name;
  for (std::size_t i = 0; i < result.sources.size(); ++i) {
    const Source source{static_cast<std::uint8_t>(i)};
    std::uint64_t unserved = result.ledger.of(source).count(Refusal::unserved);
    if (unserved == 0) continue;
    text += fmt::format(
        "{}: {} of {} writes of {} were never begun by a caller; their times count "
        "up to the end of the grace\n",
        own, format_count(unserved), format_count(result.ledger.of(source).offered),
        result.sources[i]);
  }
  if (!result.ledger.first_error().empty()) {
    text += fmt::format("{}: the first failure was: {}\n", own, result.ledger.first_error());
  }
  for (const std::string& example : result.verdict.examples) {
    text += fmt::format("{}: NOT VERIFIED: {}\n", own, example);
  }
  return text;
}

}  // namespace

std::string results_text(const Environment& environment,
                         const std::vector<StrategyResult>& results) {
  std::string text;
  for (const StrategyResult& result : results) {
    text += fmt::format("{:8}  pragmas:", result.name);
    for (const auto& [pragma, value] : result.pragmas) text += fmt::format(" {}={}", pragma, value);
    text += "\n";
  }
  text += fmt::format("\n{}\n{}", class_table(results).text(), strategy_table(results).text());
  text += fmt::format("a sync of the disk, before and after: {} ms (p50 / p99 / max)\n",
                      times_text(environment.sync));
  std::string remarks;
  for (const StrategyResult& result : results) remarks += notes(result);
  return remarks.empty() ? text : text + "\n" + remarks;
}

json to_json(const StrategyResult& result) {
  json out{{"name", result.name},
           {"hold_ms", times_json(result.ledger.hold())},
           {"transactions", result.ledger.hold().count()},
           {"occupancy", rounded(result.occupancy())},
           {"heavy_rows_per_s", rounded(result.heavy_rows_per_s())},
           {"wal_bytes_max", result.wal_bytes_max},
           {"elapsed_s", rounded(to_seconds(result.elapsed))},
           {"verified", result.verdict.verified()},
           {"faults", result.verdict.faults},
           {"pragmas", json::object()},
           {"classes", json::array()}};
  for (const auto& [pragma, value] : result.pragmas) out["pragmas"][pragma] = value;
  for (std::size_t i = 0; i < result.sources.size(); ++i) {
    out["classes"].push_back(class_json(result, Source{static_cast<std::uint8_t>(i)}));
  }
  if (result.journal) out["journal"] = journal_json(*result.journal);
  if (has_server(result)) out["server"] = server_json(*result.journal);
  if (result.intake) out["intake"] = intake_json(result);
  return out;
}

}  // namespace onelane::bench::storm
