// Tells a forked child from the process that opened a journal.
#pragma once

#include <unistd.h>

#include <atomic>
#include <cstdint>

namespace onelane::base {

// Remembers the process that made it. Cheap enough for every call: it looks at a page that the
// kernel clears in a child (MADV_WIPEONFORK), or asks for the process's id where there is none.
class ForkWitness {
 public:
  ForkWitness() noexcept;
  // Whether this is a child that was forked since.
  bool forked() const noexcept {
    return seen_ != nullptr ? seen_->load(std::memory_order_relaxed) != process_
                            : static_cast<std::uint64_t>(::getpid()) != process_;
  }

 private:
  const std::atomic<std::uint64_t>* seen_;
  std::uint64_t process_;
};

}  // namespace onelane::base
