#include "src/base/fifo_memory.h"

#include <pthread.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <utility>

#include "src/base/sanitizers.h"
#include "src/base/slab_run.h"

namespace onelane::base {

namespace {

constexpr std::size_t rounded(std::size_t bytes) {
  constexpr std::size_t kAlign = alignof(std::max_align_t);
  return (bytes + kAlign - 1) / kAlign * kAlign;
}

}  // namespace

struct FifoMemory::Slab {
  // What is in use, and kFilling for as long as more may come.
  static constexpr std::uint64_t kFilling = 1ULL << 32;
  std::atomic<std::uint64_t> live{kFilling};
  std::uint64_t handed_out = 0;
  std::size_t used = rounded(sizeof(Slab));  // of the slab
  Slab* next = nullptr;                      // in the list
};

// Before each thing: where it lies; null if by itself.
struct alignas(std::max_align_t) FifoMemory::Header {
  Slab* slab;
};

namespace {

// The lock is held for a few instructions, so whoever finds it taken tries again at once: asleep it
// would wait a thousand times as long.
void lock_soon(std::mutex& mutex) noexcept {
  constexpr int kTries = 100;
  for (int i = 0; i < kTries; ++i) {
    if (mutex.try_lock()) return;
  }
  mutex.lock();
}

}  // namespace

// The slabs that nobody uses.
struct FifoMemory::Slabs {
  // The slab's own memory is first touched once the lock was let go: whoever waits for a lock while
  // its holder has a page made sleeps, and with many threads for milliseconds.
  Slab* take() noexcept {
    void* memory = nullptr;
    {
      lock_soon(mutex);
      const std::scoped_lock lock(std::adopt_lock, mutex);
      memory = first != nullptr ? std::exchange(first, first->next) : run.next();
    }
    return memory == nullptr ? nullptr : new (memory) Slab;
  }
  void give(Slab* slab) noexcept {
    {
      lock_soon(mutex);
      const std::scoped_lock lock(std::adopt_lock, mutex);
      if (users != 0) {
        slab->next = std::exchange(first, slab);
        return;
      }
    }
    SlabRun::unmap(slab);
  }
  void use() noexcept {
    const std::scoped_lock lock(mutex);
    ++users;
  }
  void unuse() noexcept {
    const std::scoped_lock lock(mutex);
    if (--users != 0) return;
    while (first != nullptr) SlabRun::unmap(std::exchange(first, first->next));
    run.unmap_rest();
  }
  static Slabs& all() noexcept {
    // Destroyed by nobody: its threads may outlive main. A child that is forked must find it whole.
    static constinit Slabs slabs;
    static const int handlers = pthread_atfork(
        [] { slabs.mutex.lock(); }, [] { slabs.mutex.unlock(); }, [] { slabs.mutex.unlock(); });
    (void)handlers;
    return slabs;
  }

  std::mutex mutex;
  Slab* first = nullptr;
  SlabRun run;
  std::size_t users = 0;
};

void* FifoMemory::allocate(std::size_t bytes) noexcept {
  static_assert(sizeof(Header) + alignof(std::max_align_t) <= kOverheadBytes);
  const std::size_t size = sizeof(Header) + rounded(bytes);
  if (kPoolIsMalloc || bytes > kBytesMax) {
    void* own = std::malloc(size);
    return own == nullptr ? nullptr : new (own) Header{nullptr} + 1;
  }
  Place place = take(size, nullptr);
  if (place.slab == nullptr) {
    Slab* next = Slabs::all().take();
    if (next == nullptr) return nullptr;
    place = take(size, next);
  }
  return new (place.at) Header{place.slab} + 1;
}

// What is left of the slab goes first, and `next` after it; null if that does not do.
FifoMemory::Place FifoMemory::take(std::size_t size, Slab* next) noexcept {
  lock_soon(mutex_);
  std::unique_lock lock(mutex_, std::adopt_lock);
  Slab* full = nullptr;
  if (slab_ == nullptr || slab_->used + size > kSlabBytes) {
    if (next == nullptr) return {};
    full = std::exchange(slab_, std::exchange(next, nullptr));
  }
  const Place place{slab_, reinterpret_cast<std::byte*>(slab_) + slab_->used};
  slab_->used += size;
  ++slab_->handed_out;
  lock.unlock();
  if (full != nullptr) retire(full);
  if (next != nullptr) Slabs::all().give(next);  // somebody else was first
  return place;
}

// No more will come.
void FifoMemory::retire(Slab* slab) noexcept {
  const std::uint64_t over = Slab::kFilling - slab->handed_out;
  if (slab->live.fetch_sub(over, std::memory_order_acq_rel) == over) Slabs::all().give(slab);
}

void FifoMemory::free(void* memory) noexcept {
  Header* header = static_cast<Header*>(memory) - 1;
  Slab* slab = header->slab;
  if (slab == nullptr) return std::free(header);
  if (slab->live.fetch_sub(1, std::memory_order_acq_rel) == 1) Slabs::all().give(slab);
}

FifoMemory::~FifoMemory() {
  if (slab_ != nullptr) retire(slab_);
}

FifoMemory::Use::Use() noexcept { Slabs::all().use(); }
FifoMemory::Use::~Use() { Slabs::all().unuse(); }

}  // namespace onelane::base
