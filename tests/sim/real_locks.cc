#include "tests/sim/real_locks.h"

#include <sys/stat.h>

#include <cstdint>
#include <fstream>

namespace onelane::test {

// Read from the system's list, since to open the file and close it would drop the process's locks.
RealLocks real_locks(const std::string& path) {
  constexpr std::uint64_t kSharedFirst = 0x40000002;
  RealLocks out;
  struct stat file = {};
  if (::stat(path.c_str(), &file) != 0) return out;
  const std::string inode = ':' + std::to_string(file.st_ino);
  std::ifstream list("/proc/locks");
  std::string number, owner, advisory, type, process, where, last;
  std::uint64_t first = 0;
  while (list >> number >> owner >> advisory >> type >> process >> where >> first >> last) {
    if (!where.ends_with(inode) || first != kSharedFirst || type != "READ") continue;
    (owner == "OFDLCK" ? out.barred : out.regained) = true;
  }
  return out;
}

}  // namespace onelane::test
