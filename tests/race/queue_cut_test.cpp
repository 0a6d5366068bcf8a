// A drain stages nothing that was pushed after it began: it looks at the producers' lists one after
// another, so of two entries pushed meanwhile it can see the later one alone.
//
// To happen for certain, the two pushes are made where the drain allocates, between two looks into
// the queue; hence this program's own operator new. (Not inlined, or
// g++ takes free() for a mistake.)
#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <functional>
#include <future>
#include <new>
#include <thread>
#include <utility>
#include <vector>

#include "src/queue/class_queue.h"
#include "tests/support/scale.h"

// The sanitizers' own operator new cannot be replaced.
#if !defined(ONELANE_TEST_UNDER_TSAN) && !defined(ONELANE_TEST_UNDER_ASAN)

namespace {

thread_local std::function<void()>* at_next_allocation = nullptr;

void* allocate(std::size_t bytes) {
  if (auto* meanwhile = std::exchange(at_next_allocation, nullptr); meanwhile != nullptr) {
    (*meanwhile)();
  }
  return std::malloc(bytes == 0 ? 1 : bytes);
}

}  // namespace

[[gnu::noinline]] void* operator new(std::size_t bytes) {
  if (void* block = allocate(bytes); block != nullptr) return block;
  throw std::bad_alloc();
}
[[gnu::noinline]] void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  return allocate(bytes);
}
[[gnu::noinline]] void operator delete(void* block) noexcept { std::free(block); }
[[gnu::noinline]] void operator delete(void* block, std::size_t) noexcept { std::free(block); }
[[gnu::noinline]] void operator delete(void* block, const std::nothrow_t&) noexcept {
  std::free(block);
}

namespace onelane::test {
namespace {

using detail::Entry;
using detail::EntryRef;

// What one look into the queue takes at most.
constexpr std::size_t kLook = 256;

class QueueCut : public ::testing::Test {
 protected:
  void push() {
    entries_.emplace_back(Entry::make());
    ASSERT_TRUE(queue_.push(entries_.back().get()));
  }
  std::vector<std::uint64_t> drain() {
    std::vector<Entry*> out;
    out.reserve(2 * kLook);
    at_next_allocation = meanwhile_ ? &meanwhile_ : nullptr;
    queue_.drain(SIZE_MAX, [&](Entry* entry) { out.push_back(entry); });
    EXPECT_EQ(at_next_allocation, nullptr) << "the drain did not allocate";
    std::vector<std::uint64_t> numbers;
    for (const Entry* entry : out) numbers.push_back(entry->seq);
    return numbers;
  }

  queue::ClassQueue queue_;
  std::vector<EntryRef> entries_;
  std::function<void()> meanwhile_;
};

TEST_F(QueueCut, WhatIsPushedDuringADrainWaitsForTheNext) {
  std::promise<void> first_pushed, go_on;
  std::thread other([&] {  // its list is looked at last
    push();
    first_pushed.set_value();
    go_on.get_future().wait();
    push();
  });
  first_pushed.get_future().wait();
  for (std::size_t i = 0; i < 2 * kLook - 1; ++i) push();
  EXPECT_EQ(drain().size(), 2 * kLook);
  for (std::size_t i = 0; i < 4 * kLook - 1; ++i) push();

  const std::uint64_t cut = queue_.numbers();
  meanwhile_ = [&] {
    go_on.set_value();
    other.join();
    push();
  };
  const std::vector<std::uint64_t> staged = drain();
  meanwhile_ = nullptr;
  EXPECT_EQ(staged.back(), cut - 1);
  EXPECT_EQ(drain(), (std::vector<std::uint64_t>{cut, cut + 1}));
}

}  // namespace
}  // namespace onelane::test

#endif
