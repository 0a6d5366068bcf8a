#include "src/sqlite/log/log_sync.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace onelane::inline v0::sqlite {

namespace {

constexpr int kChunkBytes = 64 * 1024;  // the unix VFS takes less than 128 KiB at once

}  // namespace

Result<std::unique_ptr<LogSync>> LogSync::open(std::unique_ptr<Connection> connection,
                                               const Files& files, Fuse& fuse) {
  const Result<sqlite3_file*> log = connection->log_file();
  if (!log) return log.status();
  return std::unique_ptr<LogSync>(new LogSync(std::move(connection), *log, files, fuse));
}

Result<bool> LogSync::has_bytes() {
  sqlite3_int64 size = 0;
  const int code = log_->pMethods->xFileSize(log_, &size);
  if (code == SQLITE_OK) return size > 0;
  return Status(Errc::storage, std::string("the log's size: ") + sqlite3_errstr(code), code);
}

Status LogSync::rewrite() {
  sqlite3_int64 size = 0;
  int code = log_->pMethods->xFileSize(log_, &size);
  std::vector<std::byte> chunk(kChunkBytes);
  for (sqlite3_int64 at = 0; code == SQLITE_OK && at < size; at += kChunkBytes) {
    const auto bytes = static_cast<int>(std::min<sqlite3_int64>(size - at, kChunkBytes));
    code = log_->pMethods->xRead(log_, chunk.data(), bytes, at);
    if (code == SQLITE_OK) code = log_->pMethods->xWrite(log_, chunk.data(), bytes, at);
  }
  if (code == SQLITE_OK) return {};
  return {Errc::storage, std::string("writing the log anew: ") + sqlite3_errstr(code), code};
}

// The fuse is asked again afterwards: somebody else's sync may have failed meanwhile, and may have
// been the one that was told. And a log that was synced helps only if somebody can find it.
Reply LogSync::sync() {
  if (fuse_.blown()) return fuse_.why();
  const int code = log_->pMethods->xSync(log_, SQLITE_SYNC_NORMAL);
  if (code != SQLITE_OK) {
    fuse_.blow(sync_failure(code, "the log's sync"));
  } else if (Reply lost = files_.intact(*log_); !lost.ok()) {
    fuse_.blow(std::move(lost));
  }
  return fuse_.blown() ? fuse_.why() : Reply();
}

}  // namespace onelane::inline v0::sqlite
