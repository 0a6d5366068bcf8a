// What one process measures of itself: it should have done nothing else before.
#pragma once

#include <cstdint>
#include <filesystem>

#include "bench/kit/trials.h"
#include "onelane/options.h"

namespace onelane::bench::memory {

struct Load {
  std::filesystem::path database;
  std::uint64_t row_bytes = 0;
  std::uint64_t producers = 1;  // threads that live at the same time
  std::uint64_t capacity_bytes = 0;
  WhenFull when_full = WhenFull::reject;
  std::uint64_t cycles = 1;  // of cycle()
};

// Resident memory that may be used: 1.25 times the capacity, and 64 KiB for each live producer.
double allowance_bytes(const Load& load);

// Producers push until the class is full, a tick stages all that and commits a little, and they
// push until it is full again. of_allowance, of_capacity and resident_mib are of the peak, less
// what was resident before the first push; rows are those that were queued.
Figures fill(const Load& load);

// Fills and drains over and over, each time with new threads. growth_kib is between a tenth of the
// cycles and the last, of_allowance of the largest after a fill.
Figures cycle(const Load& load);

}  // namespace onelane::bench::memory
