// Whose statements a tick's time was.
#pragma once

#include "onelane/clock.h"
#include "onelane/sink.h"
#include "src/commit/committer.h"

namespace onelane::inline v0::commit {

// Reads the clock where one slice ends and the next begins.
class SliceTimer {
 public:
  // Null: no server is waited for.
  SliceTimer(const Clock& clock, ServerSide* server)
      : clock_(clock), server_(server), began_(clock.now()), locked_(lock_wait()) {}
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
    const Duration locked = lock_wait();
    if (slice_ != nullptr) {
      slice_->elapsed += now - began_ - (locked - locked_);
      slice_->lock_wait += locked - locked_;
    }
    began_ = now;
    locked_ = locked;
  }
  Duration lock_wait() const noexcept {
    return server_ == nullptr ? Duration(0) : server_->lock_wait();
  }

  const Clock& clock_;
  ServerSide* const server_;
  TimePoint began_;
  Duration locked_;  // since BEGIN
  SliceTime* slice_ = nullptr;
};

}  // namespace onelane::inline v0::commit
