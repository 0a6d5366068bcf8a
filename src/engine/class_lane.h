// All that there is of one write class: its options, its queue and capacity (any thread), its
// staging and deadlines (the baton holder's), and its counters.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "onelane/options.h"
#include "onelane/stats.h"
#include "src/ack/settle.h"
#include "src/commit/committer.h"
#include "src/engine/staging.h"
#include "src/model/histogram.h"
#include "src/queue/class_queue.h"
#include "src/queue/gate.h"

namespace onelane::engine {

// Whether it is a job with a committed step behind it: it keeps its place, taken, until it ends.
bool between_steps(const Entry& entry);

// Whether it is a record or a group that was applied.
inline bool committed_rows(const commit::Work& work) {
  return work.verdict == commit::Verdict::applied && work.entry->kind <= detail::EntryKind::group;
}

class ClassLane {
 public:
  ClassLane(std::uint32_t index, const ClassOptions& options, const Budget& tick);
  ~ClassLane();
  ClassLane(const ClassLane&) = delete;
  ClassLane& operator=(const ClassLane&) = delete;

  // --- The baton holder's.

  // Moves what the queue can give into staging: newer records supersede queued ones of their key, a
  // full drop_oldest class drops its oldest, and what is past its deadline expires.
  // False if memory ran out: what is left in the queue comes first the next time.
  bool stage(TimePoint now, ack::Wakes& wakes);
  // Settles all that there is: closed, or incomplete for a job between steps. Needs no memory.
  void end_all(const Status& cause, TimePoint now, ack::Wakes& wakes);

  // Settles a staged entry and takes it out. The ticket is taken.
  void settle(Entry* entry, End end, TimePoint now, ack::Wakes& wakes);
  // For the rows that a tick committed: counts all of a slice, before anybody can know of them;
  // then settles each.
  void count_committed(std::span<const commit::Work> slice, TimePoint began, TimePoint now);
  void settle_counted(Entry* entry, ack::Wakes& wakes);
  // Takes out an entry that its own receipt has settled.
  void bury(Entry* entry, ack::Wakes& wakes);
  // Gives back the capacity of all that was settled since.
  void give_back();

  std::optional<TimePoint> next_deadline() const;
  std::uint64_t settled() const { return settled_; }  // units so far
  // Whether a gathering window could bring more: not for who waits for room, a flush or a close.
  bool gathers() const { return !gate.crowded() && !queue.closed() && staging.barriers() == 0; }

  // --- Any thread.
  // queued -> cancelled, counted; its capacity is there again at once, as long as the cancelled
  // units that were not drained since are no more than the class may hold. False if it was too
  // late.
  bool cancel(Entry& entry);
  bool pending() const { return queue.pending(); }
  ClassStats stats(std::uint64_t rivals) const;  // rivals: the number of other classes
  std::uint64_t ended(std::size_t end) const;

  const std::uint32_t index;
  const ClassOptions options;
  const schedule::Share share;
  base::FifoMemory large_rows;
  queue::ClassQueue queue;
  queue::Gate gate;
  // Barriers take no capacity, but a bound: flushes may be given up faster than the lane drains.
  static constexpr std::uint64_t kFlushesMax = 4096;
  static constexpr std::uint64_t kOneFlush = 1;
  queue::Gate flushes{kFlushesMax, 0};
  Staging staging;
  model::SharedHistogram wait;
  std::atomic<std::uint64_t> refused{0};
  std::atomic<std::uint64_t> barriers{0};  // numbers that are no units

 private:
  struct Deadline {
    TimePoint at;
    Entry* entry;  // a reference of its own
  };

  void admit(Entry* entry, TimePoint now, ack::Wakes& wakes);
  void supersede(std::string_view key, TimePoint now, ack::Wakes& wakes);
  void watch_deadline(Entry* entry);
  bool settle_if_queued(Entry* entry, End end, TimePoint now, ack::Wakes& wakes);
  void expire(TimePoint now, ack::Wakes& wakes);
  void drop_oldest(TimePoint now, ack::Wakes& wakes);
  void discard(Entry* entry, const Status& cause, TimePoint now, ack::Wakes& wakes);
  void finish(Entry* entry, End end, TimePoint now, ack::Wakes& wakes);
  void forget_settled_deadlines();
  void count_out(const Entry* entry, End end);
  void bury_cancelled(ack::Wakes& wakes);
  void let_go(Entry* entry, ack::Wakes& wakes);
  void let_go_cancelled(Entry* entry, ack::Wakes& wakes);

  std::vector<Deadline> deadlines_;  // a heap, earliest first
  std::uint64_t settled_ = 0;
  std::uint64_t freed_ = 0;  // packed, as the gate counts
  model::SharedHistogram total_;
  std::array<std::atomic<std::uint64_t>, kEndCount> ends_{};
  std::atomic<std::uint64_t> buried_{0};    // cancelled units that were taken out
  std::atomic<Entry*> cancelled_{nullptr};  // since the last drain, each with a reference
  queue::Gate lingering_;                   // what of them was given back already
};

}  // namespace onelane::engine
