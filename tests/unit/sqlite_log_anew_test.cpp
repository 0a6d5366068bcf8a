// When the WAL is checkpointed to its end, the next commit restarts it, and SQLite syncs its new
// header. No unit waits for that sync within its transaction: a commit without units comes first.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include "src/sqlite/sink/sqlite_sink.h"
#include "tests/support/faulty_vfs.h"
#include "tests/support/sink_grammar.h"
#include "tests/support/sqlite_journal_fixture.h"

namespace onelane::test {
namespace {

// What was asked of the log's file in transactions with units, from BEGIN to the end of COMMIT.
struct Holds {
  std::uint64_t with_units = 0;
  std::uint64_t syncs = 0;  // in these
};

// Watches the sink that it passes everything on to.
class WatchedSink final : public Sink, private JobStatements {
 public:
  WatchedSink(std::unique_ptr<Sink> sink, const FaultyVfs& vfs, std::shared_ptr<Holds> holds)
      : sink_(std::move(sink)), vfs_(vfs), holds_(std::move(holds)) {}

  Status add_statement(const StatementSpec& spec) override { return sink_->add_statement(spec); }
  Reply begin() override {
    units_ = false;
    syncs_ = log_syncs();
    return sink_->begin();
  }
  Reply apply(Statement statement, std::span<const std::byte> row) override {
    units_ = true;
    return sink_->apply(statement, row);
  }
  Reply verify() override { return sink_->verify(); }
  std::size_t apply_each(std::span<Application> records, Reply& failed) override {
    units_ = true;
    return sink_->apply_each(records, failed);
  }
  Reply execute(std::string_view sql, std::span<const std::byte> row,
                const RowVisitor& visit) override {
    units_ = true;
    return sink_->job_statements()->execute(sql, row, visit);
  }
  void end_step() override { sink_->job_statements()->end_step(); }
  Reply commit() override {
    Reply reply = sink_->commit();
    if (units_) {
      ++holds_->with_units;
      holds_->syncs += log_syncs() - syncs_;
    }
    return reply;
  }
  Reply rollback() override { return sink_->rollback(); }
  Reply probe() override { return sink_->probe(); }
  bool begins_log_anew() const override { return sink_->begins_log_anew(); }
  Savepoints* savepoints() noexcept override { return sink_->savepoints(); }
  JobStatements* job_statements() noexcept override { return this; }
  Watermark* watermark() noexcept override { return sink_->watermark(); }
  Log* log() noexcept override { return sink_->log(); }
  bool commit_is_durable() const override { return sink_->commit_is_durable(); }
  CommitSync* commit_sync() noexcept override { return sink_->commit_sync(); }
  Status close(CloseMode mode) override { return sink_->close(mode); }

 private:
  std::uint64_t log_syncs() const { return vfs_.calls(VfsCall::sync, VfsFile::log); }

  std::unique_ptr<Sink> sink_;
  const FaultyVfs& vfs_;
  const std::shared_ptr<Holds> holds_;
  bool units_ = false;
  std::uint64_t syncs_ = 0;
};

class LogAnew : public SqliteJournalFixture {
 protected:
  void start() {
    options_.schema = "CREATE TABLE IF NOT EXISTS t(v TEXT)";
    Result<std::unique_ptr<Sink>> sink = sqlite::open_sink(database_, options_);
    ASSERT_TRUE(succeeded(sink));
    Result<Journal> opened = Journal::open(
        checked(std::make_unique<WatchedSink>(*std::move(sink), vfs_, holds_)), options_);
    ASSERT_TRUE(succeeded(opened));
    journal_.emplace(*std::move(opened));
    writes_.emplace(add_class({.name = "writes"}));
    insert_ = add("INSERT INTO t VALUES(?1)", {{ColumnType::text}});
  }
  // The fixture's journal goes before the VFS that it was opened on.
  void TearDown() override {
    writes_.reset();
    journal_.reset();
  }
  // A record, a group, or a job, of a few pages.
  Status push(int i) {
    Row row;
    put(row, std::string(20'000, 'x'));
    if (i % 3 == 0) return writes_->push(insert_, row);
    if (i % 3 == 1) {
      Group group;
      group.add(insert_, row);
      group.add(insert_, row);
      return writes_->push(group);
    }
    return writes_
        ->submit(Job{.name = "work",
                     .step = [](Transaction& step) -> Result<Step> {
                       return step.execute("DELETE FROM t WHERE rowid % 9 = 0").ok() ? Step::done
                                                                                     : Step::more;
                     }})
        .status();
  }
  // Somebody else's checkpoint, of all that is in the log.
  void copy_back() { ASSERT_EQ(checkpoint(), "0"); }
  std::string checkpoint() {
    const std::string row = outside("PRAGMA wal_checkpoint(PASSIVE)");
    const auto second = row.find('|');
    const auto third = row.find('|', second + 1);
    EXPECT_EQ(row.substr(second + 1, third - second - 1), row.substr(third + 1)) << row;
    return row.substr(0, second);
  }
  std::uint64_t log_bytes() { return journal_->stats().log.bytes; }
  std::uint64_t log_syncs() const { return vfs_.calls(VfsCall::sync, VfsFile::log); }
  std::uint64_t holds() const { return journal_->stats().hold_ns.count(); }

  FaultyVfs vfs_;
  std::shared_ptr<Holds> holds_ = std::make_shared<Holds>();
  Statement insert_;
};

TEST_F(LogAnew, NoTransactionWithUnitsSyncsHoweverOftenTheLogBeginsAnew) {
  options_.wal_limit_bytes = kMiB;
  start();
  std::uint64_t begun = 0;
  for (int i = 0; i < 600; ++i) {
    const std::uint64_t before = log_bytes();
    EXPECT_TRUE(succeeded(push(i)));
    run();
    if (log_bytes() < before) ++begun;
    clock_->advance(std::chrono::milliseconds(i % 50 == 0 ? 300 : 1));
  }
  EXPECT_GT(begun, 5U);
  EXPECT_EQ(holds_->with_units, 600U);
  EXPECT_EQ(holds_->syncs, 0U);
}

TEST_F(LogAnew, NorAfterSomebodyElsesCheckpoint) {
  start();
  for (int i = 0; i < 5; ++i) {
    write(insert_, "ada");
    write(insert_, "bob");
    copy_back();
    const std::uint64_t before = log_bytes();
    const std::uint64_t syncs = log_syncs();
    write(insert_, "cid");
    EXPECT_LT(log_bytes(), before);
    EXPECT_EQ(log_syncs(), syncs + 1);
  }
  EXPECT_EQ(holds_->syncs, 0U);
}

TEST_F(LogAnew, ItsCommitIsAHoldOfItsOwnAndHasNoNumber) {
  start();
  write(insert_, "ada");
  copy_back();
  const std::uint64_t before = holds();
  vfs_.meanwhile(VfsCall::sync, VfsFile::log,
                 [this] { clock_->advance(std::chrono::milliseconds(5)); });
  write(insert_, "bob");
  EXPECT_EQ(holds(), before + 2);
  EXPECT_EQ(journal_->stats().hold_ns.max(), 5'000'000U);
  EXPECT_EQ(journal_->stats().held, std::chrono::milliseconds(5));
  EXPECT_EQ(journal_->stats().committed, 2U);
  write(insert_, "cid");
  EXPECT_EQ(holds(), before + 3);
}

TEST_F(LogAnew, UnderFullEachTransactionSyncsAndNoOtherIsNeeded) {
  options_.synchronous = Synchronous::full;
  start();
  write(insert_, "ada");
  copy_back();
  const std::uint64_t before = holds();
  write(insert_, "bob");
  EXPECT_EQ(holds(), before + 1);
  EXPECT_EQ(holds_->syncs, 3U);  // the second one's header, too
}

TEST_F(LogAnew, WhereItsSyncFailsNothingOfTheUnitsWasWritten) {
  start();
  write(insert_, "ada");
  copy_back();
  const Receipt bob = submit(insert_, "bob");
  vfs_.fail({.call = VfsCall::sync, .file = VfsFile::log, .code = SQLITE_IOERR_FSYNC});
  EXPECT_EQ(journal_->tick().status().code(), Errc::poisoned);
  EXPECT_EQ(settled(bob).end, End::closed);
  EXPECT_EQ(journal_->stats().poison.sqlite_code(), SQLITE_IOERR_FSYNC);
}

TEST_F(LogAnew, WhereTheDiskFailsItTheUnitsWait) {
  start();
  write(insert_, "ada");
  copy_back();
  vfs_.fail({.call = VfsCall::write, .file = VfsFile::log, .code = SQLITE_FULL});
  const Receipt bob = submit(insert_, "bob");
  run();
  EXPECT_FALSE(bob.poll());
  clock_->advance(std::chrono::seconds(1));
  run();
  EXPECT_TRUE(settled(bob).committed());
  EXPECT_EQ(holds_->syncs, 0U);
}

}  // namespace
}  // namespace onelane::test
