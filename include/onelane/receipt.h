// The caller's half of one acknowledgement.
//
// Every accepted unit (record, group, job) is settled exactly once, with one of the ten ends
// below. A Receipt is waited for, polled or awaited; there are no completion callbacks. Dropping a
// receipt cancels nothing.
//
// A Receipt is move-only and belongs to one thread at a time. cancel() and poll() alone may be
// called by another thread while one waits.
//
// A receipt keeps the journal's core alive, so it may outlive the Journal, and 384 bytes and what
// its statements returned; not the job, nor rows that did not fit in these. Once no journal of the
// process is open, that memory goes back to the system in pieces of 256 KiB, each as soon as no
// receipt is left in it.
#pragma once

#include <coroutine>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "onelane/clock.h"
#include "onelane/journey.h"
#include "onelane/options.h"
#include "onelane/record.h"
#include "onelane/status.h"

namespace onelane::inline v0 {

// What became of a unit. The database has all of a committed one, the committed steps of an
// incomplete job, of an unknown one what only reopening tells, and nothing of any other.
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
  // It is journaled, and this journal ended before it was committed, or before that was known: the
  // next opening commits it, once, or puts it among the dead letters. cause says why.
  carried,
};
inline constexpr std::size_t kEndCount = static_cast<std::size_t>(End::carried) + 1;

// The end's name as it is written above, "committed". Stable.
std::string_view name(End end) noexcept;

// What is known of a settled unit. A plain value.
struct Outcome {
  End end = End::unknown;
  // The commit that holds it (its last committed step), or 0. Of an unknown one, the commit that
  // holds it if any does: Journal::commits_of() tells after reopening, where a watermark is kept.
  std::uint64_t commit = 0;
  // Rows inserted, updated or deleted, triggers not counted; of a group, or of a job's committed
  // steps, the sum.
  std::uint64_t changes = 0;
  // Of the last row that the unit inserted, if it did; an update has none, nor has a job.
  std::optional<std::int64_t> rowid;
  // What the statements of a committed record or group returned, in order, up to 64 KiB: more is
  // the unit's own fault. Null if that is nothing, or the unit was pushed, and so has no receipt.
  // Comes on top of the class's capacity, and is kept as long as the receipt or an outcome is.
  std::shared_ptr<const std::vector<ReturnedRow>> returned;
  std::uint32_t steps = 0;  // committed steps of a job; else 0
  // What of it is committed is known to survive a power cut, as of this call: it may become true
  // later, and never false again.
  bool durable = false;
  // Why it was not committed; ok where the end says it all. Of a rejected one, Errc::record is the
  // unit's own fault. Any other code is the store's: it failed the unit, tried alone, for 30 s
  // while it took other commits. The unit may succeed later; a deadline limits how long it waits.
  Status cause;

  bool committed() const noexcept { return end == End::committed; }
  // In one value what a program branches on: ok if it is committed, and durable where that was
  // promised. Else the cause of a rejected one, expired, closed or the failure that closed it, and
  // not_committed for all other ends, which `end` tells apart.
  Status status() const;
  // For a log, in one line: "committed in commit 7", or "rejected: record: UNIQUE constraint
  // failed: peers.id (sqlite 2067)".
  std::string to_string() const;
};

// Whether a write did what it was to do, in one value: Outcome::status(), or why there is none.
Status status_of(const Result<Outcome>& written);

// That a unit is journaled: it survives a power cut, and will be committed or refused, once. It is
// no Outcome: what the database makes of the unit is not known yet.
struct Journaled {
  std::uint64_t position = 0;  // the number of the unit in its class, from 1, across openings
};

// Where a coroutine goes on after co_await. post() is called from the thread that settled the
// ticket, or one that waited for another ticket of the same tick, inside no lock of the journal and
// outside the lane; it must not throw and should only queue the handle, not resume it. A coroutine
// that is resumed inside post() may run on a thread of the journal's: waiting, flush, sync and
// close are then refused as in_lane, since that thread would wait for itself.
//
// post() is called by any thread, also by several at once. The executor must outlive the waits that
// it was given to. It runs each handle once, and is the one to destroy those that it never runs.
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

// What both awaiters have in common; each is made for one co_await.
class Awaiter {
 public:
  Awaiter(const Awaiter&) = delete;
  Awaiter& operator=(const Awaiter&) = delete;
  bool await_ready() const noexcept;
  bool await_suspend(std::coroutine_handle<> handle);

 protected:
  // promise: none is the one of the push, but never journaled.
  Awaiter(const Receipt& receipt, Executor& executor, std::optional<Promise> promise) noexcept;
  ~Awaiter();
  // Once, by await_resume(): ok, or why the wait was refused.
  const Status& resume() noexcept;

  std::shared_ptr<Core> core_;
  Entry* entry_;  // one reference of ours; null of an empty receipt

 private:
  Executor& executor_;
  Promise awaited_ = Promise::committed;
  Awaiting* awaiting_ = nullptr;  // shared with whoever settles the ticket
  Status refused_;
  bool resumed_ = false;
};

// What Receipt::on() and journaled_on() give.
class [[nodiscard]] ReceiptAwaiter final : public Awaiter {
 public:
  ReceiptAwaiter(const Receipt& receipt, Executor& executor) noexcept
      : Awaiter(receipt, executor, std::nullopt) {}
  Outcome await_resume();
};
class [[nodiscard]] JournaledAwaiter final : public Awaiter {
 public:
  JournaledAwaiter(const Receipt& receipt, Executor& executor) noexcept
      : Awaiter(receipt, executor, Promise::journaled) {}
  Result<Journaled> await_resume();
};

}  // namespace detail

// What submit returns.
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

  // Whether it is of a unit. It stays so when the unit is settled.
  bool valid() const noexcept { return entry_ != nullptr; }

  // Blocks until settled and, if the push or its class promised durable, until what of it is
  // committed is durable. At once where that is so already, in a job's step, too. The calling
  // thread may run ticks and a sync itself where nobody else does. All ends are outcomes, and no
  // errors. Errors:
  //   in_lane           in a job's step, or on a thread of the journal's own
  //   would_block       the journal is manual, and the unit's tick is not due yet
  //   forked            in a child of the process that opened the journal
  //   invalid_argument  the receipt is empty, or somebody else waits for it
  //   not_durable       it is committed, but will never be known to be durable: poll() has the
  //                     outcome
  Result<Outcome> wait();
  // The same, but timed_out once `timeout` is over; the unit stays where it is and can be waited
  // for again, or cancelled. 0 or less does not wait, more than 365 days is for ever. The time is
  // the machine's, whatever clock the journal has (clock.h). A tick that this thread runs itself is
  // not cut short: it is begun only if it is expected to take less than what is left.
  Result<Outcome> wait_for(Duration timeout);
  // The same two as if durable had been promised. A settled unit's commit is synced on this thread
  // if need be, on a manual journal too.
  Result<Outcome> wait_durable();
  Result<Outcome> wait_durable_for(Duration timeout);
  // The outcome if there is one already, durable or not; never blocks, and works in a job's step.
  std::optional<Outcome> poll() const;

  // The same for Journaled, of a unit whose class has an intake: they wait until its group is
  // synced there, and for no tick. The calling thread may write and sync the group itself. Errors
  // besides wait()'s:
  //   not_journaled     the unit ended before it was journaled; poll() says how
  //   invalid_argument  its class has no intake
  Result<Journaled> wait_journaled();
  Result<Journaled> wait_journaled_for(Duration timeout);
  std::optional<Journaled> poll_journaled() const;

  // Where its time went, if it was committed within the journal's last 512 ticks; else nothing.
  // Never blocks, and works in a job's step. Throws std::bad_alloc.
  std::optional<Journey> journey() const;

  // True if the unit is now settled as cancelled; false if a tick has taken it, or it was settled.
  // Never blocks. Its room in the class is free at once (see ClassOptions::capacity_records).
  // Whoever waits for it is woken. A unit of a class with an intake can be cancelled only before it
  // is written there. A job that has begun gets no further step: false then, and it ends as
  // incomplete, or as committed if that was its last (Transaction::stop_requested).
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
  // The same for Journaled: co_await gives a Result<Journaled>, with the errors of wait_journaled.
  detail::JournaledAwaiter journaled_on(Executor& executor);

 private:
  friend class detail::Core;
  friend class detail::Awaiter;
  // promise: none is the one of the push.
  Result<Outcome> wait(std::optional<Promise> promise, std::optional<Duration> timeout);
  Result<Journaled> wait_journaled(std::optional<Duration> timeout);
  Receipt(std::shared_ptr<detail::Core> core, detail::Entry* entry) noexcept
      : core_(std::move(core)), entry_(entry) {}
  void drop() noexcept;

  std::shared_ptr<detail::Core> core_;
  detail::Entry* entry_ = nullptr;  // one reference of ours
};

}  // namespace onelane::inline v0
