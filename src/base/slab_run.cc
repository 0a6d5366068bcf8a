#include "src/base/slab_run.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>

namespace onelane::inline v0::base {

namespace {

constexpr std::size_t kLongest = 32;  // slabs in a run

}  // namespace

void* SlabRun::next() noexcept {
  if (left_ == 0 && !map(std::clamp<std::size_t>(2 * length_, 1, kLongest)) && !map(1)) {
    return nullptr;
  }
  --left_;
  return at_ + left_ * kSlabBytes;
}

bool SlabRun::map(std::size_t slabs) noexcept {
  const std::size_t bytes = slabs * kSlabBytes;
  void* mapped =
      mmap(nullptr, bytes + kSlabBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) return false;
  auto* begin = static_cast<std::byte*>(mapped);
  const std::size_t before =
      (kSlabBytes - reinterpret_cast<std::uintptr_t>(begin) % kSlabBytes) % kSlabBytes;
  if (before != 0) (void)munmap(begin, before);
  (void)munmap(begin + before + bytes, kSlabBytes - before);
  at_ = begin + before;
  left_ = length_ = slabs;
  return true;
}

void SlabRun::unmap(void* slab) noexcept { (void)munmap(slab, kSlabBytes); }

void SlabRun::unmap_rest() noexcept {
  if (left_ != 0) (void)munmap(at_, left_ * kSlabBytes);
  left_ = length_ = 0;
}

}  // namespace onelane::inline v0::base
