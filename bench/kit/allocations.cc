#include "bench/kit/allocations.h"

#include <cerrno>
#include <cstddef>
#include <cstdlib>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define ONELANE_BENCH_SANITIZED
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define ONELANE_BENCH_SANITIZED
#endif

#if defined(__GLIBC__) && !defined(ONELANE_BENCH_SANITIZED)
#define ONELANE_BENCH_COUNTS
#endif

namespace onelane::bench {
namespace {

constinit thread_local std::uint64_t allocations = 0;

}  // namespace

std::uint64_t allocations_of_this_thread() noexcept { return allocations; }

bool counts_allocations() noexcept {
#ifdef ONELANE_BENCH_COUNTS
  return true;
#else
  return false;
#endif
}

}  // namespace onelane::bench

#ifdef ONELANE_BENCH_COUNTS

// glibc's own, by the names that it exports for this; free needs no counting and stays as it is.
extern "C" {
void* __libc_malloc(std::size_t size) noexcept;
void* __libc_calloc(std::size_t count, std::size_t size) noexcept;
void* __libc_realloc(void* block, std::size_t size) noexcept;
void* __libc_memalign(std::size_t alignment, std::size_t size) noexcept;

void* malloc(std::size_t size) noexcept {
  ++onelane::bench::allocations;
  return __libc_malloc(size);
}

void* calloc(std::size_t count, std::size_t size) noexcept {
  ++onelane::bench::allocations;
  return __libc_calloc(count, size);
}

void* realloc(void* block, std::size_t size) noexcept {
  ++onelane::bench::allocations;
  return __libc_realloc(block, size);
}

void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept {
  ++onelane::bench::allocations;
  return __libc_memalign(alignment, size);
}

int posix_memalign(void** block, std::size_t alignment, std::size_t size) noexcept {
  ++onelane::bench::allocations;
  *block = __libc_memalign(alignment, size);
  return *block == nullptr ? ENOMEM : 0;
}
}  // extern "C"

#endif
