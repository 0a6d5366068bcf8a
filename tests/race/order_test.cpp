// Units of one class commit in an order consistent with happens-before of their pushes. The chain:
// eight threads hand a token round at random, and whoever has it pushes the next numbers, so every
// push happens before the next one, whichever threads make them.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

#include "onelane/onelane.h"
#include "src/model/row.h"
#include "src/queue/class_queue.h"
#include "tests/race/perturbing_clock.h"
#include "tests/support/memory_positions.h"
#include "tests/support/plain_sink.h"
#include "tests/support/queue_traits.h"
#include "tests/support/scale.h"
#include "tests/support/temp_directory.h"

namespace onelane::test {
namespace {

using detail::Entry;
using Memory = AllocationHook::Memory;

constexpr std::uint64_t kSeed = 20240611;
constexpr std::size_t kChainThreads = 8;
// Pushed before the token goes on.
constexpr std::uint64_t kBurstMax = 20;
constexpr std::uint64_t kRecords = scaled(1'000'000);

// Counts the numbers that do not come in ascending order.
class OrderCheck {
 public:
  void see(std::uint64_t number) {
    if (seen_++ != 0 && number <= last_) ++inversions_;
    last_ = number;
  }
  std::uint64_t seen() const { return seen_; }
  std::uint64_t inversions() const { return inversions_; }

 private:
  std::uint64_t last_ = 0;
  std::uint64_t seen_ = 0;
  std::uint64_t inversions_ = 0;
};

// Says which thread may push next. The others sleep, so that the one with the token has a
// processor.
class Token {
 public:
  void wait_for(std::size_t me) {
    std::unique_lock lock(mutex_);
    passed_[me].wait(lock, [&] { return holder_ == me || over_; });
  }
  void pass(std::size_t to) {
    const std::scoped_lock lock(mutex_);
    holder_ = to;
    passed_[to].notify_one();
  }
  void end() {
    const std::scoped_lock lock(mutex_);
    over_ = true;
    for (std::condition_variable& each : passed_) each.notify_one();
  }
  bool over() {
    const std::scoped_lock lock(mutex_);
    return over_;
  }

 private:
  std::mutex mutex_;
  std::array<std::condition_variable, kChainThreads> passed_;
  std::size_t holder_ = 0;
  bool over_ = false;
};

// Calls push(0), push(1), ... push(records - 1), from all threads of the chain.
void run_chain(std::uint64_t records, const std::function<void(std::uint64_t)>& push) {
  Token token;
  std::uint64_t next = 0;  // the token holder's
  const auto member = [&](std::size_t me) {
    std::mt19937_64 random(kSeed + me);
    for (token.wait_for(me); !token.over(); token.wait_for(me)) {
      for (auto burst = 1 + random() % kBurstMax; burst > 0 && next < records; --burst) {
        push(next++);
      }
      if (next == records) return token.end();
      token.pass(random() % kChainThreads);
    }
  };
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < kChainThreads; ++i) threads.emplace_back(member, i);
  for (std::thread& thread : threads) thread.join();
}

// --- Through a journal.

class OrderSink final : public PlainSink {
 public:
  OrderSink(OrderCheck& check, bool durable) : check_(check), durable_(durable) {}
  Reply apply(Statement, std::span<const std::byte> row) override {
    model::RowReader reader(row);
    model::RowValue value;
    EXPECT_TRUE(reader.next(value));
    check_.see(static_cast<std::uint64_t>(value.integer));
    return {};
  }
  // What an intake needs.
  AppliedPositions* applied_positions() noexcept override { return &positions_; }
  bool commit_is_durable() const override { return durable_; }

 private:
  OrderCheck& check_;
  const bool durable_;
  MemoryPositions positions_;
};

// With an intake or without.
class Order : public ::testing::TestWithParam<bool> {
 protected:
  const TempDirectory directory_{TempDirectory::Where::in_memory};
};
INSTANTIATE_TEST_SUITE_P(Intake, Order, ::testing::Bool());

TEST_P(Order, AChainOfEightThreadsCommitsInItsOrder) {
  OrderCheck check;
  auto journal = Journal::open(std::make_unique<OrderSink>(check, GetParam()),
                               with_intake_in(directory_ / "intake", perturbed()));
  auto chain =
      journal->add_class({.name = "chain", .capacity_records = 4096, .intake = GetParam()});
  const auto statement = journal->add_statement({.sql = "-", .columns = {{ColumnType::integer}}});
  run_chain(kRecords, [&](std::uint64_t number) {
    thread_local Row row;
    row.clear();
    row.unsigned_integer(number);
    const Status pushed = chain->push(*statement, row);
    ASSERT_TRUE(pushed.ok()) << pushed.to_string();
  });
  const CloseReport report = journal->close(std::chrono::seconds(60));
  EXPECT_TRUE(report.status.ok()) << report.status.to_string();
  EXPECT_EQ(check.seen(), kRecords);
  EXPECT_EQ(check.inversions(), 0U);
}

// --- Through a class queue alone, with everything that can happen to a push.

constexpr std::uint32_t kChain = 0;
constexpr std::size_t kSourcesMax = 4;
constexpr std::uint64_t kChainRecords = scaled(200'000);
constexpr std::uint64_t kCapacity = 2000;
// What other pushers may use of it; the rest is kept for the chain.
constexpr std::uint64_t kOthersCapacity = 1800;
// A drain ends after this many entries, so that floods cut it short.
constexpr std::size_t kDrainLimit = 256;

class QueueRace : public ::testing::Test {
 protected:
  ~QueueRace() override { AllocationHook::clear(); }

  void run() {
    AllocationHook::set([](void* self) { return static_cast<QueueRace*>(self)->allocation(); },
                        this);
    std::thread consumer([this] { consume(); });
    std::vector<std::thread> others;
    for (std::uint32_t i = 1; i <= floods_ + stragglers_; ++i) {
      others.emplace_back([this, i] { push_alone(i); });
    }
    run_chain(kChainRecords, [this](std::uint64_t number) { push(kChain, number); });
    chain_over_.store(true);
    for (std::thread& other : others) other.join();
    all_pushed_.store(true);
    consumer.join();
  }

  void expect_order() {
    EXPECT_EQ(pushed_.load(), staged_);
    EXPECT_FALSE(queue_.pending());
    EXPECT_EQ(checks_[kChain].seen(), kChainRecords);
    for (std::uint32_t i = 0; i <= floods_ + stragglers_; ++i) {
      EXPECT_EQ(checks_[i].inversions(), 0U) << "source " << i;
    }
  }

  std::uint32_t floods_ = 0;
  std::uint32_t stragglers_ = 0;
  std::uint32_t refused_of_8_ = 0;  // of eight allocations

 private:
  void push(std::uint32_t source, std::uint64_t number) {
    const std::uint64_t most = source == kChain ? kCapacity : kOthersCapacity;
    while (in_flight_.load(std::memory_order_relaxed) >= most) std::this_thread::yield();
    in_flight_.fetch_add(1, std::memory_order_relaxed);
    pushed_.fetch_add(1, std::memory_order_relaxed);
    Entry* entry = Entry::make();
    entry->klass = source;
    entry->bytes = number;
    EXPECT_TRUE(queue_.push(entry));
  }

  void push_alone(std::uint32_t source) {
    straggler_here_ = source > floods_;
    for (std::uint64_t number = 0; !chain_over_.load(); ++number) push(source, number);
  }

  // Inside a push whose number is taken: a straggler stays there until drains passed it by.
  Memory allocation() {
    if (straggler_here_) {
      const std::uint64_t until = drains_.load() + 3;
      while (drains_.load() < until && !chain_over_.load()) std::this_thread::yield();
    }
    thread_local std::mt19937_64 random(kSeed);
    return random() % 8 < refused_of_8_ ? Memory::refused : Memory::given;
  }

  void consume() {
    for (;;) {
      const bool last = all_pushed_.load();
      drain(last ? SIZE_MAX : kDrainLimit);
      if (last) return;
    }
  }

  void drain(std::size_t limit) {
    scratch_.clear();
    queue_.drain(limit, [&](Entry* entry) { scratch_.push_back(entry); });
    drains_.fetch_add(1);
    for (Entry* entry : scratch_) {
      checks_[entry->klass].see(entry->bytes);
      entry->release();
    }
    staged_ += scratch_.size();
    in_flight_.fetch_sub(scratch_.size(), std::memory_order_relaxed);
  }

  static inline thread_local bool straggler_here_ = false;

  queue::BasicClassQueue<HookedTraits> queue_;
  std::atomic<std::uint64_t> pushed_{0};
  std::atomic<std::uint64_t> in_flight_{0};
  std::atomic<std::uint64_t> drains_{0};
  std::atomic<bool> chain_over_{false};
  std::atomic<bool> all_pushed_{false};
  std::array<OrderCheck, kSourcesMax> checks_;  // the consumer's
  std::vector<Entry*> scratch_;
  std::uint64_t staged_ = 0;
};

TEST_F(QueueRace, AStragglerAndAFloodDoNotDisturbTheOrder) {
  floods_ = 2;
  stragglers_ = 1;
  run();
  expect_order();
}

TEST_F(QueueRace, PushesWithoutMemoryKeepTheirPlace) {
  floods_ = 1;
  refused_of_8_ = 3;
  run();
  expect_order();
}

TEST_F(QueueRace, AllAtOnceDoesNotDisturbTheOrder) {
  floods_ = 1;
  stragglers_ = 2;
  refused_of_8_ = 3;
  run();
  expect_order();
}

}  // namespace
}  // namespace onelane::test
