// Which journaled units of one class are done: applied, refused, or superseded. What a commit says
// of it in the store, and what the store will say after it.
//
// Positions count from 1. All up to position() are done, but for those that wait: each is behind a
// newer record of its key that no commit has taken yet, or a tick had no time for it. So a crash
// leaves each unit either in the store or to be applied, whatever order ticks took them in.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <span>
#include <vector>

namespace onelane::inline v0::engine {

using Position = std::uint64_t;

class AppliedUnits {
 public:
  // As the store has it. Before anything else.
  void start(Position position, std::vector<Position> waiting);

  // --- The baton's holder.

  // Begins to collect what a commit makes done.
  void begin();
  void add(Position done) { done_.push_back(done); }
  // Works out what the commit has to say: next_position() and next_waiting(). False if nothing was
  // added. Throws bad_alloc.
  bool prepare();
  Position position() const { return position_; }
  Position next_position() const { return next_position_; }
  std::span<const Position> next_waiting() const { return next_waiting_; }
  // The commit is in the store.
  void committed() noexcept;

  // Whoever holds the lock of the class, or the baton: a unit was superseded, and not by a commit
  // that goes over it. The next commit says so, or an opening would apply it behind the newer one.
  // There has to be room, for all that are staged: else make_room() throws bad_alloc.
  void skip(Position position) noexcept;
  void make_room(std::size_t staged);

  // --- Any thread.
  // All up to here are done.
  Position done_up_to() const { return done_up_to_.load(std::memory_order_acquire); }

 private:
  void publish() noexcept;

  Position position_ = 0;
  std::vector<Position> waiting_;  // in order
  std::vector<Position> done_;     // by the commit
  Position next_position_ = 0;
  std::vector<Position> next_waiting_;
  std::atomic<Position> done_up_to_{0};

  std::mutex mutex_;  // of what was superseded since the last commit
  std::vector<Position> skipped_;
  std::size_t skipped_seen_ = 0;  // of these, in the commit that runs
};

}  // namespace onelane::inline v0::engine
