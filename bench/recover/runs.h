// What one process of the question `recover` does: leave journaled rows behind, open a journal that
// finds them, or push the same rows to one without an intake. A process of its own each, so that
// its memory is known.
#pragma once

#include <cstdint>
#include <filesystem>

#include "bench/kit/trials.h"

namespace onelane::bench::recover {

struct Left {
  std::filesystem::path database;
  std::uint64_t rows = 0;  // of 16 and 100 bytes
  std::uint64_t seed = 1;
};

// How many rows take so much of an intake, within a few percent.
std::uint64_t rows_in(std::uint64_t intake_bytes);

// Journals all rows, applies none of them, and leaves the journal as a kill would: the process must
// end without destructors. left_mib is what the intake has of them, with padding.
Figures leave(const Left& left);

// Opens the journal that leave() left. ms and per_s are of Journal::open, peak_mib is the most
// memory that was resident meanwhile, less what was before, log_mib how large SQLite's log became.
// Throws RunError unless it applied all rows.
Figures reopen(const Left& left);

// Pushes the same rows to a journal with default options, and flushes it. ms and per_s are from the
// first push to the end of the flush, peak_mib as above.
Figures bulk(const Left& left);

}  // namespace onelane::bench::recover
