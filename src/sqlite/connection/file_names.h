// What lies beside a database, by the end that its name has behind the database's.
#pragma once

namespace onelane::inline v0::sqlite {

inline constexpr const char* kLogSuffix = "-wal";
inline constexpr const char* kIndexSuffix = "-shm";
inline constexpr const char* kJournalSuffix = "-journal";
inline constexpr const char* kBallastSuffix = "-ballast";  // ours (log/ballast.h)

}  // namespace onelane::inline v0::sqlite
