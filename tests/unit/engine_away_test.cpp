// A store that is away for a while, as a server can be: what it may have carried out is asked, not
// done again, and classes with an intake take writes meanwhile.
#include <optional>

#include "tests/support/lane.h"
#include "tests/support/memory_positions.h"
#include "tests/support/plain_sink.h"
#include "tests/support/temp_directory.h"

namespace onelane::test {
namespace {

// What a test holds on to while the journal owns the sink.
struct Server {
  bool away = false;
  int replies_lost = 0;       // of the next commits
  bool carries_out = true;    // those commits, all the same
  bool forgetful = false;     // it cannot say what it has
  std::uint64_t commits = 0;  // the watermark
  int applied = 0;            // records that are committed
};

class ServerSink final : public PlainSink, private Watermark {
 public:
  explicit ServerSink(Server& server) : server_(server) {}

  Reply begin() override {
    applied_ = 0;
    marked_ = server_.commits;
    return server_.away ? failure(Fault::environment, Effect::ended) : Reply();
  }
  Reply apply(Statement, std::span<const std::byte>) override {
    ++applied_;
    return {};
  }
  Reply commit() override {
    const bool lost = server_.replies_lost > 0;
    if (lost) --server_.replies_lost;
    if (!lost || server_.carries_out) {
      server_.commits = marked_;
      server_.applied += applied_;
    }
    return lost ? failure(Fault::environment, Effect::unknown) : Reply();
  }
  Reply probe() override { return server_.away ? begin() : Reply(); }
  bool commit_is_durable() const override { return true; }
  Watermark* watermark() noexcept override { return this; }
  AppliedPositions* applied_positions() noexcept override { return &positions_; }

 private:
  Reply mark(std::uint64_t commit) override {
    marked_ = commit;
    return {};
  }
  std::uint64_t epoch() const noexcept override { return 1; }
  Result<std::uint64_t> commits_of(std::uint64_t) override {
    if (server_.forgetful) return Status(Errc::storage, "away again");
    return server_.commits;
  }

  Server& server_;
  MemoryPositions positions_;
  int applied_ = 0;
  std::uint64_t marked_ = 0;
};

class Away : public ::testing::Test {
 protected:
  void open(bool intake = false) {
    JournalOptions options{.drive = Drive::manual, .clock = clock_};
    options = with_intake_in(folder_ / "intake", options);
    journal_ = ok(Journal::open(std::make_unique<ServerSink>(server_), options));
    peers_ = ok(journal_.add_class(
        {.name = "peers", .guarantee = {.records = 512, .bytes = kMiB}, .intake = intake}));
    insert_ = ok(journal_.add_statement({.sql = "peers", .columns = {{ColumnType::integer}}}));
  }
  Result<Receipt> submit() { return peers_.submit(insert_, Row().integer(1)); }
  // Some ticks, as many pauses later.
  void tick(int count = 1) {
    for (int i = 0; i < count; ++i) {
      EXPECT_TRUE(journal_.tick().ok());
      clock_->advance(seconds(1));
    }
  }

  std::shared_ptr<FakeClock> clock_ = std::make_shared<FakeClock>();
  TempDirectory folder_;
  Server server_;
  Journal journal_;
  WriteClass peers_;
  Statement insert_;
};

TEST_F(Away, ACommitThatWasCarriedOutIsNotDoneAgain) {
  open();
  server_.replies_lost = 1;
  Receipt one = ok(submit());
  Receipt two = ok(submit());
  tick(3);
  for (const Receipt& each : {std::cref(one), std::cref(two)}) {
    ASSERT_TRUE(each.poll().has_value());
    EXPECT_TRUE(each.poll()->committed());
    EXPECT_EQ(each.poll()->commit, 1U);
  }
  EXPECT_EQ(server_.applied, 2);
  EXPECT_EQ(journal_.stats().committed, 1U);
  EXPECT_EQ(journal_.stats().fences, 0U);
  Receipt next = ok(submit());
  tick();
  EXPECT_EQ(next.poll()->commit, 2U);
  EXPECT_EQ(server_.commits, 2U);
}

TEST_F(Away, ACommitThatWasNotCarriedOutRunsAgain) {
  open();
  server_.replies_lost = 1;
  server_.carries_out = false;
  Receipt one = ok(submit());
  tick(3);
  EXPECT_TRUE(one.poll()->committed());
  EXPECT_EQ(server_.applied, 1);
  EXPECT_EQ(journal_.stats().fences, 1U);
}

TEST_F(Away, WhileNobodyCanSayTheUnitsWait) {
  open();
  server_.replies_lost = 1;
  server_.forgetful = true;
  Receipt one = ok(submit());
  tick(5);
  EXPECT_FALSE(one.poll().has_value());
  EXPECT_EQ(journal_.stats().fences, 0U);
  server_.forgetful = false;
  tick();
  EXPECT_TRUE(one.poll()->committed());
  EXPECT_EQ(server_.applied, 1);
}

TEST_F(Away, AJournaledUnitThatWasCarriedOutIsNotDoneAgain) {
  open(true);
  server_.replies_lost = 1;
  Receipt one = ok(submit());
  tick(4);
  EXPECT_TRUE(one.poll()->committed());
  Receipt two = ok(submit());
  tick(2);
  EXPECT_TRUE(two.poll()->committed()) << journal_.stats().to_string();
  EXPECT_EQ(server_.applied, 2);
}

TEST_F(Away, OnlyAClassWithAnIntakeTakesWritesMeanwhile) {
  open(true);
  const WriteClass other = ok(journal_.add_class({.name = "other"}));
  server_.away = true;
  Receipt first = ok(submit());
  tick(5);
  EXPECT_EQ(journal_.health().condition, Condition::stalled);
  EXPECT_EQ(other.push(insert_, Row().integer(1)).code(), Errc::storage);
  Receipt second = ok(submit());
  tick();
  EXPECT_TRUE(second.poll_journaled().has_value());
  EXPECT_FALSE(second.poll().has_value());
  server_.away = false;
  tick(2);
  EXPECT_TRUE(first.poll()->committed());
  EXPECT_TRUE(second.poll()->committed());
  EXPECT_EQ(server_.applied, 2);
  ASSERT_TRUE(journal_.close(seconds(1)).status.ok());
  EXPECT_EQ(submit().status().code(), Errc::closed);
}

}  // namespace
}  // namespace onelane::test
