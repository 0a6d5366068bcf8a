#include "src/base/parker.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <ctime>

namespace onelane::inline v0::base {

namespace {

using std::chrono::steady_clock;

// A Parker's state.
//   empty  -> called by unpark(), -> asleep by park()
//   asleep -> called by unpark(), -> empty by a park() that times out
//   called -> empty by the park() that returns
constexpr std::uint32_t kEmpty = 0;
constexpr std::uint32_t kCalled = 1;
constexpr std::uint32_t kAsleep = 2;

// The longest single sleep, since longer ones would overflow some clocks. park() then sleeps again.
constexpr Duration kSleepMax = std::chrono::hours(24);

using Word = std::atomic<std::uint32_t>;
static_assert(sizeof(Word) == sizeof(std::uint32_t), "the kernel reads the atomic's word");

// Until somebody wakes it or `until`; not at all if the word has another value by now.
long sleep_on(const Word& word, std::uint32_t value, const timespec* until) noexcept {
  // Not FUTEX_WAIT, whose time is a duration.
  return syscall(SYS_futex, &word, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, value, until, nullptr,
                 FUTEX_BITSET_MATCH_ANY);
}

void wake(const Word& word) noexcept {
  syscall(SYS_futex, &word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1, nullptr, nullptr, 0);
}

// An absolute time of CLOCK_MONOTONIC, which steady_clock reads.
timespec to_timespec(steady_clock::time_point when) noexcept {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(when);
  timespec out{};
  out.tv_sec = static_cast<std::time_t>(seconds.time_since_epoch().count());
  out.tv_nsec = static_cast<long>(std::chrono::nanoseconds(when - seconds).count());
  return out;
}

}  // namespace

void Parker::unpark() noexcept {
  if (state_.exchange(kCalled, std::memory_order_acq_rel) == kAsleep) wake(state_);
}

bool Parker::park(std::optional<Duration> timeout) noexcept {
  if (timeout && *timeout < Duration(0)) timeout = Duration(0);
  const auto began = timeout ? steady_clock::now() : steady_clock::time_point();
  std::uint32_t seen = kEmpty;
  const bool sleeps = state_.compare_exchange_strong(seen, kAsleep, std::memory_order_acq_rel);
  while (sleeps && state_.load(std::memory_order_acquire) == kAsleep) {
    timespec until{};
    if (timeout) {
      const auto now = steady_clock::now();
      const Duration left = std::min(kSleepMax, *timeout - (now - began));
      if (left <= Duration(0)) break;
      until = to_timespec(now + left);
    }
    sleep_on(state_, kAsleep, timeout ? &until : nullptr);
  }
  return state_.exchange(kEmpty, std::memory_order_acq_rel) == kCalled;
}

}  // namespace onelane::inline v0::base
