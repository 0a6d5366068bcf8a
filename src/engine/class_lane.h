// One write class: its options, its queue and capacity, what of it is staged, and its figures. It
// moves entries from the queue into staging, settles them, and gives their room back. Its parts
// have files of their own: staging.h (what is staged), eviction.h (what gives up its room),
// deadlines.h, cancelled.h (what was settled outside a tick), tally.h (the figures).
//
// Who may call what. The baton guards staging and all calls of a tick. A class that is shared(),
// one that coalesces or drops its oldest, makes room for a push at once, however long a tick holds
// the lane: the pushing thread itself drains the queue (charge_full). So of such a class a lock
// guards what the baton guards otherwise. A tick holds the lock while it stages, plans and settles,
// and lets go of it while it commits. What the tick has in hand meanwhile no push touches, with one
// exception: a push may supersede what waits behind a record in hand, by moving its ticket's state,
// as a cancel does.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "onelane/options.h"
#include "onelane/stats.h"
#include "src/ack/settle.h"
#include "src/engine/cancelled.h"
#include "src/engine/deadlines.h"
#include "src/engine/eviction.h"
#include "src/engine/handed_on.h"
#include "src/engine/journaled_class.h"
#include "src/engine/push_terms.h"
#include "src/engine/staging.h"
#include "src/engine/tally.h"
#include "src/engine/waits.h"
#include "src/queue/class_queue.h"
#include "src/queue/gate.h"

namespace onelane::inline v0::engine {

// Whether the entry is a job with a committed step behind it. It keeps its place, taken, until it
// ends.
bool between_steps(const Entry& entry);

class ClassLane {
 public:
  // `tick` is the journal's budget, which the class's own defaults to.
  // `sites` must outlive it.
  ClassLane(std::uint32_t index, const ClassOptions& options, const Budget& tick,
            const CallSites& sites);
  ClassLane(const ClassLane&) = delete;
  ClassLane& operator=(const ClassLane&) = delete;

  // --- The baton's holder; of a class that is shared(), while it holds the lock.

  // Begins a tick: moves queued entries into staging, lets records wait behind newer ones of their
  // key, settles what there is no room for (superseded, dropped) and what is past its deadline.
  // False if memory ran out: what is left in the queue then comes first the next time.
  bool stage(TimePoint now, ack::Wakes& wakes);
  // Settles all that is staged or queued: closed, carried if it is journaled, or incomplete for a
  // job between steps. Needs no memory.
  void settle_all(const Status& cause, TimePoint now, ack::Wakes& wakes);

  // Settles an entry that is taken, counts it, and takes it out of staging.
  void settle(Entry* entry, End end, TimePoint now, ack::Wakes& wakes);
  // The same for committed rows which Tally::count_committed() has counted.
  void settle_counted(Entry* entry, ack::Wakes& wakes) {
    staging.remove(entry);
    ack::settle_taken(*entry, End::committed, wakes);
    entry->drop_payload();
    entry->release();
  }
  // Settles all records that wait behind `newer` with `end`: superseded if `newer` was committed,
  // unknown if nobody knows whether it was.
  void settle_behind(const Entry& newer, End end, TimePoint now, ack::Wakes& wakes);
  // Takes out an entry that was settled outside a tick, by a cancel or a push, and counts it.
  void bury(Entry* entry, ack::Wakes& wakes);
  // Gives back the room of all that was settled since the last call.
  void give_back() {
    if (const std::uint64_t freed = tally.take_freed(); freed != 0) gate.release(freed);
  }

  // Of a class that is shared(): a tick has this many of the first slots in hand until
  // nothing_in_hand(), and may let go of the lock meanwhile.
  void take_in_hand(std::size_t slots) { eviction_.take_in_hand(slots); }
  void nothing_in_hand() { eviction_.nothing_in_hand(); }

  // The earliest deadline of what is staged.
  std::optional<TimePoint> next_deadline() const { return deadlines_.next(); }
  // Whether its interval, or a gathering window, may keep the class's units waiting: not if a push
  // waits for room, a flush for its barrier, or close for everything; nor if the intake has no
  // room.
  bool may_rest() const {
    return !gate.crowded() && !queue.closed() && staging.barriers() == 0 &&
           (journaled == nullptr || !journaled->full.load());
  }

  // --- The baton's holder, between two ticks.
  const ClassOptions& options() const { return options_; }
  const schedule::Share& share() const { return share_; }
  // Sets all that may change; the rest is as it was (Journal::set_class). With the lock. Pushes
  // that wait for room and have it now are granted.
  void set_options(ClassOptions&& options, const schedule::Share& share) noexcept;
  // The journal's tick has changed.
  void set_share(const schedule::Share& share) noexcept;

  // --- The baton's holder, once the class is closed and has settled everything.
  void release_memory();

  // --- Any thread.

  // Whether a push to the full class makes room for itself, so that the lock guards what is above.
  // It stays so once the class has dropped its oldest.
  bool shared() const { return shared_.load(std::memory_order_acquire); }
  // Called by the baton's holder alone. Pushing threads that want the lock as well let it go first.
  void lock() {
    awaited_.store(true, std::memory_order_relaxed);
    mutex_.lock();
    awaited_.store(false, std::memory_order_relaxed);
  }
  void unlock() { mutex_.unlock(); }
  // A push to a class that is shared() and full makes room for its entry and charges the gate. It
  // supersedes what waits behind newer records; the entry may take the room of an older one of its
  // key; a class that drops its oldest drops units. False if there is still no room. In a class
  // that drops its oldest, what cannot be dropped comes on top of the capacity: what a tick has in
  // hand, a job between its steps, what other threads push at that moment.
  bool charge_full(const Entry& entry, TimePoint now, ack::Wakes& wakes);
  // queued -> cancelled, and counts it; false if it was too late. Gives its room back at once, as
  // far as cancelled.h allows. The caller holds a reference to the entry.
  bool cancel(Entry& entry);
  // Whether a tick would find something new: in the queue, or staged by a push since the last tick
  // began.
  bool pending() const {
    return (journaled == nullptr ? queue.pending() : handed_on.wanted()) || drained_beside_.load();
  }
  // Whether anything is on its way to staging; with an intake, wherever it is. With the baton.
  bool coming() const { return queue.pending() || pending() || handed_on.any(); }
  // `rivals` is the number of other classes. What it waited behind is left to Attribution.
  ClassStats stats(std::uint64_t rivals, TimePoint opened, TimePoint now) const;

  const std::uint32_t index;
  // Of the options, what never changes; and what may, while threads push.
  const std::string name;
  const bool coalesces;
  PushTerms terms;
  base::FifoMemory large_rows;
  queue::ClassQueue queue;
  queue::Gate gate;
  // Barriers take no capacity, but a bound: flushes may be given up faster than the lane drains.
  static constexpr std::uint64_t kFlushesMax = 4096;
  static constexpr std::uint64_t kOneFlush = 1;
  queue::Gate flushes{kFlushesMax, 0};
  Staging staging;
  Tally tally;
  Waits waits;
  // Of a class with an intake: its queue is drained by the pen, which hands on what it has written.
  const std::unique_ptr<JournaledClass> journaled;  // null: it has none
  HandedOn handed_on;

 private:
  bool drain(TimePoint now, ack::Wakes& wakes);
  bool take_handed_on(TimePoint now, ack::Wakes& wakes);
  bool drain_beside(TimePoint now, ack::Wakes& wakes);
  void admit(Entry* entry, TimePoint now, ack::Wakes& wakes);
  Entry* supersedable(std::string_view key, TimePoint now) const;
  void supersede(Entry* older, Entry* newer, TimePoint now, ack::Wakes& wakes);
  void relieve(TimePoint now, ack::Wakes& wakes);
  bool evict(Entry* chosen, End end, TimePoint now, ack::Wakes& wakes);
  void expire(TimePoint now, ack::Wakes& wakes);

  mutable std::mutex options_mutex_;  // of what follows, for who has not the baton
  ClassOptions options_;              // the baton's; of a class that is shared(), the lock's
  schedule::Share share_;             // the baton's
  std::uint64_t changes_ = 0;

  std::atomic<bool> shared_;
  std::mutex mutex_;
  // The baton's holder waits for mutex_.
  std::atomic<bool> awaited_{false};
  // A push has staged something since the last tick began, and nobody may know.
  std::atomic<bool> drained_beside_{false};
  std::uint32_t flushes_seen_ = 0;  // barriers that were staged
  Eviction eviction_{staging};
  Deadlines deadlines_;
  Cancelled cancelled_;
};

}  // namespace onelane::inline v0::engine
