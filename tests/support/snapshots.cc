#include "tests/support/snapshots.h"

#include <cmath>

namespace onelane::test {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint kNow{3h + 12min};

Activity activity(Duration span, std::uint64_t count, Duration held, Duration wait) {
  Activity out;
  out.span = span;
  out.offered = count;
  out.ended = count;
  out.commits = count / 10 + 1;
  out.held = held;
  out.wait_ns = spread(count, wait);
  out.total_ns = spread(count, wait + 1ms);
  return out;
}

ClassStats class_of(const std::string& name, Duration wait, Duration held_a_minute) {
  ClassStats one;
  one.name = name;
  one.offered = 120'040;
  one.accepted = 120'000;
  one.refused = 40;
  one.ends[static_cast<std::size_t>(End::committed)] = 119'000;
  one.ends[static_cast<std::size_t>(End::rejected)] = 12;
  one.in_flight = 988;
  one.queued_records = 950;
  one.queued_bytes = 3'500'000;
  one.wait_ns = spread(2'000, wait);
  one.total_ns = spread(2'000, wait + 1ms);
  one.commits = 7'000;
  one.held = held_a_minute * 190;
  one.minute = activity(62s, 600, held_a_minute, wait);
  one.recent = activity(12s, 100, held_a_minute / 6, wait);
  for (int i = 12; i > 0; --i) {
    const Duration at = wait * (1 + (i * 7) % 5);
    one.timeline.push_back({kNow - 5s * i, 5s, 50, 50, held_a_minute / 12,
                            static_cast<std::uint64_t>((at / 2).count()),
                            static_cast<std::uint64_t>((at * 2).count()),
                            static_cast<std::uint64_t>((at * 3).count())});
  }
  one.worst_wait_ticks = 14;
  return one;
}

WaitedBehind behind(std::vector<Duration> classes, Duration checkpoint, Duration other) {
  WaitedBehind out{std::move(classes), {}};
  out.obstacles[static_cast<std::size_t>(Obstacle::checkpoint)] = checkpoint;
  out.obstacles[static_cast<std::size_t>(Obstacle::other)] = other;
  return out;
}

CallSiteStats site_of(std::uint32_t write_class, const std::string& label) {
  return {write_class, label, activity(3h, 2'000, 30s, 1ms), activity(62s, 600, 10s, 1ms),
          activity(12s, 100, 2s, 1ms)};
}

TickStats tick_of(Duration ago, Duration hold) {
  return {.began = kNow - ago,
          .hold = hold,
          .statements = hold * 8 / 10,
          .commit_time = hold / 10,
          .commit = 41'000,
          .attempts = 1,
          .parts = {{0, 12, 340, 1'500'000, hold * 7 / 10}, {1, 3, 3, 300, hold / 10}}};
}

}  // namespace

Histogram spread(std::uint64_t count, Duration least) {
  Histogram out;
  for (std::uint64_t i = 0; i < count; ++i) {
    const double part = static_cast<double>(i) / static_cast<double>(count);
    out.record(static_cast<std::uint64_t>(static_cast<double>(least.count()) * std::pow(10, part)));
  }
  return out;
}

JournalStats busy_snapshot() {
  JournalStats stats;
  stats.when = kNow;
  stats.classes = {class_of("blobs", 3ms, 44'020ms), class_of("connect", 950us, 2s)};
  stats.classes[0].behind_minute = behind({20s, 1s}, 800ms, 400ms);
  stats.classes[1].behind_minute = behind({34s, 3s}, 11s, 7s);
  stats.classes[0].behind = stats.classes[0].behind_minute;
  stats.classes[1].behind = stats.classes[1].behind_minute;
  stats.classes[1].rejections.push_back(
      {12, Status(Errc::record, "UNIQUE constraint failed: peers.id"), kNow - 40s});
  stats.call_sites = {site_of(0, "store.cc:88 put_blob"), site_of(1, "peers.cc:42 on_connect")};
  stats.slowest_ticks = {tick_of(3s, 19ms), tick_of(17s, 14ms)};
  stats.slowest_units = {
      {1, "peers.cc:42 on_connect", kNow - 3s, 21ms, 23ms, 41'000, behind({13ms, 1ms}, 4ms, 3ms)}};
  stats.committed = 41'200;
  stats.durable = 41'190;
  stats.ticks = 41'300;
  stats.hold_ns = spread(2'000, 2ms);
  stats.sync_ns = spread(200, 400us);
  stats.units_per_tick.record(std::uint64_t{12});
  stats.bytes_per_tick.record(std::uint64_t{1'500'000});
  stats.open = 3h + 12min;
  stats.held = 2h;
  stats.occupancy = 0.63;
  stats.log.limit_bytes = 64 << 20;
  stats.log.bytes = 21 << 20;
  stats.log.bytes_max = 58 << 20;
  stats.log.passes = 900;
  stats.log.closings = 40;
  stats.log.closing_hold_ns = spread(40, 3ms);
  stats.log.disk = {{160us, 4.2e8}, {900us, 2.1e8}};
  return stats;
}

JournalStats large_snapshot(std::size_t classes, std::size_t call_sites) {
  JournalStats stats = busy_snapshot();
  stats.classes.clear();
  stats.call_sites.clear();
  for (std::size_t i = 0; i < classes; ++i) {
    stats.classes.push_back(class_of("class" + std::to_string(i), 2ms, 900ms));
    stats.classes.back().behind = behind(std::vector<Duration>(classes, 2ms), 1ms, 1ms);
    stats.classes.back().behind_minute = stats.classes.back().behind;
  }
  for (std::size_t i = 0; i < call_sites; ++i) {
    stats.call_sites.push_back(site_of(static_cast<std::uint32_t>(i % classes),
                                       "file.cc:" + std::to_string(i) + " function"));
  }
  return stats;
}

JournalStats hostile_snapshot(const std::string& text) {
  JournalStats stats = busy_snapshot();
  const Status cause(Errc::storage, text);
  for (ClassStats& one : stats.classes) {
    one.name = text;
    one.rejections.assign(1, {1, cause, kNow});
  }
  for (CallSiteStats& site : stats.call_sites) site.label = text;
  for (TickStats& tick : stats.slowest_ticks) tick.longest_step = text;
  for (SlowUnitStats& unit : stats.slowest_units) unit.label = text;
  stats.longest_step = text;
  stats.overlong_steps = 1;
  stats.log.pinned_bytes = 1 << 20;
  stats.log.pinned_since = kNow - 7s;
  stats.log.readers.push_back({4711, text});
  stats.log.blocked = cause;
  stats.log.hazard = text;
  stats.poison = cause;
  return stats;
}

}  // namespace onelane::test
