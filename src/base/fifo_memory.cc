#include "src/base/fifo_memory.h"

#include <pthread.h>
#include <sys/mman.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <utility>

#include "src/base/sanitizers.h"

namespace onelane::base {

struct FifoMemory::Slab {
  // What is in use, and kFilling for as long as more may come.
  static constexpr std::uint64_t kFilling = 1ULL << 32;
  std::atomic<std::uint64_t> live{kFilling};
  std::uint64_t handed_out = 0;
  std::size_t used = 0;  // of the slab, this object included
  Slab* next = nullptr;  // in the list
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

constexpr std::size_t rounded(std::size_t bytes) {
  constexpr std::size_t kAlign = alignof(std::max_align_t);
  return (bytes + kAlign - 1) / kAlign * kAlign;
}

}  // namespace

// The slabs that nobody uses.
struct FifoMemory::Slabs {
  Slab* take() noexcept {
    {
      const std::scoped_lock lock(mutex);
      if (first != nullptr) {
        Slab* slab = std::exchange(first, first->next);
        return new (slab) Slab;
      }
    }
    void* fresh =
        mmap(nullptr, kSlabBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return fresh == MAP_FAILED ? nullptr : new (fresh) Slab;
  }
  void give(Slab* slab) noexcept {
    {
      const std::scoped_lock lock(mutex);
      if (users != 0) {
        slab->next = std::exchange(first, slab);
        return;
      }
    }
    (void)munmap(slab, kSlabBytes);
  }
  void use() noexcept {
    const std::scoped_lock lock(mutex);
    ++users;
  }
  void unuse() noexcept {
    const std::scoped_lock lock(mutex);
    if (--users != 0) return;
    while (first != nullptr) (void)munmap(std::exchange(first, first->next), kSlabBytes);
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
  std::size_t users = 0;
};

void* FifoMemory::allocate(std::size_t bytes) noexcept {
  static_assert(sizeof(Header) + alignof(std::max_align_t) <= kOverheadBytes);
  const std::size_t size = sizeof(Header) + rounded(bytes);
  if (kPoolIsMalloc || bytes > kBytesMax) {
    void* own = std::malloc(size);
    return own == nullptr ? nullptr : new (own) Header{nullptr} + 1;
  }
  Place place;
  {
    lock_soon(mutex_);
    const std::scoped_lock lock(std::adopt_lock, mutex_);
    place = take(size);
  }
  if (place.slab == nullptr) return nullptr;
  return new (place.at) Header{place.slab} + 1;
}

FifoMemory::Place FifoMemory::take(std::size_t size) noexcept {
  if ((slab_ == nullptr || slab_->used + size > kSlabBytes) && next_slab() == nullptr) return {};
  std::byte* at = reinterpret_cast<std::byte*>(slab_) + slab_->used;
  slab_->used += size;
  ++slab_->handed_out;
  return {slab_, at};
}

FifoMemory::Slab* FifoMemory::next_slab() noexcept {
  Slab* next = Slabs::all().take();
  if (next == nullptr) return nullptr;
  next->used = rounded(sizeof(Slab));
  if (slab_ != nullptr) retire(slab_);
  return slab_ = next;
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
