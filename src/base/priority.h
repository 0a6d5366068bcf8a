// How the system schedules threads.
#pragma once

namespace onelane::base {

// How late this thread gets a processor that others want, too: the larger, the later. From its
// scheduling policy and nice value when it first asks. A thread that changes them later should do
// so before it writes.
int lateness_of_this_thread() noexcept;

}  // namespace onelane::base
