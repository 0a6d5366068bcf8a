// Journals that are closed or destroyed under load, on a sink that fails at random: whatever
// happens, every unit is settled once, as what really became of it.
#include <gtest/gtest.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <random>
#include <thread>
#include <vector>

#include "onelane/onelane.h"
#include "tests/race/perturbing_clock.h"
#include "tests/support/chaos_sink.h"
#include "tests/support/coroutine.h"
#include "tests/support/memory_positions.h"
#include "tests/support/scale.h"
#include "tests/support/sink_grammar.h"
#include "tests/support/temp_directory.h"

namespace onelane::test {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr std::uint64_t kSeed = 0x6f6e656c616e65;
constexpr std::size_t kCycles = scaled(2000);
constexpr std::size_t kProducers = 3;
constexpr std::uint64_t kCallsMax = 60;
constexpr std::uint64_t kCapacity = 48;
constexpr std::int64_t kKeys = 3;  // of records that coalesce
constexpr std::uint32_t kGroupRows = 3;
constexpr std::uint32_t kJobSteps = 2;
constexpr std::uint32_t kFailureRates[] = {0, 20, 200, 2000};  // of ten thousand

enum class Kind : std::uint8_t { record, group, job };

// An accepted unit with a receipt.
struct Unit {
  std::int64_t id = 0;
  Kind kind = Kind::record;
  bool coalesces = false;
  Receipt receipt;
  std::optional<Outcome> awaited;  // where a coroutine waits for it
  bool is_awaited = false;
};

struct Classes {
  std::vector<WriteClass> all;
  std::optional<WriteClass> jobs;  // takes them; none: all do
  Statement statement;
};

// Whether a caller uses the journal itself, or only the handles that it gave out.
enum class Reach : std::uint8_t { journal, handles };

// One thread that does everything that callers may do.
class Caller {
 public:
  Caller(Journal& journal, Classes classes, std::uint64_t seed, std::int64_t first_id)
      : journal_(journal), classes_(std::move(classes)), random_(seed), next_id_(first_id) {}

  void run(Reach reach) {
    for (auto calls = random_() % kCallsMax; calls > 0; --calls) call(reach);
  }

  PumpedExecutor& executor() { return executor_; }
  std::deque<Unit>& units() { return units_; }
  std::uint64_t accepted() const { return accepted_; }
  std::uint64_t refused() const { return refused_; }

 private:
  void call(Reach reach) {
    switch (random_() % (reach == Reach::journal ? 13 : 11)) {
      case 0:
      case 1:
      case 2:
        return count(any_class().push(classes_.statement, row(next_id_++), options()));
      case 3:
      case 4:
        return wait(submit_record());
      case 5:
        return wait_a_little(submit_record());
      case 6:
        if (Unit* unit = submit_record(); unit != nullptr) (void)unit->receipt.cancel();
        return;
      case 7:
        return wait_a_little(submit_group());
      case 8:
        (void)submit_job();
        return;
      case 9:
        return await(submit_record());
      case 10:
        (void)submit_record();
        return;
      case 11:
        (void)journal_.flush(little());
        return;
      default:
        (void)journal_.tick();
    }
  }

  Duration little() { return microseconds(random_() % 500); }
  WriteClass& any_class() { return classes_.all[random_() % classes_.all.size()]; }
  PushOptions options() {
    PushOptions options;
    if (random_() % 4 == 0) options.deadline = any_class().now() + little();
    return options;
  }
  static Row row(std::int64_t id) {
    Row row;
    row.integer(id).integer(id % kKeys);
    return row;
  }

  void count(const Status& pushed) { ++(pushed.ok() ? accepted_ : refused_); }
  Unit* keep(std::int64_t id, Kind kind, Result<Receipt> receipt) {
    count(receipt.status());
    if (!receipt) return nullptr;
    Unit& unit = units_.emplace_back();
    unit.id = id;
    unit.kind = kind;
    unit.receipt = std::move(*receipt);
    return &unit;
  }
  Unit* submit_record() {
    const std::int64_t id = next_id_++;
    WriteClass& to = any_class();
    Unit* unit = keep(id, Kind::record, to.submit(classes_.statement, row(id), options()));
    if (unit != nullptr) unit->coalesces = &to == &classes_.all.back();
    return unit;
  }
  Unit* submit_group() {
    const std::int64_t id = next_id_++;
    Group group;
    for (std::uint32_t i = 0; i < kGroupRows; ++i) group.add(classes_.statement, row(id));
    return keep(id, Kind::group, any_class().submit(group, options()));
  }
  Unit* submit_job() {
    const std::int64_t id = next_id_++;
    Job job;
    job.name = "job";
    job.step = [id](Transaction& transaction) -> Result<Step> {
      const auto changed = transaction.execute("job", id);
      if (!changed) return changed.status();
      return transaction.steps() + 1 == kJobSteps ? Step::done : Step::more;
    };
    WriteClass& to = classes_.jobs ? *classes_.jobs : any_class();
    return keep(id, Kind::job, to.submit(std::move(job), options()));
  }

  static void wait(Unit* unit) {
    if (unit == nullptr) return;
    EXPECT_TRUE(unit->receipt.wait().ok());
  }
  void wait_a_little(Unit* unit) {
    if (unit == nullptr) return;
    const Result<Outcome> outcome = unit->receipt.wait_for(little());
    EXPECT_TRUE(outcome.ok() || outcome.status().code() == Errc::timed_out);
  }
  static Detached await_outcome(Unit& unit, Executor& executor) {
    unit.awaited = co_await unit.receipt.on(executor);
  }
  void await(Unit* unit) {
    if (unit == nullptr) return;
    unit->is_awaited = true;
    await_outcome(*unit, executor_);
    executor_.run();
  }

  Journal& journal_;
  Classes classes_;
  std::mt19937_64 random_;
  std::int64_t next_id_;
  PumpedExecutor executor_;
  std::deque<Unit> units_;  // stay where they are
  std::uint64_t accepted_ = 0;
  std::uint64_t refused_ = 0;
};

class Cycle {
 public:
  // All classes but one have an intake in that folder, if there is one.
  Cycle(std::uint64_t number, const std::string& intake)
      : random_(kSeed + number), intake_(!intake.empty()) {
    const std::uint32_t rate = kFailureRates[number % std::size(kFailureRates)];
    JournalOptions options;
    options.callers_commit = random_() % 2 == 0;
    options.close_timeout = patience();
    if (intake_) options = with_intake_in(intake, std::move(options));
    options.intake.segment_bytes = 64 * kKiB;
    options.intake.most_bytes = 4 * 64 * kKiB;
    const auto keeps = intake_ ? ChaosSink::Keeps::positions : ChaosSink::Keeps::units;
    std::unique_ptr<Sink> sink = std::make_unique<ChaosSink>(ledger_, random_(), rate, keeps);
    if (!intake_) sink = checked(std::move(sink));
    auto opened = Journal::open(std::move(sink), perturbed(options));
    journal_.emplace(std::move(*opened));
    add_classes();
    for (std::size_t i = 0; i < kProducers; ++i) {
      callers_.emplace_back(*journal_, classes_, random_(), static_cast<std::int64_t>(i) << 32);
    }
  }

  void close_under_load() {
    start(Reach::journal);
    std::thread sampler([this] { sample(); });
    pause();
    const CloseReport report = journal_->close(patience());
    join();
    over_.store(true);
    sampler.join();
    expect_settled();
    expect_counted(report);
  }

  void destroy_under_load() {
    start(Reach::handles);
    pause();
    journal_.reset();
    join();
    expect_settled();
  }

 private:
  Duration patience() { return microseconds(random_() % 3000); }

  void add_classes() {
    const ClassOptions shared{.guarantee = {.records = 8, .bytes = 4 * kKiB},
                              .capacity_records = kCapacity,
                              .block_timeout = milliseconds(1)};
    ClassOptions block = shared, reject = shared, drop = shared, newest = shared;
    block.name = "block";
    reject.name = "reject";
    reject.when_full = WhenFull::reject;
    reject.capacity_records = 8;
    drop.name = "drop";
    drop.when_full = WhenFull::drop_oldest;
    drop.capacity_records = 8;
    newest.name = "newest";
    newest.coalesce = true;
    block.intake = reject.intake = newest.intake = intake_;
    for (const ClassOptions& options : {block, reject, drop, newest}) {
      classes_.all.push_back(*journal_->add_class(options));
    }
    classes_.jobs = intake_ ? std::optional(classes_.all[2]) : std::nullopt;
    classes_.statement =
        *journal_->add_statement({.sql = "-",
                                  .columns = {{ColumnType::integer}, {ColumnType::integer}},
                                  .key_columns = {1}});
  }

  void start(Reach reach) {
    for (Caller& caller : callers_) {
      threads_.emplace_back([&caller, reach] { caller.run(reach); });
    }
  }
  void pause() {
    const TimePoint until = steady_clock().now() + patience();
    while (steady_clock().now() < until) std::this_thread::yield();
  }
  void join() {
    for (std::thread& thread : threads_) thread.join();
    for (Caller& caller : callers_) caller.executor().run();
  }

  // No unit may have ended that was not accepted, and no more may be in flight than the capacity.
  void sample() {
    while (!over_.load()) {
      const JournalStats stats = journal_->stats();
      for (const ClassStats& one : stats.classes) {
        EXPECT_EQ(one.accepted, ended(one) + one.in_flight);
        EXPECT_LE(one.in_flight, kCapacity + 2 * kProducers) << one.name;
      }
      std::this_thread::yield();
    }
  }
  static std::uint64_t ended(const ClassStats& one) {
    std::uint64_t sum = 0;
    for (const std::uint64_t n : one.ends) sum += n;
    return sum;
  }

  void expect_settled() {
    EXPECT_EQ(ledger_->broken_rules, 0U);
    EXPECT_TRUE(ledger_->closed);
    for (Caller& caller : callers_) {
      for (const Unit& unit : caller.units()) {
        const std::optional<Outcome> outcome = unit.receipt.poll();
        ASSERT_TRUE(outcome) << "never settled";
        expect_plausible(unit, *outcome, ledger_->fates[unit.id]);
        if (!unit.is_awaited) continue;
        ASSERT_TRUE(unit.awaited) << "never resumed";
        EXPECT_EQ(unit.awaited->end, outcome->end);
      }
    }
  }

  // With an intake commits are durable, so there are fences: these are commits that the sink does
  // not count, and what was in doubt before one runs again.
  void expect_plausible(const Unit& unit, const Outcome& outcome, const Fate& fate) const {
    const std::uint32_t rows = unit.kind == Kind::record  ? 1
                               : unit.kind == Kind::group ? kGroupRows
                                                          : kJobSteps;
    switch (outcome.end) {
      case End::committed:
        EXPECT_EQ(fate.committed, rows);
        EXPECT_LE(fate.commit, outcome.commit);
        EXPECT_TRUE(intake_ || fate.commit == outcome.commit);
        break;
      case End::incomplete:
        EXPECT_EQ(unit.kind, Kind::job);
        EXPECT_EQ(fate.committed, outcome.steps);
        EXPECT_GT(outcome.steps, 0U);
        EXPECT_LT(outcome.steps, kJobSteps);
        break;
      case End::unknown:
        break;
      case End::rejected:
        EXPECT_GT(fate.refused, 0U);
        EXPECT_EQ(fate.committed, 0U);
        break;
      default:
        EXPECT_EQ(fate.committed, 0U) << name(outcome.end);
    }
    // As a newer one of its key is.
    const bool with_another = unit.coalesces && outcome.end == End::unknown;
    const bool doubtful = fate.in_doubt > 0 || with_another;
    EXPECT_TRUE(doubtful || outcome.end != End::unknown);
    EXPECT_TRUE(intake_ || !doubtful || outcome.end == End::unknown) << name(outcome.end);
  }

  // The callers' own counts are the journal's.
  void expect_counted(const CloseReport& report) {
    std::uint64_t accepted = 0, refused = 0, offered_here = 0, refused_here = 0, ends = 0;
    for (const Caller& caller : callers_) {
      offered_here += caller.accepted() + caller.refused();
      refused_here += caller.refused();
    }
    const JournalStats stats = journal_->stats();
    for (const ClassStats& one : stats.classes) {
      accepted += one.accepted;
      refused += one.refused;
      ends += ended(one);
      EXPECT_EQ(one.in_flight, 0U) << one.name;
      EXPECT_EQ(one.queued_records, 0U) << one.name;
      EXPECT_EQ(one.queued_bytes, 0U) << one.name;
    }
    EXPECT_EQ(accepted + refused, offered_here);
    EXPECT_EQ(refused, refused_here);
    EXPECT_EQ(ends, accepted);
    EXPECT_GE(stats.committed, ledger_->commits);
    EXPECT_TRUE(intake_ || stats.committed == ledger_->commits);
    std::uint64_t reported = 0;
    for (const std::uint64_t n : report.ends) reported += n;
    EXPECT_EQ(reported, accepted);
  }

  std::mt19937_64 random_;
  const bool intake_;
  std::shared_ptr<Ledger> ledger_ = std::make_shared<Ledger>();
  std::optional<Journal> journal_;
  Classes classes_;
  std::deque<Caller> callers_;
  std::vector<std::thread> threads_;
  std::atomic<bool> over_{false};
};

// With an intake or without.
class CloseUnderLoad : public ::testing::TestWithParam<bool> {
 protected:
  // Of a journal's own.
  std::string intake(std::size_t cycle) const {
    return GetParam() ? (directory_ / std::to_string(cycle)).string() : "";
  }
  // Files have to be made for an intake.
  static std::size_t cycles() { return GetParam() ? kCycles / 4 : kCycles / 2; }

  const TempDirectory directory_{TempDirectory::Where::in_memory};
};
INSTANTIATE_TEST_SUITE_P(Intake, CloseUnderLoad, ::testing::Bool());

TEST_P(CloseUnderLoad, AndFaultsEveryUnitIsSettledOnceAsWhatBecameOfIt) {
  for (std::size_t i = 0; i < cycles() && !HasFailure(); ++i) {
    SCOPED_TRACE("cycle " + std::to_string(i));
    Cycle(i, intake(i)).close_under_load();
  }
}

TEST_P(CloseUnderLoad, ByTheDestructorAndFaultsEveryUnitIsSettledOnce) {
  for (std::size_t i = 0; i < cycles() && !HasFailure(); ++i) {
    SCOPED_TRACE("cycle " + std::to_string(i));
    Cycle(kCycles + i, intake(i)).destroy_under_load();
  }
}

// --- A push that is stopped half-way.

std::atomic<bool> frozen{false};
std::atomic<bool> freeze{false};

// A signal handler that stops the thread that it interrupts.
extern "C" void stay_here(int) {
  frozen.store(true);
  while (freeze.load()) sched_yield();
  frozen.store(false);
}

// A thread that only pushes and is stopped at a random point has often taken its number, but not
// yet enqueued its entry.
TEST(Close, WaitsForAPushThatItCaughtHalfWay) {
  struct sigaction stay = {};
  struct sigaction before = {};
  stay.sa_handler = stay_here;
  ASSERT_EQ(sigaction(SIGUSR1, &stay, &before), 0);
  for (std::size_t i = 0; i < scaled(200); ++i) {
    auto ledger = std::make_shared<Ledger>();
    auto journal = Journal::open(std::make_unique<ChaosSink>(ledger, kSeed, 0), perturbed());
    auto any = journal->add_class({.name = "any"});
    const auto statement = journal->add_statement({.sql = "-", .columns = {}});
    std::vector<Receipt> receipts;
    std::thread pushing([&] {
      for (;;) {
        Result<Receipt> receipt = any->submit(*statement, Row());
        if (!receipt) return;
        receipts.push_back(std::move(*receipt));
      }
    });
    while (journal->stats().committed == 0) std::this_thread::yield();
    freeze.store(true);
    // More than once: under ThreadSanitizer a signal may wait until the next one comes.
    while (!frozen.load()) {
      pthread_kill(pushing.native_handle(), SIGUSR1);
      std::this_thread::sleep_for(milliseconds(1));
    }
    std::thread closing([&] { journal->close(Duration(0)); });
    std::this_thread::sleep_for(milliseconds(1));
    freeze.store(false);
    closing.join();
    pushing.join();
    for (const Receipt& receipt : receipts) ASSERT_TRUE(receipt.poll()) << "never settled";
    const ClassStats stats = journal->stats().classes.front();
    ASSERT_EQ(stats.in_flight, 0U);
    ASSERT_EQ(stats.queued_records, 0U) << "room that a refused push was granted";
  }
  ASSERT_EQ(sigaction(SIGUSR1, &before, nullptr), 0);
}

}  // namespace
}  // namespace onelane::test
