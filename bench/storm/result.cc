#include "bench/storm/result.h"

#include <algorithm>

namespace onelane::bench::storm {

bool Verdict::verified() const {
  return faults == 0 &&
         std::all_of(lost.begin(), lost.end(), [](auto count) { return count == 0; });
}

std::uint64_t Verdict::lost_of(Source source) const {
  return index(source) < lost.size() ? lost[index(source)] : 0;
}

double StrategyResult::occupancy() const {
  if (elapsed == Nanoseconds(0)) return 0;
  return static_cast<double>(ledger.hold().sum()) / static_cast<double>(elapsed.count());
}

double StrategyResult::heavy_rows_per_s() const {
  if (heavy_elapsed == Nanoseconds(0)) return 0;
  std::uint64_t rows = 0;
  for (Source source : heavy) rows += ledger.of(source).rows;
  return static_cast<double>(rows) / to_seconds(heavy_elapsed);
}

}  // namespace onelane::bench::storm
