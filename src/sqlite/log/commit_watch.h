// What the write connection tells the log keeper, and the rule that follows from it: when a
// checkpoint pass may run beside commits. Lock-free.
//
// SQLite 3.7.0 to 3.51.2 can damage a database when a checkpoint overlaps a commit that restarts
// the WAL: the checkpoint takes the old WAL's length together with the new one's count of
// checkpointed frames, and copies frames of both. The WAL restarts only while all of it is
// checkpointed. So if a frame is not checkpointed when a pass begins, no commit can restart the WAL
// before the pass has ended.
//
// Only one thing proves that there is such a frame: this connection's own transaction wrote frames,
// and began after the previous pass had returned. A transaction that began earlier may be part of
// what that pass copied. One that wrote no frames (INSERT OR IGNORE) left the WAL as it was.
// Comparing lengths goes wrong between a commit that restarts the WAL and its hook.
#pragma once

#include <atomic>
#include <cstdint>

struct sqlite3;

namespace onelane::inline v0::sqlite {

class CommitWatch {
 public:
  CommitWatch() = default;
  CommitWatch(const CommitWatch&) = delete;
  CommitWatch& operator=(const CommitWatch&) = delete;

  // On the write connection, which it must outlive.
  void install(sqlite3* db) noexcept;
  // Before each BEGIN of the write connection.
  void beginning() noexcept { began_in_ = passes_.load(std::memory_order_acquire); }

  // Once BEGIN has the lock, with as many frames in the WAL.
  void begun(std::uint64_t frames) noexcept { begun_at_ = frames; }

  // Around each pass, whatever it does. One at a time.
  class Pass {
   public:
    explicit Pass(CommitWatch& watch) noexcept : watch_(watch) { watch_.turn(); }
    ~Pass() { watch_.turn(); }
    Pass(const Pass&) = delete;
    Pass& operator=(const Pass&) = delete;

   private:
    CommitWatch& watch_;
  };

  bool may_copy() const noexcept {
    return committed_in_.load(std::memory_order_acquire) == passes_.load(std::memory_order_acquire);
  }
  std::uint64_t frames() const noexcept { return frames_.load(std::memory_order_relaxed); }
  // Sets how many frames the WAL was seen to hold, unless a commit of our own has changed it since
  // it was `known`.
  void correct(std::uint64_t known, std::uint64_t frames) noexcept {
    frames_.compare_exchange_strong(known, frames, std::memory_order_relaxed);
  }
  std::uint64_t commits() const noexcept { return commits_.load(std::memory_order_relaxed); }
  // Frames that these added; too few where a commit restarted the WAL and made it longer than it
  // was.
  std::uint64_t written() const noexcept { return written_.load(std::memory_order_relaxed); }

 private:
  static int on_commit(void* self, sqlite3* db, const char* database, int frames) noexcept;
  void turn() noexcept { passes_.fetch_add(1, std::memory_order_acq_rel); }

  // Even between passes, odd while one runs.
  std::atomic<std::uint64_t> passes_{0};
  std::uint64_t began_in_ = 1;  // passes_ at the last BEGIN; the write connection's
  // The same of the last transaction that wrote frames. Odd, and so never equal between passes, if
  // it began while one ran.
  std::atomic<std::uint64_t> committed_in_{1};
  std::uint64_t begun_at_ = 0;  // frames; the write connection's
  std::atomic<std::uint64_t> frames_{0};
  std::atomic<std::uint64_t> commits_{0};
  std::atomic<std::uint64_t> written_{0};
};

}  // namespace onelane::inline v0::sqlite
