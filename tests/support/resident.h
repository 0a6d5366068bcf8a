// How much memory the process really has.
#pragma once

#include <unistd.h>

#include <fstream>

namespace onelane::test {

inline long resident_kb() {
  std::ifstream statm("/proc/self/statm");
  long pages = 0;
  statm >> pages >> pages;  // the second is what is resident
  return pages * (::sysconf(_SC_PAGESIZE) / 1024);
}

}  // namespace onelane::test
