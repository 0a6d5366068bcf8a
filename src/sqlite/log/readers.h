// Finds the processes that read a database in WAL mode, by the locks that SQLite's readers hold on
// its "-shm" file. The locks are read from /proc/locks. To open the file, ask by fcntl and close it
// would drop the locks that SQLite has on it in this process.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "onelane/stats.h"

namespace onelane::inline v0::sqlite {

inline constexpr unsigned kAllReadMarks = ~0U;

// Processes, this one included, that hold a read lock on one of these read marks now, a bit each;
// empty where the system does not tell.
std::vector<LogReader> readers_of(const std::string& shared_memory, unsigned marks);

// The same from the text of /proc/locks: processes with such a lock on that inode.
std::vector<std::int64_t> reading_pids(std::string_view locks, std::uint64_t inode, unsigned marks);

// For a message: "a connection of this process, process 4711 (sqlite3)".
std::string in_words(const std::vector<LogReader>& readers);

}  // namespace onelane::inline v0::sqlite
