// Slabs of memory from the system, each at a multiple of its size. They are mapped in runs, each
// twice as long as the one before, up to 32 slabs: a mmap() holds up all threads of the process
// that need new pages at that moment. A slab that nothing was written to takes no memory.
#pragma once

#include <cstddef>

namespace onelane::inline v0::base {

inline constexpr std::size_t kSlabBytes = std::size_t{256} * 1024;
static_assert(kSlabBytes % (std::size_t{64} * 1024) == 0,
              "munmap() takes whole pages, which may have 64 KiB");

// For one thread at a time.
class SlabRun {
 public:
  // A slab of zeros. Null if there is no memory.
  void* next() noexcept;
  // Gives back one slab that next() returned.
  static void unmap(void* slab) noexcept;
  // Gives back the slabs of the run that next() has not returned.
  void unmap_rest() noexcept;

 private:
  bool map(std::size_t slabs) noexcept;

  std::byte* at_ = nullptr;
  std::size_t left_ = 0;    // slabs of the run that next() has not returned
  std::size_t length_ = 0;  // slabs of the run
};

}  // namespace onelane::inline v0::base
