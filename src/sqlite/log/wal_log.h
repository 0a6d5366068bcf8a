// The WAL as the sink's log: checkpoints, through a connection of its own. Only PASSIVE ones:
// RESTART, TRUNCATE and FULL quietly become PASSIVE under somebody else's lock, without the
// protection that they promise. Which pass may run when is in commit_watch.h.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>

#include "onelane/sink.h"
#include "src/sqlite/connection/connection.h"
#include "src/sqlite/connection/files.h"
#include "src/sqlite/connection/fuse.h"
#include "src/sqlite/connection/library.h"
#include "src/sqlite/connection/sync_name.h"
#include "src/sqlite/log/ballast.h"
#include "src/sqlite/log/commit_watch.h"
#include "src/sqlite/log/index_locks.h"
#include "src/sqlite/log/wal_index.h"

namespace onelane::inline v0::sqlite {

class WalLog final : public Log {
 public:
  // The connection is the log's own, and is not used before the write connection has made the WAL.
  // watch and fuse must outlive it, and files its passes.
  static Result<std::unique_ptr<WalLog>> open(const Files& files,
                                              std::unique_ptr<Connection> connection,
                                              CommitWatch& watch, Fuse& fuse);

  // Sees what others write from now on. Until end().
  void use(const WalIndex& index) noexcept { index_ = &index; }

  // Closes the connection without a checkpoint.
  void end() noexcept;

  LogState state() const noexcept override;
  void look() noexcept override;
  LogPass copy_back(std::uint64_t piece_bytes) override;
  Reply write_out() override;
  Reply sync() override;
  LogPass close_in() override;
  // Keeps a ballast of this size; 0 for none.
  void keep_ballast(const std::string& database, std::uint64_t bytes);
  void remove_ballast() noexcept {
    if (ballast_ != nullptr) ballast_->remove();
  }
  // The disk was found full. Where a ballast is kept, nothing is to be committed from now on, until
  // the WAL is checkpointed and the ballast is there again.
  void note_full() noexcept { full_.store(true, std::memory_order_relaxed); }
  // ok, or that nothing is to be committed now.
  Reply room() const noexcept;
  // Whether no reader blocks the next commit from restarting the fully checkpointed WAL. Only while
  // the write connection keeps others from committing, and does not read the WAL itself.
  bool unread();
  std::vector<LogReader> readers() const override;
  LogLeft left() const override { return left_; }
  // Notes the last pass, for left().
  void note_last(const LogPass& pass);
  std::string_view hazard() const noexcept override { return hazard_; }

 private:
  WalLog(const Files& files, std::unique_ptr<Connection> connection, CommitWatch& watch,
         Fuse& fuse);
  Status stand_in();
  Reply may_pass();
  LogPass pass(std::uint64_t piece_bytes);
  int written(int bytes);
  Reply sync_file(int which);
  Reply failed(int code, const char* what);
  std::uint64_t bytes_of(std::uint64_t frames) const noexcept;

  const Files& files_;
  const std::string shared_memory_;
  std::uint64_t page_bytes_ = 0;
  const std::string hazard_ = reset_hazard();
  std::unique_ptr<Connection> connection_;
  sqlite3_file* log_file_ = nullptr;  // the connection's
  const WalIndex* index_ = nullptr;
  std::unique_ptr<IndexLocks> locks_;
  // Of the running pass: what is written back before it is synced, and how much is not.
  std::uint64_t piece_bytes_ = 0;
  std::uint64_t unsynced_bytes_ = 0;
  std::optional<SyncName> log_syncs_;
  CommitWatch& watch_;
  Fuse& fuse_;
  std::atomic<bool> full_{false};
  std::unique_ptr<Ballast> ballast_;
  LogLeft left_;
};

}  // namespace onelane::inline v0::sqlite
