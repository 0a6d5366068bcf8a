// What the disk did to the lane, at about the times at which it did: classes paused while it was
// behind, after a tick as long as after a recorded one of about its size and time; and passes held
// the lane to close the log.
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "onelane/trace.h"
#include "src/schedule/pauses.h"
#include "src/schedule/plan.h"
#include "src/tuning/predictor.h"
#include "src/tuning/samples.h"

namespace onelane::inline v0::tuning {

// Whether classes paused for it at half of the ticks or more. How long a pass takes that closes the
// log is the disk's then, and not the hold's.
bool was_behind(const Trace& trace);

class Disk {
 public:
  // The trace and the samples must outlive it.
  Disk(const Trace& trace, const Budgets& budgets, Samples& samples, const Chance& chance);

  // How long the passes that are due by then hold the lane. On a disk that kept up they are shorter
  // with a shorter hold.
  Duration closing_passes(TimePoint now);
  // When the next one is due.
  std::optional<TimePoint> next_pass() const {
    if (passes_ == closing_passes_.size()) return std::nullopt;
    return closing_passes_[passes_].at;
  }
  // From here on for that time.
  void turn_to(TimePoint now);
  // What the log has room for.
  void limit(schedule::Pace& pace) const {
    if (rooms_ == 0 || keeps_up_) return;
    pace.room_hold = samples_.rooms[rooms_ - 1].hold;
    pace.room_most = samples_.rooms[rooms_ - 1].most;
  }
  bool pauses(std::size_t klass) const { return now_ < pauses_.until(klass); }
  // When to ask again, of a class that pauses.
  TimePoint look_again(std::size_t klass) const {
    return std::min(pauses_.until(klass), now_ + schedule::kPauseLook);
  }
  // `tick`: when it began, and its size; `spent`: what each class took of it.
  void ended(const Sample& tick, std::span<const Duration> spent) {
    if (keeps_up_) return;
    const double pause = samples_.pauses.next(tick.records, tick.bytes, tick.at);
    pauses_.tick(tick.at, Duration(static_cast<Duration::rep>(pause)), spent);
  }

 private:
  const Trace& trace_;
  Samples& samples_;
  schedule::Pauses pauses_;
  std::vector<TracedHold> closing_passes_;
  bool keeps_up_ = false;
  TimePoint now_;
  std::size_t ticks_ = 0;   // recorded ones that were planned by now
  std::size_t rooms_ = 0;   // the same
  std::size_t passes_ = 0;  // that are over
};

}  // namespace onelane::inline v0::tuning
