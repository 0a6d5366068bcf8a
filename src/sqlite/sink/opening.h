// What opening does to the disk. Each runs once.
#pragma once

#include <cstdint>
#include <string>

#include "onelane/status.h"
#include "src/sqlite/connection/connection.h"
#include "src/sqlite/connection/files.h"
#include "src/sqlite/log/log_sync.h"
#include "src/sqlite/log/wal_index.h"
#include "src/sqlite/log/wal_log.h"

namespace onelane::inline v0::sqlite {

// Of commits, so that none lies in the sector that the next one begins in.
enum class Padding : std::uint8_t { none, to_sector };

// Before anything is called durable, and before the schema.
//
// Makes sure of a WAL that was found. What it holds may have been committed by a process that died,
// or whose sync failed. Until it is written again and synced, a power cut can lose it, and all
// commits behind it. Waits for the write lock.
//
// Where a write can ruin what lies beside it in its sector, commits are padded. To write the WAL
// again would endanger what is safe there, and so would any write behind its end. So the WAL is
// checkpointed to its end, and a commit restarts it: while the database is written the WAL is whole
// and synced, and the WAL is written only once the database is synced. A reader of the WAL keeps
// that from happening; it is waited for 5 seconds, and then named in Errc::locked.
Status secure_found_log(Connection& writer, LogSync& sync, WalLog& log, Padding padding);

// Syncs the database, the WAL, and the directory that leads to both, once the WAL exists. Without
// its entry there, the WAL is lost with all its commits; and as long as the directory has the
// journal that SQLite made to enter WAL mode, a recovery would play that back.
Reply sync_all(Connection& writer, LogSync& log, const Files& files);

// After the schema: commits once, to see that the database takes commits, unless the schema has
// written. If the disk has no room for it, that is noted, and the running journal waits for room.
Status write_once(Connection& writer, WalLog& log);

// After write_once: whether the WAL has the format that FrameGather counts on. Fails if it has not,
// and is false if there is no commit to look at, as on a full disk. Takes the write lock.
Result<bool> check_format(Connection& writer, const WalIndex& index);

}  // namespace onelane::inline v0::sqlite
