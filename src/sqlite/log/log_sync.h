// Makes commits durable from beside the write connection: syncs the WAL through a connection of its
// own that is idle otherwise. So no other thread uses its file objects (SQLite's are not safe from
// two threads), the sync goes through SQLite's VFS, and its shared lock keeps others from deleting
// the log or leaving WAL mode. Linux syncs a file, not a descriptor's writes, so it covers what
// other connections wrote; SQLite's own checkpoints count on the same.
//
// A commit whose WAL was checkpointed and restarted before the sync is covered as well: the WAL
// restarts only after both files were synced.
#pragma once

#include <memory>

#include "onelane/sink.h"
#include "src/sqlite/connection/connection.h"
#include "src/sqlite/connection/files.h"
#include "src/sqlite/connection/fuse.h"

namespace onelane::inline v0::sqlite {

class LogSync final : public CommitSync {
 public:
  // The connection is its own; the database must be in WAL mode already. Opened before the first
  // write, and kept: a descriptor that is opened later may miss an error. files and fuse must
  // outlive its calls.
  static Result<std::unique_ptr<LogSync>> open(std::unique_ptr<Connection> connection,
                                               const Files& files, Fuse& fuse);

  // Closes the connection without a checkpoint.
  void end() noexcept { connection_.reset(); }

  Reply sync() override;

  // Whether the WAL has bytes; asked before our first write: whether another process left any.
  Result<bool> has_bytes();
  // Writes the WAL's bytes again in place, so that the next sync really puts them on the disk. A
  // WAL that an earlier process left may be in the system's memory only, and called clean there
  // after a sync that failed. Only while the write connection keeps all others from writing.
  Status rewrite();

 private:
  LogSync(std::unique_ptr<Connection> connection, sqlite3_file* log, const Files& files, Fuse& fuse)
      : connection_(std::move(connection)), log_(log), files_(files), fuse_(fuse) {}

  std::unique_ptr<Connection> connection_;
  sqlite3_file* const log_;  // the connection's
  const Files& files_;
  Fuse& fuse_;
};

}  // namespace onelane::inline v0::sqlite
