#include "src/base/block_pool.h"

#include <pthread.h>
#include <sys/mman.h>

#include <cstdlib>
#include <mutex>
#include <new>
#include <utility>

#include "src/base/sanitizers.h"

namespace onelane::base {

namespace {

struct Block {
  Block* next;
  // Of a batch's first block, while the batch is in the list:
  Block* next_batch;
  std::size_t batch_size;
};
static_assert(sizeof(Block) <= BlockPool::kBlockBytes);
static_assert(BlockPool::kBlockBytes % alignof(std::max_align_t) == 0);

struct Stack {
  Block* top = nullptr;
  std::size_t size = 0;

  void push(void* block) noexcept {
    top = new (block) Block{.next = top, .next_batch = nullptr, .batch_size = 0};
    ++size;
  }
  Block* pop() noexcept {
    --size;
    return std::exchange(top, top->next);
  }
};

// New blocks come out of slabs, and those from the system itself: a block is never given back, and
// would pin what the allocator has around it.
constexpr std::size_t kBatchBytes = BlockPool::kBatch * BlockPool::kBlockBytes;
constexpr std::size_t kSlabBytes = 32 * kBatchBytes;

// What no thread has, in batches.
class Batches {
 public:
  // Empty if there is no memory.
  Stack take() noexcept {
    const std::scoped_lock lock(mutex_);
    if (first_ == nullptr) return make();
    Block* batch = std::exchange(first_, first_->next_batch);
    return {.top = batch, .size = batch->batch_size};
  }
  void give(Stack batch) noexcept {
    if (batch.size == 0) return;
    batch.top->batch_size = batch.size;
    const std::scoped_lock lock(mutex_);
    batch.top->next_batch = std::exchange(first_, batch.top);
  }
  void lock() noexcept { mutex_.lock(); }
  void unlock() noexcept { mutex_.unlock(); }

 private:
  Stack make() noexcept {
    if (slab_left_ == 0) {
      void* slab =
          mmap(nullptr, kSlabBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      if (slab == MAP_FAILED) return {};
      slab_ = static_cast<std::byte*>(slab);
      slab_left_ = kSlabBytes;
    }
    slab_left_ -= kBatchBytes;
    Stack batch;
    for (std::size_t i = BlockPool::kBatch; i-- > 0;) {
      batch.push(slab_ + slab_left_ + i * BlockPool::kBlockBytes);
    }
    return batch;
  }

  std::mutex mutex_;
  Block* first_ = nullptr;
  std::byte* slab_ = nullptr;
  std::size_t slab_left_ = 0;
};

constinit Batches batches;  // destroyed by nobody: its threads may outlive main

// Moves up to a batch to the list. What is seldom done stands apart, so that the rest is short
// enough to be inlined.
[[gnu::noinline]] void give_batch(Stack& from) noexcept {
  Stack batch;
  while (from.size > 0 && batch.size < BlockPool::kBatch) batch.push(from.pop());
  batches.give(batch);
}

enum class Life : unsigned char { fresh, open, ended };

// Trivial, so that its use costs no more than an address; Ending is what the thread's end runs.
struct Cache {
  Stack blocks;
  Life life = Life::fresh;
};
thread_local constinit Cache cache;

struct Ending {
  ~Ending() {
    while (cache.blocks.size > 0) give_batch(cache.blocks);
    cache.life = Life::ended;
  }
};

void open_cache() noexcept {
  thread_local Ending ending;
  (void)ending;
  // A child that is forked must find the list whole and unlocked.
  static const int handlers =
      pthread_atfork([] { batches.lock(); }, [] { batches.unlock(); }, [] { batches.unlock(); });
  (void)handlers;
  cache.life = Life::open;
}

// False if there is no memory.
[[gnu::noinline]] bool take_batch() noexcept {
  if (cache.life == Life::fresh) open_cache();
  cache.blocks = batches.take();
  return cache.blocks.size != 0;
}

// Of a thread's own blocks there may be too many, or it has ended.
[[gnu::noinline]] void give_excess() noexcept {
  if (cache.life == Life::fresh) open_cache();
  if (cache.life == Life::ended || cache.blocks.size == 2 * BlockPool::kBatch) {
    give_batch(cache.blocks);
  }
}

// The next block's first lines, which whoever takes it writes, since another processor had them
// last: a ticket and a row of 128 bytes.
void fetch_ahead(const Block* block) noexcept {
  constexpr std::size_t kLineBytes = 64;
  constexpr std::size_t kLines = 5;
  const char* line = reinterpret_cast<const char*>(block);
  for (std::size_t i = 0; i < kLines; ++i) __builtin_prefetch(line + i * kLineBytes, 1);
}

}  // namespace

void* BlockPool::allocate() noexcept {
  if constexpr (kPoolIsMalloc) return std::malloc(kBlockBytes);
  if (cache.blocks.size == 0 && !take_batch()) [[unlikely]]
    return nullptr;
  void* block = cache.blocks.pop();
  fetch_ahead(cache.blocks.top);
  if (cache.life == Life::ended) [[unlikely]]
    give_batch(cache.blocks);
  return block;
}

void BlockPool::free(void* block) noexcept {
  if constexpr (kPoolIsMalloc) return std::free(block);
  cache.blocks.push(block);
  if (cache.life != Life::open || cache.blocks.size == 2 * kBatch) [[unlikely]]
    give_excess();
}

}  // namespace onelane::base
