// What a run of a store with an intake shows besides its rate, held against what its disk and
// processors allow.
#pragma once

#include <string>
#include <vector>

#include "bench/contestants/store.h"
#include "bench/kit/trials.h"
#include "bench/kit/units.h"

namespace onelane::bench {

// One run.
struct IntakeRun {
  IntakeUse used;  // in it
  std::uint64_t rows = 0;
  std::uint64_t row_bytes = 0;  // of each: key and value
  std::uint64_t callers = 1;
  Nanoseconds elapsed{0};
  Nanoseconds drained{0};  // of that, until all was applied that was journaled by then
  double sync_us = 0;      // T: what the disk needs for a mean group of it
  double cpu_share = 0;    // of all processors, this process's
};

// In the order of the table:
//   rows_per_group
//   sync_us         of a group's write and sync in the run, the median since the store was opened
//   t_us            T: the same on a file of its own while nothing else is done
//   of_limit        how near the rate came to N callers' N / (2 T), or the use of the processors to
//                   all of them, whichever is nearer. 1: that is all there is
//   drain_share     of the time, that in which nothing was written any more, but applied
//   overhead_bytes  of the intake for each row, beyond the row's own and beside padding
//   padding_bytes   for each row
//   of_log          bytes written to the intake, by those written to SQLite's log
const std::vector<std::string>& intake_figure_names();
Figures intake_figures(const IntakeRun& run);
// Of a store without one.
Figures no_intake_figures();

// The share of all processors that this process used, from its making to share().
class ProcessorUse {
 public:
  ProcessorUse();
  double share(Nanoseconds elapsed) const;

 private:
  Nanoseconds before_;
};

}  // namespace onelane::bench
