// A thread that waits for one ticket, or for one commit to be durable.
#pragma once

#include <optional>

#include "onelane/clock.h"
#include "src/ack/settle.h"
#include "src/base/parker.h"
#include "src/model/entry.h"

namespace onelane::inline v0::engine {

class ThreadWaiter final : public detail::Waiter {
 public:
  explicit ThreadWaiter(Promise awaited) noexcept { promise = awaited; }
  void wake() noexcept override { parker_.unpark(); }

  // True once woken; false if `timeout` passed first.
  bool wait(std::optional<Duration> timeout) {
    if (!parker_.park(timeout)) return false;
    ack::wake_all(followers);
    return true;
  }

 private:
  base::Parker parker_;
};

}  // namespace onelane::inline v0::engine
