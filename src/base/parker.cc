#include "src/base/parker.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <climits>
#include <ctime>
#include <limits>
#include <utility>

namespace onelane::base {

namespace {

using std::chrono::steady_clock;

// A Parker's state, in one word. Asleep is kAsleep plus the number of the sleeper's place.
//   empty  -> called by unpark(), -> asleep by park()
//   asleep -> called by unpark(), -> empty by a park() that times out
//   called -> empty by the park() that returns
constexpr std::uint32_t kEmpty = 0;
constexpr std::uint32_t kCalled = 1;
constexpr std::uint32_t kAsleep = 2;

// The longest single sleep, since longer ones would overflow some clocks. park() then sleeps again.
constexpr Duration kSleepMax = std::chrono::hours(24);

// Counts the wakes sent to its sleepers. If one is sent while a thread goes to sleep, either the
// thread sees that the count has changed, or the kernel does and does not let it sleep.
struct alignas(64) Futex {
  std::atomic<std::uint32_t> sent{0};
};
static_assert(sizeof(std::atomic<std::uint32_t>) == sizeof(std::uint32_t),
              "the kernel reads the atomic's word");

constexpr std::uint32_t kBits = std::numeric_limits<std::uint32_t>::digits;
std::array<Futex, Calls::kFutexes> futexes;

// A place is a futex and one bit of it. Threads get places in turn. If there are more threads than
// places, some share a place; a wake for one of them then wakes the others, too, which sleep again.
std::uint32_t place_of_this_thread() noexcept {
  static std::atomic<std::uint32_t> threads{0};
  thread_local const std::uint32_t place =
      threads.fetch_add(1, std::memory_order_relaxed) % (Calls::kFutexes * kBits);
  return place;
}

constexpr std::uint32_t bit_of(std::uint32_t place) noexcept { return 1U << (place % kBits); }

// Until a wake of one of these bits or `until`; not at all if the futex has another value by now.
long sleep_on(const Futex& futex, std::uint32_t value, const timespec* until,
              std::uint32_t bits) noexcept {
  return syscall(SYS_futex, &futex.sent, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, value, until,
                 nullptr, bits);
}

void wake_all(const Futex& futex, std::uint32_t bits) noexcept {
  syscall(SYS_futex, &futex.sent, FUTEX_WAKE_BITSET | FUTEX_PRIVATE_FLAG, INT_MAX, nullptr, nullptr,
          bits);
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

void Calls::send() noexcept {
  for (std::size_t i = 0; i < futexes.size(); ++i) {
    const std::uint32_t bits = std::exchange(sleepers_[i], 0);
    if (bits == 0) continue;
    futexes[i].sent.fetch_add(1, std::memory_order_release);
    wake_all(futexes[i], bits);
  }
}

void Parker::unpark(Calls& calls) noexcept {
  const std::uint32_t was = state_.exchange(kCalled, std::memory_order_acq_rel);
  if (was < kAsleep) return;
  const std::uint32_t place = was - kAsleep;  // the sleeper may have destroyed the Parker by now
  calls.sleepers_[place / kBits] |= bit_of(place);
}

bool Parker::park(std::optional<Duration> timeout) noexcept {
  if (timeout && *timeout < Duration(0)) timeout = Duration(0);
  const std::uint32_t place = place_of_this_thread();
  const std::uint32_t asleep = kAsleep + place;
  const Futex& futex = futexes[place / kBits];
  const auto began = timeout ? steady_clock::now() : steady_clock::time_point();
  std::uint32_t seen = kEmpty;
  const bool sleeps = state_.compare_exchange_strong(seen, asleep, std::memory_order_acq_rel);
  while (sleeps) {
    const std::uint32_t sent = futex.sent.load(std::memory_order_acquire);  // before the state
    if (state_.load(std::memory_order_acquire) != asleep) break;
    timespec until{};
    if (timeout) {
      const auto now = steady_clock::now();
      const Duration left = std::min(kSleepMax, *timeout - (now - began));
      if (left <= Duration(0)) break;
      until = to_timespec(now + left);
    }
    sleep_on(futex, sent, timeout ? &until : nullptr, bit_of(place));
  }
  return state_.exchange(kEmpty, std::memory_order_acq_rel) == kCalled;
}

}  // namespace onelane::base
