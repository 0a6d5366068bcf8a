// Traits for queue::BasicClassQueue that run a hook where the queue allocates. That is inside a
// push, after it has taken its number and before its entry arrives. So a test can make a straggler,
// or a push without memory, when it wants one.
//
// A thread's first push to a queue allocates, and so does each block of its own beyond the queue's
// first six.
#pragma once

#include <concurrentqueue.h>

#include <atomic>
#include <cstddef>
#include <cstdlib>

namespace onelane::test {

class AllocationHook {
 public:
  enum class Memory : bool { refused, given };

  // Called by any thread inside a push. Null: memory is given.
  using Function = Memory (*)(void* context);

  static void set(Function function, void* context) {
    context_.store(context);
    function_.store(function);
  }
  static void clear() { function_.store(nullptr); }

  static void* allocate(std::size_t bytes) {
    const Function function = function_.load();
    if (function != nullptr && function(context_.load()) == Memory::refused) return nullptr;
    return std::malloc(bytes);
  }

 private:
  static inline std::atomic<Function> function_{nullptr};
  static inline std::atomic<void*> context_{nullptr};
};

// Blocks of two, so that pushes allocate often.
struct HookedTraits : moodycamel::ConcurrentQueueDefaultTraits {
  static constexpr std::size_t BLOCK_SIZE = 2;
  static void* malloc(std::size_t bytes) { return AllocationHook::allocate(bytes); }
  static void free(void* block) { std::free(block); }
};

// A thread whose entries already fill two blocks cannot enqueue another.
struct TinyTraits : moodycamel::ConcurrentQueueDefaultTraits {
  static constexpr std::size_t BLOCK_SIZE = 2;
  static constexpr std::size_t MAX_SUBQUEUE_SIZE = 4;
};

}  // namespace onelane::test
