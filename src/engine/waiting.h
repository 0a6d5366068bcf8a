// The way out: how a caller learns what became of its unit, and the barriers: to all that was
// pushed before, and to the disk. Any thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <utility>

#include "onelane/options.h"
#include "onelane/receipt.h"
#include "src/base/priority.h"
#include "src/engine/admission.h"
#include "src/engine/durability.h"
#include "src/engine/lanes.h"
#include "src/engine/pen.h"
#include "src/engine/turn.h"
#include "src/model/entry.h"

namespace onelane::inline v0::engine {

class Waiting {
 public:
  struct Parts {
    Lanes& lanes;
    LaneState& state;
    Admission& admission;
    Turn& turn;
    Pen& pen;
    SegmentKeeper& segments;
    Pipeline& pipeline;
    Durability& durability;
    const Recorder& recorder;
    const Clock& clock;
  };
  // All of the parts must outlive it.
  Waiting(const Parts& parts, const JournalOptions& options) : with_(parts), options_(options) {}

  // A push, and the wait for its outcome. The caller's thread may run the tick.
  template <class Unit>
  Result<Outcome> write(std::uint32_t klass, Unit&& unit, const PushOptions& options);

  // A push, and the wait until it is journaled. The caller's thread may write the group.
  template <class Unit>
  Result<Journaled> journal(std::uint32_t klass, Unit&& unit, const PushOptions& options);

  // Blocks until the entry is journaled. Errors: as Receipt::wait_journaled.
  Result<Journaled> wait_journaled(Entry& entry, std::optional<Duration> timeout);
  // Of an entry that is journaled, or settled.
  Result<Journaled> journaled(const Entry& entry) const;
  // ok, or why nobody can wait for that.
  Status may_await_journaled(const Entry& entry) const;

  // Blocks until the entry is settled and, where `promise` says durable, its commit is durable.
  // Errors: as Receipt::wait.
  Status wait(Entry& entry, Promise promise, std::optional<Duration> timeout);
  // Settles the entry as cancelled; false if it was too late. The caller wakes the entry's waiter.
  bool cancel(Entry& entry);
  // Of a settled entry, as far as it is known by now.
  Outcome outcome(const Entry& entry) const;
  // True once this has happened to the entry, or never will.
  bool decided(const Entry& entry, Promise promise) const;
  // Of a settled entry: wakes `who` once what it waits for is decided(); false if it is already.
  bool watch(const Entry& entry, detail::Waiter& who);
  // After Entry::watch(): false if the entry is journaled already and `who`, which waits for no
  // more than that, was taken back. The caller keeps a reference to the entry.
  bool keeps_watching(Entry& entry, detail::Waiter& who);

  // Blocks until everything that was pushed before is settled.
  Status flush(std::optional<Duration> timeout);
  // The same, then commits a probe and blocks until that is durable.
  Status sync(std::optional<Duration> timeout);

 private:
  static Status no_intake(const ClassLane& lane);
  Result<Journaled> journal_until(Entry& entry, std::optional<TimePoint> deadline);
  using Barriers = std::array<detail::EntryRef, kClassesMax>;

  void lend_pen(Entry& entry, bool limited);
  bool caller_may_run() const;
  // For calls that have checked may_wait().
  Status wait_on(Entry& entry, Promise promise, std::optional<Duration> timeout);
  Status wait_until(Entry& entry, TimePoint deadline);
  Status wait_settled(Entry& entry, Promise promise, std::optional<TimePoint> until);
  Status wait_durable(std::uint64_t commit, std::optional<TimePoint> until);
  std::optional<Duration> time_left(std::optional<TimePoint> until) const;

  Status flush(std::optional<Duration> timeout, Barriers& barriers);
  Status pump(const Entry& entry, std::optional<TimePoint> deadline);
  bool manual() const { return options_.drive == Drive::manual; }
  void pump_pen(const Entry& entry);
  Status take_back(Entry& entry, Status why);
  Result<std::uint64_t> probe(std::optional<TimePoint> until);
  Result<std::uint64_t> try_probe();

  const Parts with_;
  const JournalOptions& options_;
  const int lateness_ = base::lateness_of_this_thread();  // of the opener, and of our own threads
};

template <class Unit>
Result<Outcome> Waiting::write(std::uint32_t klass, Unit&& unit, const PushOptions& options) {
  if (Status why = with_.turn.may_wait("write"); !why.ok()) return why;
  detail::EntryRef kept;
  const Admission::Offer whose{
      .options = options,
      .next = caller_may_run() ? Admission::NextTick::by_caller : Admission::NextTick::by_thread,
      .reference = &kept,
      .caller_waits = true};
  if (Status why = with_.admission.offer(klass, std::forward<Unit>(unit), whose); !why.ok()) {
    return why;
  }
  Status why = options.deadline ? wait_until(*kept, *options.deadline)
                                : wait_on(*kept, kept->promise, std::nullopt);
  if (why.code() == Errc::would_block) why = take_back(*kept, std::move(why));
  if (!why.ok()) return why;
  return outcome(*kept);
}

template <class Unit>
Result<Journaled> Waiting::journal(std::uint32_t klass, Unit&& unit, const PushOptions& options) {
  if (Status why = with_.turn.may_wait("journal"); !why.ok()) return why;
  if (with_.lanes[klass].journaled == nullptr) return no_intake(with_.lanes[klass]);
  PushOptions patient = options;
  if (!patient.promise) patient.promise = Promise::journaled;
  detail::EntryRef kept;
  const Admission::Offer whose{
      .options = patient,
      .next = caller_may_run() ? Admission::NextTick::by_caller : Admission::NextTick::by_thread,
      .reference = &kept};
  if (Status why = with_.admission.offer(klass, std::forward<Unit>(unit), whose); !why.ok()) {
    return why;
  }
  return journal_until(*kept, options.deadline);
}

}  // namespace onelane::inline v0::engine
