#include "src/engine/series.h"

#include <algorithm>
#include <map>
#include <utility>

namespace onelane::inline v0::engine {

namespace {

std::uint64_t nanoseconds(Duration value) noexcept {
  return static_cast<std::uint64_t>(std::max(value, Duration(0)).count());
}
Duration duration(const std::atomic<std::uint64_t>& ns) {
  return Duration(static_cast<Duration::rep>(ns.load(std::memory_order_relaxed)));
}

// What slices add up to.
struct Window {
  std::uint64_t offered = 0;
  std::uint64_t commits = 0;
  Duration held{0};
  model::CoarseHistogram::Sum wait;
  model::CoarseHistogram::Sum total;

  template <class Slice>
  void add(const Slice& slice) {
    offered += slice.offered.load(std::memory_order_relaxed);
    commits += slice.commits.load(std::memory_order_relaxed);
    held += duration(slice.held_ns);
    wait.add(slice.wait);
    total.add(slice.total);
  }
};

}  // namespace

void Series::Slice::clear() noexcept {
  for (auto* each : {&offered, &commits, &held_ns}) each->store(0, std::memory_order_relaxed);
  wait.clear();
  total.clear();
}

void Series::offered(TimePoint now, std::uint64_t units) noexcept {
  model::add(offered_, units);
  const std::uint64_t refused = refused_.load(std::memory_order_relaxed);
  model::add(slices_.at(now).offered, units + refused - std::exchange(refused_seen_, refused));
}

void Series::one(Duration value, model::SharedHistogram& all, TimePoint now,
                 model::CoarseHistogram Slice::*part) noexcept {
  const std::uint64_t ns = nanoseconds(value);
  const std::size_t bucket = Histogram::bucket_of(ns);
  all.record(bucket, 1, ns, ns);
  (slices_.at(now).*part).record(bucket, 1, ns, ns);
}

void Series::held(std::uint64_t commit, Duration time, TimePoint now) noexcept {
  const std::uint64_t commits = commit == last_commit_ ? 0 : 1;
  last_commit_ = commit;
  Slice& slice = slices_.at(now);
  model::add(commits_, commits);
  model::add(slice.commits, commits);
  model::add(held_ns_, nanoseconds(time));
  model::add(slice.held_ns, nanoseconds(time));
}

Activity SeriesSum::all() const {
  Activity out;
  out.span = now_ - opened_;
  for (const Series* part : parts_) {
    out.offered += part->offered_.load(std::memory_order_relaxed) +
                   part->refused_.load(std::memory_order_relaxed);
    out.commits += part->commits_.load(std::memory_order_relaxed);
    out.held += duration(part->held_ns_);
    out.wait_ns.merge(part->all_.wait.snapshot());
    out.total_ns.merge(part->all_.total.snapshot());
  }
  out.ended = out.total_ns.count();
  return out;
}

Activity SeriesSum::newest(std::size_t whole) const {
  Window window;
  for (const Series* part : parts_) {
    part->slices_.newest(now_, whole,
                         [&](std::int64_t /*number*/, const auto& slice) { window.add(slice); });
  }
  Activity out;
  out.span = span_of(opened_, now_, whole);
  out.offered = window.offered;
  out.ended = window.total.count();
  out.commits = window.commits;
  out.held = window.held;
  out.wait_ns = window.wait.histogram();
  out.total_ns = window.total.histogram();
  return out;
}

std::vector<ActivityPoint> SeriesSum::timeline() const {
  std::map<std::int64_t, Window> windows;
  for (const Series* part : parts_) {
    part->slices_.newest(now_, kSlicesOfMinute, [&](std::int64_t number, const auto& slice) {
      windows[number].add(slice);
    });
  }
  std::vector<ActivityPoint> out;
  for (const auto& [number, window] : windows) {
    const TimePoint from = std::max(begin_of_slice(number), opened_);
    const Histogram waits = window.wait.histogram();
    out.push_back({.from = from,
                   .span = std::min(begin_of_slice(number + 1), now_) - from,
                   .offered = window.offered,
                   .ended = window.total.count(),
                   .held = window.held,
                   .wait_p50_ns = waits.p50(),
                   .wait_p99_ns = waits.p99(),
                   .wait_max_ns = waits.max()});
  }
  return out;
}

}  // namespace onelane::inline v0::engine
