#include "tools/top/view.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <sstream>

#include "onelane/clock.h"
#include "tools/kit/printable.h"
#include "tools/kit/table.h"
#include "tools/kit/units.h"

namespace onelane::tools {
namespace {

using kit::format_count;
using kit::format_size;
using kit::printable;
using nlohmann::json;

const json& at(const json& object, std::string_view key) {
  static const json kNothing;
  if (!object.is_object()) return kNothing;
  const auto found = object.find(key);
  return found == object.end() ? kNothing : *found;
}

double number(const json& object, std::string_view key) {
  const json& value = at(object, key);
  if (!value.is_number()) return 0;
  const double out = value.get<double>();
  return std::isfinite(out) ? std::clamp(out, 0., 9e18) : 0;
}

std::uint64_t count(const json& object, std::string_view key) {
  return static_cast<std::uint64_t>(number(object, key));
}

std::string text(const json& object, std::string_view key) {
  const json& value = at(object, key);
  return value.is_string() ? printable(value.get_ref<const std::string&>()) : std::string();
}

std::string duration(const json& object, std::string_view key) {
  return kit::format_duration(Duration(static_cast<Duration::rep>(number(object, key))));
}

std::string since(double ns) {
  const auto seconds = static_cast<std::uint64_t>(ns / 1e9);
  if (seconds < 120) return fmt::format("{} s", seconds);
  if (seconds < 7200) return fmt::format("{} min", seconds / 60);
  if (seconds < 172'800) return fmt::format("{} h", seconds / 3600);
  return fmt::format("{} days", seconds / 86'400);
}

// "0.08", "12.3", "4,321": three digits that mean something.
std::string rate(double per_s) {
  if (per_s >= 100) return format_count(static_cast<std::uint64_t>(std::llround(per_s)));
  if (per_s == 0) return "0";
  return per_s >= 10 ? fmt::format("{:.1f}", per_s) : fmt::format("{:.2f}", per_s);
}

double per_span(const json& activity, std::string_view key) {
  const double span = number(activity, "span_ns");
  return span > 0 ? number(activity, key) / span : 0;
}

std::string lane_lines(const json& lane, const json& log) {
  const json& hold = at(lane, "hold_ns");
  const json& sync = at(lane, "sync_ns");
  return fmt::format(
      "lane  held {:.0f} % of the time, in {} ticks of {} p50, {} p99, {} at most\n"
      "disk  commits {}, durable {}; syncs {} p50, {} p99; log {} of {}",
      number(lane, "occupancy_ratio") * 100, format_count(count(lane, "ticks")),
      duration(hold, "p50"), duration(hold, "p99"), duration(hold, "max"),
      format_count(count(lane, "committed")), format_count(count(lane, "durable")),
      duration(sync, "p50"), duration(sync, "p99"), format_size(count(log, "bytes")),
      format_size(count(log, "limit_bytes")));
}

std::uint64_t lost(const json& one) {
  const json& ends = at(one, "ends_units");
  std::uint64_t out = 0;
  for (const char* end : {"rejected", "dropped", "expired", "incomplete", "unknown"}) {
    out += count(ends, end);
  }
  return out;
}

std::string classes_table(const json& classes) {
  constexpr std::size_t kNameColumns = 24;
  kit::Table table;
  table.group("", 1);
  table.group("now", 1);
  table.group("the last 10 s", 6);
  table.group("since the opening", 2);
  table.columns({"class", "queued", "pushed/s", "ended/s", "of the lane", "wait p50", "p99", "max",
                 "refused", "failed"});
  if (!classes.is_array()) return table.text();
  for (const json& one : classes) {
    const json& recent = at(one, "recent");
    const json& wait = at(recent, "wait_ns");
    table.row(
        {kit::clipped(text(one, "name"), kNameColumns), format_count(count(one, "queued_records")),
         rate(per_span(recent, "offered_units") * 1e9), rate(per_span(recent, "ended_units") * 1e9),
         fmt::format("{:.0f} %", std::min(per_span(recent, "held_ns"), 1.) * 100),
         duration(wait, "p50"), duration(wait, "p99"), duration(wait, "max"),
         format_count(count(one, "refused_units")), format_count(lost(one))});
  }
  return table.text();
}

std::string heading(const json& snapshot) {
  const std::string title = text(snapshot, "title");
  return fmt::format("{}, onelane {}, open for {}, {}", title.empty() ? "A journal" : title,
                     text(snapshot, "onelane_version"),
                     since(number(at(snapshot, "lane"), "open_ns")), text(snapshot, "standing"));
}

std::string verdict_lines(const json& verdict, std::size_t columns) {
  std::string out;
  const auto add = [&out, columns](std::string_view before, const std::string& sentence) {
    if (sentence.empty()) return;
    out += std::string(before) + kit::wrapped(sentence, {before.size(), columns}) + "\n";
  };
  add("", text(verdict, "condition"));
  add("", text(verdict, "blame"));
  const json& victims = at(verdict, "victims");
  if (!victims.is_array()) return out;
  for (const json& victim : victims) {
    if (victim.is_string()) add("- ", printable(victim.get_ref<const std::string&>()));
  }
  return out;
}

}  // namespace

View view_of(const json& snapshot, const ViewSize& size) {
  const json& verdict = at(snapshot, "verdict");
  View out;
  out.ok = !at(verdict, "ok").is_boolean() || at(verdict, "ok").get<bool>();
  out.headline = 2;
  std::istringstream all(heading(snapshot) + "\n\n" + verdict_lines(verdict, size.columns) + "\n" +
                         lane_lines(at(snapshot, "lane"), at(snapshot, "log")) + "\n\n" +
                         classes_table(at(snapshot, "classes")));
  for (std::string line; std::getline(all, line);) {
    out.lines.push_back(kit::clipped(line, size.columns));
  }
  if (size.lines > 0 && out.lines.size() > size.lines) {
    const std::size_t left_out = out.lines.size() - size.lines + 1;
    out.lines.resize(size.lines - 1);
    out.lines.push_back(kit::clipped(fmt::format("... {} lines more", left_out), size.columns));
  }
  return out;
}

}  // namespace onelane::tools
