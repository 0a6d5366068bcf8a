// Many threads push to full classes whose pushes make room, while the lane is held up again and
// again. Each push is accepted, each unit is settled once, in order, and the class never holds more
// than it may.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "onelane/onelane.h"
#include "src/model/row.h"
#include "tests/race/perturbing_clock.h"
#include "tests/support/memory_positions.h"
#include "tests/support/plain_sink.h"
#include "tests/support/scale.h"
#include "tests/support/temp_directory.h"

namespace onelane::test {
namespace {

constexpr std::size_t kProducers = 4;
constexpr std::int64_t kRecords = static_cast<std::int64_t>(scaled(40'000));  // of each
constexpr std::uint64_t kCapacity = 64;
constexpr std::uint64_t kTick = 32;
// One record in this many of a producer's holds up the lane until the next such record.
constexpr std::int64_t kPart = 1000;
constexpr std::int64_t kKeys = 8;

// Its begin() does not return while it is held. Rows are (key, producer, number).
class HeldSink final : public PlainSink {
 public:
  struct Control {
    std::atomic<bool> held{false};
    std::atomic<std::uint64_t> inversions{0};
    std::atomic<std::uint64_t> applied{0};
  };
  HeldSink(std::shared_ptr<Control> control, bool durable)
      : control_(std::move(control)), durable_(durable) {}

  Reply begin() override {
    control_->held.wait(true);
    return {};
  }
  Reply apply(Statement statement, std::span<const std::byte> row) override {
    model::RowReader reader(row);
    std::array<model::RowValue, 3> values;
    for (model::RowValue& value : values) EXPECT_TRUE(reader.next(value));
    std::int64_t& last =
        last_[statement.index % 2][static_cast<std::size_t>(values[1].integer) % kProducers];
    if (values[2].integer <= last) control_->inversions.fetch_add(1);
    last = values[2].integer;
    control_->applied.fetch_add(1);
    return {};
  }
  // What an intake needs.
  AppliedPositions* applied_positions() noexcept override { return &positions_; }
  bool commit_is_durable() const override { return durable_; }

 private:
  const std::shared_ptr<Control> control_;
  const bool durable_;
  std::array<std::array<std::int64_t, kProducers>, 2> last_{};
  MemoryPositions positions_;
};

class FullClass : public ::testing::Test {
 protected:
  explicit FullClass(bool durable = false) {
    JournalOptions options = with_intake_in(directory_ / "intake", {});
    options.tick.records = kTick;
    options.clock = std::make_shared<PerturbingClock>();
    journal_.emplace(*Journal::open(std::make_unique<HeldSink>(control_, durable), options));
  }
  void add_class(ClassOptions options, std::uint64_t capacity = kCapacity) {
    options.name = "full";
    options.capacity_records = capacity;
    class_ = *journal_->add_class(options);
    const Column integer{ColumnType::integer};
    statement_ = *journal_->add_statement(
        {.sql = "-", .columns = {integer, integer, integer}, .key_columns = {0}});
  }
  // Every receipt is kept, and one more thread flushes all the time.
  void push_from_all() {
    std::atomic<std::size_t> pushing{kProducers};
    std::array<std::vector<Receipt>, kProducers> receipts;
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < kProducers; ++i) {
      threads.emplace_back([&, i] {
        push(i, receipts[i]);
        if (pushing.fetch_sub(1) == 1) release();
      });
    }
    threads.emplace_back([&] {
      while (pushing.load() != 0) EXPECT_TRUE(journal_->flush().ok());
    });
    for (std::thread& thread : threads) thread.join();
    EXPECT_TRUE(journal_->flush().ok());
    std::array<std::uint64_t, kEndCount> ends{};
    for (const std::vector<Receipt>& each : receipts) {
      for (const Receipt& receipt : each) {
        const std::optional<Outcome> outcome = receipt.poll();
        ASSERT_TRUE(outcome.has_value()) << "flushed, and not settled";
        ++ends[static_cast<std::size_t>(outcome->end)];
      }
    }
    EXPECT_EQ(stats().ends, ends);
  }
  Result<Receipt> submit(std::size_t producer, std::int64_t number) {
    return class_->submit(
        statement_,
        Row().integer(number % kKeys).integer(static_cast<std::int64_t>(producer)).integer(number));
  }
  ClassStats stats() const { return journal_->stats().classes.at(0); }

  const TempDirectory directory_{TempDirectory::Where::in_memory};
  std::shared_ptr<HeldSink::Control> control_ = std::make_shared<HeldSink::Control>();
  std::optional<Journal> journal_;
  std::uint64_t most_queued_ = 0;
  bool tries_again_ = false;  // a push that is refused

 private:
  void push(std::size_t producer, std::vector<Receipt>& receipts) {
    for (std::int64_t number = 1; number <= kRecords; ++number) {
      if (producer == 0 && number % kPart == 0) toggle();
      Result<Receipt> receipt = submit(producer, number);
      while (tries_again_ && receipt.status().code() == Errc::full) {
        std::this_thread::yield();
        receipt = submit(producer, number);
      }
      ASSERT_TRUE(receipt.ok()) << receipt.status().to_string();
      receipts.push_back(*std::move(receipt));
      if (producer == 1) most_queued_ = std::max(most_queued_, stats().queued_records);
    }
  }
  void toggle() {
    if (control_->held.exchange(!control_->held.load())) control_->held.notify_all();
  }
  void release() {
    control_->held.store(false);
    control_->held.notify_all();
  }

  std::optional<WriteClass> class_;
  Statement statement_;
};

// With an intake or without.
class AnyFullClass : public ::testing::WithParamInterface<bool>, public FullClass {
 protected:
  AnyFullClass() : FullClass(GetParam()) {}
};
INSTANTIATE_TEST_SUITE_P(Intake, AnyFullClass, ::testing::Bool());

TEST_F(FullClass, ThatDropsItsOldestTakesEachPushAndDropsNoMoreThanItMust) {
  add_class({.when_full = WhenFull::drop_oldest});
  push_from_all();
  const ClassStats end = stats();
  EXPECT_EQ(end.refused, 0U);
  EXPECT_GT(end.end(End::dropped), 0U) << "it was never full";
  EXPECT_EQ(end.end(End::dropped) + end.end(End::committed), kProducers * kRecords);
  EXPECT_EQ(control_->applied.load(), end.end(End::committed));
  EXPECT_EQ(control_->inversions.load(), 0U);
  EXPECT_EQ(end.queued_records, 0U);
  EXPECT_LE(most_queued_, kCapacity + kTick + kProducers);
}

TEST_P(AnyFullClass, ThatCoalescesTakesWhatTakesAnOldersPlace) {
  // As many keys as fit beside what a tick has in hand.
  add_class({.when_full = WhenFull::reject, .coalesce = true, .intake = GetParam()});
  tries_again_ = GetParam();  // what is not journaled yet gives way to nobody
  push_from_all();
  const ClassStats end = stats();
  if (!GetParam()) {
    EXPECT_EQ(end.refused, 0U);
  }
  EXPECT_GT(end.end(End::superseded), 0U);
  EXPECT_EQ(end.end(End::superseded) + end.end(End::committed), kProducers * kRecords);
  EXPECT_EQ(end.queued_records, 0U);
  EXPECT_LE(most_queued_, kCapacity + kProducers);
}

// A push drains units and leaves them staged just as the committer thread goes to sleep: the thread
// must be told.
TEST_F(FullClass, WhoseQueueARefusedPushDrainedIsNotForgotten) {
  constexpr std::int64_t kRounds = static_cast<std::int64_t>(scaled(20'000));
  add_class({.when_full = WhenFull::reject, .coalesce = true}, 1);
  const auto settled_soon = [](const Receipt& receipt) {
    const TimePoint until = steady_clock().now() + std::chrono::seconds(20);
    while (!receipt.poll() && steady_clock().now() < until) std::this_thread::yield();
    return receipt.poll().has_value();
  };
  std::uint64_t refused = 0;
  for (std::int64_t i = 1; i <= kRounds; ++i) {
    const Receipt one = *submit(0, kKeys * i);
    const Result<Receipt> of_another_key = submit(0, kKeys * i + 1);
    refused += of_another_key.ok() ? 0 : 1;
    ASSERT_TRUE(settled_soon(one)) << "round " << i;
    ASSERT_TRUE(!of_another_key || settled_soon(*of_another_key)) << "round " << i;
  }
  EXPECT_GT(refused, 0U);
}

// The lane must not look at the class before the push is seen to wait.
TEST(FullClasses, APushThatWaitsForRoomEndsTheInterval) {
  Journal journal = Journal::open(std::make_unique<PlainSink>()).value();
  const WriteClass writes = journal
                                .add_class({.name = "writes",
                                            .interval = std::chrono::minutes(1),
                                            .capacity_records = 3,
                                            .block_timeout = std::chrono::seconds(10)})
                                .value();
  const Statement statement = journal.add_statement({.sql = "x"}).value();
  for (std::size_t i = 0; i < scaled(2000); ++i) {
    const Status pushed = writes.push(statement, Row());
    ASSERT_TRUE(pushed.ok()) << pushed.to_string();
  }
}

}  // namespace
}  // namespace onelane::test
