// Tells a forked child from the process that opened a journal.
#pragma once

#include <unistd.h>

#include <atomic>
#include <cstdint>

namespace onelane::inline v0::base {

// Remembers the process that made it. Cheap enough for every call of the journal: it reads a page
// that the kernel clears in a child (MADV_WIPEONFORK). Where the kernel cannot do that, it asks for
// the process's id.
class ForkWitness {
 public:
  ForkWitness() noexcept;
  // Whether the calling process was forked from the one that made this.
  bool forked() const noexcept {
    return seen_ != nullptr ? seen_->load(std::memory_order_relaxed) != process_
                            : static_cast<std::uint64_t>(::getpid()) != process_;
  }

 private:
  const std::atomic<std::uint64_t>* seen_;
  std::uint64_t process_;
};

}  // namespace onelane::inline v0::base
