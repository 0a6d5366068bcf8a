#include <gtest/gtest.h>

#include <atomic>
#include <barrier>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <memory>
#include <numeric>
#include <thread>
#include <vector>

#include "src/model/limits.h"
#include "src/queue/class_queue.h"
#include "src/queue/gate.h"
#include "tests/support/queue_traits.h"

namespace onelane::test {
namespace {

using detail::Entry;
using detail::EntryRef;
using Numbers = std::vector<std::uint64_t>;
using Memory = AllocationHook::Memory;

constexpr std::size_t kNoLimit = 1'000'000;
// More than one look into the queue gives, so that a drain can be cut short between two looks.
constexpr std::size_t kFlood = 300;

template <class Traits>
class QueueTest : public ::testing::Test {
 protected:
  ~QueueTest() override { AllocationHook::clear(); }

  bool push() {
    entries_.emplace_back(Entry::make());
    return queue_.push(entries_.back().get());
  }
  // By another thread, which the queue keeps a list of its own for.
  void push_elsewhere(std::size_t n = 1) {
    std::thread([&] {
      for (std::size_t i = 0; i < n; ++i) EXPECT_TRUE(push());
    }).join();
  }
  // A push inside of which, its number taken and its entry not there yet, `meanwhile` happens. Must
  // be this thread's first push.
  void push_while(std::function<void()> meanwhile) {
    meanwhile_ = std::move(meanwhile);
    AllocationHook::set(
        [](void* self) {
          AllocationHook::clear();
          static_cast<QueueTest*>(self)->meanwhile_();
          return Memory::given;
        },
        this);
    EXPECT_TRUE(push());
    meanwhile_ = nullptr;
  }
  void refuse_memory() {
    AllocationHook::set([](void*) { return Memory::refused; }, nullptr);
  }

  Numbers drain(std::size_t limit = kNoLimit) {
    std::vector<Entry*> out;
    queue_.drain(limit, [&](Entry* entry) { out.push_back(entry); });
    Numbers numbers;
    for (const Entry* entry : out) numbers.push_back(entry->seq);
    return numbers;
  }
  static Numbers from_to(std::uint64_t first, std::uint64_t last) {
    Numbers numbers(last - first + 1);
    std::iota(numbers.begin(), numbers.end(), first);
    return numbers;
  }

  queue::BasicClassQueue<Traits> queue_;
  std::vector<EntryRef> entries_;
  std::function<void()> meanwhile_;
};

using ClassQueueTest = QueueTest<HookedTraits>;
using TinyClassQueueTest = QueueTest<TinyTraits>;

TEST_F(ClassQueueTest, EntriesOfSeveralThreadsComeOutInTheOrderOfTheirPushes) {
  for (int i = 0; i < 10; ++i) {
    push();
    push_elsewhere();
  }
  EXPECT_EQ(drain(), from_to(0, 19));
  EXPECT_FALSE(queue_.pending());
}

TEST_F(ClassQueueTest, APushThatHasNotReturnedHoldsNobodyUp) {
  push_while([&] {
    push_elsewhere(3);
    EXPECT_EQ(drain(), from_to(1, 3));
    EXPECT_EQ(drain(), Numbers());
    EXPECT_TRUE(queue_.pending());
  });
  EXPECT_EQ(drain(), Numbers{0});
  EXPECT_FALSE(queue_.pending());
}

TEST_F(ClassQueueTest, ADrainCutShortStagesOnlyWhatHasNoGapBeforeIt) {
  push_elsewhere(2);
  push_while([&] {
    push_elsewhere(2 * kFlood);
    EXPECT_EQ(drain(kFlood), from_to(0, 1));
  });
  EXPECT_EQ(drain(), from_to(2, 2 * kFlood + 2));
}

TEST_F(ClassQueueTest, AFloodIsStagedInPiecesWithNothingLostOrOvertaken) {
  for (std::size_t i = 0; i < kFlood; ++i) {
    push();
    push_elsewhere(2);
  }
  Numbers all;
  for (int i = 0; i < 10 && queue_.pending(); ++i) {
    const Numbers piece = drain(kFlood);
    all.insert(all.end(), piece.begin(), piece.end());
  }
  EXPECT_EQ(all, from_to(0, 3 * kFlood - 1));
}

TEST_F(ClassQueueTest, AStragglerThatADrainPassedByIsNotTakenForAGap) {
  push_while([&] {
    push_elsewhere(2);
    EXPECT_EQ(drain(), from_to(1, 2));
    push_elsewhere(2 * kFlood);
    EXPECT_EQ(drain(kFlood), Numbers()) << "number 0 is still missing";
  });
  Numbers expected = from_to(3, 2 * kFlood + 2);
  expected.insert(expected.begin(), 0);
  EXPECT_EQ(drain(), expected);
  EXPECT_FALSE(queue_.pending());
}

TEST_F(ClassQueueTest, AnEntryThatCouldNotBeEnqueuedArrivesInItsPlace) {
  push_elsewhere();
  refuse_memory();
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(push());
  AllocationHook::clear();
  push_elsewhere();
  EXPECT_EQ(drain(), from_to(0, 6));
  EXPECT_FALSE(queue_.pending());
}

TEST_F(ClassQueueTest, AnEntryThatCouldNotBeEnqueuedLeavesNoGapBehind) {
  refuse_memory();
  push();
  AllocationHook::clear();
  push_elsewhere(2 * kFlood);
  EXPECT_FALSE(drain(kFlood).empty());
}

TEST_F(TinyClassQueueTest, AFullQueueOfAThreadStillTakesItsEntries) {
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(push());
  EXPECT_EQ(drain(), from_to(0, 19));
  EXPECT_FALSE(queue_.pending());
}

TEST_F(ClassQueueTest, AfterCloseNothingGetsInAndAllThatWasInArrives) {
  for (int i = 0; i < 3; ++i) push();
  queue_.close();
  EXPECT_FALSE(push());
  queue_.close();
  EXPECT_FALSE(push());
  EXPECT_EQ(queue_.numbers(), 3U);
  EXPECT_EQ(drain(), from_to(0, 2));
  EXPECT_FALSE(queue_.pending());
}

// The library's own blocks, counted.
struct CountedTraits : queue::ClassQueueTraits {
  static inline std::atomic<std::size_t> bytes{0};
  static void* malloc(std::size_t size) {
    bytes += size;
    auto* memory = static_cast<std::size_t*>(std::malloc(size + sizeof(std::max_align_t)));
    *memory = size;
    return reinterpret_cast<std::byte*>(memory) + sizeof(std::max_align_t);
  }
  static void free(void* memory) {
    if (memory == nullptr) return;
    memory = static_cast<std::byte*>(memory) - sizeof(std::max_align_t);
    bytes -= *static_cast<std::size_t*>(memory);
    std::free(memory);
  }
};

TEST(ClassQueueMemory, IsLittleForEachThreadThatPushesAndGoesOnceItIsClosed) {
  constexpr std::size_t kThreads = 64;
  queue::BasicClassQueue<CountedTraits> queue;
  const std::size_t empty = CountedTraits::bytes;
  std::vector<EntryRef> entries;
  for (std::size_t i = 0; i < kThreads; ++i) entries.emplace_back(Entry::make());
  std::barrier all(kThreads);  // so that none has another's id
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      all.arrive_and_wait();
      EXPECT_TRUE(queue.push(entries[i].get()));
      all.arrive_and_wait();
    });
  }
  for (std::thread& thread : threads) thread.join();
  const std::size_t each = (CountedTraits::bytes - empty) / kThreads;
  EXPECT_GT(each, 500U) << "it was not counted";
  EXPECT_LT(each, 1000U);
  queue.close();
  std::size_t seen = 0;
  EXPECT_TRUE(queue.drain(SIZE_MAX, [&](Entry*) { ++seen; }));
  EXPECT_EQ(seen, kThreads);
  queue.release();
  EXPECT_EQ(CountedTraits::bytes, 0U);
  EXPECT_FALSE(queue.push(entries[0].get()));
  EXPECT_TRUE(queue.drain(SIZE_MAX, [](Entry*) {}));
}

TEST_F(ClassQueueTest, CloseWaitsForAPushThatHasItsNumber) {
  push_while([&] {
    queue_.close();
    EXPECT_EQ(queue_.numbers(), 1U);
    EXPECT_EQ(drain(), Numbers());
    EXPECT_TRUE(queue_.pending());
  });
  EXPECT_EQ(drain(), Numbers{0});
  EXPECT_FALSE(queue_.pending());
}

TEST(Gate, CountsTwiceTheLargestCapacity) {
  constexpr std::uint64_t kRecords = model::kCapacityRecordsMax;
  constexpr std::uint64_t kBytes = model::kCapacityBytesMax;
  queue::Gate gate(kRecords, kBytes);
  const std::uint64_t all = queue::Gate::packed(kRecords, kBytes);
  EXPECT_TRUE(gate.grant(all));
  EXPECT_FALSE(gate.grant(queue::Gate::packed(1, 1)));
  EXPECT_TRUE(gate.grant_beyond(all, all));
  EXPECT_EQ(gate.records(), 2 * kRecords);
  EXPECT_EQ(gate.bytes(), 2 * kBytes);
  EXPECT_FALSE(gate.grant_beyond(queue::Gate::packed(1, 0), all));
}

TEST(Gate, KeepsWhatItGrantedWhenItBecomesSmaller) {
  const auto unit = [](std::uint64_t records) { return queue::Gate::packed(records, 64); };
  queue::Gate gate(4, kKiB);
  EXPECT_TRUE(gate.grant(unit(4)));
  gate.resize(2, kKiB);
  EXPECT_TRUE(gate.overfull());
  gate.release(unit(2));
  EXPECT_FALSE(gate.overfull());
  EXPECT_FALSE(gate.grant(unit(1)));
  gate.resize(3, kKiB);
  EXPECT_TRUE(gate.grant(unit(1)));
  EXPECT_EQ(gate.records(), 3U);
}

}  // namespace
}  // namespace onelane::test
