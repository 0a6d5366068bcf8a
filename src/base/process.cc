#include "src/base/process.h"

#include <sys/mman.h>

namespace onelane::inline v0::base {

namespace {

using Token = std::atomic<std::uint64_t>;

// The page, or null where the kernel has no MADV_WIPEONFORK (before 4.14).
Token* map_token() noexcept {
  const auto size = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  void* page = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return nullptr;
  if (::madvise(page, size, MADV_WIPEONFORK) != 0) {
    ::munmap(page, size);
    return nullptr;
  }
  return new (page) Token(0);
}

}  // namespace

ForkWitness::ForkWitness() noexcept : process_(static_cast<std::uint64_t>(::getpid())) {
  static Token* const token = map_token();
  // Set again in each child that opens a journal. All threads of a process store the same value.
  if (token != nullptr) token->store(process_, std::memory_order_relaxed);
  seen_ = token;
}

}  // namespace onelane::inline v0::base
