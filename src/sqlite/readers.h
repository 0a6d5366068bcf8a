// Who else reads a database in WAL mode, by the locks that readers hold on its "-shm" file. Asked
// of /proc/locks: opening the file to ask with fcntl, and closing it again, would drop the locks
// that SQLite has on it in this process.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "onelane/stats.h"

namespace onelane::sqlite {

// Other processes that hold a read lock now; empty where the system does not tell.
std::vector<LogReader> readers_of(const std::string& shared_memory);

// The same from the text of /proc/locks: processes other than `self` with a lock on that inode.
std::vector<std::int64_t> reading_pids(std::string_view locks, std::uint64_t inode,
                                       std::int64_t self);

}  // namespace onelane::sqlite
