#include <fmt/format.h>

#include <algorithm>

#include "src/render/chart.h"
#include "src/render/page_sections.h"
#include "src/render/table.h"
#include "src/render/words.h"

namespace onelane::inline v0::render {
namespace {

// A list of terms and what is to be said of them.
class List {
 public:
  void add(std::string_view term, std::string_view text) {
    rows_ += fmt::format("<dt>{}</dt><dd>{}</dd>\n", escape(term), escape(text));
  }
  std::string text() const { return "<dl>\n" + rows_ + "</dl>\n"; }

 private:
  std::string rows_;
};

std::string spread_text(const Histogram& values) {
  if (values.count() == 0) return "none yet";
  return fmt::format("{}; {} at p50, {} at p99, {} at most", count_text(values.count()),
                     duration_text_ns(values.p50()), duration_text_ns(values.p99()),
                     duration_text_ns(values.max()));
}

std::string ago(const JournalStats& stats, TimePoint at) {
  return duration_text(stats.when - at) + " ago";
}

std::string commit_text(std::uint64_t commit) {
  return commit == 0 ? "rolled back" : fmt::format("commit {}", commit);
}

std::string tick_text(const JournalStats& stats, const TickStats& tick) {
  const std::string id = fmt::format("tick-{}", tick.began.time_since_epoch().count());
  HtmlTable table("What the tick was made of", id + "-table");
  table.columns({"class", "units", "records", "bytes", "statements", "of the hold"});
  std::vector<std::string> parts;
  for (const TickPart& part : tick.parts) {
    const std::string name = class_name(stats, part.write_class);
    const std::string of_hold = percent_text(share(part.statements, tick.hold));
    table.row({name, count_text(part.units), count_text(part.records), bytes_text(part.bytes),
               duration_text(part.statements), of_hold});
    if (parts.size() < 2) parts.push_back(fmt::format("{} ({})", name, of_hold));
  }
  constexpr double kWorthNaming = 0.1;
  const double of_commit = share(tick.commit_time, tick.hold);
  if (of_commit >= kWorthNaming) {
    parts.push_back(fmt::format("BEGIN and COMMIT ({})", percent_text(of_commit)));
  }
  List list;
  list.add("Statements", duration_text(tick.statements));
  list.add("BEGIN and COMMIT", duration_text(tick.commit_time));
  if (tick.attempts > 1) list.add("Transactions begun", count_text(tick.attempts));
  if (!tick.longest_step.empty()) {
    list.add("Longest step of a job",
             fmt::format("{}: {}", tick.longest_step, duration_text(tick.longest_step_time)));
  }
  const std::string summary =
      fmt::format("{}, {}: {} ({})", duration_text(tick.hold), ago(stats, tick.began),
                  escape(parts.empty() ? "no units" : listed(parts)), commit_text(tick.commit));
  return folded(id, summary, (table.empty() ? "" : table.text()) + list.text());
}

std::string unit_text(const JournalStats& stats, const SlowUnitStats& unit) {
  const std::string id =
      fmt::format("unit-{}-{}", unit.write_class, unit.pushed.time_since_epoch().count());
  HtmlTable table("What the lane did between its push and its tick", id + "-table");
  table.columns({"behind", "time", "of the wait"});
  std::vector<std::pair<Duration, std::string>> causes;
  for (std::size_t i = 0; i < unit.behind.classes.size(); ++i) {
    causes.emplace_back(unit.behind.classes[i], class_name(stats, static_cast<std::uint32_t>(i)));
  }
  for (std::size_t i = 0; i < kObstacleCount; ++i) {
    causes.emplace_back(unit.behind.obstacles[i], phrase(static_cast<Obstacle>(i)));
  }
  std::stable_sort(causes.begin(), causes.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  for (const auto& [time, text] : causes) {
    if (time <= Duration(0)) break;
    table.row({text, duration_text(time), percent_text(share(time, unit.wait))});
  }
  const std::string behind =
      table.empty() ? "" : fmt::format(", most of it behind {}", causes.front().second);
  const std::string summary =
      fmt::format("{} waited {}{}; pushed {}", escape(class_name(stats, unit.write_class)),
                  duration_text(unit.wait), escape(behind), ago(stats, unit.pushed));
  const std::string inside = fmt::format(
      "{}<p>From {}; {} from push to receipt, {}.</p>\n", table.empty() ? "" : table.text(),
      escape(unit.label.empty() ? "an unknown place" : unit.label), duration_text(unit.total),
      unit.commit == 0 ? "not committed" : fmt::format("in commit {}", unit.commit));
  return folded(id, summary, inside);
}

std::string disk_text(const DiskTimeStats& disk) {
  if (disk.floor <= Duration(0)) return "not learned yet";
  std::string text = fmt::format("at least {}", duration_text(disk.floor));
  if (disk.bytes_per_s > 0) {
    text += fmt::format(", {} a second beyond that",
                        bytes_text(static_cast<std::uint64_t>(disk.bytes_per_s)));
  }
  return text;
}

void add_pin(const JournalStats& stats, List& list) {
  const LogStats& log = stats.log;
  if (log.pinned_bytes == 0) return;
  const std::vector<std::string> readers = process_texts(log.readers);
  list.add(
      "Pinned",
      fmt::format("{}{} by {}", bytes_text(log.pinned_bytes),
                  log.pinned_since ? " for " + duration_text(stats.when - *log.pinned_since) : "",
                  readers.empty() ? "an unknown reader" : listed(readers)));
}

void add_intake(const JournalStats& stats, List& list) {
  const IntakeStats& intake = stats.intake;
  if (intake.segments == 0) return;
  list.add("Intake", fmt::format("{} in {}", bytes_text(intake.bytes),
                                 counted(intake.segments, "file", "files")));
  list.add("Intake's syncs", spread_text(intake.sync_ns));
  if (intake.oldest) list.add("Oldest journaled unit", ago(stats, *intake.oldest));
  if (intake.waits != 0) {
    list.add("Waits for a free file", counted(intake.waits, "time", "times"));
  }
}

void add_trace(const TraceStats& trace, List& list) {
  if (trace.bytes == 0 && !trace.ended) return;
  std::string text =
      fmt::format("{} in {}", counted(trace.ticks, "tick", "ticks"), bytes_text(trace.bytes));
  if (trace.ended) {
    text += fmt::format("; it ended ({}), {} since", name(*trace.ended),
                        counted(trace.lost_ticks, "tick", "ticks"));
  }
  list.add("Trace", text);
}

}  // namespace

std::string slowest_section(const JournalStats& stats) {
  std::string ticks;
  for (const TickStats& tick : stats.slowest_ticks) ticks += tick_text(stats, tick);
  std::string units;
  for (const SlowUnitStats& unit : stats.slowest_units) units += unit_text(stats, unit);
  std::string out;
  if (!ticks.empty()) out += "<h3>Ticks that held the lane longest</h3>\n" + ticks;
  if (!units.empty()) out += "<h3>Units that waited longest</h3>\n" + units;
  return out.empty() ? "<p>No tick ran in the last minute.</p>\n" : out;
}

std::string log_section(const JournalStats& stats) {
  const LogStats& log = stats.log;
  List list;
  list.add("In the log", fmt::format("{} of {}; {} at most so far", bytes_text(log.bytes),
                                     bytes_text(log.limit_bytes), bytes_text(log.bytes_max)));
  add_pin(stats, list);
  list.add("Checkpoints", fmt::format("{} beside commits; {} that held the lane",
                                      count_text(log.passes), count_text(log.closings)));
  list.add("Holds of these", spread_text(log.closing_hold_ns));
  if (log.late_closings != 0) list.add("Longer than planned", count_text(log.late_closings));
  if (!log.blocked.ok()) list.add("The last could not run", log.blocked.to_string());
  if (log.full) list.add("Disk", "full: the log is not copied back yet");
  if (log.ballast_bytes != 0) list.add("Ballast", bytes_text(log.ballast_bytes));
  if (!log.hazard.empty()) list.add("This SQLite", log.hazard);
  add_intake(stats, list);
  return list.text();
}

std::string server_section(const JournalStats& stats) {
  const ServerStats& server = stats.server;
  List list;
  list.add("Where", server.name);
  list.add("Answers", spread_text(server.answer_ns));
  list.add("Lost to other transactions", counted(stats.conflicts, "time", "times"));
  list.add("Connected", counted(server.connections, "time", "times"));
  const std::vector<std::string> holders = process_texts(server.lock_holders);
  if (!holders.empty()) list.add("Last had the lock", listed(holders));
  add_intake(stats, list);
  return list.text();
}

std::string disk_section(const JournalStats& stats) {
  List list;
  list.add("Syncs for durable", spread_text(stats.sync_ns));
  if (stats.server.name.empty()) {
    list.add("A sync of the log", disk_text(stats.log.disk.log));
    list.add("A checkpoint's sync", disk_text(stats.log.disk.database));
  }
  list.add("Somebody else's lock", spread_text(stats.foreign.lock_wait_ns));
  list.add("Changes by others", counted(stats.foreign.changes, "time", "times"));
  return list.text();
}

std::string totals_section(const JournalStats& stats) {
  HtmlTable table("Each class, since the opening", "totals-table");
  table.columns({"class", "offered", "accepted", "committed", "commits", "wait p50", "p90", "p99",
                 "max", "total p50", "p90", "p99", "max", "of the lane", "worst wait, ticks"});
  for (const ClassStats& one : stats.classes) {
    std::vector<std::string> cells{one.name, count_text(one.offered), count_text(one.accepted),
                                   count_text(one.end(End::committed)), count_text(one.commits)};
    for (const Histogram* values : {&one.wait_ns, &one.total_ns}) {
      for (const std::uint64_t ns : {values->p50(), values->p90(), values->p99(), values->max()}) {
        cells.push_back(values->count() == 0 ? "-" : duration_text_ns(ns));
      }
    }
    cells.push_back(percent_text(share(one.held, stats.open)));
    cells.push_back(count_text(one.worst_wait_ticks));
    table.row(cells);
  }
  List list;
  list.add("Open", duration_text(stats.open));
  list.add("Ticks", count_text(stats.ticks));
  list.add("Lane held", fmt::format("{} of the time", percent_text(stats.occupancy)));
  list.add("Holds", spread_text(stats.hold_ns));
  list.add("Commits", fmt::format("{}, durable up to {}", count_text(stats.committed),
                                  count_text(stats.durable)));
  if (stats.units_per_tick.count() != 0) {
    list.add("Units per tick",
             fmt::format("{} at p50, {} at most", count_text(stats.units_per_tick.p50()),
                         count_text(stats.units_per_tick.max())));
  }
  list.add("Found the database locked", counted(stats.busy, "time", "times"));
  add_trace(stats.trace, list);
  if (stats.overlong_steps != 0) {
    list.add("Overlong steps of jobs",
             fmt::format("{}; the longest {} of {}", count_text(stats.overlong_steps),
                         duration_text(stats.longest_step_time), stats.longest_step));
  }
  return (table.empty() ? "" : table.text()) + list.text();
}

}  // namespace onelane::inline v0::render
