#include "src/base/priority.h"

#include <sched.h>
#include <sys/resource.h>

#include <cerrno>

namespace onelane::inline v0::base {

namespace {

// Each nice value (-20 to 19) counts twice, so that SCHED_BATCH ranks just behind SCHED_OTHER of
// the same value. These two lie beyond all of them.
constexpr int kIdle = 1000;
constexpr int kRealTime = -1000;

int ask() noexcept {
  // Linux takes 0 for the calling thread in both.
  const int policy = sched_getscheduler(0) & ~SCHED_RESET_ON_FORK;
  if (policy == SCHED_IDLE) return kIdle;
  if (policy != SCHED_OTHER && policy != SCHED_BATCH) return kRealTime;
  return 2 * getpriority(PRIO_PROCESS, 0) + (policy == SCHED_BATCH ? 1 : 0);
}

}  // namespace

int lateness_of_this_thread() noexcept {
  thread_local const int lateness = ask();
  return lateness;
}

}  // namespace onelane::inline v0::base
