// Memory blocks of one size for what is made on one thread and freed on another, a million times a
// second. A thread takes blocks from its own stack and gives them back to its own; whole batches go
// from threads that free to threads that make, through one list. A general allocator has each such
// block freed into the arena of the thread that made it, under that arena's lock.
//
// Blocks go back to the list when their thread ends, and never to the system: the pool stays as
// large as all that was ever in use at once. A build with AddressSanitizer uses malloc, so that it
// sees who uses a block too long.
#pragma once

#include <cstddef>

namespace onelane::base {

class BlockPool {
 public:
  static constexpr std::size_t kBlockBytes = 384;
  // A thread keeps at most two batches.
  static constexpr std::size_t kBatch = 32;

  // Null if there is no memory. Aligned for any type.
  static void* allocate() noexcept;
  static void free(void* block) noexcept;
};

}  // namespace onelane::base
