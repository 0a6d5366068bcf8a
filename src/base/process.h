// Tells a forked child from the process that opened a journal.
#pragma once

#include <cstdint>

namespace onelane::base {

// A number of this process, another one in a child that it forks. Cheap enough for every call: it
// lies in a page that the kernel clears in the child (MADV_WIPEONFORK).
std::uint64_t process_token() noexcept;

}  // namespace onelane::base
