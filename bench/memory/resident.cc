#include "bench/memory/resident.h"

#include <fmt/format.h>

#include <fstream>
#include <string>
#include <string_view>

#include "bench/kit/errors.h"

namespace onelane::bench::memory {
namespace {

constexpr std::uint64_t kKiB = 1024;

// A line "Name:   123 kB".
std::uint64_t kilobytes(const char* path, std::string_view name) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(name)) return std::stoull(line.substr(name.size())) * kKiB;
  }
  throw RunError(fmt::format("{} does not say {}", path, name));
}

}  // namespace

// Not from statm or status, whose counters lag behind by some pages a thread.
std::uint64_t resident_bytes() { return kilobytes("/proc/self/smaps_rollup", "Rss:"); }

std::uint64_t resident_bytes_peak() { return kilobytes("/proc/self/status", "VmHWM:"); }

}  // namespace onelane::bench::memory
