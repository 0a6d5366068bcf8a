// A log on a disk that takes time, on a virtual clock, with the lane that fills it: what the log
// keeper makes of them. The log keeper is the real one; of the lane there is what it does to the
// log.
//
// A disk has a rate and a floor: a sync takes the floor, and what is dirty of its file through the
// rate. It may become faster or slower in the middle, have a neighbour that comes and goes, or take
// a second longer once in a while. A load is two classes: a heavy one, which has a guarantee and
// changes a part of the database again and again, and a small one, which writes a row every 5 ms.
// There may be several heavy ones, which are alike.
#pragma once

#include <cstdint>
#include <optional>
#include <random>
#include <span>
#include <vector>

#include "onelane/options.h"
#include "src/engine/lane_state.h"
#include "src/engine/log_keeper.h"
#include "src/schedule/pauses.h"
#include "tests/support/fake_clock.h"

namespace onelane::test {

struct DiskLoad {
  std::uint64_t limit = 64 * kMiB;  // of the log
  Duration hold = std::chrono::milliseconds(10);
  // The disk.
  double bytes_per_s = 1e9;
  Duration floor{0};
  double later = 1;        // the rate's factor in the second half
  bool neighbour = false;  // a third of the rate for half a second of each two
  bool hiccups = false;    // one sync in 400 takes a second longer
  Duration reader{0};      // that a reader keeps all of the log from the beginning on
  // The load.
  double lane_bytes_per_s = 400e6;       // that a tick adds to the log
  std::size_t heavy = 1;                 // classes
  double heavy_bytes_per_s = 100e6;      // that all of them want to add
  std::uint64_t guarantee = 500 * kKiB;  // of each, in bytes of the log
  std::uint64_t hot = kMiB;              // bytes of the database that it changes
};

struct DiskFigures {
  double log = 0;        // its largest size, in limits
  double log_last = 0;   // its size at the end
  Duration hold{0};      // the longest of a closing pass
  Duration wait_p50{0};  // of the small class, from its row's arrival to its commit
  Duration wait_p99{0};
  Duration wait_max{0};
  double heavy_bytes_per_s = 0;  // that all heavy classes committed
  double share = 0;              // of what this disk could take of this load
  std::uint64_t closings = 0;
};

class SlowDisk final : public Log {
 public:
  SlowDisk(const DiskLoad& load, std::uint64_t seed);
  DiskFigures run(Duration time);

  LogState state() const noexcept override {
    return {.bytes = bytes_, .commits = commits_, .written_bytes = added_, .may_copy = may_copy_};
  }
  LogPass copy_back(std::uint64_t piece_bytes) override;
  Reply write_out() override;
  Reply sync() override;
  LogPass close_in() override;
  std::vector<LogReader> readers() const override { return {}; }
  std::string_view hazard() const noexcept override { return {}; }

 private:
  Duration takes(double bytes);
  double bytes_per_ns() const;
  double possible() const;
  bool pinned() const { return clock_.now() - start_ < load_.reader; }
  void lane_for(Duration time);
  void lane_until(TimePoint until);
  void tick(std::span<const double> bytes);
  void copied(std::uint64_t bytes);
  void arrive(Duration time);

  const DiskLoad load_;
  std::mt19937_64 random_;
  FakeClock clock_;
  std::uint64_t bytes_ = 0;
  std::uint64_t commits_ = 0;
  std::uint64_t added_ = 0;
  std::uint64_t copied_ = 0;
  bool may_copy_ = false;

  engine::LaneState state_;
  engine::LogKeeper keeper_;  // asks for the above
  TimePoint start_;
  TimePoint end_;

  double dirty_log_ = 0;
  double dirty_database_ = 0;

  std::vector<double> backlogs_;  // of the heavy classes, bytes
  TimePoint next_row_;            // of the small class
  std::optional<TimePoint> first_row_;
  int rows_ = 0;
  schedule::Pauses pauses_;  // of the heavy classes, and the small one

  double written_ = 0;  // of the heavy classes
  std::uint64_t most_ = 0;
  Duration hold_{0};
  std::uint64_t closings_ = 0;
  std::vector<Duration> waits_;
};

}  // namespace onelane::test
