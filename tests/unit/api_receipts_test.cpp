// Receipts, coroutines that wait for them, producers, and what opening and adding refuse.
#include <array>
#include <coroutine>
#include <deque>
#include <exception>
#include <string_view>
#include <tuple>

#include "tests/support/lane.h"

namespace onelane {

namespace {

struct Peer {
  std::string id;
  std::optional<std::int64_t> seen;
};

}  // namespace

template <>
struct RecordTraits<Peer> {
  static constexpr std::string_view sql = "peer";
  static auto columns(const Peer& p) { return std::tuple(std::string_view(p.id), p.seen); }
  static constexpr std::array<std::uint16_t, 1> key_columns{0};
};

namespace test {
namespace {

using Receipts = QuietLane;
using Producers = QuietLane;
using Adding = QuietLane;

TEST_F(Receipts, AWaitOnAManualJournalWhoseTickIsNotDueWouldBlock) {
  open();
  Writes peers = add_class("peers", {.gather = seconds(5)});
  Receipt one = peers.submit(1);
  EXPECT_EQ(one.wait().status().code(), Errc::would_block);
  EXPECT_EQ(one.wait_for(seconds(1)).status().code(), Errc::would_block);
  EXPECT_FALSE(one.poll());
  advance(seconds(5));
  EXPECT_TRUE(one.wait()->committed());
  EXPECT_TRUE(one.wait_for(Duration(0))->committed());
}

TEST_F(Receipts, TellTheCommitTheChangesAndTheRowid) {
  open();
  Writes peers = add_class("peers");
  sink_->reply_next(Call::apply, {.changes = 3, .rowid = 42});
  Receipt one = peers.submit(1);
  tick();
  const Outcome outcome = outcome_of(one);
  EXPECT_EQ(outcome.commit, 1U);
  EXPECT_EQ(outcome.changes, 3U);
  EXPECT_EQ(outcome.rowid, 42);
  EXPECT_TRUE(outcome.cause.ok());
}

TEST_F(Receipts, OfAGroupTellAllItsChangesAndItsLastRowid) {
  open();
  Writes peers = add_class("peers");
  sink_->reply_next(Call::apply, {.changes = 1, .rowid = 1});
  sink_->reply_next(Call::apply, {.changes = 2, .rowid = 2});
  sink_->reply_next(Call::apply, {.changes = 4, .rowid = {}});
  Receipt group = peers.submit_group({1, 2, 3});
  tick();
  EXPECT_EQ(outcome_of(group).changes, 7U);
  EXPECT_EQ(outcome_of(group).rowid, 2);
}

TEST_F(Receipts, MoveAndAreThenEmpty) {
  open();
  Writes peers = add_class("peers");
  Receipt one = peers.submit(1);
  Receipt moved = std::move(one);
  EXPECT_FALSE(one.valid());  // NOLINT(bugprone-use-after-move)
  EXPECT_TRUE(moved.valid());
  moved = peers.submit(2);
  tick();
  EXPECT_EQ(end_of(moved), "committed");
  EXPECT_EQ(committed(), "peers(1) peers(2)");
}

// --- Coroutines.

class Queue final : public Executor {
 public:
  void post(std::coroutine_handle<> handle) noexcept override { posted_.push_back(handle); }
  std::size_t size() const { return posted_.size(); }
  void run() {
    while (!posted_.empty()) {
      const std::coroutine_handle<> handle = posted_.front();
      posted_.pop_front();
      handle.resume();
    }
  }

 private:
  std::deque<std::coroutine_handle<>> posted_;
};

// Runs at once, up to its first wait, and destroys itself at its end.
struct Detached {
  struct promise_type {
    Detached get_return_object() const noexcept { return {}; }
    std::suspend_never initial_suspend() const noexcept { return {}; }
    std::suspend_never final_suspend() const noexcept { return {}; }
    void return_void() const noexcept {}
    void unhandled_exception() const noexcept { std::terminate(); }
  };
};

Detached await_end(Receipt& receipt, Executor& executor, std::string& end) {
  const Outcome outcome = co_await receipt.on(executor);
  end = name(outcome.end);
}

// A coroutine that somebody else owns, and may destroy while it waits.
struct Owned {
  struct promise_type {
    Owned get_return_object() noexcept {
      return {std::coroutine_handle<promise_type>::from_promise(*this)};
    }
    std::suspend_never initial_suspend() const noexcept { return {}; }
    std::suspend_always final_suspend() const noexcept { return {}; }
    void return_void() const noexcept {}
    void unhandled_exception() const noexcept { std::terminate(); }
  };
  std::coroutine_handle<promise_type> frame;
};

// The receipt lies in the frame, and goes with it.
Owned await_own(Receipt receipt, Executor& executor, std::string& end) {
  const Outcome outcome = co_await receipt.on(executor);
  end = name(outcome.end);
}

class Coroutines : public QuietLane {
 protected:
  Queue executor_;
  std::string end_ = "waiting";
};

TEST_F(Coroutines, ResumeOnTheExecutorOnceTheReceiptIsSettled) {
  open();
  Writes peers = add_class("peers");
  Receipt one = peers.submit(1);
  await_end(one, executor_, end_);
  EXPECT_EQ(executor_.size(), 0U);
  tick();
  EXPECT_EQ(end_, "waiting") << "the committer only posts";
  EXPECT_EQ(executor_.size(), 1U);
  executor_.run();
  EXPECT_EQ(end_, "committed");
}

TEST_F(Coroutines, GoOnAtOnceWhenTheReceiptIsSettledAlready) {
  open();
  Writes peers = add_class("peers");
  Receipt one = peers.submit(1);
  tick();
  await_end(one, executor_, end_);
  EXPECT_EQ(end_, "committed");
  EXPECT_EQ(executor_.size(), 0U);
}

TEST_F(Coroutines, ResumeWhenTheReceiptIsCancelled) {
  open();
  Writes peers = add_class("peers");
  Receipt one = peers.submit(1);
  await_end(one, executor_, end_);
  EXPECT_TRUE(one.cancel());
  executor_.run();
  EXPECT_EQ(end_, "cancelled");
  tick();
  EXPECT_EQ(executor_.size(), 0U) << "once";
}

TEST_F(Coroutines, ResumeWhenTheJournalIsClosed) {
  open({.close_timeout = Duration(0)});
  Writes peers = add_class("peers");
  Receipt one = peers.submit(1);
  await_end(one, executor_, end_);
  journal_.reset();
  executor_.run();
  EXPECT_EQ(end_, "closed");
}

TEST_F(Coroutines, ThatAreDestroyedWhileTheyWaitAreNotPosted) {
  open();
  Writes peers = add_class("peers");
  const Owned waits = await_own(peers.submit(1), executor_, end_);
  const Owned stays = await_own(peers.submit(2), executor_, end_);
  waits.frame.destroy();
  tick();
  EXPECT_EQ(executor_.size(), 1U) << "the one that stays";
  executor_.run();
  EXPECT_EQ(end_, "committed");
  EXPECT_EQ(committed(), "peers(1) peers(2)") << "the unit goes on";
  stays.frame.destroy();
}

TEST_F(Coroutines, ThatAreDestroyedWhileTheirTicketIsBeingSettledAreNotPosted) {
  // Of one tick's waiters the first is posted first, and destroys the second.
  struct Destroyer final : Executor {
    void post(std::coroutine_handle<> /*handle*/) noexcept override {
      if (++posts_ == 1) other_.destroy();
    }
    std::coroutine_handle<> other_;
    int posts_ = 0;
  };
  open();
  Writes peers = add_class("peers");
  Destroyer destroyer;
  const Owned first = await_own(peers.submit(1), destroyer, end_);
  destroyer.other_ = await_own(peers.submit(2), destroyer, end_).frame;
  tick();
  EXPECT_EQ(destroyer.posts_, 1);
  first.frame.destroy();
}

TEST_F(Coroutines, AReceiptThatACoroutineGaveUpCanBeWaitedForAgain) {
  open();
  Writes peers = add_class("peers");
  Receipt one = peers.submit(1);
  const auto awaiting = [&]() -> Owned { end_ = name((co_await one.on(executor_)).end); };
  awaiting().frame.destroy();
  await_end(one, executor_, end_);
  tick();
  executor_.run();
  EXPECT_EQ(end_, "committed");
}

TEST_F(Coroutines, OfOneReceiptTheSecondIsToldThatItIsOneTooMany) {
  open();
  Writes peers = add_class("peers");
  Receipt one = peers.submit(1);
  await_end(one, executor_, end_);
  Status refused;
  const auto second = [&]() -> Detached { refused = (co_await one.on(executor_)).cause; };
  second();
  EXPECT_EQ(refused.code(), Errc::invalid_argument);
  EXPECT_NE(refused.message().find("somebody else waits for this receipt"), std::string::npos);
  tick();
  executor_.run();
  EXPECT_EQ(end_, "committed");
}

TEST_F(Coroutines, ArePostedWhenTheLaneIsFreeAgain) {
  struct Pusher final : Executor {
    explicit Pusher(Journal& journal) : journal_(journal) {}
    void post(std::coroutine_handle<> handle) noexcept override {
      EXPECT_TRUE(journal_.tick().ok()) << "not in_lane";
      handle.resume();
    }
    Journal& journal_;
  };
  open();
  Writes peers = add_class("peers");
  Pusher pusher(*journal_);
  Receipt one = peers.submit(1);
  await_end(one, pusher, end_);
  tick();
  EXPECT_EQ(end_, "committed");
}

// --- Producers.

TEST_F(Producers, TurnStructsIntoRows) {
  open();
  Producer<Peer> peers = ok(journal_->producer<Peer>(add_class("peers").handle()));
  EXPECT_TRUE(peers.push({"ada", 7}).ok());
  Receipt bob = ok(peers.submit({"bob", std::nullopt}));
  tick();
  EXPECT_EQ(end_of(bob), "committed");
  EXPECT_EQ(committed(), "peer(ada, 7) peer(bob, NULL)");
}

TEST_F(Producers, PushRangesAsGroups) {
  open();
  Producer<Peer> peers = ok(journal_->producer<Peer>(add_class("peers").handle()));
  sink_->fail_row("peer(bob, 2)", failure(Fault::record, Effect::undone));
  const std::vector<Peer> bad{{"ada", 1}, {"bob", 2}}, good{{"cyd", 3}, {"dan", 4}};
  Receipt rejected = ok(peers.submit_group(bad));
  EXPECT_TRUE(peers.push_group(good).ok());
  tick();
  EXPECT_EQ(end_of(rejected), "rejected");
  EXPECT_EQ(committed(), "peer(cyd, 3) peer(dan, 4)");
}

TEST_F(Producers, TakeTheirKeyFromTheTraits) {
  open();
  Producer<Peer> peers =
      ok(journal_->producer<Peer>(add_class("peers", {.coalesce = true}).handle()));
  EXPECT_TRUE(peers.push({"ada", 1}).ok());
  EXPECT_TRUE(peers.push({"ada", 2}).ok());
  tick();
  EXPECT_EQ(committed(), "peer(ada, 2)");
}

// --- Opening, classes and statements.

TEST_F(Adding, TheSameStatementTwiceGivesTheSameOne) {
  open();
  const StatementSpec spec{"sql", {{ColumnType::integer, false}}, {0}};
  const Statement first = ok(journal_->add_statement(spec));
  EXPECT_EQ(ok(journal_->add_statement(spec)), first);
  EXPECT_NE(ok(journal_->add_statement({"sql", {{ColumnType::integer, true}}, {0}})), first);
}

TEST_F(Adding, AStatementThatTheSinkRefusesIsNotAdded) {
  open();
  sink_->set_add_statement_status({Errc::invalid_argument, "no such table"});
  EXPECT_EQ(journal_->add_statement({"bad", {}, {}}).status().message(), "no such table");
  sink_->set_add_statement_status({});
  EXPECT_EQ(ok(journal_->add_statement({"good", {}, {}})).index, 0);
}

TEST_F(Adding, AKeyColumnThatIsNotThereIsRefused) {
  open();
  EXPECT_EQ(journal_->add_statement({"sql", {{ColumnType::text, false}}, {1}}).status().message(),
            "key column 1 of a statement with 1 columns; the first is 0: sql");
}

TEST_F(Adding, AClassNameIsUnique) {
  open();
  add_class("peers");
  EXPECT_EQ(journal_->add_class({.name = "peers"}).status().message(),
            "class \"peers\" exists already");
}

TEST_F(Adding, AtMostSixtyFourClasses) {
  open({.tick = {.records = 64, .bytes = 64 * kKiB, .hold = milliseconds(1)}});
  const Guarantee one{.records = 1, .bytes = kKiB};
  for (std::size_t i = 0; i < kClassesMax; ++i)
    add_class("c" + std::to_string(i), {.guarantee = one});
  EXPECT_EQ(journal_->add_class({.name = "more", .guarantee = one}).status().message(),
            "class \"more\" would be number 65; at most 64 are allowed");
}

TEST_F(Adding, AtMost1024Statements) {
  open();
  for (std::size_t i = 0; i < kStatementsMax; ++i) {
    EXPECT_EQ(ok(journal_->add_statement({std::to_string(i), {}, {}})).index, i);
  }
  EXPECT_EQ(journal_->add_statement({"more", {}, {}}).status().message(),
            "a journal keeps at most 1024 statements: more");
  EXPECT_EQ(ok(journal_->add_statement({"7", {}, {}})).index, 7);
}

// The clock stands still, so the gathering window stays open.
TEST(Waiting, GoesByTheMachinesClockWhateverTheJournalsIs) {
  const auto clock = std::make_shared<FakeClock>();
  const auto recording = std::make_shared<Recording>();
  JournalOptions options;
  options.clock = clock;
  options.close_timeout = Duration(0);
  Journal journal = ok(Journal::open(std::make_unique<RecordingSink>(recording), options));
  WriteClass peers =
      ok(journal.add_class({.name = "peers", .gather = seconds(1), .capacity_records = 1}));
  const Statement statement = ok(journal.add_statement({"peer", {}, {}}));
  Receipt receipt = ok(peers.submit(statement, Row()));
  EXPECT_EQ(receipt.wait_for(milliseconds(20)).status().code(), Errc::timed_out);
  EXPECT_EQ(journal.now(), clock->now());
}

TEST_F(Adding, GuaranteesThatDoNotFitTheTickTogetherAreRefusedAndNothingIsAdded) {
  open({.tick = {.records = 100, .bytes = 100 * kKiB, .hold = milliseconds(1)}});
  add_class("a", {.guarantee = {.records = 60, .bytes = kKiB}});
  EXPECT_EQ(journal_->add_class({.name = "b", .guarantee = {.records = 1, .bytes = 41 * kKiB}})
                .status()
                .code(),
            Errc::invalid_argument);
  add_class("b", {.guarantee = {.records = 1, .bytes = 40 * kKiB}});
}

TEST(Opening, WithoutASinkOrWithAWrongOptionIsRefused) {
  EXPECT_EQ(Journal::open(std::unique_ptr<Sink>()).status().code(), Errc::invalid_argument);
  JournalOptions wrong;
  wrong.tick.records = 1'000'001;
  const auto recording = std::make_shared<Recording>();
  const Status status = Journal::open(std::make_unique<RecordingSink>(recording), wrong).status();
  EXPECT_EQ(status.message(), "tick.records is 1000001; it must be 1 to 1000000");
}

}  // namespace
}  // namespace test
}  // namespace onelane
