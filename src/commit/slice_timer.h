// Whose statements a tick's time was.
#pragma once

#include "onelane/clock.h"
#include "src/commit/committer.h"

namespace onelane::inline v0::commit {

// Reads the clock where one slice ends and the next begins.
class SliceTimer {
 public:
  explicit SliceTimer(const Clock& clock) : clock_(clock), began_(clock.now()) {}
  SliceTimer(const SliceTimer&) = delete;
  SliceTimer& operator=(const SliceTimer&) = delete;
  ~SliceTimer() { leave(); }

  void enter(SliceTime& slice) {
    if (slice_ == &slice) return;
    leave();
    slice_ = &slice;
  }

 private:
  void leave() {
    const TimePoint now = clock_.now();
    if (slice_ != nullptr) slice_->elapsed += now - began_;
    began_ = now;
  }

  const Clock& clock_;
  TimePoint began_;
  SliceTime* slice_ = nullptr;
};

}  // namespace onelane::inline v0::commit
