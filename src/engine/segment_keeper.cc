#include "src/engine/segment_keeper.h"

#include <chrono>
#include <new>

namespace onelane::inline v0::engine {

namespace {

// How long it waits where there was no memory, or no room on the disk.
constexpr Duration kNoMemoryPause = std::chrono::milliseconds(10);
constexpr Duration kNoRoomPause = std::chrono::seconds(1);

}  // namespace

Status SegmentKeeper::start() {
  return thread_.start({
      .name = "onelane-applied",
      .step =
          [this] {
            const std::scoped_lock lock(keeping_);
            return Thread::Sleep{.at_most = keep_or_pause(std::nullopt)};
          },
      .pending = [] { return false; },
  });
}

void SegmentKeeper::stop() {
  thread_.stop();
  const std::scoped_lock ended(keeping_);
}

std::optional<TimePoint> SegmentKeeper::keep() {
  const std::unique_lock lock(keeping_, std::try_to_lock);
  if (!lock.owns_lock() || intake_ == nullptr) return std::nullopt;
  (void)keep_or_pause(Duration(0));  // a manual journal does not block
  return not_before_;
}

void SegmentKeeper::note_durable() {
  Applied all;
  intake_->applied(applied(all));
}

// How long there is nothing to do.
std::optional<Duration> SegmentKeeper::keep_or_pause(std::optional<Duration> patience) {
  try {
    return keep_segments(patience) ? std::nullopt : std::optional(kNoRoomPause);
  } catch (const std::bad_alloc&) {
    return kNoMemoryPause;
  }
}

// Whether a segment is free now. Waits this long for somebody else's sync.
bool SegmentKeeper::keep_segments(std::optional<Duration> patience) {
  if (intake_->wants_spare()) {
    Applied all;
    const std::span<const intake::Applied> done = applied(all);
    const bool frees = oldest_is_applied(done);
    if (frees) {
      // Read after the positions: so they are in that commit, or in one before.
      const std::uint64_t commit = with_.recorder.committed();
      if (!with_.durability.wait(commit, patience, Syncer::waiter).ok()) return true;
      intake_->applied(done);
    }
    const TimePoint now = with_.clock.now();
    if (!frees && not_before_ && now < *not_before_) return false;
    not_before_.reset();
    const Result<bool> kept = intake_->keep_spare();
    if (!kept && !intake_->failure().ok()) hooks_.poison(intake_->failure());
    if (!kept || !*kept) {
      not_before_ = now + kNoRoomPause;
      return false;
    }
  }
  hooks_.go_on();
  return true;
}

// How far each class is, in the commits so far.
std::span<const intake::Applied> SegmentKeeper::applied(Applied& out) const {
  std::size_t count = 0;
  for (const auto& lane : with_.lanes.all()) {
    if (lane->journaled == nullptr) continue;
    out[count++] = {.klass = static_cast<std::uint16_t>(lane->index),
                    .up_to = lane->journaled->applied.done_up_to()};
  }
  return std::span(out).first(count);
}

// Whether the oldest segment holds nothing that is not committed.
bool SegmentKeeper::oldest_is_applied(std::span<const intake::Applied> done) const {
  bool any = false;
  for (const intake::Applied& each : done) {
    const Position needed = intake_->holds_up(each.klass);
    if (needed > each.up_to) return false;
    any |= needed != 0;
  }
  return any;
}

}  // namespace onelane::inline v0::engine
