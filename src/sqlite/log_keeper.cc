#include "src/sqlite/log_keeper.h"

#include <sqlite3.h>

#include "src/sqlite/fault.h"

namespace onelane::sqlite {

void LogKeeper::install(sqlite3* db) noexcept {
  sqlite3_wal_hook(db, &LogKeeper::after_commit, this);
}

// Returns SQLITE_OK whatever happens: the commit has succeeded, and an error from here would make
// COMMIT look failed.
int LogKeeper::after_commit(void* self, sqlite3* db, const char* database, int frames) noexcept {
  auto& keeper = *static_cast<LogKeeper*>(self);
  if (static_cast<std::uint32_t>(frames) < keeper.frames_max_) return SQLITE_OK;
  const int code =
      sqlite3_wal_checkpoint_v2(db, database, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
  const Fault fault = fault_of(code, Place::control);
  if (fault == Fault::sync || fault == Fault::corrupt) keeper.failure_ = code;
  return SQLITE_OK;
}

}  // namespace onelane::sqlite
