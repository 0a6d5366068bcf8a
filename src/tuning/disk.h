// When classes pause since the disk is behind: at the times at which it was in the recording, and
// for a tick as long as a recorded one of about its size and time.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>

#include "onelane/trace.h"
#include "src/schedule/pauses.h"
#include "src/tuning/samples.h"

namespace onelane::inline v0::tuning {

class Disk {
 public:
  // The trace and `pauses` must outlive it.
  Disk(const Trace& trace, const Budgets& budgets, Draws& pauses);

  // From here on for that time.
  void turn_to(TimePoint now);
  bool pauses(std::size_t klass) const { return now_ < pauses_.until(klass); }
  // When to ask again, of a class that pauses.
  TimePoint look_again(std::size_t klass) const {
    return std::min(pauses_.until(klass), now_ + schedule::kPauseLook);
  }
  // `tick`: when it began, and its size; `spent`: what each class took of it.
  void ended(const Sample& tick, std::span<const Duration> spent) {
    const double pause = draws_.next(tick.records, tick.bytes, tick.at);
    pauses_.tick(tick.at, Duration(static_cast<Duration::rep>(pause)), spent);
  }

 private:
  const Trace& trace_;
  Draws& draws_;
  schedule::Pauses pauses_;
  TimePoint now_;
  std::size_t ticks_ = 0;  // recorded ones that were planned by now
};

}  // namespace onelane::inline v0::tuning
