// An entry is one unit on its way: the ticket (the engine's half of an acknowledgement) and the
// rows or the job that it is about, in one allocation. The producer makes it, it rides through
// queue and staging, and whoever settles it drops the engine's reference; a receipt holds another.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "onelane/clock.h"
#include "onelane/job.h"
#include "onelane/receipt.h"
#include "src/base/fifo_memory.h"
#include "src/model/waiter.h"

namespace onelane::inline v0::detail {

// A ticket's state. queued -> taken by the committer; taken -> queued when its tick was rolled
// back; queued or taken -> settled, which is final and says how: kSettled + End. Cancel and expiry
// settle only from queued. In a class with an intake: queued -> taken by the pen -> journaled, and
// from then on journaled is what queued is for others, but for cancel and expiry.
using TicketState = std::uint8_t;
inline constexpr TicketState kQueued = 0;
inline constexpr TicketState kJournaled = 1;
inline constexpr TicketState kTaken = 2;
inline constexpr TicketState kSettled = 3;
inline constexpr TicketState kExpired = kSettled + static_cast<TicketState>(End::expired);
static_assert(kSettled + kEndCount - 1 <= std::numeric_limits<TicketState>::max());

enum class EntryKind : std::uint8_t { record, group, job, barrier };

struct Entry;

// One reference that goes away by itself.
struct EntryRelease {
  void operator()(Entry* entry) const noexcept;
};
using EntryRef = std::unique_ptr<Entry, EntryRelease>;

// What its statements returned, as its receipt gives it.
using Returned = std::shared_ptr<const std::vector<ReturnedRow>>;

struct JobRun {
  Job job;
  std::unique_ptr<JobRun> next;  // while spent ones are collected
  std::uint32_t steps = 0;       // committed
  std::uint32_t attempt = 0;     // of the current step
  // What the last call of the step came to.
  Step step = Step::done;
  std::uint64_t changes = 0;
};

struct Entry {
  // --- Set by the producer before the push, and constant from then on.
  EntryKind kind = EntryKind::record;
  std::uint8_t site = kCallSitesMax;  // of the engine's call sites
  // For a trace (JournalOptions::trace); without one they are not set.
  bool caller_waits : 1 = false;  // its caller goes on once it has ended
  bool waited_for_room : 1 = false;
  std::uint16_t caller = 0;  // of the thread that pushed it: base/caller.h
  std::uint32_t klass = 0;
  std::uint32_t rows = 0;       // 1 for a job's step
  std::uint64_t bytes = 0;      // of rows, for budgets
  std::uint64_t footprint = 0;  // of memory, for capacity
  std::uint64_t seq = 0;        // its place in the order of its class
  TimePoint pushed{};
  TimePoint deadline = TimePoint::max();
  Promise promise = Promise::committed;

  std::atomic<TicketState> state{kQueued};
  std::atomic<bool> journaled{false};       // written by the pen, before the state
  std::atomic<bool> stop_requested{false};  // of a job that has begun, by its receipt
  std::atomic<std::uint32_t> references{1};
  std::atomic<Waiter*> waiter{nullptr};  // tagged: see watch()

  // The pen's, constant once it is journaled: its number in its class, across openings.
  std::uint64_t position = 0;

  // --- The baton holder's.
  std::uint64_t place = 0;      // in staging, of an entry that leads
  Entry* next = nullptr;        // in the queue's spill list, the pen's hand, or what it handed on
  std::unique_ptr<JobRun> job;  // made by the producer
  // The records of one key that wait behind the newest: a ring, which each lone entry is, too.
  Entry* behind = this;  // the next older one; of the oldest the newest
  Entry* ahead = this;   // the next newer one; of the newest the oldest
  bool staged = false;
  bool shed = false;       // it was superseded for its room while a tick had it in hand
  bool leads = false;      // its ring in staging: it has a slot
  bool culprit = false;    // it took a transaction along, and then gave way to the next older one
  bool refused = false;    // it gave way to the next older one by its own fault
  bool condemned = false;  // to be refused with its cause by the next commit, and not run again
  bool lingers = false;  // the cancelling thread's, until the state says settled: its capacity was
                         // given back, though it is still in the queue or staged
  std::uint32_t flushes = 0;        // that its class had seen when it was staged
  std::uint32_t steps = 0;          // committed: of the outcome below
  Entry* next_cancelled = nullptr;  // the cancelling thread's, as `lingers`

  // --- The outcome: written before state says settled, constant from then on. Of a unit whose tick
  // is rolled back it is forgotten; changes are those of a job's committed steps.
  std::uint64_t commit = 0;
  std::uint64_t changes = 0;
  std::optional<std::int64_t> rowid;
  std::unique_ptr<Returned> returned;  // null if nothing is
  Status cause;

  // Without rows. Null if there is no memory.
  static Entry* make() noexcept;
  // With room for the payload, which the caller fills through payload(); `key_bytes` of it, at the
  // end, are the coalescing key. A large one lies in `large`.
  static Entry* make(std::size_t payload_bytes, std::size_t key_bytes,
                     base::FifoMemory& large) noexcept;

  std::span<std::byte> payload() noexcept { return {payload_, payload_bytes_}; }
  std::span<const std::byte> frames() const noexcept {
    return {payload_, payload_bytes_ - key_bytes_};
  }
  bool has_key() const noexcept { return key_bytes_ != 0; }
  std::string_view key() const noexcept {
    return {reinterpret_cast<const char*>(payload_ + payload_bytes_ - key_bytes_), key_bytes_};
  }
  // A settled entry's rows or job are of no use to its receipt: gives large ones back at once.
  void drop_payload() noexcept {
    if (job != nullptr || large_) free_payload();
  }

  // One reference more, for a receipt, before anybody else has one.
  EntryRef share() noexcept {
    references.store(2, std::memory_order_relaxed);
    return EntryRef(this);
  }
  void retain() noexcept { references.fetch_add(1, std::memory_order_relaxed); }
  // Whether ours is the only reference. To the lane that says that nobody can be waiting for it, or
  // cancel it, and its state is nobody else's business; to a receipt it says nothing, since two
  // threads may use that.
  bool alone() const noexcept { return references.load(std::memory_order_acquire) == 1; }

  void release() noexcept {
    // The last one need not be counted down: nobody else is left to see it.
    if (alone() || references.fetch_sub(1, std::memory_order_acq_rel) == 1) destroy();
  }

  // queued or journaled -> taken. What does not lead others may shed just now.
  bool take() noexcept {
    if (leads && alone() && state.load(std::memory_order_relaxed) < kTaken) {
      state.store(kTaken, std::memory_order_relaxed);
      return true;
    }
    return take_shared();
  }
  void put_back() noexcept;  // taken -> queued or journaled, as it was
  // The pen's: queued -> taken before the unit is written, taken -> journaled once it is synced.
  // become_journaled() returns the waiter to wake if it waits for no more than that, else null.
  bool take_to_journal() noexcept { return take_shared(); }
  [[nodiscard]] Waiter* become_journaled() noexcept;
  void forget_outcome() noexcept;
  // queued -> settled; false if it was taken or settled already.
  bool settle_queued(End end) noexcept;
  // taken -> settled, by the lane. The waiter to wake, or null. Breaking an invariant otherwise: a
  // ticket is settled once.
  [[nodiscard]] Waiter* settle_taken(End end) noexcept;
  bool queued() const noexcept { return state.load(std::memory_order_acquire) < kTaken; }
  bool settled() const noexcept { return state.load(std::memory_order_acquire) >= kSettled; }
  // Whether it ever was. seq_cst: see become_journaled().
  bool is_journaled() const noexcept {
    (void)state.load(std::memory_order_seq_cst);
    return journaled.load(std::memory_order_acquire);
  }
  // What waiting for its end waits for.
  Promise end_promise() const noexcept {
    return promise == Promise::durable ? Promise::durable : Promise::committed;
  }
  bool expired() const noexcept { return state.load(std::memory_order_acquire) == kExpired; }
  // Of a settled entry. Neither needs memory.
  End end() const noexcept;
  Outcome outcome() const noexcept;

  // Registers the one waiter, unless the entry is settled already or somebody else waits. One that
  // waits for no more than journaled is marked so in the pointer itself: the pen may not look into
  // a waiter that may have gone, and must not take one that waits for more.
  enum class Watch : std::uint8_t { begun, settled, occupied };
  Watch watch(Waiter& who) noexcept;
  // True if the waiter was taken back; false if wake() was or will be called.
  bool unwatch(Waiter& who) noexcept;
  // After settle_queued(), once: the waiter to wake, or null.
  Waiter* close_watch() noexcept;

 private:
  Entry() = default;
  ~Entry() = default;

  bool put_apart(base::FifoMemory& large) noexcept;
  bool take_shared() noexcept;
  void free_payload() noexcept;
  void destroy() noexcept;

  std::byte* payload_ = nullptr;  // behind this object, or in a FifoMemory
  std::size_t payload_bytes_ = 0;
  std::size_t key_bytes_ = 0;
  bool large_ = false;
};

inline void EntryRelease::operator()(Entry* entry) const noexcept { entry->release(); }

}  // namespace onelane::inline v0::detail
