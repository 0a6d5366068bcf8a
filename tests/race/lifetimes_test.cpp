// What a program may destroy at any time: the journal while others tick and read statistics,
// waiting coroutines, and a writing thread. And what it may do in an executor's post().
#include <gtest/gtest.h>
#include <pthread.h>
#include <sched.h>

#include <atomic>
#include <chrono>
#include <coroutine>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "onelane/onelane.h"
#include "tests/support/child.h"
#include "tests/support/coroutine.h"
#include "tests/support/scale.h"
#include "tests/support/stubborn_sink.h"
#include "tests/support/temp_directory.h"

#if defined(ONELANE_TEST_UNDER_ASAN)
#include <sanitizer/asan_interface.h>
#endif

namespace onelane::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

template <class T>
T ok(Result<T> result) {
  EXPECT_TRUE(result.ok()) << result.status().to_string();
  return std::move(result).value();
}

Row row(std::int64_t id) { return std::move(Row().integer(id)); }

// --- On SQLite: what a closed journal's threads and callers still use.

class ClosingBeside : public ::testing::Test {
 protected:
  void open(JournalOptions options) {
    journal_.reset();
    options.schema = "CREATE TABLE IF NOT EXISTS t(a, b)";
    journal_.emplace(ok(Journal::open(directory_ / "test.db", options)));
    class_.emplace(ok(journal_->add_class({.name = "c"})));
    statement_ = ok(journal_->add_statement(
        {"INSERT INTO t VALUES(?1, zeroblob(4000))", {{ColumnType::integer}}, {}}));
  }

  TempDirectory directory_;
  std::optional<Journal> journal_;
  std::optional<WriteClass> class_;
  Statement statement_;
};

TEST_F(ClosingBeside, StatisticsStayAndTheEpochWithThem) {
  for (std::size_t round = 0; round < scaled(16); ++round) {
    open({.watermark_table = "marks"});
    const std::uint64_t epoch = journal_->stats().epoch;
    ASSERT_GT(epoch, 0U);
    std::atomic<bool> stop{false};
    std::thread monitor([&] {
      while (!stop.load()) EXPECT_EQ(journal_->stats().epoch, epoch);
    });
    EXPECT_TRUE(ok(class_->write(statement_, row(1))).committed());
    (void)journal_->close(seconds(20));
    stop.store(true);
    monitor.join();
    const JournalStats closed = journal_->stats();
    EXPECT_EQ(closed.epoch, epoch);
    EXPECT_EQ(journal_->stats().open, closed.open);
  }
}

// --- On a sink of the test's.

// An executor that does in post() what a test says, and then resumes the coroutine there, which
// executors should not do.
class Inline final : public Executor {
 public:
  explicit Inline(std::function<void()> action) : action_(std::move(action)) {}
  void post(std::coroutine_handle<> handle) noexcept override {
    action_();
    handle.resume();
    posts_.fetch_add(1);
    posts_.notify_all();
  }
  void await_post() { posts_.wait(0); }

 private:
  std::function<void()> action_;
  std::atomic<int> posts_{0};
};

Detached await(Receipt receipt, Executor& executor) { (void)co_await receipt.on(executor); }

// A sink whose sync waits for the test, and whose begin() reports a damaged database if the test
// says so.
class SyncedSink final : public PlainSink, private CommitSync {
 public:
  struct Control {
    std::atomic<bool> syncs{false};
    std::atomic<bool> damaged{false};
  };
  explicit SyncedSink(std::shared_ptr<Control> control) : control_(std::move(control)) {}
  Reply begin() override {
    if (!control_->damaged.load()) return {};
    Reply reply;
    reply.fault = Fault::corrupt;
    reply.effect = Effect::ended;
    reply.cause = {Errc::corrupt, "damaged"};
    return reply;
  }
  CommitSync* commit_sync() noexcept override { return this; }

 private:
  Reply sync() override {
    control_->syncs.wait(false);
    return {};
  }
  std::shared_ptr<Control> control_;
};

// A sink whose commits return when a test lets them.
class HeldCommits final : public PlainSink {
 public:
  struct Control {
    std::atomic<bool> held{true};
    std::atomic<bool> arrived{false};
    void let_go() {
      held.store(false);
      held.notify_all();
    }
  };
  explicit HeldCommits(std::shared_ptr<Control> control) : control_(std::move(control)) {}
  Reply commit() override {
    control_->arrived.store(true);
    control_->arrived.notify_all();
    control_->held.wait(true);
    return {};
  }

 private:
  std::shared_ptr<Control> control_;
};

// A log that is over its limit, whose pass goes on until a test lets it end, or the sink is closed.
class HeldPass final : public PlainSink, private Log {
 public:
  struct Control {
    std::atomic<bool> runs{false};
    std::atomic<bool> goes_on{true};
    std::atomic<bool> closed{false};
    std::atomic<bool> closed_meanwhile{false};
  };
  explicit HeldPass(std::shared_ptr<Control> control) : control_(std::move(control)) {}
  Log* log() noexcept override { return this; }
  Status close(CloseMode) override {
    control_->closed_meanwhile.store(control_->runs.load());
    control_->closed.store(true);
    return {};
  }

 private:
  LogState state() const noexcept override {
    return {.bytes = bytes_.load(), .commits = 1, .may_copy = bytes_.load() != 0};
  }
  Reply write_out() override { return {}; }
  LogPass copy_back(std::uint64_t) override {
    control_->runs.store(true);
    control_->runs.notify_all();
    while (control_->goes_on.load() && !control_->closed.load()) std::this_thread::yield();
    const std::uint64_t copied = bytes_.exchange(0);
    control_->runs.store(false);
    return {.bytes = copied, .copied = copied};
  }
  LogPass close_in() override { return {}; }
  Reply sync() override { return {}; }
  std::vector<LogReader> readers() const override { return {}; }
  std::string_view hazard() const noexcept override { return {}; }

  std::shared_ptr<Control> control_;
  std::atomic<std::uint64_t> bytes_{2 * kMiB};
};

TEST(ClosingBesideATick, WaitsForThePassThatItRuns) {
  const auto control = std::make_shared<HeldPass::Control>();
  Journal journal = ok(Journal::open(std::make_unique<HeldPass>(control),
                                     {.drive = Drive::manual, .wal_limit_bytes = kMiB}));
  std::thread ticker([&] { (void)journal.tick(); });
  control->runs.wait(false);
  std::thread closer([&] { EXPECT_TRUE(journal.close(seconds(20)).status.ok()); });
  std::this_thread::sleep_for(milliseconds(50));
  EXPECT_FALSE(control->closed.load()) << "beside the pass";
  control->goes_on.store(false);
  ticker.join();
  closer.join();
  EXPECT_TRUE(control->closed.load());
  EXPECT_FALSE(control->closed_meanwhile.load());
}

class Posting : public ::testing::Test {
 protected:
  void open(std::unique_ptr<Sink> sink, const JournalOptions& options = {}) {
    journal_.emplace(ok(Journal::open(std::move(sink), options)));
    class_.emplace(ok(journal_->add_class({.name = "c"})));
    statement_ = ok(journal_->add_statement({"-", {{ColumnType::integer}}, {}}));
  }
  void open() { open(std::make_unique<StubbornSink>(control_)); }
  void hold(bool yes) {
    control_->held.store(yes);
    control_->held.notify_all();
  }
  Receipt submit(const PushOptions& options = {}) {
    return ok(class_->submit(statement_, row(1), options));
  }

  std::shared_ptr<StubbornSink::Control> control_ = std::make_shared<StubbornSink::Control>();
  std::optional<Journal> journal_;
  std::optional<WriteClass> class_;
  Statement statement_;
};

TEST_F(Posting, IsInsideNoLockWhenTheJournalIsPoisoned) {
  const auto control = std::make_shared<SyncedSink::Control>();
  open(std::make_unique<SyncedSink>(control));
  Status poison;
  Inline executor([&] { poison = journal_->stats().poison; });
  await(submit({.promise = Promise::durable}), executor);
  Receipt watched = submit({.promise = Promise::durable});
  // Committed, as is the one before it: both wait for the sync, and no tick is under way.
  while (!watched.poll()) std::this_thread::yield();
  control->damaged.store(true);
  EXPECT_TRUE(class_->push(statement_, row(2)).ok());
  executor.await_post();
  EXPECT_EQ(poison.code(), Errc::poisoned);
  control->syncs.store(true);
  control->syncs.notify_all();
}

TEST_F(Posting, IsOutsideTheLaneOnABusyCommitterThread) {
  const auto control = std::make_shared<HeldCommits::Control>();
  open(std::make_unique<HeldCommits>(control), {.callers_commit = false});
  // In the lane, tick() says so; on the committer thread it would wait for nobody but itself.
  Status said;
  Inline executor([&] { said = journal_->tick().status(); });
  await(submit(), executor);
  control->arrived.wait(false);
  ASSERT_TRUE(class_->push(statement_, row(2)).ok());  // more to do when the first has ended
  control->let_go();
  executor.await_post();
  EXPECT_EQ(said.message().find("inside the lane"), std::string::npos) << said.to_string();
}

TEST_F(Posting, ACoroutineThatGoesOnThereCannotClose) {
  open();
  Status closed, waited;
  Receipt other;
  Inline executor([&] {
    closed = journal_->close(seconds(1)).status;
    waited = other.wait().status();
  });
  hold(true);
  Receipt one = submit();
  other = submit();
  await(std::move(one), executor);
  hold(false);
  executor.await_post();
  // On the committer thread, which cannot wait for its own end.
  EXPECT_EQ(closed.code(), Errc::in_lane);
  EXPECT_NE(closed.message().find("close: on a thread of the journal's own"), std::string::npos);
  EXPECT_TRUE(waited.ok() || waited.code() == Errc::in_lane);
  EXPECT_TRUE(journal_->close(seconds(20)).status.ok());
}

TEST_F(Posting, ACoroutineThatGoesOnWithinCloseCannotCloseAgain) {
  open(std::make_unique<StubbornSink>(control_), {.drive = Drive::manual});
  Status again;
  Inline executor([&] { again = journal_->close(seconds(1)).status; });
  await(submit(), executor);
  EXPECT_TRUE(journal_->close(seconds(20)).status.ok());
  EXPECT_EQ(again.code(), Errc::in_lane);
}

TEST_F(Posting, ACoroutineThatGoesOnThereMayDestroyTheJournal) {
  open();
  Inline executor([&] { journal_.reset(); });
  hold(true);
  Receipt last = submit();
  await(submit(), executor);
  hold(false);
  executor.await_post();
  EXPECT_TRUE(ok(last.wait()).committed()) << "a thread that was made for it closes";
}

TEST_F(Posting, AJobThatOwnsTheLastJournalMayEnd) {
  auto owned =
      std::make_shared<Journal>(ok(Journal::open(std::make_unique<StubbornSink>(control_))));
  WriteClass writes = ok(owned->add_class({.name = "c"}));
  const Statement statement = ok(owned->add_statement({"-", {{ColumnType::integer}}, {}}));
  std::atomic<bool> alone{false};
  Receipt job = ok(writes.submit(Job{.name = "last", .step = [owned, &alone](Transaction&) {
                                       alone.wait(false);
                                       return Result<Step>(Step::done);
                                     }}));
  owned.reset();
  alone.store(true);
  alone.notify_all();
  EXPECT_TRUE(ok(job.wait()).committed());
  while (writes.push(statement, row(1)).code() != Errc::closed) std::this_thread::yield();
}

TEST_F(Posting, AStepMayDestroyItsJournal) {
  open();
  Receipt job = ok(class_->submit(Job{.name = "last", .step = [this](Transaction&) {
                                        journal_.reset();
                                        return Result<Step>(Step::done);
                                      }}));
  EXPECT_TRUE(ok(job.wait()).committed());
  while (class_->push(statement_, row(1)).code() != Errc::closed) std::this_thread::yield();
}

// --- Coroutines that are destroyed while their ticket is being settled.

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

Owned await_own(Receipt receipt, Executor& executor) { (void)co_await receipt.on(executor); }

// Reads the object that it is given, which must not be destroyed yet.
class Counting final : public Executor {
 public:
  void post(std::coroutine_handle<> handle) noexcept override {
    (void)handle.done();
    posts_.fetch_add(1);
  }
  int posts() const { return posts_.load(); }

 private:
  std::atomic<int> posts_{0};
};

TEST_F(Posting, NoCoroutineThatIsGoneIsPosted) {
  open();
  Counting executor;
  for (std::size_t round = 0; round < scaled(4000); ++round) {
    std::vector<Owned> all;
    for (int i = 0; i < 8; ++i) all.push_back(await_own(submit(), executor));
    for (const Owned& one : all) one.frame.destroy();
    const int posts = executor.posts();
    if (round % 64 == 0) {
      EXPECT_TRUE(journal_->flush().ok());
      EXPECT_EQ(executor.posts(), posts) << "after they were gone";
    }
  }
}

// --- Threads.

TEST_F(Posting, TheSecondThreadThatWaitsForAReceiptIsTold) {
  open(std::make_unique<StubbornSink>(control_), {.callers_commit = false});
  hold(true);
  Receipt one = submit();
  Status first, second;
  std::atomic<int> told{0};
  const auto wait = [&](Status& status) {
    status = one.wait().status();
    told.fetch_add(1);
    told.notify_all();
  };
  std::thread a([&] { wait(first); });
  std::thread b([&] { wait(second); });
  told.wait(0);
  hold(false);
  a.join();
  b.join();
  EXPECT_NE(first.ok(), second.ok());
  EXPECT_EQ((first.ok() ? second : first).code(), Errc::invalid_argument);
}

// A sink in whose begin() and sync() a thread can be cancelled, as it can in SQLite's fsync. The
// test chooses one of the two calls. The first thread that is not the journal's own and comes to
// that call waits there until it is cancelled.
class CancellableSink final : public PlainSink, private CommitSync {
 public:
  enum class Place : std::uint8_t { nowhere, begin, sync };
  struct Control {
    std::atomic<std::thread::id> caller;
    std::atomic<Place> place{Place::nowhere};
    std::atomic<bool> arrived{false};
    std::atomic<bool> cancelled{false};
  };
  explicit CancellableSink(std::shared_ptr<Control> control) : control_(std::move(control)) {}
  Reply begin() override { return come_to(Place::begin); }
  CommitSync* commit_sync() noexcept override { return this; }

 private:
  Reply sync() override { return come_to(Place::sync); }
  Reply come_to(Place place) {
    if (control_->place.load() != place) return {};
    if (control_->caller.load() != std::this_thread::get_id()) return {};
    control_->arrived.store(true);
    control_->arrived.notify_all();
    control_->cancelled.wait(false);
    pthread_testcancel();
    return {};
  }
  std::shared_ptr<Control> control_;
};

class Cancelling : public Posting {
 protected:
  // Starts a thread that writes. It can be cancelled in the chosen call only, and is.
  void cancel_at(CancellableSink::Place place, Promise promise) {
    open(std::make_unique<CancellableSink>(cancel_));
    promise_ = promise;
    cancel_->place.store(place);
    pthread_t writer{};
    ASSERT_EQ(pthread_create(&writer, nullptr, &Cancelling::run, this), 0);
    cancel_->arrived.wait(false);
    ASSERT_EQ(pthread_cancel(writer), 0);
    cancel_->cancelled.store(true);
    cancel_->cancelled.notify_all();
    void* ended = nullptr;
    ASSERT_EQ(pthread_join(writer, &ended), 0);
    EXPECT_EQ(ended, PTHREAD_CANCELED);
    EXPECT_TRUE(last_.committed()) << "its write ended first";
    EXPECT_TRUE(ok(class_->write(statement_, row(3))).committed()) << "the lane was let go";
    EXPECT_TRUE(journal_->sync().ok());
  }
  // What the thread ended with.
  void* close_cancelled() {
    pthread_t closer{};
    EXPECT_EQ(pthread_create(&closer, nullptr, &Cancelling::close, this), 0);
    void* ended = nullptr;
    EXPECT_EQ(pthread_join(closer, &ended), 0);
    return ended;
  }
  std::atomic<bool> closed_{false};

 private:
  // Its frame has nothing to destroy when the thread is unwound.
  static void* run(void* self) {
    static_cast<Cancelling*>(self)->write_until_cancelled();
#if defined(ONELANE_TEST_UNDER_ASAN)
    __asan_handle_no_return();  // which otherwise takes the frames that are unwound for alive
#endif
    for (;;) pthread_testcancel();
  }
  void write_until_cancelled() {
    cancel_->caller.store(std::this_thread::get_id());
    while (!cancel_->arrived.load()) {
      last_ = ok(class_->write(statement_, row(3), {.promise = promise_}));
    }
  }

  static void* close(void* self) {
    (void)pthread_cancel(pthread_self());
    static_cast<Cancelling*>(self)->close_and_say_so();
#if defined(ONELANE_TEST_UNDER_ASAN)
    __asan_handle_no_return();
#endif
    for (;;) pthread_testcancel();
  }
  void close_and_say_so() {
    (void)journal_->close(std::chrono::seconds(5));
    closed_.store(true);
  }

  std::shared_ptr<CancellableSink::Control> cancel_ = std::make_shared<CancellableSink::Control>();
  Promise promise_ = Promise::committed;
  Outcome last_;
};

TEST_F(Cancelling, AThreadInTheLaneTakesEffectAfterItsWrite) {
  cancel_at(CancellableSink::Place::begin, Promise::committed);
}

TEST_F(Cancelling, AThreadInASyncTakesEffectAfterItsWrite) {
  cancel_at(CancellableSink::Place::sync, Promise::durable);
}

// It is cancelled already when it calls close, which waits for threads to end.
TEST_F(Cancelling, AThreadThatClosesTakesEffectAfterTheClose) {
  open(std::make_unique<StubbornSink>(control_));
  const Receipt one = submit();
  ASSERT_EQ(close_cancelled(), PTHREAD_CANCELED);
  EXPECT_TRUE(closed_.load());
  EXPECT_TRUE(one.poll() && one.poll()->committed());
}

TEST_F(Posting, EveryDurationAndEveryDeadlineIsDefined) {
  open(std::make_unique<StubbornSink>(control_), {.callers_commit = false});
  WriteClass small = ok(journal_->add_class({.name = "small", .capacity_records = 1}));
  hold(true);
  Receipt one = ok(small.submit(statement_, row(1)));
  const auto says = [](const Status& status, std::string_view word) {
    return status.code() == Errc::timed_out && status.message().find(word) == 0;
  };
  for (const Duration none : {Duration::min(), Duration(-1), Duration(0)}) {
    EXPECT_TRUE(says(one.wait_for(none).status(), "wait: a unit of class \"small\""));
    EXPECT_TRUE(says(journal_->flush(none), "flush: what was pushed to class"));
    EXPECT_TRUE(says(journal_->sync(none), "sync, in its flush: what was pushed"));
  }
  const PushOptions never{.deadline = TimePoint::min()};
  EXPECT_EQ(small.push(statement_, row(2), never).code(), Errc::full);
  EXPECT_EQ(ok(class_->write(statement_, row(2), never)).end, End::expired);
  hold(false);
  EXPECT_TRUE(one.wait_for(Duration::max()).ok());
  EXPECT_TRUE(ok(class_->write(statement_, row(2), {.deadline = TimePoint::max()})).committed());
  EXPECT_TRUE(journal_->flush(Duration::max()).ok());
  EXPECT_TRUE(journal_->close(Duration::max()).status.ok());
}

// Notes which thread holds the lane.
class HeldBy final : public PlainSink {
 public:
  explicit HeldBy(std::shared_ptr<std::atomic<std::thread::id>> who) : who_(std::move(who)) {}
  Reply begin() override {
    who_->store(std::this_thread::get_id());
    return {};
  }

 private:
  std::shared_ptr<std::atomic<std::thread::id>> who_;
};

TEST_F(Posting, ACallerOfLowPriorityDoesNotHoldTheLane) {
  const auto who = std::make_shared<std::atomic<std::thread::id>>();
  open(std::make_unique<HeldBy>(who));
  int by_others = 0, by_itself = 0;
  const auto write = [&](int& times) {
    for (int i = 0; i < 50; ++i) {
      EXPECT_TRUE(ok(class_->write(statement_, row(1))).committed());
      times += who->load() == std::this_thread::get_id() ? 1 : 0;
    }
  };
  std::thread([&] { write(by_others); }).join();
  EXPECT_GT(by_others, 0) << "callers hold it, else";
  std::thread([&] {
    const sched_param none{};
    ASSERT_EQ(sched_setscheduler(0, SCHED_IDLE, &none), 0);
    write(by_itself);
  }).join();
  EXPECT_EQ(by_itself, 0);
}

TEST_F(ClosingBeside, AnOpeningWithoutThreadsFailsAndLeavesNothingBehind) {
  pthread_attr_t usual, huge;
  ASSERT_EQ(pthread_getattr_default_np(&usual), 0);
  ASSERT_EQ(pthread_getattr_default_np(&huge), 0);
  ASSERT_EQ(pthread_attr_setstacksize(&huge, std::size_t{1} << 46), 0);
  ASSERT_EQ(pthread_setattr_default_np(&huge), 0);
  const Status refused = Journal::open(directory_ / "test.db").status();
  ASSERT_EQ(pthread_setattr_default_np(&usual), 0);
  EXPECT_EQ(refused.code(), Errc::storage);
  EXPECT_NE(refused.message().find("cannot start a thread"), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(directory_ / "test.db"));
  open({});
  EXPECT_TRUE(ok(class_->write(statement_, row(1))).committed());
}

TEST_F(Posting, AWriteReturnsAtItsDeadlineThoughTheLaneIsHeld) {
  open();
  std::atomic<bool> entered{false}, leaves{false};
  Receipt holds = ok(class_->submit(Job{.name = "holds", .step = [&](Transaction&) {
                                          entered.store(true);
                                          entered.notify_all();
                                          leaves.wait(false);
                                          return Result<Step>(Step::done);
                                        }}));
  entered.wait(false);
  const PushOptions soon{.deadline = class_->now() + milliseconds(20)};
  EXPECT_EQ(ok(class_->write(statement_, row(5), soon)).end, End::expired);
  leaves.store(true);
  leaves.notify_all();
  EXPECT_TRUE(ok(holds.wait()).committed());
  EXPECT_TRUE(journal_->flush().ok());
  EXPECT_EQ(control_->committed[5].load(), 0U);
  const ClassStats counted = journal_->stats().classes.at(0);
  EXPECT_EQ(counted.end(End::expired), 1U);
  EXPECT_EQ(counted.end(End::cancelled), 0U);
  EXPECT_EQ(counted.in_flight, 0U);
}

TEST_F(Posting, AWriteThatATickHasTakenSaysThatItsOutcomeIsNotKnown) {
  const auto control = std::make_shared<HeldCommits::Control>();
  open(std::make_unique<HeldCommits>(control), {.callers_commit = false});
  Status taken;
  while (taken.ok()) {  // until the committer thread has come to it
    const PushOptions soon{.deadline = class_->now() + milliseconds(20)};
    taken = class_->write(statement_, row(5), soon).status();
  }
  EXPECT_EQ(taken.code(), Errc::timed_out);
  EXPECT_NE(taken.message().find("write: the deadline came while the unit was being committed"),
            std::string::npos);
  control->let_go();
  EXPECT_TRUE(journal_->flush().ok());
}

}  // namespace
}  // namespace onelane::test
