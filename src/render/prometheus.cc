// The text format of Prometheus, version 0.0.4.
#include <algorithm>
#include <array>
#include <charconv>

#include "onelane/render.h"
#include "onelane/version.h"
#include "src/render/words.h"

namespace onelane::inline v0::render {
namespace {

constexpr double kSecond = 1e9;  // in nanoseconds

// In nanoseconds, with the text of the same in seconds.
struct Bound {
  std::uint64_t ns;
  std::string_view seconds;
};
constexpr std::array kBounds{
    Bound{100'000, "0.0001"},   Bound{250'000, "0.00025"},   Bound{500'000, "0.0005"},
    Bound{1'000'000, "0.001"},  Bound{2'500'000, "0.0025"},  Bound{5'000'000, "0.005"},
    Bound{10'000'000, "0.01"},  Bound{25'000'000, "0.025"},  Bound{50'000'000, "0.05"},
    Bound{100'000'000, "0.1"},  Bound{250'000'000, "0.25"},  Bound{500'000'000, "0.5"},
    Bound{1'000'000'000, "1"},  Bound{2'500'000'000, "2.5"}, Bound{5'000'000'000, "5"},
    Bound{10'000'000'000, "10"}};

std::string escape_label(std::string_view text) {
  std::string out;
  for (const char c : valid_utf8(text)) {
    if (c == '\n') {
      out += "\\n";
    } else if (c == '\\' || c == '"') {
      out += '\\';
      out += c;
    } else {
      out += c;
    }
  }
  return out;
}

// key="value", with the value escaped.
std::string label(std::string_view key, std::string_view value) {
  return std::string(key) + "=\"" + escape_label(value) + "\"";
}

double seconds(Duration duration) { return static_cast<double>(duration.count()) / kSecond; }
double seconds(std::uint64_t ns) { return static_cast<double>(ns) / kSecond; }

// Thousands of lines: they are put together without a format string.
class Exposition {
 public:
  // Begins a metric: its samples follow. `type` is one of the format's.
  void metric(std::string_view name, std::string_view type, std::string_view help) {
    name_ = name;
    add("# HELP onelane_", name, " ", help, "\n# TYPE onelane_", name, " ", type, "\n");
  }
  template <typename Number>
  void sample(std::string_view labels, Number value) {
    line("", labels, value);
  }
  template <typename Number>
  void line(std::string_view suffix, std::string_view labels, Number value) {
    add("onelane_", name_, suffix);
    if (!labels.empty()) add("{", labels, "}");
    end(value);
  }
  // Of values in nanoseconds; in seconds there.
  void histogram(std::string_view labels, const Histogram& values);
  // The same as a summary: `recent` has the quantiles, `all` the sum and the count.
  void summary(std::string_view labels, const Histogram& recent, const Histogram& all);

  template <typename Number>
  void counter(std::string_view name, std::string_view help, Number value) {
    metric(name, "counter", help);
    sample("", value);
  }
  template <typename Number>
  void gauge(std::string_view name, std::string_view help, Number value) {
    metric(name, "gauge", help);
    sample("", value);
  }
  void lone_histogram(std::string_view name, std::string_view help, const Histogram& values) {
    metric(name, "histogram", help);
    histogram("", values);
  }
  std::string take() { return std::move(text_); }

 private:
  template <typename... Parts>
  void add(const Parts&... parts) {
    (text_.append(parts), ...);
  }
  template <typename Number>
  void end(Number value) {
    std::array<char, 32> digits{};
    const auto [last, error] = std::to_chars(digits.data(), digits.data() + digits.size(), value);
    add(" ", std::string_view(digits.data(), static_cast<std::size_t>(last - digits.data())), "\n");
  }

  std::string_view name_;
  std::string text_;
};

void Exposition::histogram(std::string_view labels, const Histogram& values) {
  const std::string_view comma = labels.empty() ? "" : ",";
  const auto& counts = values.counts();
  std::uint64_t up_to = 0;
  std::size_t bucket = 0;
  for (const Bound& bound : kBounds) {
    // A bucket counts where all of it lies.
    while (bucket < counts.size() && Histogram::upper_bound_of(bucket) <= bound.ns) {
      up_to += counts[bucket++];
    }
    add("onelane_", name_, "_bucket{", labels, comma, "le=\"", bound.seconds, "\"}");
    end(up_to);
  }
  add("onelane_", name_, "_bucket{", labels, comma, "le=\"+Inf\"}");
  end(values.count());
  line("_sum", labels, seconds(values.sum()));
  line("_count", labels, values.count());
}

void Exposition::summary(std::string_view labels, const Histogram& recent, const Histogram& all) {
  constexpr std::array<std::pair<double, std::string_view>, 3> kQuantiles{
      {{0.5, "0.5"}, {0.9, "0.9"}, {0.99, "0.99"}}};
  for (const auto& [fraction, text] : kQuantiles) {
    add("onelane_", name_, "{", labels, ",quantile=\"", text, "\"}");
    end(seconds(recent.percentile(fraction)));
  }
  line("_sum", labels, seconds(all.sum()));
  line("_count", labels, all.count());
}

// class="blobs", of each class.
std::vector<std::string> labels_of(const JournalStats& stats, std::string_view key) {
  std::vector<std::string> labels;
  for (const ClassStats& one : stats.classes) labels.push_back(label(key, one.name));
  return labels;
}

void add_health(Exposition& out, const JournalStats& stats, const About& about) {
  out.metric("build_info", "gauge", "Which onelane writes this; always 1.");
  out.sample(label("version", ONELANE_VERSION_STRING), 1);
  out.gauge("up", "Whether the journal runs: neither closed nor poisoned, nor a forked child's.",
            about.standing == Standing::running && stats.poison.ok() ? 1 : 0);
  out.metric("condition", "gauge", "1 for the gravest condition that holds now, 0 for the others.");
  for (std::size_t i = 0; i < kConditionCount; ++i) {
    const auto condition = static_cast<Condition>(i);
    const bool poisoned = condition == Condition::poisoned && !stats.poison.ok();
    const bool holds = about.health.condition == condition || poisoned;
    out.sample(label("condition", name(condition)), holds ? 1 : 0);
  }
}

struct ClassMetric {
  std::string_view name;
  std::string_view type;
  std::string_view help;
  std::uint64_t ClassStats::*value;
};

constexpr std::array kClassMetrics{
    ClassMetric{"class_offered_units_total", "counter", "Units that were pushed, or refused.",
                &ClassStats::offered},
    ClassMetric{"class_accepted_units_total", "counter", "Units that were accepted.",
                &ClassStats::accepted},
    ClassMetric{"class_refused_units_total", "counter",
                "Units that were never accepted: full, closed, poisoned or invalid.",
                &ClassStats::refused},
    ClassMetric{"class_commits_total", "counter", "Commits that held units of the class.",
                &ClassStats::commits},
    ClassMetric{"class_in_flight_units", "gauge", "Units that were accepted and not settled yet.",
                &ClassStats::in_flight},
    ClassMetric{"class_queued_records", "gauge", "Records in the queue.",
                &ClassStats::queued_records},
    ClassMetric{"class_queued_bytes", "gauge", "Footprint of what is in flight.",
                &ClassStats::queued_bytes},
    ClassMetric{"class_worst_wait_ticks", "gauge",
                "The most ticks within which the last unit of a full queue is taken.",
                &ClassStats::worst_wait_ticks},
    ClassMetric{"class_journaled_position", "gauge",
                "Position of the newest unit in the intake; 0 without one.",
                &ClassStats::journaled_position},
    ClassMetric{"class_applied_position", "gauge",
                "Up to this position all units of the intake are in the database.",
                &ClassStats::applied_position},
    ClassMetric{"class_dead_letters_total", "counter", "Units that are dead letters.",
                &ClassStats::dead_letters}};

void add_ends(Exposition& out, const JournalStats& stats, const std::vector<std::string>& labels) {
  out.metric("class_settled_units_total", "counter", "Units that were settled, by how.");
  for (std::size_t i = 0; i < kEndCount; ++i) {
    const std::string end = "," + label("end", name(static_cast<End>(i)));
    for (std::size_t one = 0; one < labels.size(); ++one) {
      out.sample(labels[one] + end, stats.classes[one].ends[i]);
    }
  }
}

void add_waited_behind(Exposition& out, const JournalStats& stats,
                       const std::vector<std::string>& labels) {
  const std::vector<std::string> holders = labels_of(stats, "behind");
  out.metric("class_waited_behind_class_seconds_total", "counter",
             "How long another class, or its own, had the lane while the class waited.");
  for (std::size_t one = 0; one < labels.size(); ++one) {
    const auto& behind = stats.classes[one].behind.classes;
    for (std::size_t i = 0; i < std::min(behind.size(), holders.size()); ++i) {
      if (behind[i] > Duration(0)) out.sample(labels[one] + "," + holders[i], seconds(behind[i]));
    }
  }
  out.metric("class_waited_behind_obstacle_seconds_total", "counter",
             "How long something that is no class kept the class waiting.");
  for (std::size_t i = 0; i < kObstacleCount; ++i) {
    const std::string obstacle = "," + label("obstacle", name(static_cast<Obstacle>(i)));
    for (std::size_t one = 0; one < labels.size(); ++one) {
      const Duration time = stats.classes[one].behind.obstacles[i];
      if (time > Duration(0)) out.sample(labels[one] + obstacle, seconds(time));
    }
  }
}

void add_classes(Exposition& out, const JournalStats& stats) {
  const std::vector<std::string> labels = labels_of(stats, "class");
  const auto each = [&](auto add) {
    for (std::size_t i = 0; i < labels.size(); ++i) add(labels[i], stats.classes[i]);
  };
  for (const ClassMetric& metric : kClassMetrics) {
    out.metric(metric.name, metric.type, metric.help);
    each([&](const std::string& of, const ClassStats& one) { out.sample(of, one.*metric.value); });
  }
  add_ends(out, stats, labels);
  out.metric("class_held_seconds_total", "counter", "The lane's time that went to the class.");
  each([&](const std::string& of, const ClassStats& one) { out.sample(of, seconds(one.held)); });
  out.metric("class_wait_seconds", "histogram", "From push to the BEGIN of the unit's tick.");
  each([&](const std::string& of, const ClassStats& one) { out.histogram(of, one.wait_ns); });
  out.metric("class_total_seconds", "histogram", "From push to the settled receipt.");
  each([&](const std::string& of, const ClassStats& one) { out.histogram(of, one.total_ns); });
  add_waited_behind(out, stats, labels);
}

void add_call_sites(Exposition& out, const JournalStats& stats) {
  std::vector<std::string> labels;
  for (const CallSiteStats& site : stats.call_sites) {
    labels.push_back(label("class", class_name(stats, site.write_class)) + "," +
                     label("site", site.label));
  }
  const auto each = [&](auto add) {
    for (std::size_t i = 0; i < labels.size(); ++i) add(labels[i], stats.call_sites[i]);
  };
  out.metric("call_site_offered_units_total", "counter", "Units that the call site pushed.");
  each([&](const std::string& of, const CallSiteStats& site) { out.sample(of, site.all.offered); });
  out.metric("call_site_commits_total", "counter", "Commits that held units of the call site.");
  each([&](const std::string& of, const CallSiteStats& site) { out.sample(of, site.all.commits); });
  out.metric("call_site_held_seconds_total", "counter",
             "The lane's time that went to the call site.");
  each([&](const std::string& of, const CallSiteStats& site) {
    out.sample(of, seconds(site.all.held));
  });
  out.metric("call_site_wait_seconds", "summary",
             "From push to the BEGIN of the unit's tick; quantiles are of the last minute.");
  each([&](const std::string& of, const CallSiteStats& site) {
    out.summary(of, site.minute.wait_ns, site.all.wait_ns);
  });
  out.metric("call_site_total_seconds", "summary",
             "From push to the settled receipt; quantiles are of the last minute.");
  each([&](const std::string& of, const CallSiteStats& site) {
    out.summary(of, site.minute.total_ns, site.all.total_ns);
  });
}

void add_lane(Exposition& out, const JournalStats& stats) {
  out.gauge("open_seconds", "How long the journal has been open.", seconds(stats.open));
  out.counter("held_seconds_total", "How long the lane was held.", seconds(stats.held));
  out.lone_histogram("hold_seconds", "From BEGIN to the return of COMMIT.", stats.hold_ns);
  out.lone_histogram("sync_seconds", "Syncs that make commits durable.", stats.sync_ns);
  out.counter("ticks_total", "Ticks that reached BEGIN.", stats.ticks);
  out.metric("tick_ends_total", "counter", "Ticks by why they took no more.");
  for (std::size_t i = 0; i < kTickEndCount; ++i) {
    out.sample(label("end", name(static_cast<TickEnd>(i))), stats.tick_ends[i]);
  }
  out.counter("caller_ticks_total", "Ticks that a waiting caller ran.", stats.caller_ticks);
  out.counter("tick_units_total", "Units that ticks applied.", stats.units_per_tick.sum());
  out.counter("tick_bytes_total", "Bytes of the rows that ticks applied.",
              stats.bytes_per_tick.sum());
  out.counter("transactions_total", "Transactions that were begun.", stats.attempts);
  out.counter("conflicts_total",
              "Transactions that lost to others' and were run again as they were.",
              stats.conflicts);
  out.counter("busy_total", "BEGINs that found the database locked by somebody else.", stats.busy);
  out.counter("fences_total", "Commits that settled what a failed COMMIT had left unknown.",
              stats.fences);
  out.counter("overlong_steps_total", "Steps of jobs that were longer than the tick's hold.",
              stats.overlong_steps);
  out.gauge("committed_number", "Number of the newest commit of this opening.", stats.committed);
  out.gauge("durable_number", "Commits up to this number survive a power cut.", stats.durable);
  out.counter("foreign_changes_total", "Times that the database had changed outside the lane.",
              stats.foreign.changes);
  out.lone_histogram("foreign_lock_wait_seconds", "Waits for somebody else's write lock.",
                     stats.foreign.lock_wait_ns);
}

void add_server(Exposition& out, const ServerStats& server) {
  if (server.name.empty()) return;
  out.counter("server_connections_total", "Connections that were made to the server.",
              server.connections);
  out.lone_histogram("server_answer_seconds", "From the end of a request to its last reply.",
                     server.answer_ns);
}

void add_log(Exposition& out, const LogStats& log) {
  out.gauge("log_bytes", "Size of what is in SQLite's log.", log.bytes);
  out.gauge("log_limit_bytes", "The log's limit.", log.limit_bytes);
  out.gauge("log_max_bytes", "The largest log so far.", log.bytes_max);
  out.gauge("log_pinned_bytes", "What a reader keeps in the log; 0: nobody does.",
            log.pinned_bytes);
  out.counter("log_written_bytes_total", "Bytes that commits added to the log.", log.written_bytes);
  out.counter("log_passes_total", "Checkpoints while others committed.", log.passes);
  out.counter("log_closings_total", "Checkpoints that held the lane.", log.closings);
  out.counter("log_late_closings_total", "Of these, longer than their budget.", log.late_closings);
  out.lone_histogram("log_closing_hold_seconds", "How long these held the lane.",
                     log.closing_hold_ns);
  out.gauge("log_full", "Whether the disk had no room for the log's checkpoint.", log.full ? 1 : 0);
  out.gauge("ballast_bytes", "Room that is kept for a full disk.", log.ballast_bytes);
  out.gauge("disk_log_sync_floor_seconds", "The least that a sync of the log takes.",
            seconds(log.disk.log.floor));
  out.gauge("disk_database_sync_floor_seconds", "The least that a checkpoint's sync takes.",
            seconds(log.disk.database.floor));
}

void add_intake(Exposition& out, const JournalStats& stats) {
  const IntakeStats& intake = stats.intake;
  out.gauge("intake_segments", "Files of the intake.", intake.segments);
  out.gauge("intake_bytes", "Bytes of the intake that are in use.", intake.bytes);
  out.counter("intake_written_bytes_total", "Bytes written to the intake.", intake.written_bytes);
  out.counter("intake_units_total", "Units that were journaled.", intake.units);
  out.counter("intake_waits_total", "Waits for a segment to become free.", intake.waits);
  out.lone_histogram("intake_sync_seconds", "A group's write and sync.", intake.sync_ns);
  const bool any = intake.oldest && *intake.oldest <= stats.when;
  out.gauge("intake_oldest_age_seconds", "Age of the oldest journaled unit that is not committed.",
            any ? seconds(stats.when - *intake.oldest) : 0.0);
}

void add_trace(Exposition& out, const TraceStats& trace) {
  out.gauge("trace_bytes", "Size of the trace's file; 0: nothing is recorded.", trace.bytes);
  out.counter("trace_ticks_total", "Ticks that are in the trace.", trace.ticks);
  out.counter("trace_lost_ticks_total", "Ticks since the trace ended.", trace.lost_ticks);
}

}  // namespace

std::string prometheus(const JournalStats& stats, const About& about) {
  Exposition out;
  add_health(out, stats, about);
  add_classes(out, stats);
  add_call_sites(out, stats);
  add_lane(out, stats);
  add_server(out, stats.server);
  add_log(out, stats.log);
  add_intake(out, stats);
  add_trace(out, stats.trace);
  return out.take();
}

}  // namespace onelane::inline v0::render
