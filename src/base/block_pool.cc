#include "src/base/block_pool.h"

#include <pthread.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <mutex>
#include <new>
#include <utility>

#include "src/base/sanitizers.h"
#include "src/base/slab_run.h"

namespace onelane::inline v0::base {

namespace {

// Free blocks, kept by address, so that the next ones are known without reading any block.
struct Stack {
  std::array<void*, 2 * BlockPool::kBatch> blocks{};
  std::size_t size = 0;

  void push(void* block) noexcept { blocks[size++] = block; }
  void* pop() noexcept { return blocks[--size]; }
};

// The header of a batch in the shared list. It lies in one of the batch's own blocks.
struct Batch {
  Batch* next;
  std::size_t size;
  std::array<void*, BlockPool::kBatch - 1> others;
};
static_assert(sizeof(Batch) <= BlockPool::kBlockBytes);
static_assert(BlockPool::kBlockBytes % alignof(std::max_align_t) == 0);

// New blocks come out of slabs, which are mapped from the system: a block in an allocator's memory
// would pin what that allocator keeps around it. A slab lies at a multiple of its size, so that a
// block's address gives its slab's.
struct alignas(64) Slab {
  std::size_t free = 0;  // number of its blocks that are free; used while trim() counts
  Slab* next = nullptr;  // used while trim() gives slabs back
};
constexpr std::size_t kBatchBytes = BlockPool::kBatch * BlockPool::kBlockBytes;
constexpr std::size_t kBatchesPerSlab = (kSlabBytes - sizeof(Slab)) / kBatchBytes;
constexpr std::size_t kBlocksPerSlab = kBatchesPerSlab * BlockPool::kBatch;
static_assert(kBatchesPerSlab > 0, "a slab holds whole batches");

Slab* slab_of(void* block) noexcept {
  const std::size_t offset = reinterpret_cast<std::uintptr_t>(block) % kSlabBytes;
  return reinterpret_cast<Slab*>(static_cast<std::byte*>(block) - offset);
}

// With no user, trim() looks for whole slabs once this many blocks are free, and at least twice as
// many as its last run left.
constexpr std::size_t kTrimMin = 8 * kBlocksPerSlab;

// How many allocations ahead a block is prefetched: reaching memory takes longer than one push.
constexpr std::size_t kAhead = 4;
static_assert(kAhead < BlockPool::kBatch);

// The free blocks that no thread keeps, in batches. Shared by all threads.
class Batches {
 public:
  // False if there is no memory. `into` is empty.
  bool take(Stack& into) noexcept {
    Batch* batch = nullptr;
    {
      const std::scoped_lock lock(mutex_);
      if (first_ == nullptr) return make(into);
      batch = std::exchange(first_, first_->next);
      free_ -= batch->size + 1;
    }
    std::copy_n(batch->others.begin(), batch->size, into.blocks.begin());
    into.size = batch->size;
    into.push(batch);
    return true;
  }
  // Takes the topmost blocks of the stack, at most one batch.
  void give(Stack& from) noexcept {
    if (from.size == 0) return;
    Batch* batch = make_batch(from);
    const std::scoped_lock lock(mutex_);
    add(batch);
    if (users_ == 0 && free_ >= trim_at_) [[unlikely]]
      trim();
  }
  void use() noexcept {
    const std::scoped_lock lock(mutex_);
    ++users_;
  }
  void unuse() noexcept {
    const std::scoped_lock lock(mutex_);
    if (--users_ == 0) trim();
  }
  void lock() noexcept { mutex_.lock(); }
  void unlock() noexcept { mutex_.unlock(); }

 private:
  static Batch* make_batch(Stack& from) noexcept {
    auto* batch = new (from.pop()) Batch;
    batch->size = std::min(from.size, batch->others.size());
    from.size -= batch->size;
    std::copy_n(from.blocks.begin() + static_cast<std::ptrdiff_t>(from.size), batch->size,
                batch->others.begin());
    return batch;
  }
  void add(Batch* batch) noexcept {
    batch->next = std::exchange(first_, batch);
    free_ += batch->size + 1;
  }
  bool make(Stack& into) noexcept {
    if (slab_left_ == 0) {
      void* memory = run_.next();
      if (memory == nullptr) return false;
      Slab* slab = new (memory) Slab;
      slab_ = reinterpret_cast<std::byte*>(slab + 1);
      slab_left_ = kBatchesPerSlab * kBatchBytes;
    }
    slab_left_ -= kBatchBytes;
    for (std::size_t i = BlockPool::kBatch; i-- > 0;) {
      into.push(slab_ + slab_left_ + i * BlockPool::kBlockBytes);
    }
    return true;
  }

  // Gives back to the system each slab whose blocks are all free and in this list.
  void trim() noexcept {
    for_each_block([](void* block) { ++slab_of(block)->free; });
    Stack kept;
    Slab* whole = nullptr;
    const auto sort_out = [&](void* block) {
      Slab* slab = slab_of(block);
      if (slab->free < kBlocksPerSlab) {
        kept.push(block);
      } else if (slab->free++ == kBlocksPerSlab) {
        slab->next = std::exchange(whole, slab);
      }
    };
    free_ = 0;
    for (Batch* rest = std::exchange(first_, nullptr); rest != nullptr;) {
      Batch* batch = std::exchange(rest, rest->next);
      const std::size_t size = batch->size;
      const auto others = batch->others;
      sort_out(batch);
      std::for_each_n(others.begin(), size, sort_out);
      while (kept.size >= BlockPool::kBatch) add(make_batch(kept));
    }
    while (kept.size > 0) add(make_batch(kept));
    while (whole != nullptr) SlabRun::unmap(std::exchange(whole, whole->next));
    for_each_block([](void* block) { slab_of(block)->free = 0; });
    run_.unmap_rest();
    trim_at_ = std::max(kTrimMin, 2 * free_);
  }
  void for_each_block(const auto& what) {
    for (Batch* batch = first_; batch != nullptr; batch = batch->next) {
      what(batch);
      std::for_each_n(batch->others.begin(), batch->size, what);
    }
  }

  std::mutex mutex_;
  Batch* first_ = nullptr;
  std::size_t free_ = 0;  // blocks
  std::size_t users_ = 0;
  std::size_t trim_at_ = kTrimMin;
  SlabRun run_;
  std::byte* slab_ = nullptr;
  std::size_t slab_left_ = 0;
};

constinit Batches batches;  // destroyed by nobody: its threads may outlive main

enum class Life : unsigned char { fresh, open, ended };

// Trivial, so that using it costs no more than an address. Ending runs at the thread's end.
struct Cache {
  Stack blocks;
  Life life = Life::fresh;
};
thread_local constinit Cache cache;

struct Ending {
  ~Ending() {
    while (cache.blocks.size > 0) batches.give(cache.blocks);
    cache.life = Life::ended;
  }
};

void open_cache() noexcept {
  thread_local Ending ending;
  (void)ending;
  // A forked child must find the list whole and unlocked.
  static const int handlers =
      pthread_atfork([] { batches.lock(); }, [] { batches.unlock(); }, [] { batches.unlock(); });
  (void)handlers;
  cache.life = Life::open;
}

// Prefetches the cache lines that the allocating thread writes first: a ticket's, and those of a
// row of 128 bytes. Another processor wrote them last.
void fetch(const void* block) noexcept {
  constexpr std::size_t kLineBytes = 64;
  constexpr std::size_t kLines = 5;
  const char* line = static_cast<const char*>(block);
  for (std::size_t i = 0; i < kLines; ++i) __builtin_prefetch(line + i * kLineBytes, 1);
}

// Out of line, so that allocate() is short enough to be inlined. False if there is no memory.
[[gnu::noinline]] bool take_batch() noexcept {
  if (cache.life == Life::fresh) open_cache();
  if (!batches.take(cache.blocks)) return false;
  for (std::size_t i = 1; i <= kAhead && i <= cache.blocks.size; ++i) {
    fetch(cache.blocks.blocks[cache.blocks.size - i]);
  }
  return true;
}

// Gives a batch back if the thread keeps too many blocks, or has ended.
[[gnu::noinline]] void give_excess() noexcept {
  if (cache.life == Life::fresh) open_cache();
  if (cache.life == Life::ended || cache.blocks.size == 2 * BlockPool::kBatch) {
    batches.give(cache.blocks);
  }
}

}  // namespace

void* BlockPool::allocate() noexcept {
  if constexpr (kPoolIsMalloc) return std::malloc(kBlockBytes);
  if (cache.blocks.size == 0 && !take_batch()) [[unlikely]]
    return nullptr;
  void* block = cache.blocks.pop();
  if (cache.blocks.size >= kAhead) fetch(cache.blocks.blocks[cache.blocks.size - kAhead]);
  if (cache.life == Life::ended) [[unlikely]]
    batches.give(cache.blocks);
  return block;
}

void BlockPool::free(void* block) noexcept {
  if constexpr (kPoolIsMalloc) return std::free(block);
  cache.blocks.push(block);
  if (cache.life != Life::open || cache.blocks.size == 2 * kBatch) [[unlikely]]
    give_excess();
}

BlockPool::Use::Use() noexcept { batches.use(); }

BlockPool::Use::~Use() {
  while (cache.blocks.size > 0) batches.give(cache.blocks);
  batches.unuse();
}

}  // namespace onelane::inline v0::base
