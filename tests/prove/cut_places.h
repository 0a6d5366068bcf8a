// Where the power is cut under a journal whose lives are noted on a disk's log.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "tests/sim/disk_log.h"
#include "tests/sim/power_cut.h"

namespace onelane::prove {

struct Cuts {
  std::uint64_t count = 0;
  std::size_t opening_percent = 0;  // of these, while a later life's journal is opened
  bool later = false;               // the log's first life is a later one itself
};

struct CutPlaces {
  std::vector<std::size_t> events;  // before which the power is cut, in order
  std::uint64_t in_openings = 0;    // of these
};

// Anywhere, and more often while a later life's journal is opened (kLifeNote to kOpenNote).
CutPlaces cut_places(const test::DiskLog& log, const Cuts& how, test::Random& random);

}  // namespace onelane::prove
