// All that there is of one write class: its options, its queue and capacity (any thread), its
// staging and deadlines (the baton holder's), and its counters.
//
// A class that coalesces or drops its oldest makes room for a push at once, however long a tick
// holds the lane: whoever finds it full drains the queue itself (charge_full). So of such a class
// what is the baton holder's otherwise is guarded by a lock, which is held while a tick stages,
// plans and settles, and let go of while it commits. What the tick has in hand then nobody else
// touches, but that a push may supersede what waits behind other records there (shed_in_hand): by
// moving its ticket's state, as a receipt cancels.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>
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

  // Moves what the queue can give into staging: queued records go behind newer ones of their key
  // (and end superseded where there is no room for them), an overfull drop_oldest class drops its
  // oldest, and what is past its deadline expires. False if memory ran out: what is left in the
  // queue comes first the next time.
  bool stage(TimePoint now, ack::Wakes& wakes);
  // Settles all that there is: closed, or incomplete for a job between steps. Needs no memory.
  void end_all(const Status& cause, TimePoint now, ack::Wakes& wakes);

  // Settles a staged entry and takes it out. The ticket is taken.
  void settle(Entry* entry, End end, TimePoint now, ack::Wakes& wakes);
  // For the rows that a tick committed: counts all of a slice, before anybody can know of them;
  // then settles each.
  void count_committed(std::span<const commit::Work> slice, TimePoint began, TimePoint now);
  void settle_counted(Entry* entry, ack::Wakes& wakes);
  // All that waits behind it follows it: superseded where it is committed, unknown where it is.
  void settle_behind(const Entry& newer, End end, TimePoint now, ack::Wakes& wakes);
  // Takes out an entry that its own receipt has settled.
  void bury(Entry* entry, ack::Wakes& wakes);
  // Of a closed class that has settled all: what it has no use for any more.
  void release_memory();
  // Gives back the capacity of all that was settled since.
  void give_back();

  // Of a class that is shared(): from now on a tick has the first so many slots in hand, so that
  // the lock may be let go of.
  void take_in_hand(std::size_t slots);
  void nothing_in_hand() {
    hand_end_ = in_hand_ = shed_from_ = 0;
    shed_next_ = nullptr;
  }

  std::optional<TimePoint> next_deadline() const;
  std::uint64_t settled() const { return settled_; }  // units so far
  // Whether a gathering window could bring more: not for who waits for room, a flush or a close.
  bool gathers() const { return !gate.crowded() && !queue.closed() && staging.barriers() == 0; }

  // --- Any thread.
  // Whether it makes room for a push at once, and so what is above is guarded by a lock.
  bool shared() const { return options.coalesce || options.when_full == WhenFull::drop_oldest; }
  void lock() {
    awaited_.store(true, std::memory_order_relaxed);
    mutex_.lock();
    awaited_.store(false, std::memory_order_relaxed);
  }
  void unlock() { mutex_.unlock(); }
  // Of a class that is shared() and full: charges the entry, if what waits behind newer ones makes
  // room, if it takes the place of an older one of its key, or if the oldest may be dropped for it.
  // Beyond the capacity comes only what cannot be dropped: what a tick has in hand, a job between
  // its steps, what others push at that moment.
  bool charge_full(const Entry& entry, TimePoint now, ack::Wakes& wakes);
  // queued -> cancelled, counted; its capacity is there again at once, as long as the cancelled
  // units that were not drained since are no more than the class may hold. False if it was too
  // late.
  bool cancel(Entry& entry);
  bool pending() const { return queue.pending() || drained_beside_.load(); }
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
  void watch_deadline(Entry* entry);
  bool settle_if_queued(Entry* entry, End end, TimePoint now, ack::Wakes& wakes);
  bool settle_or_bury(Entry* entry, End end, TimePoint now, ack::Wakes& wakes);
  void relieve(TimePoint now, ack::Wakes& wakes);
  bool shed(TimePoint now, ack::Wakes& wakes);
  bool shed_in_hand(Entry* newest, TimePoint now, ack::Wakes& wakes);
  void supersede(Entry* older, Entry* newer, TimePoint now, ack::Wakes& wakes);
  void bury_later(Entry& entry);
  void expire(TimePoint now, ack::Wakes& wakes);
  Entry* supersedable(std::string_view key, TimePoint now) const;
  bool drain(TimePoint now, ack::Wakes& wakes);
  bool drain_beside(TimePoint now, ack::Wakes& wakes);
  bool drop_oldest(TimePoint now, ack::Wakes& wakes);
  void discard(Entry* entry, const Status& cause, TimePoint now, ack::Wakes& wakes);
  void finish(Entry* entry, End end, TimePoint now, ack::Wakes& wakes);
  void forget_settled_deadlines();
  void count_out(const Entry* entry, End end);
  void bury_cancelled(ack::Wakes& wakes);
  void let_go(Entry* entry, ack::Wakes& wakes);
  void let_go_cancelled(Entry* entry, ack::Wakes& wakes);

  std::mutex mutex_;
  std::atomic<bool> awaited_{
      false};  // the baton's holder waits for mutex_; threads that push let it
  std::vector<Deadline> deadlines_;  // a heap, earliest first
  // Places before it a tick has in hand, and what these hold, packed.
  std::uint64_t hand_end_ = 0;
  std::uint64_t in_hand_ = 0;
  std::uint64_t droppable_from_ = 0;  // no place before it can be dropped
  std::uint64_t shed_from_ = 0;       // no place before it has anything behind it
  Entry* shed_next_ = nullptr;        // of what is behind that place, if a tick has it in hand
  std::uint32_t flushes_seen_ = 0;
  // Since the last tick began: what was pushed is staged, and nobody may know.
  std::atomic<bool> drained_beside_{false};
  std::uint64_t settled_ = 0;
  std::uint64_t freed_ = 0;  // packed, as the gate counts
  model::SharedHistogram total_;
  std::array<std::atomic<std::uint64_t>, kEndCount> ends_{};
  std::atomic<std::uint64_t> buried_{0};  // cancelled units that were taken out
  // Cancelled, or shed in hand, since the last tick began: each with a reference.
  std::atomic<Entry*> cancelled_{nullptr};
  queue::Gate lingering_;  // what of them was given back already
};

}  // namespace onelane::engine
