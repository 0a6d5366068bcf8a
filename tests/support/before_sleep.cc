#include "tests/support/before_sleep.h"

#include <dlfcn.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cstdarg>
#include <utility>

namespace {

thread_local const std::function<void()>* deed = nullptr;

}  // namespace

namespace onelane::test {

BeforeSleep::BeforeSleep(std::function<void()> deed) : deed_(std::move(deed)) { ::deed = &deed_; }
BeforeSleep::~BeforeSleep() { ::deed = nullptr; }

}  // namespace onelane::test

extern "C" long syscall(long number, ...) noexcept {
  using Syscall = long (*)(long, ...);
  static const auto real = reinterpret_cast<Syscall>(dlsym(RTLD_NEXT, "syscall"));
  std::array<long, 6> given{};
  std::va_list arguments;
  va_start(arguments, number);
  for (long& each : given) each = va_arg(arguments, long);
  va_end(arguments);
  const bool sleeps = number == SYS_futex && (given[1] & FUTEX_CMD_MASK) == FUTEX_WAIT_BITSET;
  if (sleeps && deed != nullptr) (*deed)();
  return real(number, given[0], given[1], given[2], given[3], given[4], given[5]);
}
