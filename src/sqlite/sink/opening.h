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

namespace onelane::sqlite {

// Of commits, so that none lies in the sector that the next one begins in.
enum class Padding : std::uint8_t { none, to_sector };

// Before anything is called durable, and before the schema.
//
// For a log that was found: what it holds may have been committed by a process that died, or whose
// sync failed, and until it was written again and synced, a power cut can lose it, and with it what
// is committed behind it. Under the write lock, which is waited for.
//
// Where writes can ruin what lies beside them in their sector, that is why commits are padded, and
// to write the log anew would endanger what is safe. So would whatever is written behind its end,
// which need not fill its sector. There, all of it is copied back, and a commit begins the log
// anew: while the database is written the log is whole and synced, and the log is written to only
// once the database is synced. Whoever reads the log keeps that from happening; they are waited for
// a while, and then named in Errc::locked.
Status secure_found_log(Connection& writer, LogSync& sync, WalLog& log, Padding padding);

// The database, the log, and the directory that leads to both, once the log exists. Without its
// entry the log is lost with all its commits; and while that of the journal is there that SQLite
// made to enter WAL mode, it would be played back.
Reply sync_all(Connection& writer, LogSync& log, const Files& files);

// After the schema: that the database takes commits is seen by one, unless the schema has written.
// If the disk has no room for it that is noted, and waited for by the journal that runs.
Status write_once(Connection& writer, WalLog& log);

// After write_once: under the write lock, whether the log is of the format that FrameGather counts
// on. It fails if it is not, and is false if no commit is there to look at, as on a full disk.
Result<bool> check_format(Connection& writer, const WalIndex& index);

}  // namespace onelane::sqlite
