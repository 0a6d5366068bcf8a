// Memory blocks of one size, for objects that one thread makes and another frees, a million times a
// second. Each thread keeps a stack of free blocks. Whole batches move, through one shared list,
// from the threads that free to the threads that allocate. A general allocator would free each such
// block into the arena of the thread that made it, under that arena's lock.
//
// When a thread ends, its blocks go to the list. While the pool has a user, it keeps as much memory
// as was ever in use at once. When the last user is gone, free slabs of 256 KiB go back to the
// system, and so do those that become free later. One block in use keeps its slab. A build with
// AddressSanitizer uses malloc instead, so that the tool finds blocks that are used after free.
#pragma once

#include <cstddef>

namespace onelane::inline v0::base {

class BlockPool {
 public:
  static constexpr std::size_t kBlockBytes = 384;
  // Blocks of a batch. A thread keeps at most two batches.
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

}  // namespace onelane::inline v0::base
