// What the environment can run out of, for 50 ms and for 10 s, at random moments of a journal's
// life: nobody is rejected for it, nobody waits longer than it lasts and a second, and what cannot
// work meanwhile says so by name. Real SQLite on a simulated disk, and a clock moved by hand.
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <deque>
#include <random>
#include <string>
#include <vector>

#include "tests/sim/disk_vfs.h"
#include "tests/support/scale.h"
#include "tests/support/sqlite_journal_fixture.h"

namespace onelane::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

enum class Resource : std::uint8_t {
  disk,                  // full, at COMMIT and when the log is checkpointed
  quota,                 // the same, as an I/O error
  broken_disk,           // writes of the log fail with an I/O error
  memory,                // SQLite's
  temporary_directory,   // what a statement would need a temporary file for
  temporary_files_full,  // the same
  descriptors,           // for whatever opens a file
  lock,                  // of another process
};
constexpr std::array kResources{
    Resource::disk,        Resource::quota,
    Resource::broken_disk, Resource::memory,
    Resource::descriptors, Resource::temporary_directory,
    Resource::lock,        Resource::temporary_files_full,
};

// What a refused push names; "": none is refused.
const char* name_of(Resource resource) {
  switch (resource) {
    case Resource::disk:
      return "disk is full";
    case Resource::quota:
      return "quota";
    case Resource::broken_disk:
      return "disk I/O error";
    case Resource::memory:
      return "out of memory";
    default:
      return "";
  }
}

// Of the function that stands for a statement's need of a temporary file.
int g_temporary_files = SQLITE_OK;

void needs_temporary_file(sqlite3_context* context, int, sqlite3_value**) {
  if (g_temporary_files == SQLITE_OK) return sqlite3_result_int(context, 1);
  sqlite3_result_error_code(context, g_temporary_files);
}
int add_function(sqlite3* db, char**, const struct sqlite3_api_routines*) {
  return sqlite3_create_function_v2(db, "temporary", 0, SQLITE_UTF8, nullptr, needs_temporary_file,
                                    nullptr, nullptr, nullptr);
}
void (*entry_point())() { return reinterpret_cast<void (*)()>(add_function); }

struct Pushed {
  Receipt receipt;
  TimePoint pushed;
  TimePoint deadline;  // max: none
  bool plain;
};

class Environment : public ::testing::Test {
 protected:
  Environment() { sqlite3_auto_extension(entry_point()); }
  ~Environment() override {
    heal();
    sqlite3_cancel_auto_extension(entry_point());
  }

  void open(std::uint64_t ballast) {
    journal_.reset();
    pushed_.clear();
    disk_ = Disk::make();
    vfs_.mount(disk_);
    const std::string path = directory_ / ("e" + std::to_string(++lives_) + ".db");
    Result<Journal> opened = Journal::open(path, {.schema = "CREATE TABLE t(v)",
                                                  .drive = Drive::manual,
                                                  .ballast_bytes = ballast,
                                                  .clock = clock_});
    ASSERT_TRUE(succeeded(opened));
    journal_.emplace(*std::move(opened));
    plain_.emplace(*journal_->add_class({.name = "plain"}));
    needing_.emplace(*journal_->add_class({.name = "needing"}));
    insert_ = *journal_->add_statement({"INSERT INTO t VALUES(?1)", {{ColumnType::integer}}, {}});
    needs_ = *journal_->add_statement(
        {"INSERT INTO t SELECT ?1 WHERE temporary()", {{ColumnType::integer}}, {}});
    other_ = std::make_unique<OtherConnection>(path);
  }
  void fail(Resource resource) {
    switch (resource) {
      case Resource::disk:
        return disk_->set_room(0);
      case Resource::quota:
        return disk_->set_room(0, NoRoom::quota);
      case Resource::broken_disk:
        return disk_->fail({.call = VfsCall::write,
                            .file = VfsFile::log,
                            .code = SQLITE_IOERR_WRITE,
                            .repeat = Repeat::always});
      case Resource::memory:
        sqlite3_hard_heap_limit64(1);
        return;
      case Resource::temporary_directory:
        g_temporary_files = SQLITE_IOERR_GETTEMPPATH;
        return;
      case Resource::temporary_files_full:
        g_temporary_files = SQLITE_FULL;
        return;
      case Resource::descriptors:
        g_temporary_files = SQLITE_CANTOPEN;
        return disk_->fail(
            {.call = VfsCall::open, .code = SQLITE_CANTOPEN, .repeat = Repeat::always});
      case Resource::lock:
        EXPECT_EQ(other_->query("BEGIN IMMEDIATE"), "");
    }
  }
  void heal() {
    g_temporary_files = SQLITE_OK;
    sqlite3_hard_heap_limit64(0);
    if (disk_ == nullptr) return;
    disk_->heal();
    disk_->set_room(~std::uint64_t{0});
    if (other_ != nullptr && sqlite3_get_autocommit(other_->handle()) == 0)
      other_->query("ROLLBACK");
  }

  // Ticks whenever one is due, and pushes now and then, for this long.
  void live(Duration time, const char* refusal) {
    const TimePoint end = clock_->now() + time;
    while (clock_->now() < end) {
      const TickReport report = *journal_->tick();
      look(clock_->now());
      if (report.more) continue;
      Duration pause = std::min<Duration>(milliseconds(1 + random_() % 40), end - clock_->now());
      if (report.next) pause = std::min(pause, std::max(Duration(0), *report.next - clock_->now()));
      clock_->advance(pause);
      if (random_() % 4 == 0) push(refusal);
    }
  }
  void push(const char* refusal) {
    const bool plain = random_() % 2 == 0;
    const TimePoint now = clock_->now();
    const TimePoint deadline =
        random_() % 8 == 0 ? now + milliseconds(1 + random_() % 2000) : TimePoint::max();
    Row row;
    row.integer(static_cast<std::int64_t>(random_() % 1000));
    Result<Receipt> receipt =
        (plain ? *plain_ : *needing_).submit(plain ? insert_ : needs_, row, {.deadline = deadline});
    if (receipt) {
      pushed_.push_back({*std::move(receipt), now, deadline, plain});
      return;
    }
    ++refused_;
    EXPECT_EQ(receipt.status().code(), Errc::storage);
    EXPECT_TRUE(*refusal != '\0' && receipt.status().message().find(refusal) != std::string::npos)
        << "refused for another reason: " << receipt.status().to_string();
  }
  // At what the journal has answered, and what it should have.
  void look(TimePoint now) {
    while (!pushed_.empty() && answered(pushed_.front(), now)) pushed_.pop_front();
  }
  bool answered(const Pushed& unit, TimePoint now) {
    const std::optional<Outcome> outcome = unit.receipt.poll();
    if (!outcome) return false;
    if (outcome->committed()) {
      ++committed_;
      return true;
    }
    EXPECT_EQ(outcome->end, End::expired) << outcome->cause.to_string();
    EXPECT_GE(now, unit.deadline);
    return true;
  }
  // Units that should have been answered by now.
  std::size_t late(TimePoint pushed_before) {
    return static_cast<std::size_t>(std::count_if(
        pushed_.begin(), pushed_.end(),
        [&](const Pushed& unit) { return unit.pushed <= pushed_before && !unit.receipt.poll(); }));
  }

  void outage(Resource resource, Duration time);

  std::mt19937_64 random_;
  TempDirectory directory_;
  DiskVfs vfs_{"environment", DiskVfs::Use::by_default};
  std::shared_ptr<FakeClock> clock_ = std::make_shared<FakeClock>();
  std::shared_ptr<Disk> disk_;
  std::unique_ptr<OtherConnection> other_;
  std::optional<Journal> journal_;
  std::optional<WriteClass> plain_;
  std::optional<WriteClass> needing_;
  Statement insert_{};
  Statement needs_{};
  std::deque<Pushed> pushed_;
  int lives_ = 0;
  std::uint64_t refused_ = 0;
  std::uint64_t committed_ = 0;
  std::uint64_t long_outages_ = 0;
  std::uint64_t felt_ = 0;  // of these
};

// A second after its end all is as before.
void Environment::outage(Resource resource, Duration time) {
  fail(resource);
  const TimePoint began = clock_->now();
  const char* const named = name_of(resource);
  const std::uint64_t refused_before = refused_;
  push(named);
  while (clock_->now() < began + time) {
    live(std::min<Duration>(milliseconds(100), began + time - clock_->now()), named);
    if (*named != '\0' || resource == Resource::lock) continue;
    // Only the statements that need it wait.
    for (const Pushed& unit : pushed_) {
      EXPECT_FALSE(unit.plain && clock_->now() - unit.pushed > milliseconds(50) &&
                   !unit.receipt.poll());
    }
  }
  if (time >= seconds(10)) {
    ++long_outages_;
    felt_ += refused_ != refused_before || late(clock_->now()) != 0 ? 1 : 0;
  }
  heal();
  const TimePoint healed = clock_->now();
  live(seconds(1), named);
  EXPECT_EQ(late(healed), 0U) << "waits longer than a second after it";
  const std::uint64_t refused_after = refused_;
  for (int i = 0; i < 8; ++i) push(named);
  EXPECT_EQ(refused_, refused_after) << "pushes are refused a second after it";
  live(seconds(1), named);
}

TEST_F(Environment, WhateverRunsOutRejectsNobodyAndHoldsNobodyUpASecondLonger) {
  constexpr std::uint64_t kFirstSeed = 1;
  for (std::uint64_t seed = kFirstSeed; seed < kFirstSeed + scaled(96); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    random_.seed(seed);
    ASSERT_NO_FATAL_FAILURE(open(seed % 2 == 0 ? 0 : 256 * kKiB));
    for (const Resource resource : kResources) {
      SCOPED_TRACE("resource " + std::to_string(static_cast<int>(resource)));
      const Duration time = random_() % 2 == 0 ? milliseconds(50) : seconds(10);
      live(milliseconds(random_() % 500), "");
      outage(resource, time);
      if (HasFailure()) return;
    }
    other_.reset();
    EXPECT_TRUE(succeeded(journal_->close(seconds(1)).status));
  }
  EXPECT_GT(committed_, 0U);
  EXPECT_GT(refused_, 0U);
  // A log that is written from its beginning again needs no room on a full disk.
  EXPECT_GT(felt_ * 10, long_outages_ * 9) << "of " << long_outages_;
}

}  // namespace
}  // namespace onelane::test
