// A sink that runs out of memory in the middle of a tick. What fails by itself for want of memory
// is for prove/allocations.cc, which fails each allocation.
#include <gtest/gtest.h>

#include <new>

#include "src/model/row.h"
#include "tests/support/lane.h"
#include "tests/support/plain_sink.h"

namespace onelane::test {
namespace {

enum class At : std::uint8_t { none, begin, apply, verify, execute, mark, commit, rollback, probe };

// Throws once, at the call with this number.
class ForgetfulSink final : public PlainSink, public CommitSync, public Watermark {
 public:
  struct Control {
    At at = At::none;
    int after = 0;
    At then = At::none;
    bool open = false;
    bool log_copied = false;  // then a probe restarts the log
    std::vector<std::int64_t> applied{};
    std::vector<std::int64_t> committed{};
  };
  explicit ForgetfulSink(std::shared_ptr<Control> control) : control_(std::move(control)) {}

  Reply begin() override {
    EXPECT_FALSE(control_->open);
    control_->open = true;
    return reach(At::begin);
  }
  Reply apply(Statement, std::span<const std::byte> row) override {
    model::RowReader reader(row);
    model::RowValue value;
    if (reader.next(value)) control_->applied.push_back(value.integer);
    return reach(At::apply);
  }
  Reply verify() override { return reach(At::verify); }
  Reply execute(std::string_view, std::span<const std::byte>, const RowVisitor&) override {
    return reach(At::execute);
  }
  Watermark* watermark() noexcept override { return this; }
  Reply mark(std::uint64_t) override { return reach(At::mark); }
  std::uint64_t epoch() const noexcept override { return 1; }
  Result<std::uint64_t> commits_of(std::uint64_t) override { return std::uint64_t{0}; }
  Reply commit() override {
    (void)reach(At::commit);
    auto& all = control_->committed;
    all.insert(all.end(), control_->applied.begin(), control_->applied.end());
    return end();
  }
  Reply rollback() override {
    (void)reach(At::rollback);
    return end();
  }
  Reply probe() override {
    EXPECT_FALSE(control_->open);
    control_->open = true;
    (void)reach(At::probe);
    control_->log_copied = false;
    return end();
  }
  bool begins_log_anew() const override { return control_->log_copied; }
  CommitSync* commit_sync() noexcept override { return this; }
  Reply sync() override { return {}; }

 private:
  Reply reach(At at) {
    if (control_->at != at || control_->after-- > 0) return {};
    control_->at = std::exchange(control_->then, At::none);
    throw std::bad_alloc();
  }
  Reply end() {
    control_->open = false;
    control_->applied.clear();
    return {};
  }

  const std::shared_ptr<Control> control_;
};

class WithoutMemory : public ::testing::Test {
 protected:
  WithoutMemory() {
    auto sink = std::make_unique<ForgetfulSink>(control_);
    journal_.emplace(ok(Journal::open(std::move(sink), {.drive = Drive::manual, .clock = clock_})));
    WriteClass handle = ok(journal_->add_class({.name = "peers"}));
    const Statement one = ok(journal_->add_statement({"peers", {{ColumnType::integer}}, {0}}));
    peers_.emplace(std::move(handle), one, one);
  }
  void forget(At at, int after = 0) {
    control_->at = at;
    control_->after = after;
  }
  void run_ticks() {
    for (int i = 0; i < 10; ++i) {
      (void)journal_->tick();
      clock_->advance(seconds(1));
    }
  }

  const std::shared_ptr<ForgetfulSink::Control> control_ =
      std::make_shared<ForgetfulSink::Control>();
  const std::shared_ptr<FakeClock> clock_ = std::make_shared<FakeClock>();
  std::optional<Journal> journal_;
  std::optional<Writes> peers_;
};

TEST_F(WithoutMemory, BeforeCommitTheTickIsUndoneAndRunsAgainInOrder) {
  for (const At at : {At::begin, At::apply, At::verify, At::mark}) {
    SCOPED_TRACE(static_cast<int>(at));
    control_->committed.clear();
    forget(at, at == At::apply || at == At::verify ? 2 : 0);
    const std::vector<Receipt> all = peers_->submit_all(1, 5);
    EXPECT_EQ(ok(journal_->tick()).units, 0U);
    EXPECT_TRUE(control_->committed.empty());
    const std::vector<Receipt> later = peers_->submit_all(6, 7);
    run_ticks();
    EXPECT_EQ(control_->committed, (std::vector<std::int64_t>{1, 2, 3, 4, 5, 6, 7}));
    for (const Receipt& receipt : all) EXPECT_TRUE(receipt.poll()->committed());
  }
}

TEST_F(WithoutMemory, BeforeTheCommitThatBeginsTheLogAnewAndInItLikewise) {
  for (const At at : {At::rollback, At::probe}) {
    SCOPED_TRACE(static_cast<int>(at));
    control_->committed.clear();
    control_->log_copied = true;
    forget(at);
    const Receipt receipt = peers_->submit(1);
    EXPECT_EQ(ok(journal_->tick()).units, 0U);
    EXPECT_FALSE(control_->open);
    run_ticks();
    EXPECT_FALSE(control_->log_copied);
    EXPECT_EQ(control_->committed, std::vector<std::int64_t>{1});
  }
}

TEST_F(WithoutMemory, ATickThatFailedIsTriedAgainLaterAndNotAtOnce) {
  forget(At::apply);
  peers_->push(1);
  const TickReport failed = ok(journal_->tick());
  EXPECT_FALSE(failed.more);
  ASSERT_TRUE(failed.next.has_value());
  EXPECT_GT(*failed.next, clock_->now());
}

TEST_F(WithoutMemory, WhatBecameOfACommitIsUnknownUntilAFenceIsDurable) {
  forget(At::commit);
  const Receipt receipt = peers_->submit(1);
  (void)journal_->tick();
  EXPECT_EQ(journal_->stats().fences, 1U);
  EXPECT_FALSE(receipt.poll().has_value());
  run_ticks();
  EXPECT_EQ(receipt.poll()->commit, 2U);
  EXPECT_EQ(control_->committed, std::vector<std::int64_t>{1});
}

TEST_F(WithoutMemory, ATransactionThatCannotBeEndedPoisons) {
  forget(At::apply);
  control_->then = At::rollback;
  const Receipt receipt = peers_->submit(1);
  (void)journal_->tick();
  EXPECT_EQ(journal_->stats().poison.code(), Errc::poisoned);
  EXPECT_EQ(receipt.poll()->end, End::closed);
  control_->open = false;
}

TEST_F(WithoutMemory, AJobIsNotToBlameForWhatItsStatementLacked) {
  forget(At::execute);
  int attempts = 0;
  const Receipt receipt = peers_->submit_job([&attempts](Transaction& in) -> Result<Step> {
    ++attempts;
    (void)in.execute("INSERT");
    return Step::done;
  });
  (void)journal_->tick();
  EXPECT_FALSE(receipt.poll().has_value());
  run_ticks();
  EXPECT_TRUE(receipt.poll()->committed());
  EXPECT_EQ(attempts, 2);
}

TEST_F(WithoutMemory, AStepThatThrowsBadAllocFailsLikeAnyThatThrows) {
  const Receipt receipt =
      peers_->submit_job([](Transaction&) -> Result<Step> { throw std::bad_alloc(); });
  (void)journal_->tick();
  EXPECT_EQ(receipt.poll()->end, End::rejected);
}

TEST_F(WithoutMemory, AProbeLeavesNoTransactionBehind) {
  forget(At::probe);
  EXPECT_EQ(journal_->sync(seconds(1)).code(), Errc::storage);
  EXPECT_FALSE(control_->open);
  EXPECT_TRUE(journal_->sync(seconds(1)).ok());
}

}  // namespace
}  // namespace onelane::test
