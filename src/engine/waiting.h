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
#include "src/engine/turn.h"
#include "src/model/entry.h"

namespace onelane::engine {

class Waiting {
 public:
  struct Parts {
    Lanes& lanes;
    LaneState& state;
    Admission& admission;
    Turn& turn;
    Pipeline& pipeline;
    Durability& durability;
    const Recorder& recorder;
    const Clock& clock;
  };
  // All of the parts must outlive it.
  Waiting(const Parts& parts, const JournalOptions& options) : with_(parts), options_(options) {}

  // A push whose caller waits for its outcome, and may commit it.
  template <class Unit>
  Result<Outcome> write(std::uint32_t klass, Unit&& unit, const PushOptions& options);

  // Blocks until the entry is settled, and if so promised, what of it is committed is durable: ok,
  // or why not.
  Status wait(Entry& entry, Promise promise, std::optional<Duration> timeout);
  // Settles the entry as cancelled; false if it was too late. The caller wakes who waits for it.
  bool cancel(Entry& entry);
  // Of a settled entry, as far as is known by now.
  Outcome outcome(const Entry& entry) const;
  // Whether nothing is to be waited for any more of what the entry promises.
  bool kept(const Entry& entry) const;
  // Of a settled entry: has `who` woken once its promise is kept; false if it is.
  bool watch(const Entry& entry, detail::Waiter& who);

  // Until everything pushed before is settled.
  Status flush(std::optional<Duration> timeout);
  // The same, and a commit after it that the disk has to prove itself with.
  Status sync(std::optional<Duration> timeout);

 private:
  using Barriers = std::array<detail::EntryRef, kClassesMax>;

  Status may_write() const;
  bool caller_may_run() const;
  // Of a call that has asked whether it may wait.
  Status wait_on(Entry& entry, Promise promise, std::optional<Duration> timeout);
  Status wait_until(Entry& entry, TimePoint deadline);
  Status wait_settled(Entry& entry, Promise promise, std::optional<TimePoint> until);
  Status wait_durable(std::uint64_t commit, std::optional<TimePoint> until);
  std::optional<Duration> time_left(std::optional<TimePoint> until) const;

  Status flush(std::optional<Duration> timeout, Barriers& barriers);
  Status pump(const Entry& entry, std::optional<TimePoint> deadline);
  Result<std::uint64_t> touch(std::optional<TimePoint> until);
  Result<std::uint64_t> try_touch();

  const Parts with_;
  const JournalOptions& options_;
  const int lateness_ = base::lateness_of_this_thread();  // of the opener, and of our own threads
};

template <class Unit>
Result<Outcome> Waiting::write(std::uint32_t klass, Unit&& unit, const PushOptions& options) {
  if (Status why = may_write(); !why.ok()) return why;
  detail::EntryRef kept;
  const Admission::Offer whose{
      .options = options,
      .tick = caller_may_run() ? Admission::Tick::by_caller : Admission::Tick::by_thread,
      .kept = &kept};
  if (Status why = with_.admission.offer(klass, std::forward<Unit>(unit), whose); !why.ok()) {
    return why;
  }
  Status why = options.deadline ? wait_until(*kept, *options.deadline)
                                : wait_on(*kept, kept->promise, std::nullopt);
  if (!why.ok()) return why;
  return outcome(*kept);
}

}  // namespace onelane::engine
