#include "tools/kit/interrupt.h"

#include <signal.h>

#include <atomic>

namespace onelane::kit {
namespace {

constexpr int kSignals[] = {SIGINT, SIGTERM, SIGHUP};
constexpr int kExitOfSignal = 128;

std::atomic<int> asked_to_end{0};  // the signal
static_assert(std::atomic<int>::is_always_lock_free, "set in a signal handler");

void on_interrupt(int number) {
  asked_to_end.store(number, std::memory_order_relaxed);
  for (const int each : kSignals) signal(each, SIG_DFL);
}

}  // namespace

void catch_interrupt() {
  struct sigaction action = {};
  action.sa_handler = on_interrupt;
  action.sa_flags = SA_RESTART;
  for (const int each : kSignals) sigaction(each, &action, nullptr);
}

bool interrupted() noexcept { return asked_to_end.load(std::memory_order_relaxed) != 0; }

int interrupted_code() noexcept {
  return kExitOfSignal + asked_to_end.load(std::memory_order_relaxed);
}

std::string_view interrupted_by() noexcept {
  switch (asked_to_end.load(std::memory_order_relaxed)) {
    case SIGTERM:
      return "SIGTERM";
    case SIGHUP:
      return "SIGHUP";
    default:
      return "SIGINT";
  }
}

}  // namespace onelane::kit
