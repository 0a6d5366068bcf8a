// The process's resident memory.
#pragma once

#include <unistd.h>

#include <fstream>

#include "tests/support/scale.h"

namespace onelane::test {

// A sanitizer's own memory counts, too, and grows with ours.
inline constexpr bool kResidentTells = kSlowdown == 1;

inline long resident_kb() {
  std::ifstream statm("/proc/self/statm");
  long pages = 0;
  statm >> pages >> pages;  // the second is what is resident
  return pages * (::sysconf(_SC_PAGESIZE) / 1024);
}

}  // namespace onelane::test
