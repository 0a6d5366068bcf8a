#include "src/base/fifo_memory.h"

#include <pthread.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <utility>

#include "src/base/sanitizers.h"
#include "src/base/slab_run.h"

namespace onelane::inline v0::base {

namespace {

constexpr std::size_t rounded(std::size_t bytes) {
  constexpr std::size_t kAlign = alignof(std::max_align_t);
  return (bytes + kAlign - 1) / kAlign * kAlign;
}

}  // namespace

struct FifoMemory::Slab {
  // Number of objects in use, plus kFilling while the slab may still hand out more.
  static constexpr std::uint64_t kFilling = 1ULL << 32;
  std::atomic<std::uint64_t> live{kFilling};
  std::uint64_t handed_out = 0;
  std::size_t used = rounded(sizeof(Slab));  // bytes, from the slab's beginning
  Slab* next = nullptr;                      // in the list of free slabs
};

// Stands before each object: its slab, or null if it came from malloc.
struct alignas(std::max_align_t) FifoMemory::Header {
  Slab* slab;
};

namespace {

// The lock is held for a few instructions only, so a thread that finds it taken tries again before
// it sleeps: sleeping would take a thousand times as long.
void lock_soon(std::mutex& mutex) noexcept {
  constexpr int kTries = 100;
  for (int i = 0; i < kTries; ++i) {
    if (mutex.try_lock()) return;
  }
  mutex.lock();
}

}  // namespace

// The free slabs, shared by all.
struct FifoMemory::Slabs {
  // Writes to the slab only after it has released the lock. The first write makes the system add a
  // page; threads that wait for the lock meanwhile would sleep, with many threads for milliseconds.
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
    // Never destroyed, since threads may outlive main. A forked child must find it whole.
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
  static_assert(rounded(sizeof(Slab)) + sizeof(Header) + rounded(kBytesMax) <= kSlabBytes,
                "an object that does not come from malloc fits an empty slab");
  static_assert(kSlabBytes / sizeof(Header) < Slab::kFilling,
                "the number of a slab's objects stays below the bit for filling");
  const std::size_t size = sizeof(Header) + rounded(bytes);
  if (kPoolIsMalloc || bytes > kBytesMax) {
    void* own = std::malloc(size);
    return own == nullptr ? nullptr : new (own) Header{nullptr} + 1;
  }
  Piece piece = take(size, nullptr);
  if (piece.slab == nullptr) {
    Slab* next = Slabs::all().take();
    if (next == nullptr) return nullptr;
    piece = take(size, next);
  }
  return new (piece.at) Header{piece.slab} + 1;
}

// Takes the memory from the current slab or, where that has too little left, from `next`. Without a
// `next` it then returns no piece.
FifoMemory::Piece FifoMemory::take(std::size_t size, Slab* next) noexcept {
  lock_soon(mutex_);
  std::unique_lock lock(mutex_, std::adopt_lock);
  Slab* full = nullptr;
  if (slab_ == nullptr || slab_->used + size > kSlabBytes) {
    if (next == nullptr) return {};
    full = std::exchange(slab_, std::exchange(next, nullptr));
  }
  const Piece piece{slab_, reinterpret_cast<std::byte*>(slab_) + slab_->used};
  slab_->used += size;
  ++slab_->handed_out;
  lock.unlock();
  if (full != nullptr) retire(full);
  if (next != nullptr) Slabs::all().give(next);  // another thread was first
  return piece;
}

// The slab hands out no more.
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

}  // namespace onelane::inline v0::base
