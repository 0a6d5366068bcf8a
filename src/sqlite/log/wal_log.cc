#include "src/sqlite/log/wal_log.h"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "src/base/memory.h"
#include "src/sqlite/connection/file_names.h"
#include "src/sqlite/connection/wal_format.h"
#include "src/sqlite/log/readers.h"

namespace onelane::inline v0::sqlite {

namespace {

// The first lock of readers is of those that read the database's file alone.
constexpr int kLogReadersFirst = wal::kReadLocks + 1;
constexpr int kLogReaders = wal::kReadMarks - 1;
constexpr std::uint64_t kWhole = std::numeric_limits<std::uint64_t>::max();

}  // namespace

WalLog::WalLog(const Files& files, std::unique_ptr<Connection> connection, CommitWatch& watch,
               Fuse& fuse)
    : files_(files),
      shared_memory_(files.database() + kIndexSuffix),
      connection_(std::move(connection)),
      watch_(watch),
      fuse_(fuse) {}

Result<std::unique_ptr<WalLog>> WalLog::open(const Files& files,
                                             std::unique_ptr<Connection> connection,
                                             CommitWatch& watch, Fuse& fuse) {
  const Result<std::size_t> page = connection->page_bytes();
  if (!page) return page.status();
  std::unique_ptr<WalLog> log(new WalLog(files, std::move(connection), watch, fuse));
  log->page_bytes_ = *page;
  Status status = log->stand_in();
  if (!status.ok()) return status;
  return log;
}

// For the methods of both files.
Status WalLog::stand_in() {
  const Result<sqlite3_file*> log = connection_->log_file();
  if (!log) return log.status();
  log_file_ = *log;
  log_syncs_.emplace(*log);
  Result<std::unique_ptr<IndexLocks>> locks = IndexLocks::install(*connection_, files_);
  if (!locks) return locks.status();
  locks_ = *std::move(locks);
  locks_->after_write([this](int bytes) { return written(bytes); });
  return {};
}

void WalLog::end() noexcept {
  index_ = nullptr;
  locks_.reset();
  log_syncs_.reset();
  connection_.reset();
}

std::uint64_t WalLog::bytes_of(std::uint64_t frames) const noexcept {
  return frames == 0 ? 0 : wal::frame_at(frames, page_bytes_);
}

LogState WalLog::state() const noexcept {
  return {.bytes = bytes_of(watch_.frames()),
          .commits = watch_.commits(),
          .written_bytes = watch_.written() * wal::frame_bytes(page_bytes_),
          .may_copy = watch_.may_copy(),
          .full = full_.load(std::memory_order_relaxed),
          .ballast_bytes = ballast_ == nullptr ? 0 : ballast_->held()};
}

void WalLog::look() noexcept {
  if (index_ == nullptr) return;
  const std::uint64_t known = watch_.frames();
  watch_.correct(known, index_->frames());
}

LogPass WalLog::copy_back(std::uint64_t piece_bytes) {
  return watch_.may_copy() ? pass(piece_bytes) : LogPass{};
}

// The write connection holds the write lock, so no process can commit and restart the WAL while
// this runs. A pass between two ticks, without the lock, is not enough.
//
// On a full disk the ballast makes room for the checkpoint, and has to find room again afterwards:
// else the next WAL would be written to the very last of it.
LogPass WalLog::close_in() {
  const bool full = full_.load(std::memory_order_relaxed);
  if (full) ballast_->give_up();
  LogPass out = pass(kWhole);
  if (!full || !out.ok() || out.copied < out.bytes) return out;
  if (ballast_->make()) {
    full_.store(false, std::memory_order_relaxed);
  } else {
    const Reply none = room();
    out.fault = none.fault;
    out.cause = none.cause;
  }
  return out;
}

void WalLog::keep_ballast(const std::string& database, std::uint64_t bytes) {
  ballast_ = std::make_unique<Ballast>(database, bytes);
  if (!ballast_->make()) note_full();
}

Reply WalLog::room() const noexcept {
  if (!full_.load(std::memory_order_relaxed) || !ballast_->wanted()) return {};
  return reply_of(
      Fault::environment, Effect::kept,
      "the disk is full or a quota is used up, until there is room for the ballast again",
      SQLITE_FULL);
}

// By the locks that SQLite's own writer takes for it. A reader that comes now reads the database
// alone, which has all of the log.
bool WalLog::unread() {
  sqlite3_file* file = connection_->database_file();
  const auto ask = [file](int what) {
    return file->pMethods->xShmLock(file, kLogReadersFirst, kLogReaders,
                                    what | SQLITE_SHM_EXCLUSIVE) == SQLITE_OK;
  };
  return ask(SQLITE_SHM_LOCK) && ask(SQLITE_SHM_UNLOCK);
}

// There is no checkpoint after a failure without a way back, and none while the WAL or the database
// is not the file that its name leads to.
Reply WalLog::may_pass() {
  if (fuse_.blown()) return fuse_.why();
  if (Reply lost = files_.intact(*log_file_); !lost.ok()) fuse_.blow(std::move(lost));
  return fuse_.blown() ? fuse_.why() : Reply();
}

LogPass WalLog::pass(std::uint64_t piece_bytes) {
  LogPass out;
  if (Reply why = may_pass(); !why.ok()) {
    out.fault = why.fault;
    out.cause = std::move(why.cause);
    return out;
  }
  piece_bytes_ = piece_bytes;
  unsynced_bytes_ = 0;
  int frames = 0;
  int copied = 0;
  int code = SQLITE_OK;
  {
    const CommitWatch::Pass pass(watch_);
    code = sqlite3_wal_checkpoint_v2(connection_->handle(), "main", SQLITE_CHECKPOINT_PASSIVE,
                                     &frames, &copied);
  }
  if (code != SQLITE_OK) {
    Reply reply = failed(code, "checkpoint");
    out.fault = reply.fault;
    out.cause = std::move(reply.cause);
  }
  out.bytes = bytes_of(static_cast<std::uint64_t>(frames < 0 ? 0 : frames));
  out.copied = bytes_of(static_cast<std::uint64_t>(copied < 0 ? 0 : copied));
  return out;
}

// A failed sync fails the write, and so the checkpoint, by its own code.
int WalLog::written(int bytes) {
  unsynced_bytes_ += static_cast<std::uint64_t>(bytes);
  if (unsynced_bytes_ < piece_bytes_) return SQLITE_OK;
  unsynced_bytes_ = 0;
  return connection_->sync_file(SQLITE_FCNTL_FILE_POINTER);
}

// Through the files of this connection, on the log keeper's thread: SQLite's file objects are not
// safe from two, and a descriptor of our own on the database would drop SQLite's locks when closed.
Reply WalLog::sync() {
  if (fuse_.blown()) return fuse_.why();
  return sync_file(SQLITE_FCNTL_FILE_POINTER);
}

Reply WalLog::write_out() {
  if (fuse_.blown()) return fuse_.why();
  return sync_file(SQLITE_FCNTL_JOURNAL_POINTER);
}

Reply WalLog::sync_file(int which) {
  const int code = connection_->sync_file(which);
  if (code != SQLITE_OK) fuse_.blow(sync_failure(code, "sync before a checkpoint"));
  return fuse_.blown() ? fuse_.why() : Reply();
}

Reply WalLog::failed(int code, const char* what) {
  Reply reply;
  reply.fault = fault_of(code, Place::control);
  reply.effect = Effect::ended;
  reply.cause = base::worded(errc_of(reply.fault), code,
                             [&] { return std::string(what) + ": " + sqlite3_errstr(code); });
  if (reply.fault == Fault::sync || reply.fault == Fault::corrupt) fuse_.blow(reply);
  if (connection_->no_room(code)) note_full();
  return reply;
}

std::vector<LogReader> WalLog::readers() const {
  return readers_of(shared_memory_, index_ == nullptr ? kAllReadMarks : index_->keeping_marks());
}

void WalLog::note_last(const LogPass& pass) {
  if (index_ == nullptr) return;
  left_.bytes = bytes_of(index_->frames()) - bytes_of(std::min(index_->frames(), index_->copied()));
  if (left_.bytes == 0) return;
  left_.readers = readers();
  const std::string who =
      pass.ok() ? "it is read by " + in_words(left_.readers) : pass.cause.message();
  left_.why = {Errc::locked,
               std::to_string(left_.bytes) + " bytes of the log are not copied back: " + who};
}

}  // namespace onelane::inline v0::sqlite
