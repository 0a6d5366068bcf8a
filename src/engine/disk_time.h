// How long this disk takes to sync so many bytes: a floor, and a time for each byte beyond it. Both
// are learned from the last syncs. So whatever else the disk does meanwhile is in them, and so is
// that a page which was changed several times is written once.
#pragma once

#include <cstdint>

#include "onelane/clock.h"
#include "onelane/options.h"
#include "onelane/stats.h"
#include "src/base/least_squares.h"

namespace onelane::inline v0::engine {

// A least-squares fit of the line to the last few passes, each relative to its size, so that small
// ones tell the floor and large ones the rate. Passes of one size say nothing about which of the
// two they took: then the floor is what kEvenBytes take.
class DiskTime {
 public:
  static constexpr std::uint64_t kEvenBytes = 512 * kKiB;

  // So many bytes, at least 1, took so long.
  void learn(std::uint64_t bytes, Duration took);
  Duration floor() const;
  // Without the floor.
  Duration of(std::uint64_t bytes) const;
  Duration predict(std::uint64_t bytes) const { return floor() + of(bytes); }
  // How many bytes are done within this time, the floor included; at least 1.
  std::uint64_t within(Duration time) const;
  double bytes_per_s() const { return 1e9 / per_byte_ns(); }
  DiskTimeStats stats() const {
    return sums_.uu == 0 ? DiskTimeStats() : DiskTimeStats{floor(), bytes_per_s()};
  }

 private:
  double per_byte_ns() const { return even_ns_ / static_cast<double>(kEvenBytes); }

  // Before the first pass: a memory card's, so that little is begun with.
  double floor_ns_ = 5e6;
  double even_ns_ = 25e6;  // for kEvenBytes

  // Of passes with x bytes that took y: u = 1 / (1 + x / kEvenBytes), v = 1 - u, took = uy; so a is
  // the floor, and b what kEvenBytes take.
  base::LeastSquares sums_;
};

struct DiskModel {
  DiskTime log;       // a sync of the log, by the bytes that commits added since the one before
  DiskTime database;  // a checkpoint of a part of the log and the database's sync, by that part
};

}  // namespace onelane::inline v0::engine
