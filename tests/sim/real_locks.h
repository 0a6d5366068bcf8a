// The locks that the library itself takes on the bytes that SQLite locks. They are on the real file
// with the simulated one's name, on which SQLite has no lock.
#pragma once

#include <string>

namespace onelane::test {

struct RealLocks {
  bool barred = false;    // a descriptor's shared lock: nobody gets the exclusive one
  bool regained = false;  // the process's shared lock, which no simulated file knows to be there
};

RealLocks real_locks(const std::string& path);

}  // namespace onelane::test
