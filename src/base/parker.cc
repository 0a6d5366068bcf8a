#include "src/base/parker.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <ctime>

namespace onelane::base {

namespace {

// The three states. Empty -> called by unpark, -> asleep by park; asleep -> called by unpark,
// -> empty by a park whose time is over; called -> empty by the park that returns.
constexpr std::uint32_t kEmpty = 0;
constexpr std::uint32_t kCalled = 1;
constexpr std::uint32_t kAsleep = 2;

// Longer ones would overflow some clocks; the sleeper then sleeps again.
constexpr Duration kSleepMax = std::chrono::hours(24);

static_assert(sizeof(std::atomic<std::uint32_t>) == sizeof(std::uint32_t),
              "the kernel reads the atomic's word");

long futex(const void* word, int operation, std::uint32_t value, const timespec* timeout) noexcept {
  return syscall(SYS_futex, word, operation | FUTEX_PRIVATE_FLAG, value, timeout, nullptr, 0);
}

timespec to_timespec(Duration duration) noexcept {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(duration);
  timespec out{};
  out.tv_sec = static_cast<std::time_t>(seconds.count());
  out.tv_nsec = static_cast<long>((duration - seconds).count());
  return out;
}

}  // namespace

void Parker::unpark() noexcept {
  if (state_.exchange(kCalled, std::memory_order_acq_rel) != kAsleep) return;
  // The Parker may be gone by now: the kernel then wakes nobody, or somebody who looks again.
  futex(&state_, FUTEX_WAKE, 1, nullptr);
}

bool Parker::park(std::optional<Duration> timeout) noexcept {
  using std::chrono::steady_clock;
  std::uint32_t seen = kEmpty;
  const bool sleeps = state_.compare_exchange_strong(seen, kAsleep, std::memory_order_acq_rel);
  const auto began = timeout ? steady_clock::now() : steady_clock::time_point();
  while (sleeps && state_.load(std::memory_order_acquire) == kAsleep) {
    Duration left = kSleepMax;
    if (timeout) left = std::min(left, *timeout - (steady_clock::now() - began));
    if (left <= Duration(0)) break;
    const timespec sleep = to_timespec(left);
    futex(&state_, FUTEX_WAIT, kAsleep, &sleep);
  }
  return state_.exchange(kEmpty, std::memory_order_acq_rel) == kCalled;
}

}  // namespace onelane::base
