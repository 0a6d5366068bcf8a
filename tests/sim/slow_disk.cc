#include "tests/sim/slow_disk.h"

#include <algorithm>
#include <chrono>
#include <numeric>
#include <utility>

namespace onelane::test {

namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr double kCopyBytesPerNs = 2;  // from the page cache to the page cache
constexpr Duration kCommit = microseconds(60);
constexpr double kCommitBytes = 4096;
constexpr double kRowBytes = 100;
constexpr Duration kRowEvery = milliseconds(5);
constexpr double kBacklogMost = 64e6;

double ns_of(Duration time) { return static_cast<double>(time.count()); }
Duration from_ns(double ns) { return Duration(static_cast<Duration::rep>(ns)); }

}  // namespace

SlowDisk::SlowDisk(const DiskLoad& load, std::uint64_t seed)
    : load_(load),
      random_(seed),
      keeper_({.log = this, .state = state_, .clock = clock_},
              {.limit = load.limit, .hold = load.hold}),
      backlogs_(load.heavy),
      next_row_(clock_.now()) {
  pauses_.reserve(load.heavy + 1);
  for (std::size_t i = 0; i <= load.heavy; ++i) pauses_.add_class(1);
  keeper_.use({.close_in =
                   [this](Log& log) {
                     const TimePoint began = clock_.now();
                     engine::Closing out{log.close_in(), {}};
                     out.held = clock_.now() - began;
                     hold_ = std::max(hold_, out.held);
                     ++closings_;
                     return out;
                   },
               .poison = [](const Status&) {}});
}

DiskFigures SlowDisk::run(Duration time) {
  start_ = clock_.now();
  end_ = start_ + time;
  while (clock_.now() < end_) {
    keeper_.run_due();
    const TimePoint looks = std::min(clock_.now() + milliseconds(10), end_);
    while (clock_.now() < looks && !keeper_.wanted()) lane_until(looks);
  }
  DiskFigures out{.log = static_cast<double>(most_) / static_cast<double>(load_.limit),
                  .log_last = static_cast<double>(bytes_) / static_cast<double>(load_.limit),
                  .hold = hold_,
                  .heavy_bytes_per_s = written_ / ns_of(clock_.now() - start_) * 1e9,
                  .closings = closings_};
  out.share = out.heavy_bytes_per_s / possible();
  std::sort(waits_.begin(), waits_.end());
  if (!waits_.empty()) {
    out.wait_p50 = waits_[waits_.size() / 2];
    out.wait_p99 = waits_[waits_.size() * 99 / 100];
    out.wait_max = waits_.back();
  }
  return out;
}

// With rounds of a quarter of the limit, nothing in the way, and nothing ever waiting.
double SlowDisk::possible() const {
  const double round = static_cast<double>(load_.limit) / 4;
  const double home = std::min(round, static_cast<double>(load_.hot));
  double mean = 0;
  for (const double factor : {1.0, load_.later}) {
    const double rate = load_.bytes_per_s / 1e9 * factor * (load_.neighbour ? 5.0 / 6 : 1);
    const double ns = (round + home) / rate + 2 * ns_of(load_.floor) + round / kCopyBytesPerNs;
    mean += round / ns / 2;
  }
  return std::min({mean * 1e9, load_.heavy_bytes_per_s, load_.lane_bytes_per_s * 0.9});
}

// --- The disk.

double SlowDisk::bytes_per_ns() const {
  double rate = load_.bytes_per_s / 1e9;
  const Duration since = clock_.now() - start_;
  if (since > (end_ - start_) / 2) rate *= load_.later;
  if (load_.neighbour && since % seconds(2) < milliseconds(500)) rate /= 3;
  return rate;
}

Duration SlowDisk::takes(double bytes) {
  const bool hiccup = load_.hiccups && random_() % 400 == 0;
  return load_.floor + from_ns(bytes / bytes_per_ns()) + (hiccup ? seconds(1) : seconds(0));
}

Reply SlowDisk::write_out() {
  lane_for(takes(std::exchange(dirty_log_, 0)));
  return {};
}

LogPass SlowDisk::copy_back(std::uint64_t piece_bytes) {
  const std::uint64_t all = bytes_;
  lane_for(takes(std::exchange(dirty_log_, 0)));
  if (pinned()) return {.bytes = all, .copied = copied_};
  const std::uint64_t bytes = all - copied_;
  lane_for(from_ns(static_cast<double>(bytes) / kCopyBytesPerNs));
  copied(all);
  const auto piece = static_cast<double>(piece_bytes);
  while (dirty_database_ >= piece) {
    lane_for(takes(piece));
    dirty_database_ -= piece;
  }
  return {.bytes = all, .copied = all};
}

Reply SlowDisk::sync() {
  lane_for(takes(std::exchange(dirty_database_, 0)));
  return {};
}

LogPass SlowDisk::close_in() {
  clock_.advance(takes(std::exchange(dirty_log_, 0)));
  if (pinned()) return {.bytes = bytes_, .copied = copied_};
  clock_.advance(from_ns(static_cast<double>(bytes_ - copied_) / kCopyBytesPerNs));
  copied(bytes_);
  clock_.advance(takes(std::exchange(dirty_database_, 0)));
  return {.bytes = bytes_, .copied = bytes_};
}

void SlowDisk::copied(std::uint64_t bytes) {
  dirty_database_ += std::min(static_cast<double>(bytes - copied_), static_cast<double>(load_.hot));
  copied_ = bytes;
  may_copy_ = bytes_ > bytes;
}

// --- The lane.

// Beside the log keeper, which may always have something to do: the time ends here.
void SlowDisk::lane_for(Duration time) {
  const TimePoint until = clock_.now() + time;
  while (clock_.now() < until) lane_until(until);
  if (clock_.now() >= end_) (void)state_.poison({Errc::closed, "the time is over"});
}

// A tick, or a wait for one.
void SlowDisk::lane_until(TimePoint until) {
  const TimePoint now = clock_.now();
  const engine::Room room = keeper_.room();
  if (!room.paced) pauses_.lift();
  const auto pauses = [&](std::size_t i) { return now < pauses_.until(i); };
  std::vector<double> bytes(load_.heavy + 1);
  std::size_t ready = 0;
  for (std::size_t i = 0; i < load_.heavy; ++i) ready += backlogs_[i] >= 1 && !pauses(i) ? 1 : 0;
  const double hold = ns_of(std::min(room.hold, load_.hold)) / static_cast<double>(ready);
  const double most =
      std::max(static_cast<double>(load_.guarantee), load_.lane_bytes_per_s / 1e9 * hold);
  for (std::size_t i = 0; i < load_.heavy; ++i) {
    if (backlogs_[i] >= 1 && !pauses(i)) bytes[i] = std::min(backlogs_[i], most);
  }
  if (first_row_ && !pauses(load_.heavy)) bytes.back() = kCommitBytes + kRowBytes * rows_;
  if (ready != 0 || bytes.back() > 0) return tick(bytes);
  TimePoint next = now + milliseconds(1);
  for (std::size_t i = 0; i <= load_.heavy; ++i) {
    if (pauses_.until(i) > now) next = std::min(next, pauses_.until(i));
  }
  const Duration time = std::max(std::min(next, until) - now, Duration(1));
  arrive(time);
  clock_.advance(time);
}

// Of so many bytes of each class.
void SlowDisk::tick(std::span<const double> bytes) {
  const TimePoint began = clock_.now();
  const double added = std::max(std::accumulate(bytes.begin(), bytes.end(), 0.0), kCommitBytes);
  const Duration held = kCommit + from_ns(added / load_.lane_bytes_per_s * 1e9);
  const std::optional<TimePoint> row = bytes.back() > 0 ? first_row_ : std::nullopt;
  if (row) {
    first_row_.reset();
    rows_ = 0;
  }
  arrive(held);
  clock_.advance(held);
  if (row) waits_.push_back(clock_.now() - *row);
  std::vector<Duration> spent;
  for (std::size_t i = 0; i <= load_.heavy; ++i) {
    spent.push_back(from_ns(bytes[i] / load_.lane_bytes_per_s * 1e9));
    if (i == load_.heavy) break;
    backlogs_[i] -= bytes[i];
    written_ += bytes[i];
  }
  if (copied_ == bytes_) bytes_ = copied_ = 0;  // it begins anew
  bytes_ += static_cast<std::uint64_t>(added);
  added_ += static_cast<std::uint64_t>(added);
  dirty_log_ += added;
  ++commits_;
  may_copy_ = true;
  most_ = std::max(most_, bytes_);
  pauses_.tick(began, keeper_.tick_ended(held), spent);
}

void SlowDisk::arrive(Duration time) {
  const auto classes = static_cast<double>(load_.heavy);
  const double each = load_.heavy_bytes_per_s / 1e9 * ns_of(time) / classes;
  for (double& backlog : backlogs_) backlog = std::min(backlog + each, kBacklogMost / classes);
  for (; next_row_ <= clock_.now() + time; next_row_ += kRowEvery) {
    if (!first_row_) first_row_ = next_row_;
    ++rows_;
  }
}

}  // namespace onelane::test
