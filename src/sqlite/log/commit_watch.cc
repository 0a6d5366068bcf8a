#include "src/sqlite/log/commit_watch.h"

#include <sqlite3.h>

namespace onelane::inline v0::sqlite {

// Takes the place of SQLite's automatic checkpoint, which is a hook like this one.
void CommitWatch::install(sqlite3* db) noexcept {
  sqlite3_wal_hook(db, &CommitWatch::on_commit, this);
}

// Called for commits that wrote frames only. Returns SQLITE_OK always: the commit has succeeded.
int CommitWatch::on_commit(void* self, sqlite3*, const char*, int frames) noexcept {
  auto& watch = *static_cast<CommitWatch*>(self);
  const auto all = static_cast<std::uint64_t>(frames);
  // A commit that restarted the WAL leaves it shorter.
  const std::uint64_t before = all > watch.begun_at_ ? watch.begun_at_ : 0;
  watch.frames_.store(all, std::memory_order_relaxed);
  watch.written_.fetch_add(all - before, std::memory_order_relaxed);
  watch.commits_.fetch_add(1, std::memory_order_relaxed);
  watch.committed_in_.store(watch.began_in_, std::memory_order_release);
  return SQLITE_OK;
}

}  // namespace onelane::inline v0::sqlite
