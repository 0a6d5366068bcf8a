// What statements and commits take, learned from a trace: a mean by records and bytes, and how the
// single ones differed from it. A virtual tick takes the mean, times the ratio of a recorded one of
// about its size.
//
// That is the one of about the same time. Where the machine stood still, what pushes did, too: at
// another time as many pushes as ever would wait for it.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "onelane/clock.h"
#include "onelane/trace.h"

namespace onelane::inline v0::tuning {

// took = fixed + records * per_record + bytes * per_byte, in ns; none is below 0.
struct MeanCost {
  double fixed = 0;
  double per_record = 0;
  double per_byte = 0;
  double of(double records, double bytes) const {
    return fixed + records * per_record + bytes * per_byte;
  }
};

struct Sample {
  TimePoint at;
  double records = 0;
  double bytes = 0;
  double took = 0;  // ns
};

// Least squares; where the samples cannot tell the three apart, the fewer of them.
MeanCost fit(const std::vector<Sample>& samples);

// What was recorded at some times, in their order.
class Recorded {
 public:
  bool empty() const { return all_.empty(); }
  void add(TimePoint at, double value) { all_.push_back({at, value}); }
  // From here on the one so many after the nearest is given.
  void shift(std::size_t by) { shift_ = by; }
  // The one nearest to that time, of those from the last one that was given on. Not of none.
  double at(TimePoint when);

 private:
  struct One {
    TimePoint at;
    double value = 0;
  };
  std::vector<One> all_;
  std::size_t index_ = 0;
  std::size_t shift_ = 0;
};

class Draws {
 public:
  Draws() = default;
  explicit Draws(const std::vector<Sample>& samples);
  void shift(std::size_t by) {
    for (Recorded& each : ratios_) each.shift(by);
  }
  const MeanCost& mean() const { return mean_; }
  // The ratio to the mean of a recorded one of about this size; 1 if there is none.
  double ratio(double records, double bytes, TimePoint now);
  // The mean, times that.
  double next(double records, double bytes, TimePoint now) {
    return mean_.of(records, bytes) * ratio(records, bytes, now);
  }

 private:
  static std::size_t bucket_of(double records, double bytes);

  MeanCost mean_;
  std::array<Recorded, 48> ratios_{};  // sizes by powers of 2
};

// How long a job's step is that uses up its time: that, and what recorded ones took beyond it.
class StepLengths {
 public:
  // One that had that time.
  void add(TimePoint at, Duration took, Duration had) {
    ++steps_;
    if (took < had / 5 * 4) return;  // it took clearly less, and so ended by itself
    over_.add(at, static_cast<double>((took - had).count()));
    ++used_up_;
  }
  // Whether it is the time that ends them. The last one of a job never uses it up.
  bool by_time() const { return used_up_ * 2 >= steps_ && used_up_ != 0; }
  // ns; there must be some.
  double next(Duration has, TimePoint now) {
    return std::max(1.0, static_cast<double>(has.count()) + over_.at(now));
  }

 private:
  Recorded over_;
  std::size_t steps_ = 0;
  std::size_t used_up_ = 0;
};

// 0 if none was recorded.
class Gaps {
 public:
  void add(TimePoint at, Duration gap) {
    gaps_.add(at, static_cast<double>(std::max(gap, Duration(0)).count()));
  }
  void shift(std::size_t by) { gaps_.shift(by); }
  Duration next(TimePoint now) {
    if (gaps_.empty()) return Duration(0);
    return Duration(static_cast<Duration::rep>(gaps_.at(now)));
  }

 private:
  Recorded gaps_;
};

// What the log had room for when a tick was planned.
struct Room {
  TimePoint at;
  Duration hold{0};
  Duration most{0};
};

// All that a prediction draws from.
struct Samples {
  std::vector<Draws> slices;       // by class: statements
  Draws commits;                   // BEGIN's and COMMIT's own
  Gaps to_begin;                   // from the plan to BEGIN
  Gaps to_settle;                  // from the end of COMMIT to the settled receipts
  Gaps wakes;                      // from the first push to an idle lane to the plan
  Gaps busy;                       // from the settled receipts to the next plan, if more waits
  Draws log;                       // bytes that a tick adds to the log
  Draws pauses;                    // for the disk, after a tick
  std::vector<Room> rooms;         // by plan
  std::vector<StepLengths> steps;  // by class
  // How many of the passes that closed the log began before most threads had pushed for the last
  // time.
  std::size_t passes_under_load = 0;
  std::unordered_map<std::uint32_t, double> jobs;  // ns that each took, by its number

  // What ticks took is drawn from others than those of the same time.
  void shift(std::size_t by) {
    for (Draws& each : slices) each.shift(by);
    commits.shift(by);
    for (Gaps* each : {&to_begin, &to_settle, &wakes, &busy}) each->shift(by);
  }
  double job_ns(std::uint32_t unit) const {
    const auto at = jobs.find(unit);
    return at == jobs.end() ? 0 : at->second;
  }
};
Samples samples_of(const Trace& trace);

}  // namespace onelane::inline v0::tuning
