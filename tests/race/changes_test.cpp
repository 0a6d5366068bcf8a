// Options that change while threads push and ticks run.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "onelane/onelane.h"
#include "onelane/trace.h"
#include "tests/race/perturbing_clock.h"
#include "tests/support/plain_sink.h"
#include "tests/support/scale.h"
#include "tests/support/temp_directory.h"

namespace onelane::test {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

// Somebody else has the database's lock until it is let go: ticks end at once, and take nothing.
class LockedSink final : public PlainSink {
 public:
  explicit LockedSink(std::shared_ptr<std::atomic<bool>> locked) : locked_(std::move(locked)) {}
  Reply begin() override {
    if (!locked_->load()) return {};
    return {.fault = Fault::busy, .effect = Effect::ended, .cause = {Errc::locked, "by the test"}};
  }

 private:
  const std::shared_ptr<std::atomic<bool>> locked_;
};

class WaitingPushes : public ::testing::Test {
 protected:
  // A class without room, on a lane that makes none.
  WaitingPushes() {
    options_ = {.name = "full", .capacity_records = 4, .block_timeout = seconds(30)};
    class_ = *journal_.add_class(options_);
    statement_ = *journal_.add_statement({.sql = "-"});
    for (int i = 0; i < 4; ++i) EXPECT_TRUE(push(1).ok());
  }
  ~WaitingPushes() override { locked_->store(false); }

  Status push(int rows) {
    Group group;
    for (int i = 0; i < rows; ++i) group.add(statement_, Row());
    return class_.push(group);
  }
  // Starts a thread that pushes; the other pushes of the test wait in a known order.
  std::thread waiting_push(int rows, Status& outcome) {
    std::thread thread([this, rows, &outcome] { outcome = push(rows); });
    std::this_thread::sleep_for(milliseconds(20));
    return thread;
  }
  template <class Change>
  void set(const Change& change) {
    change(options_);
    const Status why = journal_.set_class(class_, options_);
    EXPECT_TRUE(why.ok()) << why.to_string();
  }

  std::shared_ptr<std::atomic<bool>> locked_ = std::make_shared<std::atomic<bool>>(true);
  Journal journal_ = *Journal::open(std::make_unique<LockedSink>(locked_), perturbed());
  ClassOptions options_;
  WriteClass class_;
  Statement statement_;
};

TEST_F(WaitingPushes, AreLetInByACapacityThatGrows) {
  Status first, second;
  std::thread one = waiting_push(2, first), other = waiting_push(1, second);
  set([](ClassOptions& options) { options.capacity_records = 6; });
  one.join();
  EXPECT_TRUE(first.ok()) << first.to_string();
  set([](ClassOptions& options) { options.capacity_records = 7; });
  other.join();
  EXPECT_TRUE(second.ok()) << second.to_string();
  EXPECT_EQ(journal_.stats().classes.at(0).queued_records, 7U);
}

TEST_F(WaitingPushes, ThatAreLargerThanAllOfASmallerCapacityAreToldSoAndHoldUpNobody) {
  Status large, small;
  std::thread one = waiting_push(4, large), other = waiting_push(1, small);
  set([](ClassOptions& options) { options.capacity_records = 3; });
  one.join();
  EXPECT_EQ(large.code(), Errc::invalid_argument) << large.to_string();
  EXPECT_NE(large.message().find("3 records"), std::string::npos) << large.message();
  locked_->store(false);
  other.join();
  EXPECT_TRUE(small.ok()) << small.to_string();
}

TEST_F(WaitingPushes, OfAClassThatBeginsToRejectWaitOnAndLaterOnesDoNot) {
  Status waiting;
  std::thread one = waiting_push(1, waiting);
  set([](ClassOptions& options) { options.when_full = WhenFull::reject; });
  EXPECT_EQ(push(1).code(), Errc::full);
  locked_->store(false);
  one.join();
  EXPECT_TRUE(waiting.ok()) << waiting.to_string();
}

TEST(Changes, AWindowThatIsClosedIsNotWaitedFor) {
  Journal journal = *Journal::open(std::make_unique<PlainSink>(), perturbed());
  ClassOptions options{.name = "slow", .gather = hours(1)};
  const WriteClass slow = *journal.add_class(options);
  const Statement statement = *journal.add_statement({.sql = "-"});
  for (std::size_t i = 0; i < scaled(400); ++i) {
    options.gather = hours(1);
    ASSERT_TRUE(journal.set_class(slow, options).ok());
    Receipt receipt = *slow.submit(statement, Row());
    std::thread waiter([&] { EXPECT_TRUE(receipt.wait()->committed()); });
    options.gather = Duration(0);
    ASSERT_TRUE(journal.set_class(slow, options).ok());
    waiter.join();
  }
}

// --- Many changes, under load.

constexpr std::size_t kClasses = 2;
constexpr int kRowsMax = 3;  // of a unit
constexpr std::size_t kRowBytesMax = 64;

// What ticks may take: the larger of what is in force and what is being set. The changing thread
// tells it before the journal may have heard of it.
struct Allowed {
  std::atomic<std::uint64_t> records{0};
  std::atomic<std::uint64_t> bytes{0};
  std::array<std::atomic<std::uint64_t>, kClasses> of_class{};

  static void set(std::atomic<std::uint64_t>& most, std::uint64_t before, std::uint64_t after) {
    most.store(std::max(before, after));
  }
};

// Counts what each transaction holds. Rows are (class, padding).
class CountingSink final : public PlainSink {
 public:
  struct Seen {
    Allowed allowed;
    std::atomic<std::uint64_t> ticks{0};
    std::atomic<std::uint64_t> rows{0};
    std::atomic<std::uint64_t> full{0};  // ticks of several units
    std::atomic<std::uint64_t> above{0};
  };
  explicit CountingSink(std::shared_ptr<Seen> seen) : seen_(std::move(seen)) {}

  Reply begin() override {
    records_ = bytes_ = 0;
    of_class_ = {};
    return {};
  }
  Reply apply(Statement statement, std::span<const std::byte> row) override {
    ++records_;
    bytes_ += row.size();
    ++of_class_[statement.index % kClasses];
    return {};
  }
  Reply commit() override {
    const Allowed& allowed = seen_->allowed;
    bool above = records_ >= allowed.records.load() + kRowsMax ||
                 bytes_ >= allowed.bytes.load() + kRowsMax * kRowBytesMax;
    for (std::size_t i = 0; i < kClasses; ++i) {
      above |= of_class_[i] >= allowed.of_class[i].load() + kRowsMax;
    }
    seen_->above.fetch_add(above ? 1 : 0);
    seen_->full.fetch_add(records_ > kRowsMax ? 1 : 0);
    seen_->rows.fetch_add(records_);
    seen_->ticks.fetch_add(1);
    return {};
  }

 private:
  const std::shared_ptr<Seen> seen_;
  std::uint64_t records_ = 0, bytes_ = 0;
  std::array<std::uint64_t, kClasses> of_class_{};
};

class ChangingLane : public ::testing::Test {
 protected:
  static constexpr std::size_t kPushers = 4;

  explicit ChangingLane(bool traced = false) {
    tick_ = {.records = 16, .bytes = 4 * kKiB};
    tell_tick(tick_);
    JournalOptions options = perturbed();
    options.tick = tick_;
    if (traced) options.trace.path = trace_;
    journal_.emplace(*Journal::open(std::make_unique<CountingSink>(seen_), options));
    for (std::size_t i = 0; i < kClasses; ++i) {
      options_[i] = {.name = "class" + std::to_string(i), .guarantee = {.records = 1, .bytes = 64}};
      tell_class(i, options_[i]);
      classes_[i] = *journal_->add_class(options_[i]);
      statements_[i] = *journal_->add_statement(
          {.sql = std::to_string(i), .columns = {Column{ColumnType::text}}});
    }
  }

  void push_until(const std::atomic<bool>& done, std::size_t pusher) {
    std::mt19937_64 random(pusher);
    while (!done.load()) {
      const std::size_t klass = random() % kClasses;
      Group group;
      for (std::size_t rows = 1 + random() % kRowsMax; rows > 0; --rows) {
        group.add(statements_[klass], Row().text(std::string(random() % 32, 'x')));
      }
      const Status why = classes_[klass].push(group);
      ASSERT_TRUE(why.ok() || why.code() == Errc::full) << why.to_string();
      accepted_.fetch_add(why.ok() ? group.size() : 0);
    }
  }
  // The tick has room for the guarantees, whatever else is set.
  void change(std::mt19937_64& random) {
    if (random() % 3 == 0) return change_tick(random);
    const std::size_t i = random() % kClasses;
    ClassOptions next = options_[i];
    next.guarantee.records = 1 + random() % 2;
    next.guarantee.bytes = 64 + random() % 64;
    next.budget.records = random() % 12;
    next.weight = static_cast<std::uint32_t>(1 + random() % 1000);
    next.max_delay = milliseconds(random() % 2);
    next.gather = std::chrono::microseconds(random() % 30);
    next.capacity_records = kRowsMax + random() % 40;
    next.when_full = static_cast<WhenFull>(random() % 3);
    next.block_timeout = milliseconds(random() % 20);
    next.promise = static_cast<Promise>(random() % 2);
    tell_class(i, next);
    const Status why = journal_->set_class(classes_[i], next);
    ASSERT_TRUE(why.ok()) << why.to_string();
    options_[i] = next;
    tell_class(i, next);
  }

  // A change takes a microsecond, and the scheduler's slice many: without this, most would meet no
  // tick.
  static constexpr std::size_t kChangesPerTick = 10;
  void wait_for_a_tick() const {
    const std::uint64_t before = seen_->ticks.load();
    while (seen_->ticks.load() == before) std::this_thread::yield();
  }

  TempDirectory directory_{TempDirectory::Where::in_memory};
  const std::filesystem::path trace_ = directory_ / "trace";
  std::shared_ptr<CountingSink::Seen> seen_ = std::make_shared<CountingSink::Seen>();
  std::optional<Journal> journal_;
  std::atomic<std::uint64_t> accepted_{0};
  std::array<WriteClass, kClasses> classes_;
  std::array<Statement, kClasses> statements_;

 private:
  void change_tick(std::mt19937_64& random) {
    const Budget next{.records = 4 + random() % 32,
                      .bytes = 4 * kKiB + random() % 1000,
                      .hold = std::chrono::microseconds(100 + random() % 5000)};
    tell_tick(next);
    const Status why = journal_->set_tick(next);
    ASSERT_TRUE(why.ok()) << why.to_string();
    tick_ = next;
    tell_tick(next);
  }
  void tell_tick(const Budget& next) {
    Allowed::set(seen_->allowed.records, tick_.records, next.records);
    Allowed::set(seen_->allowed.bytes, tick_.bytes, next.bytes);
  }
  void tell_class(std::size_t i, const ClassOptions& next) {
    const auto most = [](const ClassOptions& options) {
      return options.budget.records == 0 ? kDefaultTick.records : options.budget.records;
    };
    Allowed::set(seen_->allowed.of_class[i], most(options_[i]), most(next));
  }

  Budget tick_;
  std::array<ClassOptions, kClasses> options_;
};

TEST_F(ChangingLane, NoTickIsAboveBothTheOldAndTheNewBudgets) {
  constexpr std::size_t kChanges = scaled(100'000);
  std::atomic<bool> done{false};
  std::vector<std::thread> pushers;
  for (std::size_t i = 0; i < kPushers; ++i) {
    pushers.emplace_back([&, i] { push_until(done, i); });
  }
  std::mt19937_64 random(
      static_cast<std::uint64_t>(::testing::UnitTest::GetInstance()->random_seed()));
  for (std::size_t i = 0; i < kChanges; ++i) {
    change(random);
    if (i % kChangesPerTick == 0) wait_for_a_tick();
  }
  done.store(true);
  for (std::thread& thread : pushers) thread.join();
  EXPECT_TRUE(journal_->flush().ok());
  const JournalStats stats = journal_->stats();
  std::uint64_t changes = stats.tick_changes;
  std::uint64_t dropped = 0;
  for (const ClassStats& each : stats.classes) {
    changes += each.changes;
    dropped += each.end(End::dropped);
    EXPECT_EQ(each.in_flight, 0U);
    EXPECT_EQ(each.queued_records, 0U);
    EXPECT_EQ(each.accepted, each.end(End::committed) + each.end(End::dropped));
  }
  EXPECT_EQ(changes, kChanges);
  EXPECT_EQ(seen_->above.load(), 0U) << "of " << seen_->ticks.load() << " ticks";
  EXPECT_GT(stats.tick_ends[static_cast<std::size_t>(TickEnd::records)], 0U) << "budgets were met";
  EXPECT_GT(seen_->full.load(), kChanges / kChangesPerTick / 10) << "ticks of several units";
  EXPECT_GT(dropped, 0U);
  EXPECT_LE(seen_->rows.load(), accepted_.load());
}

class TracedChanges : public ChangingLane {
 protected:
  TracedChanges() : ChangingLane(true) {}

  // Units that end outside ticks as well as in them.
  void write_and_cancel_until(const std::atomic<bool>& done) {
    while (!done.load()) {
      const Row row = std::move(Row().text("x"));
      (void)classes_[0].write(statements_[0], row);
      Result<Receipt> receipt = classes_[1].submit(statements_[1], row);
      if (receipt.ok()) (void)receipt->cancel();
    }
  }
};

TEST_F(TracedChanges, ArePlannedTheSameAgain) {
  std::atomic<bool> done{false};
  std::vector<std::thread> threads;
  threads.emplace_back([&] { push_until(done, 0); });
  threads.emplace_back([&] { push_until(done, 1); });
  threads.emplace_back([&] { write_and_cancel_until(done); });
  std::thread watcher([&] {
    while (!done.load()) (void)journal_->stats();
  });
  std::mt19937_64 random(
      static_cast<std::uint64_t>(::testing::UnitTest::GetInstance()->random_seed()));
  for (std::size_t i = 0; i < scaled(4'000); ++i) {
    change(random);
    if (i % kChangesPerTick == 0) wait_for_a_tick();
  }
  done.store(true);
  for (std::thread& thread : threads) thread.join();
  watcher.join();
  EXPECT_TRUE(journal_->close(seconds(30)).status.ok());
  const Result<Trace> trace = read_trace(trace_);
  ASSERT_TRUE(trace.ok()) << trace.status().to_string();
  EXPECT_EQ(trace->end, TraceEnd::closed);
  EXPECT_EQ(trace->damage, "");
  EXPECT_EQ(trace->ticks.size(), journal_->stats().trace.ticks);
  const Replay again = replay(*trace);
  EXPECT_FALSE(again.difference) << again.difference->tick << ": " << again.difference->what;
  EXPECT_GT(again.ticks, scaled(4'000) / kChangesPerTick);
}

}  // namespace
}  // namespace onelane::test
