// Memory for things of any size that are freed in about the order in which they are made, as what
// lies in a queue is: it is handed out from one end of a slab, and a slab is used anew once all
// that was in it is free. A general allocator keeps what a thread's rows took for that thread's
// arena, so that with threads that come and go it ends up with twice what was ever in use at once.
//
// One thing that stays pins its slab: each queue has a FifoMemory of its own. Slabs go back to a
// list that all share, and to the system once no journal is open. A build with
// AddressSanitizer uses malloc.
#pragma once

#include <cstddef>
#include <mutex>

#include "src/base/slab_run.h"

namespace onelane::base {

class FifoMemory {
 public:
  // More at once comes from malloc: too little of a slab would be left.
  static constexpr std::size_t kBytesMax = kSlabBytes / 8;
  // What each thing takes beyond its size, rounding included.
  static constexpr std::size_t kOverheadBytes = 32;

  // As BlockPool::Use.
  class Use {
   public:
    Use() noexcept;
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;
    ~Use();
  };

  FifoMemory() = default;
  FifoMemory(const FifoMemory&) = delete;
  FifoMemory& operator=(const FifoMemory&) = delete;
  ~FifoMemory();

  // Any thread. Null if there is no memory. Aligned for any type.
  void* allocate(std::size_t bytes) noexcept;
  // Any thread; may come after the FifoMemory itself is gone.
  static void free(void* memory) noexcept;

 private:
  struct Slab;
  struct Header;
  struct Slabs;

  struct Place {
    Slab* slab = nullptr;  // null if there is no memory
    std::byte* at = nullptr;
  };

  Place take(std::size_t bytes, Slab* next) noexcept;
  static void retire(Slab* slab) noexcept;

  std::mutex mutex_;
  Slab* slab_ = nullptr;  // handed out from
};

}  // namespace onelane::base
