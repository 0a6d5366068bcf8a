// What is done after a tick that failed for reasons that are not a record's: when the next one may
// begin, of how many units, and whether the store takes commits at all. The rules are in retry.h.
// Everything here is the baton holder's.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "onelane/clock.h"
#include "onelane/sink.h"
#include "src/commit/committer.h"
#include "src/engine/lane_state.h"
#include "src/engine/lanes.h"
#include "src/engine/retry.h"

namespace onelane::inline v0::engine {

class Recovery {
 public:
  // All must outlive it.
  Recovery(Sink& sink, const Lanes& lanes, LaneState& state)
      : sink_(sink), lanes_(lanes), state_(state) {}
  // Adding needs no memory for a class that was prepared for.
  void prepare() { quarantines_.reserve(quarantines_.size() + 1); }
  void add_class() noexcept { quarantines_.emplace_back(); }

  // --- Before a tick.

  // When the next try is due, if it is not yet.
  std::optional<TimePoint> waits_until(TimePoint now) const {
    return not_before_ && now < *not_before_ ? not_before_ : std::nullopt;
  }
  // Whether all that is staged is of classes that pause.
  bool idle(TimePoint now) const;
  const Quarantine& quarantine(std::size_t klass) const { return quarantines_[klass]; }
  // The most units of the next tick; 0: no limit.
  std::size_t limit() const { return retry_.limit(); }
  // Chooses the classes of the next tick: one quarantined class, or all that are not quarantined.
  // Those, and each quarantined class, take turns; a class that pauses has no turn.
  void next_class(TimePoint now);
  // The quarantined class that was chosen; none: the tick is for all that are not quarantined.
  const std::optional<std::size_t>& quarantined_class() const { return quarantined_; }

  // Whether a class that is not quarantined has something staged.
  bool others_wait() const;
  // After a turn in which nothing was due before then: when the first turn of a quarantined class
  // is, now if one has not had it.
  std::optional<TimePoint> next_turn(std::optional<TimePoint> due, TimePoint now);

  // --- After it.

  // From here on the next try is due at once, unless what follows says otherwise.
  void tick_ended() { not_before_.reset(); }
  void committed(std::size_t units);
  void locked(TimePoint now) {
    if (!locked_since_) locked_since_ = now;
    not_before_ = now + retry_.locked();
  }
  void not_locked() { locked_since_.reset(); }
  // Since when somebody else has had the write lock, if the last try found it so.
  std::optional<TimePoint> locked_since() const { return locked_since_; }
  // There was no memory for a tick of so many units, or (0) for what is queued: nothing was taken.
  void starved(TimePoint now, std::size_t units) { not_before_ = now + retry_.failed(units); }
  // It was rolled back for a fault of the environment, which is no unit's fault. A unit that is to
  // end all the same is made a culprit.
  void backed_off(const commit::TickResult& result, std::span<commit::Work> work);

  // --- While the lane is stalled: only a probe may find out that the store takes commits again.
  Reply probe_again(TimePoint now);

  // --- While it is unknown: see fence.h.

  // The fence is to be tried again.
  void fence_failed(const Reply& fenced, TimePoint now);
  // It is durable: the units of the tick are surely not applied, as after any other rollback.
  void fenced(std::span<commit::Work> work, const Status& cause, TimePoint now);
  // The store turned out to have them: as after a tick that was committed.
  void found_committed(std::size_t units);

 private:
  enum class Store : std::uint8_t { unasked, takes_commits, failed_too };

  bool failed_among_others(const detail::Entry* suspect);
  void failed_alone(commit::Work& work, Store store, const Status& cause, TimePoint now);
  Store prove_store(const Status& cause, TimePoint now);

  Sink& sink_;
  const Lanes& lanes_;
  LaneState& state_;
  Retry retry_;
  std::vector<Quarantine> quarantines_;     // by class
  std::optional<std::size_t> quarantined_;  // that was chosen last
  std::size_t last_quarantined_ = 0;        // the last such class
  std::optional<TimePoint> not_before_;
  std::optional<TimePoint> locked_since_;
  bool fence_failed_ = false;  // since the lane is unknown
};

}  // namespace onelane::inline v0::engine
