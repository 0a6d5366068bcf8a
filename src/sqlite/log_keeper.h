// SQLite's automatic checkpoint, made to tell its result: after a commit that leaves the log longer
// than a limit, a PASSIVE pass on the same connection. wal_autocheckpoint does the same and
// swallows every error, of which a failed sync must not be missed.
#pragma once

#include <cstdint>

struct sqlite3;

namespace onelane::sqlite {

class LogKeeper {
 public:
  explicit LogKeeper(std::uint32_t frames_max) noexcept : frames_max_(frames_max) {}
  LogKeeper(const LogKeeper&) = delete;
  LogKeeper& operator=(const LogKeeper&) = delete;

  // Outlives the connection.
  void install(sqlite3* db) noexcept;

  // SQLITE_OK, or the result code of a pass that says more than "not now": a failed sync or damage.
  // Nothing may commit after it, or a later pass could copy pages from a log with a hole. Others
  // (BUSY, FULL, a failed read or write) leave the log as it is for the next pass.
  int failure() const noexcept { return failure_; }

 private:
  static int after_commit(void* self, sqlite3* db, const char* database, int frames) noexcept;

  std::uint32_t frames_max_;
  int failure_ = 0;
};

}  // namespace onelane::sqlite
