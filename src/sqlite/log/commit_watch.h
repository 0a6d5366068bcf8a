// What the write connection tells the checkpointer, and the rule that follows from it: when a pass
// may run beside commits. Lock-free.
//
// SQLite 3.7.0 to 3.51.2 can damage a database when a checkpoint overlaps a commit that begins the
// log anew: the checkpoint takes the old log's length together with the new log's count of copied
// frames, and copies frames of both. The log begins anew only while all of it is copied back, and
// only a checkpoint copies. So if frames that are not copied back are in the log when a pass
// begins, no commit can begin the log anew before the pass has ended, and there is nothing to
// overlap with.
//
// Of that, one thing alone is proof: this connection's own transaction wrote frames, and began
// after the previous pass had returned. Nothing weaker is. A transaction that began earlier may be
// part of what that pass copied; one that wrote no frames (INSERT OR IGNORE) left the log as it
// was; comparing lengths goes wrong for the moment between a commit that begins the log anew and
// its hook.
#pragma once

#include <atomic>
#include <cstdint>

struct sqlite3;

namespace onelane::sqlite {

class CommitWatch {
 public:
  CommitWatch() = default;
  CommitWatch(const CommitWatch&) = delete;
  CommitWatch& operator=(const CommitWatch&) = delete;

  // On the write connection, which it must outlive.
  void install(sqlite3* db) noexcept;
  // Before each BEGIN of the write connection.
  void beginning() noexcept { began_in_ = passes_.load(std::memory_order_acquire); }

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
  // What the log was seen to hold, unless a commit of our own has told since `known` of a newer
  // one.
  void correct(std::uint64_t known, std::uint64_t frames) noexcept {
    frames_.compare_exchange_strong(known, frames, std::memory_order_relaxed);
  }
  std::uint64_t commits() const noexcept { return commits_.load(std::memory_order_relaxed); }

 private:
  static int on_commit(void* self, sqlite3* db, const char* database, int frames) noexcept;
  void turn() noexcept { passes_.fetch_add(1, std::memory_order_acq_rel); }

  // Even between passes, odd while one runs.
  std::atomic<std::uint64_t> passes_{0};
  std::uint64_t began_in_ = 1;  // passes_ at the last BEGIN; the write connection's
  // The same of the last transaction that wrote frames. Odd, and so never equal between passes, if
  // it began while one ran.
  std::atomic<std::uint64_t> committed_in_{1};
  std::atomic<std::uint64_t> frames_{0};
  std::atomic<std::uint64_t> commits_{0};
};

}  // namespace onelane::sqlite
