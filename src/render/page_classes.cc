#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "src/render/chart.h"
#include "src/render/page_sections.h"
#include "src/render/table.h"
#include "src/render/words.h"

namespace onelane::inline v0::render {
namespace {

constexpr double kMillisecond = 1e6;  // in nanoseconds
constexpr double kSecond = 1e9;
constexpr double kPercent = 100;

std::string rate_text(std::uint64_t count, Duration span) {
  if (span <= Duration(0)) return "-";
  const double per_s = static_cast<double>(count) * kSecond / static_cast<double>(span.count());
  if (per_s < 10) return fmt::format("{:.2g}", per_s);
  return count_text(static_cast<std::uint64_t>(std::llround(per_s)));
}

// "12 of 4,096": what there is, and what there may be.
std::string of_text(const std::string& some, const std::string& all) { return some + " of " + all; }

void add_percentiles(std::vector<std::string>& cells, const Histogram& values) {
  for (const std::uint64_t ns : {values.p50(), values.p99(), values.max()}) {
    cells.push_back(values.count() == 0 ? "-" : duration_text_ns(ns));
  }
}

// The classes whose figure is largest, as many as there are colours, in their own order.
template <typename Figure>
std::vector<std::size_t> largest(const JournalStats& stats, Figure figure) {
  std::vector<std::size_t> found(stats.classes.size());
  std::iota(found.begin(), found.end(), std::size_t{0});
  std::stable_sort(found.begin(), found.end(), [&](std::size_t a, std::size_t b) {
    return figure(stats.classes[a]) > figure(stats.classes[b]);
  });
  if (found.size() > kStyles) found.resize(kStyles);
  std::sort(found.begin(), found.end());
  return found;
}

std::string left_out(const JournalStats& stats) {
  if (stats.classes.size() <= kStyles) return "";
  return fmt::format("<p>Of {} classes the {} with the largest figures are drawn.</p>\n",
                     stats.classes.size(), kStyles);
}

Line line_of(const JournalStats& stats, std::size_t write_class) {
  const ClassStats& one = stats.classes[write_class];
  Line line{one.name, write_class % kStyles, {}};
  for (const ActivityPoint& point : one.timeline) {
    if (point.ended == 0) continue;
    const double ago = static_cast<double>((stats.when - point.from).count()) / kSecond;
    line.points.push_back({-ago, static_cast<double>(point.wait_p99_ns) / kMillisecond,
                           std::pair(static_cast<double>(point.wait_p50_ns) / kMillisecond,
                                     static_cast<double>(point.wait_max_ns) / kMillisecond)});
  }
  return line;
}

std::string timeline_table(const JournalStats& stats) {
  HtmlTable table("Wait at p99 for each five seconds; 0 s ago is now", "waits-table");
  std::vector<std::string> titles{"class"};
  std::size_t points = 0;
  const ClassStats* longest = nullptr;
  for (const ClassStats& one : stats.classes) {
    if (one.timeline.size() <= points) continue;
    points = one.timeline.size();
    longest = &one;
  }
  if (longest == nullptr) return "";
  for (const ActivityPoint& point : longest->timeline) {
    titles.push_back(fmt::format("{} s ago", (stats.when - point.from).count() / 1'000'000'000));
  }
  table.columns(titles);
  for (const ClassStats& one : stats.classes) {
    std::vector<std::string> cells{one.name};
    for (std::size_t i = one.timeline.size(); i < points; ++i) cells.emplace_back("-");
    for (const ActivityPoint& point : one.timeline) {
      cells.push_back(point.ended == 0 ? "-" : duration_text_ns(point.wait_p99_ns));
    }
    table.row(cells);
  }
  return folded("waits-figures", "The same as a table", table.text());
}

}  // namespace

std::string queues_section(const JournalStats& stats) {
  HtmlTable table("Each class, in the last 10 seconds", "queues-table");
  table.columns({"class", "queued records", "queued bytes", "in flight", "offered per s",
                 "settled per s", "wait p50", "p99", "max", "of the lane"});
  for (const ClassStats& one : stats.classes) {
    std::vector<std::string> cells{
        one.name,
        of_text(count_text(one.queued_records), count_text(one.options.capacity_records)),
        of_text(bytes_text(one.queued_bytes), bytes_text(one.options.capacity_bytes)),
        count_text(one.in_flight),
        rate_text(one.recent.offered, one.recent.span),
        rate_text(one.recent.ended, one.recent.span)};
    add_percentiles(cells, one.recent.wait_ns);
    cells.push_back(percent_text(share(one.recent.held, one.recent.span)));
    table.row(cells);
  }
  return table.empty() ? "<p>No class was added yet.</p>\n" : table.text();
}

std::string waits_section(const JournalStats& stats) {
  std::vector<Line> lines;
  for (const std::size_t i :
       largest(stats, [](const ClassStats& one) { return one.minute.wait_ns.p99(); })) {
    Line line = line_of(stats, i);
    if (!line.points.empty()) lines.push_back(std::move(line));
  }
  if (lines.empty()) return "<p>Nothing was settled in the last minute.</p>\n";
  return line_chart({.title = "Wait for a tick",
                     .x = {.title = "seconds; 0 is now"},
                     .y = {.title = "ms at p99 in five seconds, from p50 to the longest",
                           .scale = Scale::logarithmic},
                     .instead = "in the table below"},
                    lines) +
         left_out(stats) + timeline_table(stats);
}

std::string share_section(const JournalStats& stats) {
  std::vector<Bar> bars;
  for (const std::size_t i :
       largest(stats, [](const ClassStats& one) { return one.minute.held; })) {
    const ClassStats& one = stats.classes[i];
    bars.push_back(
        {one.name, i % kStyles, share(one.minute.held, one.minute.span) * kPercent, std::nullopt});
  }
  if (bars.empty()) return "";
  HtmlTable table("What each class had", "share-table");
  table.columns({"class", "of the lane", "held", "commits", "units settled"});
  for (const ClassStats& one : stats.classes) {
    table.row({one.name, percent_text(share(one.minute.held, one.minute.span)),
               duration_text(one.minute.held), count_text(one.minute.commits),
               count_text(one.minute.ended)});
  }
  return bar_chart({.title = "Share of the lane, last minute",
                    .x = {.title = "% of the time"},
                    .instead = "in the table below"},
                   bars) +
         left_out(stats) + folded("share-figures", "The same as a table", table.text());
}

std::string behind_section(const JournalStats& stats) {
  HtmlTable table("What a class waited behind in the last minute, while any of it waited",
                  "behind-table");
  table.columns({"class", "longest", "of the waiting", "then", "of the waiting", "all in all"});
  for (const ClassStats& one : stats.classes) {
    std::vector<std::pair<Duration, std::string>> causes;
    const WaitedBehind& behind = one.behind_minute;
    for (std::size_t i = 0; i < behind.classes.size(); ++i) {
      causes.emplace_back(behind.classes[i], class_name(stats, static_cast<std::uint32_t>(i)));
    }
    for (std::size_t i = 0; i < kObstacleCount; ++i) {
      causes.emplace_back(behind.obstacles[i], phrase(static_cast<Obstacle>(i)));
    }
    std::stable_sort(causes.begin(), causes.end(),
                     [](const auto& a, const auto& b) { return a.first > b.first; });
    const Duration all = behind.sum();
    if (all <= Duration(0)) continue;
    std::vector<std::string> cells{one.name};
    for (std::size_t i = 0; i < 2; ++i) {
      const bool any = causes[i].first > Duration(0);
      cells.push_back(any ? causes[i].second : "-");
      cells.push_back(any ? percent_text(share(causes[i].first, all)) : "-");
    }
    cells.push_back(duration_text(all));
    table.row(cells);
  }
  return table.empty() ? "" : table.text();
}

std::string ends_section(const JournalStats& stats) {
  HtmlTable table("Units that were not committed, since the opening", "ends-table");
  constexpr std::array kShown{End::rejected,  End::superseded, End::dropped,    End::expired,
                              End::cancelled, End::closed,     End::incomplete, End::unknown};
  std::vector<std::string> titles{"class", "refused"};
  for (const End end : kShown) titles.emplace_back(name(end));
  titles.emplace_back("dead letters");
  table.columns(titles);
  HtmlTable causes("Why units were rejected", "causes-table");
  causes.columns({"class", "units", "last", "the newest cause"});
  for (const ClassStats& one : stats.classes) {
    std::vector<std::string> cells{one.name, count_text(one.refused)};
    for (const End end : kShown) cells.push_back(count_text(one.end(end)));
    cells.push_back(count_text(one.dead_letters));
    const bool none = std::all_of(cells.begin() + 1, cells.end(),
                                  [](const std::string& cell) { return cell == "0"; });
    if (!none) table.row(cells);
    for (const RejectionStats& rejection : one.rejections) {
      causes.row({one.name, count_text(rejection.units),
                  duration_text(stats.when - rejection.when) + " ago", rejection.last.to_string()});
    }
  }
  if (table.empty() && causes.empty()) return "<p>Everything that was settled is committed.</p>\n";
  return (table.empty() ? "" : table.text()) + (causes.empty() ? "" : causes.text());
}

std::string call_sites_section(const JournalStats& stats) {
  HtmlTable table("Places in the program that push, last minute; those that held most come first",
                  "sites-table");
  table.columns({"call site", "class", "offered per s", "wait p50", "p99", "max", "total p99",
                 "of the lane", "commits"});
  std::vector<const CallSiteStats*> sites;
  for (const CallSiteStats& site : stats.call_sites) sites.push_back(&site);
  std::stable_sort(sites.begin(), sites.end(), [](const CallSiteStats* a, const CallSiteStats* b) {
    return a->minute.held > b->minute.held;
  });
  for (const CallSiteStats* site : sites) {
    const Activity& minute = site->minute;
    std::vector<std::string> cells{site->label, class_name(stats, site->write_class),
                                   rate_text(minute.offered, minute.span)};
    add_percentiles(cells, minute.wait_ns);
    cells.push_back(minute.total_ns.count() == 0 ? "-" : duration_text_ns(minute.total_ns.p99()));
    cells.push_back(percent_text(share(minute.held, minute.span)));
    cells.push_back(count_text(minute.commits));
    table.row(cells);
  }
  return table.empty() ? "" : table.text();
}

}  // namespace onelane::inline v0::render
