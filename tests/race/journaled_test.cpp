// Threads that push to a class with an intake, in every way, while ticks, the pen and a close run.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "onelane/onelane.h"
#include "src/intake/folder.h"
#include "tests/race/perturbing_clock.h"
#include "tests/sim/disk_storage.h"
#include "tests/support/coroutine.h"
#include "tests/support/scale.h"
#include "tests/support/sqlite_support.h"
#include "tests/support/temp_directory.h"

namespace onelane::test {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr int kThreads = 6;

template <class T>
T ok(Result<T> result) {
  EXPECT_TRUE(result.ok()) << result.status().to_string();
  return std::move(result).value();
}

Row row(std::int64_t thread, std::int64_t number) {
  Row out;
  out.integer(thread).integer(number);
  return out;
}

// What became of each unit, as its caller was told.
struct Told {
  std::mutex mutex;
  std::map<std::pair<int, int>, std::string> units;

  void note(int thread, int number, const std::string& what) {
    const std::scoped_lock lock(mutex);
    units[{thread, number}] = what;
  }
  std::uint64_t count(const std::string& what) {
    const std::scoped_lock lock(mutex);
    std::uint64_t out = 0;
    for (const auto& [unit, told] : units) out += told == what ? 1 : 0;
    return out;
  }
};

class IntakeRace : public ::testing::Test {
 protected:
  void open(Duration gather) {
    JournalOptions options;
    options.schema = "CREATE TABLE IF NOT EXISTS t(thread INTEGER, number INTEGER)";
    options.intake.segment_bytes = 64 * kKiB;
    options.intake.most_bytes = 4 * 64 * kKiB;
    options.intake.dead_letters = "dead";
    journal_.emplace(ok(Journal::open(database_, perturbed(options))));
    class_.emplace(ok(journal_->add_class(
        {.name = "t", .gather = gather, .promise = Promise::journaled, .intake = true})));
    other_.emplace(ok(journal_->add_class({.name = "other"})));
    insert_ =
        ok(journal_->add_statement({.sql = "INSERT INTO t VALUES(?1, ?2)",
                                    .columns = {{ColumnType::integer}, {ColumnType::integer}}}));
  }

  // One unit, in one of the ways that there are.
  void push(int thread, int number) {
    const Row values = row(thread, number);
    switch (number % 6) {
      case 0:
        return told(thread, number, class_->journal(insert_, values));
      case 1: {
        Result<Receipt> receipt = class_->submit(insert_, values);
        if (!receipt) return told_.note(thread, number, "refused");
        Result<Journaled> journaled = receipt->wait_journaled_for(microseconds(50));
        if (journaled.status().code() == Errc::timed_out) journaled = receipt->wait_journaled();
        return told(thread, number, journaled);
      }
      case 2: {
        const Result<Outcome> outcome =
            class_->write(insert_, values, {.promise = Promise::committed});
        return told_.note(thread, number, outcome ? std::string(name(outcome->end)) : "refused");
      }
      case 3: {
        Result<Receipt> receipt = class_->submit(insert_, values);
        if (!receipt) return told_.note(thread, number, "refused");
        if (receipt->cancel()) return told_.note(thread, number, "cancelled");
        return told(thread, number, receipt->wait_journaled());
      }
      case 4:
        return told(
            thread, number,
            class_->journal(insert_, values, {.deadline = class_->now() + microseconds(100)}));
      default:
        (void)other_->push(insert_, row(-1, number));
        return told(thread, number, class_->journal(insert_, values));
    }
  }
  void told(int thread, int number, const Result<Journaled>& what) {
    if (what) return told_.note(thread, number, "journaled");
    EXPECT_TRUE(what.status().code() == Errc::not_journaled || what.status().code() == Errc::closed)
        << what.status().to_string();
    told_.note(thread, number, "refused");
  }

  void push_all(int count) {
    std::vector<std::thread> threads;
    for (int thread = 0; thread < kThreads; ++thread) {
      threads.emplace_back([=, this] {
        for (int number = 0; number < count; ++number) push(thread, number);
      });
    }
    for (std::thread& thread : threads) thread.join();
  }

  // What was promised is there once, what was refused is not, and each thread's are in order.
  void check_database() {
    std::map<std::pair<int, int>, int> found;
    EXPECT_EQ(query(database_,
                    "SELECT count(*) FROM (SELECT number, lag(number) OVER (PARTITION BY thread "
                    "ORDER BY rowid) AS before FROM t WHERE thread >= 0) WHERE number <= before"),
              "0")
        << "out of order, or twice";
    for (const auto& [unit, told] : told_.units) {
      const std::string there =
          query(database_, "SELECT count(*) FROM t WHERE thread = " + std::to_string(unit.first) +
                               " AND number = " + std::to_string(unit.second));
      const bool promised = told == "journaled" || told == "committed" || told == "carried";
      EXPECT_EQ(there, promised ? "1" : "0") << unit.first << "." << unit.second << " " << told;
    }
  }

  TempDirectory directory_;
  const std::filesystem::path database_ = directory_ / "test.db";
  std::optional<Journal> journal_;
  std::optional<WriteClass> class_;
  std::optional<WriteClass> other_;
  Statement insert_;
  Told told_;
};

TEST_F(IntakeRace, EveryCallerIsToldTheTruth) {
  for (const Duration gather : {Duration(0), Duration(milliseconds(5))}) {
    open(gather);
    push_all(static_cast<int>(scaled(60)));
    EXPECT_TRUE(journal_->close(seconds(20)).status.ok());
    check_database();
    told_.units.clear();
    query(database_, "DELETE FROM t");
  }
}

TEST_F(IntakeRace, ACloseInTheMiddleLosesNothing) {
  for (int round = 0; round < static_cast<int>(scaled(6)); ++round) {
    open(milliseconds(round));
    std::thread closer([&] {
      std::this_thread::sleep_for(milliseconds(5 + 3 * round));
      (void)journal_->close(Duration(0));
    });
    push_all(static_cast<int>(scaled(300)));
    closer.join();
    open(Duration(0));  // applies what was carried
    EXPECT_TRUE(journal_->close(seconds(20)).status.ok());
    check_database();
    told_.units.clear();
    query(database_, "DELETE FROM t");
  }
}

// Of the group, and of those that wait for the next one.
TEST_F(IntakeRace, AFailedSyncIsToldToEveryCaller) {
  const std::shared_ptr<Disk> disk = Disk::make();
  DiskStorage storage(disk);
  intake::use_storage(&storage);
  open(milliseconds(1));
  std::atomic<int> told{0};
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      for (int number = 0;; ++number) {
        const Result<Journaled> journaled = class_->journal(insert_, row(thread, number));
        if (journaled) {
          told_.note(thread, number, "journaled");
          continue;
        }
        const Errc code = journaled.status().code();
        EXPECT_TRUE(code == Errc::not_journaled || code == Errc::poisoned)
            << journaled.status().to_string();
        told.fetch_add(1);
        return;
      }
    });
  }
  while (told_.count("journaled") < 50) std::this_thread::yield();
  disk->fail({.call = VfsCall::sync, .file = VfsFile::intake, .repeat = Repeat::always});
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(told.load(), kThreads);
  EXPECT_EQ(journal_->close(seconds(20)).status.code(), Errc::poisoned);
  disk->heal();
  open(Duration(0));  // what is found besides was never promised
  EXPECT_TRUE(journal_->close(seconds(20)).status.ok());
  check_database();
  intake::use_storage(nullptr);
}

TEST_F(IntakeRace, ACoroutineGoesOnOnceItsUnitIsJournaled) {
  open(std::chrono::hours(1));
  PumpedExecutor executor;
  std::atomic<int> done{0};
  const auto wait = [&](Receipt receipt) -> Detached {
    const Result<Journaled> journaled = co_await receipt.journaled_on(executor);
    EXPECT_TRUE(journaled.ok());
    done.fetch_add(1);
  };
  constexpr int kUnits = 50;
  for (int number = 0; number < kUnits; ++number) {
    wait(ok(class_->submit(insert_, row(0, number))));
  }
  while (done.load() < kUnits) executor.run();
  EXPECT_EQ(query(database_, "SELECT count(*) FROM t"), "0") << "it waited for a commit";
}

}  // namespace
}  // namespace onelane::test
