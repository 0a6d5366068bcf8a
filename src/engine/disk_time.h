// How long this disk takes for so many bytes: two numbers, a floor and a time for each byte,
// learned from what it took until now. Whatever else the disk does is in them, and how often one
// page is written anew.
#pragma once

#include <cstdint>

#include "onelane/clock.h"
#include "onelane/options.h"
#include "onelane/stats.h"

namespace onelane::engine {

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
    return uu_ == 0 ? DiskTimeStats() : DiskTimeStats{floor(), bytes_per_s()};
  }

 private:
  double per_byte_ns() const { return even_ns_ / static_cast<double>(kEvenBytes); }

  // Before the first pass: a memory card's, so that little is begun with.
  double floor_ns_ = 5e6;
  double even_ns_ = 25e6;  // for kEvenBytes

  // Of passes with x bytes that took y, u = 1 / (1 + x / kEvenBytes) and v = 1 - u: the sums of
  // uu, uv, vv, uuy and uvy, forgetting.
  double uu_ = 0, uv_ = 0, vv_ = 0, uy_ = 0, vy_ = 0;
};

// Of the log's sync, by the bytes that were added since the last one; and of copying so many bytes
// of the log back and syncing the database's file.
struct DiskModel {
  DiskTime log;
  DiskTime database;
};

}  // namespace onelane::engine
