#include "bench/kit/resident.h"

#include "bench/kit/labelled.h"
#include "onelane/options.h"

namespace onelane::bench {

// Not from statm or status, whose counters lag behind by some pages a thread.
std::uint64_t resident_bytes() { return required_number("/proc/self/smaps_rollup", "Rss:") * kKiB; }

std::uint64_t resident_bytes_peak() {
  return required_number("/proc/self/status", "VmHWM:") * kKiB;
}

}  // namespace onelane::bench
