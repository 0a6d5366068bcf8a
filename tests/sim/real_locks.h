// The locks that the library itself takes on SQLite's bytes of a database. They are on the real
// file that is called like the simulated one: SQLite has none there.
#pragma once

#include <string>

namespace onelane::test {

struct RealLocks {
  bool barred = false;    // a descriptor's shared lock: nobody gets the exclusive one
  bool regained = false;  // the process's shared lock, which no simulated file knows to be there
};

RealLocks real_locks(const std::string& path);

}  // namespace onelane::test
