// The first failure from which there is no way back: a failed sync, or damage. Any call that meets
// it, on any connection, blows the fuse. After that no transaction and no checkpoint begins, since
// the pages of a failed sync are lost while the system calls them clean.
#pragma once

#include <atomic>
#include <mutex>
#include <utility>

#include "onelane/sink.h"

namespace onelane::inline v0::sqlite {

// Safe from any thread.
class Fuse {
 public:
  // The first counts. The reply's effect is ended: no transaction follows it.
  void blow(Reply why) {
    const std::scoped_lock lock(mutex_);
    if (blown()) return;
    why_ = std::move(why);
    why_.effect = Effect::ended;
    blown_.store(true, std::memory_order_release);
  }

  bool blown() const noexcept { return blown_.load(std::memory_order_acquire); }
  // ok while it is whole. Not changed any more once blown.
  Reply why() const {
    const std::scoped_lock lock(mutex_);
    return why_;
  }

 private:
  std::atomic<bool> blown_{false};
  mutable std::mutex mutex_;
  Reply why_;
};

}  // namespace onelane::inline v0::sqlite
