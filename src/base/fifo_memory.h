// Memory for objects of any size that are freed in about the order in which they were made, as
// those in a queue are. It is handed out from one end of a slab; a slab is reused once everything
// in it is free. A general allocator keeps the memory of a thread's rows for that thread's arena:
// where threads come and go, it ends up with twice as much as was ever in use at once.
//
// One object that stays keeps its whole slab, so each queue has a FifoMemory of its own. Free slabs
// go to a list that all of them share, and back to the system once no journal is open. A build with
// AddressSanitizer uses malloc instead.
#pragma once

#include <cstddef>
#include <mutex>

#include "src/base/slab_run.h"

namespace onelane::inline v0::base {

class FifoMemory {
 public:
  // Larger objects come from malloc: they would leave too little of a slab.
  static constexpr std::size_t kBytesMax = kSlabBytes / 8;
  // What each object takes beyond its size, at most, rounding included.
  static constexpr std::size_t kOverheadBytes = 32;

  // A user: an open journal, as BlockPool::Use.
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

  struct Piece {
    Slab* slab = nullptr;  // null if there is no memory
    std::byte* at = nullptr;
  };

  Piece take(std::size_t bytes, Slab* next) noexcept;
  static void retire(Slab* slab) noexcept;

  std::mutex mutex_;
  Slab* slab_ = nullptr;  // the one that memory is handed out from
};

}  // namespace onelane::inline v0::base
