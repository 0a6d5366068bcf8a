// How soon the system gives a thread a processor.
#pragma once

namespace onelane::inline v0::base {

// How late this thread gets a processor that other threads want, too: the larger, the later. Taken
// from its scheduling policy and nice value at its first call. A thread that changes these should
// do so before its first write.
int lateness_of_this_thread() noexcept;

}  // namespace onelane::inline v0::base
