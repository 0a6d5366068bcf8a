// Slabs of memory from the system, each at a multiple of its size. They are mapped in runs, of
// which each is twice as long as the one before: a call into the system makes all other threads of
// the process wait whose pages are being made. What was not touched yet takes no memory.
#pragma once

#include <cstddef>

namespace onelane::base {

inline constexpr std::size_t kSlabBytes = std::size_t{256} * 1024;

// For one thread at a time.
class SlabRun {
 public:
  // Zeros. Null if there is no memory.
  void* next() noexcept;
  // One that next() has given.
  static void unmap(void* slab) noexcept;
  // Those that it has not given.
  void unmap_rest() noexcept;

 private:
  bool map(std::size_t slabs) noexcept;

  std::byte* at_ = nullptr;
  std::size_t left_ = 0;  // slabs
  std::size_t length_ = 0;
};

}  // namespace onelane::base
