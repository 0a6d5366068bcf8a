// What has to be on the disk before anything is called durable. Both run once, at open, before the
// schema.
#pragma once

#include "onelane/status.h"
#include "src/sqlite/connection.h"
#include "src/sqlite/files.h"
#include "src/sqlite/log_sync.h"

namespace onelane::sqlite {

// For a log that was found. What it holds may have been committed by a process that died, or whose
// sync failed: until it was written again and synced, a power cut can lose it, and with it what is
// committed behind it. Under the write lock, which is waited for.
Status rewrite_log(Connection& writer, LogSync& log);

// The database, the log, and the directory that leads to both, once the log exists. Without its
// entry the log is lost with all its commits; and while that of the journal is there that SQLite
// made to enter WAL mode, it would be played back.
Status sync_all(Connection& writer, LogSync& log, const Files& files);

}  // namespace onelane::sqlite
