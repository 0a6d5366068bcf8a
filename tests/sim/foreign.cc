#include "tests/sim/foreign.h"

#include <sqlite3.h>

namespace onelane::test {

bool Foreign::run(const std::string& sql) {
  if (running_) return false;
  running_ = true;
  if (db_ == nullptr) {
    // Without a mutex: there is one thread, and while one side runs the other may have its turn.
    sqlite3_open_v2(database_.c_str(), &db_, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
    sqlite3_exec(db_, "PRAGMA synchronous=NORMAL; PRAGMA wal_autocheckpoint=0", nullptr, nullptr,
                 nullptr);
  }
  const bool went_well = sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK;
  if (!went_well) sqlite3_exec(db_, "ROLLBACK", nullptr, nullptr, nullptr);
  running_ = false;
  return went_well;
}

void Foreign::close() {
  sqlite3_close(db_);
  db_ = nullptr;
}

}  // namespace onelane::test
