// What waits for the disk, or for a lock: what that must not hold up, nor keep busy.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <ctime>
#include <memory>
#include <optional>
#include <thread>

#include "onelane/journal.h"
#include "tests/support/plain_sink.h"

namespace onelane::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Each commit adds as much to the log as may be in it, and a pass goes on until it is let go.
class BehindDisk final : public PlainSink, private Log {
 public:
  struct Control {
    std::atomic<bool> copies{false};
    std::atomic<bool> held{true};
    void let_go() {
      held.store(false);
      held.notify_all();
    }
  };
  explicit BehindDisk(std::shared_ptr<Control> control) : control_(std::move(control)) {}
  Reply commit() override {
    commits_.fetch_add(1);
    return {};
  }
  Log* log() noexcept override { return this; }

 private:
  LogState state() const noexcept override {
    const std::uint64_t commits = commits_.load();
    return {.bytes = (2 + commits) * kMiB,
            .commits = commits,
            .written_bytes = commits * kMiB,
            .may_copy = true};
  }
  Reply write_out() override { return {}; }
  LogPass copy_back(std::uint64_t) override {
    control_->copies.store(true);
    control_->copies.notify_all();
    control_->held.wait(true);
    return {.bytes = kMiB, .copied = kMiB};
  }
  LogPass close_in() override { return {}; }
  Reply sync() override { return {}; }
  std::vector<LogReader> readers() const override { return {}; }
  std::string_view hazard() const noexcept override { return {}; }

  std::shared_ptr<Control> control_;
  std::atomic<std::uint64_t> commits_{0};
};

class Paused : public ::testing::Test {
 protected:
  Paused() {
    control_->copies.wait(false);
    EXPECT_TRUE(submit().wait().value().committed());  // for which the class pauses
  }
  ~Paused() override { control_->let_go(); }

  Receipt submit() { return class_.submit(statement_, std::move(Row().integer(1))).value(); }

  std::shared_ptr<BehindDisk::Control> control_ = std::make_shared<BehindDisk::Control>();
  Journal journal_ =
      Journal::open(std::make_unique<BehindDisk>(control_), {.wal_limit_bytes = kMiB}).value();
  WriteClass class_ = journal_.add_class({.name = "c"}).value();
  Statement statement_ = journal_.add_statement({"-", {{ColumnType::integer}}, {}}).value();
};

TEST_F(Paused, AUnitWaitsUntilTheDiskHasCaughtUp) {
  Receipt receipt = submit();
  EXPECT_EQ(receipt.wait_for(milliseconds(200)).status().code(), Errc::timed_out);
}

TEST_F(Paused, AFlushWithNothingBeforeItDoesNotWait) {
  EXPECT_TRUE(journal_.flush(seconds(2)).ok());
}

TEST_F(Paused, CloseDoesNotWait) {
  Receipt receipt = submit();
  std::thread closer([&] { (void)journal_.close(seconds(5)); });
  const auto outcome = receipt.wait_for(seconds(2));
  EXPECT_TRUE(outcome && outcome->committed()) << outcome.status().to_string();
  control_->let_go();
  closer.join();
}

// Another process has the lock from some moment on.
class Locked final : public PlainSink {
 public:
  explicit Locked(std::shared_ptr<std::atomic<bool>> locked) : locked_(std::move(locked)) {}
  Reply begin() override {
    Reply reply;
    if (locked_->load()) reply.fault = Fault::busy;
    return reply;
  }

 private:
  std::shared_ptr<std::atomic<bool>> locked_;
};

TEST(ClosingWhileLocked, WaitsAsleep) {
  const auto locked = std::make_shared<std::atomic<bool>>(false);
  Journal journal = Journal::open(std::make_unique<Locked>(locked)).value();
  WriteClass write_class = journal.add_class({.name = "c"}).value();
  const Statement statement = journal.add_statement({"-", {{ColumnType::integer}}, {}}).value();
  locked->store(true);
  ASSERT_TRUE(write_class.push(statement, std::move(Row().integer(1))).ok());
  const std::clock_t before = std::clock();  // of the processor
  EXPECT_EQ(journal.close(milliseconds(600)).status.code(), Errc::timed_out);
  EXPECT_LT(std::clock() - before, CLOCKS_PER_SEC / 5);
}

}  // namespace
}  // namespace onelane::test
