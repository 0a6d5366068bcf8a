#include "src/sqlite/wal_index.h"

namespace onelane::sqlite {

namespace {

constexpr int kRegionBytes = 32 * 1024;

// In words of four bytes, in the machine's order.
constexpr std::size_t kFramesAt = 16 / 4;
constexpr std::size_t kCopiedAt = 96 / 4;

}  // namespace

// SQLite has the region already, and keeps it where it is until the connection is closed.
Result<std::unique_ptr<WalIndex>> WalIndex::of(Connection& connection) {
  sqlite3_file* file = connection.database_file();
  volatile void* region = nullptr;
  const int code = file->pMethods->xShmMap(file, 0, kRegionBytes, 0, &region);
  if (code != SQLITE_OK) return connection.failure(code, Place::control, "the log's index").cause;
  if (region == nullptr) return Status(Errc::storage, "SQLite does not give its log's index");
  return std::unique_ptr<WalIndex>(new WalIndex(region));
}

bool WalIndex::wholly_copied() const noexcept { return words_[kFramesAt] == words_[kCopiedAt]; }

}  // namespace onelane::sqlite
