// The caller's half of one acknowledgement.
//
// Every accepted unit (record, group, job) is settled exactly once, with one of the nine ends
// below. A Receipt is waited for, polled or awaited; there are no completion callbacks. It is
// move-only and belongs to one thread at a time; cancel() alone may race with the committer.
// Dropping a receipt cancels nothing. A receipt keeps the journal's core alive, so it may outlive
// the Journal, and 384 bytes. Memory that the journal closed over goes back to the system as its
// receipts go, in pieces of 256 KiB, each once it has none left.
#pragma once

#include <coroutine>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "onelane/clock.h"
#include "onelane/options.h"
#include "onelane/status.h"

namespace onelane::inline v0 {

enum class End : std::uint8_t {
  committed,   // in commit number Outcome::commit of this opening; it survives the process
  rejected,    // never applied; Outcome::cause says why, and whose fault it is
  superseded,  // a newer record of the same key was committed instead, or a full class had no room
  dropped,     // the class was full and drops its oldest
  expired,     // its deadline came before a tick took it
  cancelled,   // by its receipt, before a tick took it
  closed,      // never started before the journal ended; cause says if that was a failure
  incomplete,  // a job that ended after at least one committed step, but not as done
  // COMMIT failed such that only recovery can tell, and no fence could settle it; or so it did for
  // a newer record of the same key, and this one was not applied.
  unknown,
};
inline constexpr std::size_t kEndCount = 9;

// "committed", "rejected", ...
std::string_view name(End end) noexcept;

struct Outcome {
  End end = End::unknown;
  // The commit that holds it (its last committed step), or 0. Of an unknown one, the commit that
  // holds it if any does: Journal::commits_of() tells after reopening, where a watermark is kept.
  std::uint64_t commit = 0;
  std::uint64_t changes = 0;          // rows inserted, updated or deleted, triggers not counted
  std::optional<std::int64_t> rowid;  // of the last row inserted; an update has none
  std::uint32_t steps = 0;            // committed steps, of a job
  bool durable = false;               // what of it is committed is known to survive a power cut
  // Why it was not committed; ok where the end says it all. Of a rejected one, Errc::record is the
  // unit's own fault. Any other code is the store's: it failed the unit, tried alone, for 30 s
  // while it took other commits. The unit may succeed later; a deadline limits how long it waits.
  Status cause;

  bool committed() const noexcept { return end == End::committed; }
};

// Where a coroutine goes on after co_await. post() is called from the thread that settled the
// ticket, or one that waited for another ticket of the same tick, inside no lock of the journal and
// outside the lane; it must not throw and should only queue the handle, not resume it. A coroutine
// that is resumed inside post() may run on a thread of the journal's: waiting, flush, sync and
// close are then refused as in_lane, since that thread would wait for itself.
class Executor {
 public:
  virtual ~Executor() = default;
  virtual void post(std::coroutine_handle<> handle) noexcept = 0;
};

class Receipt;

namespace detail {
class Awaiting;
class Core;
struct Entry;

class [[nodiscard]] ReceiptAwaiter final {
 public:
  ReceiptAwaiter(const Receipt& receipt, Executor& executor) noexcept;
  ReceiptAwaiter(const ReceiptAwaiter&) = delete;
  ReceiptAwaiter& operator=(const ReceiptAwaiter&) = delete;
  ~ReceiptAwaiter();
  bool await_ready() const noexcept;
  bool await_suspend(std::coroutine_handle<> handle);
  Outcome await_resume();

 private:
  std::shared_ptr<Core> core_;
  Entry* entry_;  // one reference of ours; null of an empty receipt
  Executor& executor_;
  Awaiting* awaiting_ = nullptr;  // shared with whoever settles the ticket
  Status refused_;
  bool resumed_ = false;
};

}  // namespace detail

class [[nodiscard]] Receipt {
 public:
  // Empty, as one that was moved from: valid() is false, waits are invalid_argument, poll() has
  // nothing, and cancel() is false.
  Receipt() noexcept = default;
  Receipt(Receipt&& other) noexcept
      : core_(std::move(other.core_)), entry_(std::exchange(other.entry_, nullptr)) {}
  Receipt& operator=(Receipt&& other) noexcept {
    Receipt taken(std::move(other));
    std::swap(core_, taken.core_);
    std::swap(entry_, taken.entry_);
    return *this;
  }
  ~Receipt() {
    if (entry_ != nullptr) drop();
  }

  bool valid() const noexcept { return entry_ != nullptr; }

  // Blocks until settled and, if the push or its class promised durable, until what of it is
  // committed is durable. The calling thread may run ticks and a sync itself where nobody else
  // does. Errors: in_lane inside a job's step; would_block on a manual journal; forked;
  // invalid_argument while somebody else waits for it; not_durable if it is committed but will
  // never be known to be durable: poll() has the outcome then.
  Result<Outcome> wait();
  // The same, but timed_out once `timeout` is over; the unit stays where it is and can be waited
  // for again, or cancelled.
  Result<Outcome> wait_for(Duration timeout);
  // The same two as if durable had been promised. A settled unit's commit is synced on this thread
  // if need be, on a manual journal too.
  Result<Outcome> wait_durable();
  Result<Outcome> wait_durable_for(Duration timeout);
  // The outcome if there is one already, durable or not; never blocks.
  std::optional<Outcome> poll() const;
  // True if the unit is now settled as cancelled; false if a tick has taken it or it was settled.
  bool cancel();

  // co_await receipt.on(executor) gives the Outcome and resumes on the executor, which must outlive
  // the wait; the receipt need not. Where durable was promised it resumes once Outcome::durable is
  // true, or is false for good and Outcome::cause says why. The wait takes a little memory, and
  // co_await throws std::bad_alloc where there is none. Of an empty receipt, or one that somebody
  // else waits for, the outcome is unknown, with invalid_argument as its cause.
  //
  // A suspended coroutine may be destroyed, also while its ticket is being settled: the unit goes
  // on, and once the frame is gone its handle is not posted any more. A handle that was posted
  // before is the executor's, to be thrown away there.
  detail::ReceiptAwaiter on(Executor& executor);

 private:
  friend class detail::Core;
  friend class detail::ReceiptAwaiter;
  // promise: none is the one of the push.
  Result<Outcome> wait(std::optional<Promise> promise, std::optional<Duration> timeout);
  Receipt(std::shared_ptr<detail::Core> core, detail::Entry* entry) noexcept
      : core_(std::move(core)), entry_(entry) {}
  void drop() noexcept;

  std::shared_ptr<detail::Core> core_;
  detail::Entry* entry_ = nullptr;  // one reference of ours
};

}  // namespace onelane::inline v0
