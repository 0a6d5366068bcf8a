// What an intake has to survive: what comes in the middle of a sync or a flush, an intake that is
// full when it is opened, a clock that is moved back, a database that takes nothing.
#include <malloc.h>
#include <sqlite3.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <vector>

#include "src/intake/folder.h"
#include "tests/sim/disk_storage.h"
#include "tests/support/faulty_vfs.h"
#include "tests/support/intake_journal_fixture.h"
#include "tests/support/resident.h"

namespace onelane::test {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

// --- What comes in the middle.

class IntakeMeanwhile : public IntakeJournal {
 protected:
  ~IntakeMeanwhile() override {
    crashed_.reset();
    journal_.reset();
    intake::use_storage(nullptr);
  }
  // At the beginning of each sync of the intake's.
  void at_each_sync(std::function<void()> deed) {
    disk_->meanwhile([deed = std::move(deed)](VfsCall call, VfsFile file) {
      if (call == VfsCall::sync && file == VfsFile::intake) deed();
    });
  }

  FaultyVfs vfs_;
  const std::shared_ptr<Disk> disk_ = Disk::make();
  DiskStorage storage_{disk_};
};

TEST_F(IntakeMeanwhile, WhatIsPushedDuringASyncIsNotJournaledByIt) {
  intake::use_storage(&storage_);
  gather_for_ever();
  (void)submit(insert_, 1);
  tick();
  const Receipt before = submit(insert_, 2);
  Receipt during;
  std::string seen;
  at_each_sync([&] {
    seen += before.poll_journaled() ? "before is journaled, " : "nothing is journaled, ";
    if (!during.valid()) during = submit(insert_, 3);
    EXPECT_FALSE(during.poll_journaled());
  });
  while (!during.valid() || !during.poll_journaled()) tick();
  disk_->meanwhile(nullptr);
  EXPECT_EQ(seen, "nothing is journaled, before is journaled, ");
}

// It cannot wait behind what was pushed after the flush, and there is no room for both. The first
// tick of the flush commits another record, and then room for the newer one is gone again.
TEST_F(IntakeMeanwhile, WhatAFlushWaitsForIsSupersededInAFullClass) {
  ClassOptions options = journaled("peers");
  options.guarantee.records = options.budget.records = 1;
  options.capacity_bytes = 8 * kKiB;
  options.when_full = WhenFull::reject;
  options.coalesce = true;
  open_with_intake(options);
  Result<Statement> keyed =
      journal_->add_statement({"INSERT INTO peers SELECT ?1 WHERE ?2 IS NOT NULL",
                               {{ColumnType::integer}, {ColumnType::blob}},
                               {0}});
  const std::vector<std::byte> bytes(4000);
  const std::span<const std::byte> large(bytes), small(bytes.data(), 1);
  (void)submit(*keyed, 2, small);
  const Receipt older = submit(*keyed, 1, large);
  Receipt newer;
  vfs_.meanwhile(VfsCall::write, VfsFile::log, [&] { newer = submit(*keyed, 1, large); });
  EXPECT_TRUE(succeeded(journal_->flush()));
  ASSERT_TRUE(newer.valid());
  EXPECT_EQ(settled(older).end, End::superseded);
  EXPECT_LE(journal_->stats().classes[0].queued_bytes, options.capacity_bytes);
  run();
  EXPECT_TRUE(settled(newer).committed());
  EXPECT_EQ(ids(), "2,1");
  EXPECT_EQ(outside("SELECT position, waiting FROM onelane_intake WHERE class = 'peers'"),
            "3|NULL");
}

// --- An opening with a full intake.

// What the allocator has given out, at most, whenever the journal asked for the time.
class HeapWatch final : public Clock {
 public:
  TimePoint now() const noexcept override {
    const std::uint64_t now = in_use();
    most_.store(std::max(most_.load(), now));
    return TimePoint(std::chrono::seconds(1));
  }
  static std::uint64_t in_use() {
    const auto heap = ::mallinfo2();
    return heap.uordblks + heap.hblkhd;
  }
  std::uint64_t most() const { return most_.load(); }

 private:
  mutable std::atomic<std::uint64_t> most_{0};
};

class IntakeOpening : public IntakeJournal {
 protected:
  // Leaves as many units as an intake of that size takes.
  void leave(std::uint64_t most_bytes) {
    options_.intake.most_bytes = most_bytes;
    ClassOptions options = journaled("peers");
    options.gather = hours(1);
    options.capacity_records = 1'000'000;
    options.capacity_bytes = 1024 * kMiB;
    open_with_intake(options);
    OtherConnection other(database_);
    other.query("BEGIN IMMEDIATE");  // nothing can be committed
    while (journal_->stats().intake.waits == 0) {
      for (int i = 0; i < 1000; ++i) {
        ASSERT_TRUE(succeeded(writes_->push(insert_, Row().integer(100))));
      }
      tick();
    }
    left_ = journal_->stats().intake.units;
    EXPECT_LE(journal_->stats().intake.bytes, most_bytes);
    crash();
  }
  // What an opening takes of the heap beyond what there was.
  std::uint64_t heap_of_opening() {
    const auto watch = std::make_shared<HeapWatch>();
    options_.clock = watch;
    const std::uint64_t before = HeapWatch::in_use();
    EXPECT_TRUE(succeeded(reopened()));
    EXPECT_EQ(journal_->stats().intake.replayed, left_);
    journal_.reset();
    options_.clock = clock_;
    crashed_.reset();
    return watch->most() - before;
  }

  std::uint64_t left_ = 0;
};

TEST_F(IntakeOpening, TakesItsUnitsInTransactionsOfABoundedSize) {
  constexpr std::ptrdiff_t kUnitsMost = 4096;
  leave(kMiB);
  ASSERT_GT(left_, 4U * kUnitsMost);
  std::vector<std::string> sql;
  {
    const ConnectionSpy spy;
    ASSERT_TRUE(succeeded(reopened()));
    sql = spy.sql();
    journal_.reset();
  }
  std::ptrdiff_t most = 0;
  std::ptrdiff_t commits = 0;
  std::ptrdiff_t rows = 0;
  for (const std::string& each : sql) {
    rows += each.starts_with("INSERT INTO peers") ? 1 : 0;
    if (each != "COMMIT") continue;
    most = std::max(most, std::exchange(rows, 0));
    ++commits;
  }
  EXPECT_EQ(most, kUnitsMost);
  EXPECT_LE(commits, static_cast<std::ptrdiff_t>(left_) / kUnitsMost + 10);
}

TEST_F(IntakeOpening, NeedsNoMoreMemoryHoweverManyUnitsAreLeft) {
  if (!kResidentTells) GTEST_SKIP() << "a sanitizer has an allocator of its own";
  leave(kMiB);
  const std::uint64_t few = left_;
  (void)heap_of_opening();  // what the process keeps
  database_ = directory_ / "few.db";
  leave(kMiB);
  const std::uint64_t heap_of_few = heap_of_opening();
  database_ = directory_ / "many.db";
  leave(4 * kMiB);
  EXPECT_GT(left_, 3 * few);
  const std::uint64_t heap_of_many = heap_of_opening();
  EXPECT_LE(heap_of_many, 12 * kMiB);
  EXPECT_LE(heap_of_many, heap_of_few + 3 * kMiB) << heap_of_few;
}

// --- Clocks.

// The system's time, as SQLite asks for it.
class WallClock {
 public:
  WallClock() : real_(vfs_->xCurrentTimeInt64) {
    vfs_->xCurrentTimeInt64 = [](sqlite3_vfs*, sqlite3_int64* out) {
      *out = kEpoch + ms_;
      return SQLITE_OK;
    };
  }
  ~WallClock() { vfs_->xCurrentTimeInt64 = real_; }
  WallClock(const WallClock&) = delete;
  WallClock& operator=(const WallClock&) = delete;

  // Milliseconds since 1970.
  void set(sqlite3_int64 ms) { ms_ = ms; }

 private:
  static constexpr sqlite3_int64 kEpoch = 210866760000000;  // 1970 in milliseconds of Julian days

  static inline sqlite3_int64 ms_ = 0;
  sqlite3_vfs* const vfs_ = sqlite3_vfs_find(nullptr);
  int (*const real_)(sqlite3_vfs*, sqlite3_int64*);
};

class IntakeClock : public IntakeJournal {
 protected:
  // After a restart of the machine the clock shows less than it did before.
  void turn_back() {
    clock_ = std::make_shared<FakeClock>();
    options_.clock = clock_;
  }
  // More than the intake's segments hold, so that each is used again.
  void fill_segments() {
    const Statement blob =
        add("INSERT INTO peers SELECT 7 WHERE ?1 IS NOT NULL", {{ColumnType::blob}});
    const std::vector<std::byte> large(30'000);
    for (int i = 0; i < 24; ++i) {
      EXPECT_TRUE(settled_in_time(submit(blob, std::span<const std::byte>(large)))) << i;
    }
  }
  bool settled_in_time(const Receipt& receipt) {
    for (int i = 0; i < 8 && !receipt.poll(); ++i) {
      run();
      clock_->advance(milliseconds(1500));
    }
    return receipt.poll() && receipt.poll()->committed();
  }

  WallClock wall_;
};

TEST_F(IntakeClock, MovedBackBetweenTwoLivesOrWithinOneBreaksNothing) {
  wall_.set(5'000'000);
  clock_->advance(hours(1000));
  gather_for_ever();
  for (const int id : {1, 13, 2}) (void)submit(insert_, id);
  tick();
  crash();
  turn_back();
  wall_.set(2'000'000);
  open_with_intake();
  EXPECT_EQ(ids(), "1,2");
  fill_segments();
  (void)submit(insert_, 13);
  run();
  wall_.set(1'000'000);  // and again, within this life
  (void)submit(insert_, 13);
  const Receipt last = submit(insert_, 3);
  run();
  EXPECT_EQ(settled(last).end, End::committed);
  EXPECT_EQ(last.poll_journaled()->position, 30U);
  EXPECT_EQ(outside("SELECT position, time FROM dead ORDER BY position"),
            "2|2000000 28|2000000 29|1000000");
  EXPECT_FALSE(journal_->stats().intake.oldest);
  EXPECT_LE(journal_->stats().intake.bytes, options_.intake.most_bytes);
  crash();
  turn_back();
  ASSERT_TRUE(succeeded(reopened()));
  EXPECT_EQ(journal_->stats().intake.replayed, 0U) << "what is applied stays applied";
  EXPECT_EQ(position(), "30");
}

// --- A database that takes nothing.

class IntakeRefused : public IntakeJournal {
 protected:
  ~IntakeRefused() override { journal_.reset(); }  // whose files are the VFS's

  FaultyVfs vfs_;
};

TEST_F(IntakeRefused, ALockedOrAFullDatabaseMakesNoDeadLetter) {
  open_with_intake();
  const Receipt locked = submit(insert_, 1);
  {
    OtherConnection other(database_);
    other.query("BEGIN IMMEDIATE");
    for (int i = 0; i < 60; ++i) {
      tick();
      clock_->advance(std::chrono::minutes(1));
    }
  }
  vfs_.fail({.call = VfsCall::write,
             .file = VfsFile::log,
             .code = SQLITE_FULL,
             .repeat = Repeat::always});
  const Receipt full = submit(insert_, 2);
  for (int i = 0; i < 60; ++i) {
    tick();
    clock_->advance(std::chrono::minutes(1));
  }
  EXPECT_FALSE(locked.poll());
  EXPECT_FALSE(full.poll());
  vfs_.heal();
  for (int i = 0; i < 4; ++i) {
    clock_->advance(std::chrono::minutes(1));
    run();
  }
  EXPECT_TRUE(settled(locked).committed());
  EXPECT_TRUE(settled(full).committed());
  EXPECT_EQ(outside("SELECT count(*) FROM dead"), "0");
}

TEST_F(IntakeJournal, AManualJournalUsesAllOfItsIntakeBeforeItWouldBlock) {
  gather_for_ever();
  Status why;
  for (std::int64_t id = 14; why.ok() && id < 10'000; ++id) {
    why = writes_->journal(insert_, Row().integer(id)).status();
  }
  EXPECT_EQ(why.code(), Errc::would_block) << why.to_string();
  EXPECT_EQ(journal_->stats().intake.segments, 4U);
  EXPECT_TRUE(succeeded(journal_->flush()));
  EXPECT_EQ(outside("SELECT count(*) FROM peers"), std::to_string(journal_->stats().intake.units))
      << "what it refused was taken back";
}

}  // namespace
}  // namespace onelane::test
