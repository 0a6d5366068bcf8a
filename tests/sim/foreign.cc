#include "tests/sim/foreign.h"

#include <sqlite3.h>

namespace onelane::test {

// Without a mutex: there is one thread, and while one side runs the other may have its turn.
void Foreign::open() {
  if (db_ != nullptr) return;
  sqlite3_open_v2(database_.c_str(), &db_, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, vfs_);
  sqlite3_exec(db_, "PRAGMA synchronous=NORMAL; PRAGMA wal_autocheckpoint=0", nullptr, nullptr,
               nullptr);
}

bool Foreign::run(const std::string& sql) {
  if (running_) return false;
  running_ = true;
  open();
  const int code = sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) {
    code_ = code;
    sqlite3_exec(db_, "ROLLBACK", nullptr, nullptr, nullptr);
  }
  running_ = false;
  return code == SQLITE_OK;
}

bool Foreign::read(Content& out) {
  if (running_ || in_transaction()) return false;
  running_ = true;
  open();
  const int code = read_content(db_, out);
  if (code != SQLITE_OK) code_ = code;
  running_ = false;
  return code == SQLITE_OK;
}

bool Foreign::in_transaction() const { return db_ != nullptr && sqlite3_get_autocommit(db_) == 0; }

void Foreign::close() {
  if (running_) return;
  running_ = true;
  sqlite3_close(std::exchange(db_, nullptr));
  running_ = false;
}

}  // namespace onelane::test
