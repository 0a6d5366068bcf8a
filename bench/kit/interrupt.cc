#include "bench/kit/interrupt.h"

#include <signal.h>

#include <atomic>

namespace onelane::bench {
namespace {

std::atomic<bool> asked_to_end{false};
static_assert(std::atomic<bool>::is_always_lock_free, "set in a signal handler");

void on_interrupt(int /*signal*/) { asked_to_end.store(true, std::memory_order_relaxed); }

}  // namespace

void catch_interrupt() {
  struct sigaction action = {};
  action.sa_handler = on_interrupt;
  action.sa_flags = static_cast<int>(SA_RESETHAND) | SA_RESTART;
  sigaction(SIGINT, &action, nullptr);
}

bool interrupted() noexcept { return asked_to_end.load(std::memory_order_relaxed); }

}  // namespace onelane::bench
