#include "src/base/process.h"

#include <sys/mman.h>
#include <unistd.h>

#include <atomic>

namespace onelane::base {

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

std::uint64_t process_token() noexcept {
  static Token* const token = map_token();
  if (token == nullptr) return static_cast<std::uint64_t>(::getpid());
  std::uint64_t value = token->load(std::memory_order_relaxed);
  if (value == 0) {  // first call here, or first after a fork
    value = static_cast<std::uint64_t>(::getpid());
    token->store(value, std::memory_order_relaxed);
  }
  return value;
}

}  // namespace onelane::base
