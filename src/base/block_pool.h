// Memory blocks of one size for what is made on one thread and freed on another, a million times a
// second. A thread takes blocks from its own stack and gives them back to its own; whole batches go
// from threads that free to threads that make, through one list. A general allocator has each such
// block freed into the arena of the thread that made it, under that arena's lock.
//
// Blocks go back to the list when their thread ends. While somebody uses the pool it stays as large
// as all that was ever in use at once; with the last user gone, slabs of 256 KiB that are free go
// back to the system, and so does what is freed later. A block that is kept keeps its slab. A build
// with AddressSanitizer uses malloc, so that it sees who uses a block too long.
#pragma once

#include <cstddef>

namespace onelane::base {

class BlockPool {
 public:
  static constexpr std::size_t kBlockBytes = 384;
  // A thread keeps at most two batches.
  static constexpr std::size_t kBatch = 32;

  // A user: an open journal.
  class Use {
   public:
    Use() noexcept;
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;
    ~Use();
  };

  // Null if there is no memory. Aligned for any type.
  static void* allocate() noexcept;
  static void free(void* block) noexcept;
};

}  // namespace onelane::base
