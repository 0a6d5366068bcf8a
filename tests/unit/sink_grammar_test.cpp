// The grammar of onelane/sink.h: what it refuses, and that the lane keeps to it with a sink of the
// fewest calls, and with SQLite's, which has all parts.
#include "tests/support/sink_grammar.h"

#include <gtest/gtest.h>

#include <set>

#include "src/model/row.h"
#include "src/sqlite/sink/sqlite_sink.h"
#include "tests/support/lane.h"
#include "tests/support/sqlite_support.h"
#include "tests/support/temp_directory.h"

namespace onelane::test {
namespace {

// A set of numbers, in the five functions that a sink must have. A number that is there already is
// refused, and the number 13 makes the disk full once.
class FewestCalls final : public Sink {
 public:
  struct Store {
    std::set<std::int64_t> numbers{};
    std::size_t commits = 0;
    bool full = false;
  };
  explicit FewestCalls(std::shared_ptr<Store> store) : store_(std::move(store)) {}

  Status add_statement(const StatementSpec&) override { return {}; }
  Reply begin() override {
    changed_ = store_->numbers;
    return {};
  }
  Reply apply(Statement, std::span<const std::byte> row) override {
    model::RowReader reader(row);
    model::RowValue value;
    if (!reader.next(value)) return failure(Fault::record, Effect::undone);
    if (std::exchange(store_->full, false)) return failure(Fault::environment, Effect::undone);
    if (!changed_.insert(value.integer).second) return failure(Fault::record, Effect::undone);
    Reply reply;
    reply.changes = 1;
    return reply;
  }
  Reply commit() override {
    store_->numbers = changed_;
    ++store_->commits;
    return {};
  }
  Reply rollback() override { return {}; }

 private:
  const std::shared_ptr<Store> store_;
  std::set<std::int64_t> changed_;
};

class ASinkOfTheFewestCalls : public ::testing::Test {
 protected:
  ASinkOfTheFewestCalls() {
    auto sink = checked(std::make_unique<FewestCalls>(store_));
    journal_.emplace(ok(Journal::open(std::move(sink), {.drive = Drive::manual, .clock = clock_})));
    WriteClass handle = ok(journal_->add_class({.name = "peers"}));
    const Statement one = ok(journal_->add_statement({"peers", {{ColumnType::integer}}, {}}));
    peers_.emplace(std::move(handle), one, one);
  }
  void tick() {
    for (int i = 0; i < 10; ++i) {
      clock_->advance(seconds(1));
      (void)ok(journal_->tick());
    }
  }
  std::string numbers() const {
    std::string out;
    for (const std::int64_t number : store_->numbers) {
      out += (out.empty() ? "" : " ") + std::to_string(number);
    }
    return out;
  }

  const std::shared_ptr<FewestCalls::Store> store_ = std::make_shared<FewestCalls::Store>();
  const std::shared_ptr<FakeClock> clock_ = std::make_shared<FakeClock>();
  std::optional<Journal> journal_;
  std::optional<Writes> peers_;
};

TEST_F(ASinkOfTheFewestCalls, CommitsRecordsInOneTransactionAndRejectsWhatIsToBlame) {
  std::vector<Receipt> receipts;
  for (const std::int64_t number : {1, 2, 1, 3}) receipts.push_back(peers_->submit(number));
  tick();
  EXPECT_EQ(numbers(), "1 2 3");
  EXPECT_EQ(store_->commits, 1U);
  EXPECT_EQ(receipts[2].poll()->end, End::rejected);
  EXPECT_EQ(receipts[3].poll()->end, End::committed);
}

TEST_F(ASinkOfTheFewestCalls, CommitsGroupsWholeOrNotAtAll) {
  Receipt first = peers_->submit(1);
  Receipt bad = peers_->submit_group({2, 3, 1});
  Receipt good = peers_->submit_group({4, 5});
  tick();
  EXPECT_EQ(bad.poll()->end, End::rejected);
  EXPECT_EQ(good.poll()->end, End::committed);
  EXPECT_EQ(first.poll()->end, End::committed);
  EXPECT_EQ(numbers(), "1 4 5");
}

TEST_F(ASinkOfTheFewestCalls, TriesAgainWhatTheEnvironmentFailed) {
  store_->full = true;
  Receipt one = peers_->submit(1);
  tick();
  EXPECT_EQ(one.poll()->end, End::committed);
  EXPECT_EQ(numbers(), "1");
}

TEST_F(ASinkOfTheFewestCalls, TellsAJobThatItRunsNoStatements) {
  Status refused;
  Receipt job = ok(
      peers_->handle().submit(Job{.name = "sweep", .step = [&](Transaction& step) -> Result<Step> {
                                    refused = step.execute("DELETE FROM peers").status();
                                    return refused.ok() ? Result<Step>(Step::done) : refused;
                                  }}));
  peers_->push(1);
  tick();
  EXPECT_EQ(refused.code(), Errc::invalid_argument);
  EXPECT_EQ(job.poll()->end, End::rejected);
  EXPECT_EQ(job.poll()->cause.message(),
            "job \"sweep\": the journal's sink runs no statements of jobs");
  EXPECT_EQ(numbers(), "1");
}

TEST_F(ASinkOfTheFewestCalls, SaysThatItKeepsNoWatermark) {
  EXPECT_EQ(journal_->commits_of(1).status().code(), Errc::invalid_argument);
  EXPECT_EQ(journal_->stats().epoch, 0U);
}

TEST_F(ASinkOfTheFewestCalls, ClosesOnceAllIsCommitted) {
  Receipt one = peers_->submit(1);
  const CloseReport report = journal_->close(seconds(1));
  EXPECT_TRUE(report.status.ok()) << report.status.to_string();
  EXPECT_EQ(one.poll()->end, End::committed);
  EXPECT_EQ(numbers(), "1");
}

// --- SQLite's sink.

TEST(TheGrammarOfASink, IsKeptWithEveryPart) {
  const TempDirectory directory;
  JournalOptions options;
  options.drive = Drive::manual;
  options.schema = "CREATE TABLE t(id INTEGER PRIMARY KEY)";
  options.watermark_table = "marks";
  Result<std::unique_ptr<Sink>> sink = sqlite::open_sink(directory / "test.db", options);
  ASSERT_TRUE(sink.ok()) << sink.status().to_string();
  Journal journal = ok(Journal::open(checked(*std::move(sink)), options));
  const WriteClass handle = ok(journal.add_class({.name = "t"}));
  const Statement one =
      ok(journal.add_statement({"INSERT INTO t VALUES(?1)", {{ColumnType::integer}}, {}}));
  Writes rows(handle, one, one);
  for (int round = 0; round < 3; ++round) {
    rows.push_all(round * 10, round * 10 + 3);
    rows.push(round * 10);  // rejected
    rows.push_group({round * 10 + 4, round * 10 + 5});
    rows.push_group({round * 10 + 6, round * 10});  // rejected
    (void)ok(rows.handle().submit(Job{.name = "sweep", .step = [](Transaction& step) {
                                        (void)step.execute("INSERT INTO t VALUES(0)");
                                        (void)step.execute("DELETE FROM t WHERE id = 3");
                                        return Result<Step>(Step::done);
                                      }}));
    for (int i = 0; i < 5; ++i) (void)ok(journal.tick());
  }
  EXPECT_GT(ok(journal.commits_of(journal.stats().epoch)), 0U);
  EXPECT_TRUE(journal.close(seconds(10)).status.ok());
}

// --- What it refuses.

// What the grammar says to the last of these calls; all of them succeed.
std::string last_of(SinkGrammar grammar, std::initializer_list<Call> calls) {
  std::string said;
  for (const Call call : calls) {
    EXPECT_EQ(said, "") << "before " << name_of(call);
    said = grammar.refusal(call);
    grammar.answered(call, {});
  }
  return said;
}

TEST(TheGrammarOfASink, RefusesWhatItDoesNotSay) {
  using enum Call;
  const SinkGrammar sink;
  EXPECT_EQ(last_of(sink, {begin, begin}),
            "begin, where may come: apply, savepoint, rollback, begins_log_anew, apply_each, "
            "close_in");
  EXPECT_EQ(last_of(sink, {begin, apply, apply}), "apply, where may come: verify");
  EXPECT_NE(last_of(sink, {apply}), "");
  EXPECT_NE(last_of(sink, {begin, commit}), "");
  EXPECT_NE(last_of(sink, {begin, add_statement}), "");
  EXPECT_NE(last_of(sink, {begin, savepoint, verify}), "");
  EXPECT_NE(last_of(sink, {begin, savepoint, apply, release}), "");
  EXPECT_NE(last_of(sink, {begin, savepoint, savepoint}), "");
  EXPECT_NE(last_of(sink, {begin, savepoint, execute, verify}), "");
  EXPECT_NE(last_of(sink, {begin, close_in, commit}), "");
  EXPECT_NE(last_of(sink, {begin, close}), "");
  EXPECT_NE(last_of(sink, {close, begin}), "");
  EXPECT_NE(last_of(SinkGrammar(true, true), {begin, apply, verify, commit}), "") << "no mark";
}

TEST(TheGrammarOfASink, TakesARollbackForWhatFailed) {
  SinkGrammar sink;
  sink.answered(Call::begin, {});
  sink.answered(Call::apply, failure(Fault::environment, Effect::undone));
  EXPECT_EQ(sink.refusal(Call::apply), "apply, where may come: rollback");
  sink.answered(Call::rollback, {});
  sink.answered(Call::begin, {});
  sink.answered(Call::savepoint, {});
  sink.answered(Call::apply, failure(Fault::record, Effect::kept));
  EXPECT_EQ(sink.refusal(Call::apply), "apply, where may come: rollback_to");
}

TEST(TheGrammarOfASink, HasTheLogBeginAnewBeforeTheUnits) {
  SinkGrammar sink;
  for (const Call call : {Call::begin, Call::rollback, Call::probe, Call::begin}) {
    EXPECT_EQ(sink.refusal(call), "");
    sink.answered(call, {});
    if (call == Call::begin) sink.answered_anew(true);
  }
}

}  // namespace
}  // namespace onelane::test
