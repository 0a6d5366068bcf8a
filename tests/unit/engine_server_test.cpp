// A store that answers a whole tick at once, as a server does: what each class takes there, and
// whose lock it waits for.
#include "tests/support/lane.h"
#include "tests/support/sending_sink.h"
#include "tests/support/served_sink.h"

namespace onelane::test {
namespace {

using namespace std::chrono_literals;

class Served : public QuietLane {
 protected:
  void open_sending() {
    journal_.emplace(ok(Journal::open(
        std::make_unique<SendingSink>(std::make_unique<RecordingSink>(sink_)), by_hand())));
  }
  JournalOptions by_hand() const { return {.drive = Drive::manual, .clock = clock_}; }
  static double milliseconds_of(Duration time) {
    return std::chrono::duration<double, std::milli>(time).count();
  }
};

// Ticks are mixed by chance, as a service's are: with one mixture only, nothing could tell the
// classes apart.
TEST_F(Served, EachClassIsLearnedToTakeWhatItTakes) {
  open_sending();
  Writes heavy = add_class("heavy");
  Writes small = add_class("small");
  sink_->on(Call::apply, [this](const std::string& row) {
    advance(row.starts_with("heavy") ? 900us : 30us);
    return Reply();
  });
  sink_->set_cost(Call::commit, 200us);
  std::uint32_t chance = 1;
  const auto below = [&chance](std::uint32_t n) {
    chance = chance * 1664525U + 1013904223U;
    return (chance >> 16) % n;
  };
  const auto some = [&](int ticks) {
    for (int i = 0; i < ticks; ++i) {
      for (std::uint32_t n = below(4); n > 0; --n) heavy.push(1);
      for (std::uint32_t n = below(40); n > 0; --n) small.push(1);
      run_ticks();
    }
  };
  some(100);
  const JournalStats before = journal_->stats();
  some(300);
  const JournalStats stats = journal_->stats().since(before);
  const auto per_unit = [&stats](std::size_t i) {
    return milliseconds_of(stats.classes[i].held) /
           static_cast<double>(stats.classes[i].end(End::committed));
  };
  EXPECT_NEAR(per_unit(0), 0.93, 0.1);
  EXPECT_NEAR(per_unit(1), 0.037, 0.015);
}

TEST_F(Served, ATickOfTheDearClassIsPlannedWithinItsHold) {
  open_sending();
  Writes heavy = add_class("heavy", {.guarantee = {.records = 1, .bytes = 64}});
  sink_->set_cost(Call::apply, 1ms);
  constexpr int kMany = 400;
  for (int i = 0; i < 20; ++i) {
    heavy.push_all(1, 2 + i % 3);
    tick();
  }
  heavy.push_all(1, kMany);
  const JournalStats before = journal_->stats();
  run_ticks();
  const JournalStats stats = journal_->stats().since(before);
  ASSERT_GT(stats.ticks, 3U);
  EXPECT_LE(stats.hold_ns.p50(), static_cast<std::uint64_t>((stats.tick.hold * 11 / 10).count()));
}

TEST_F(Served, ALockThatTheServerWaitedForIsNobodysWork) {
  ToldServer server;
  journal_.emplace(ok(Journal::open(
      std::make_unique<ServedSink>(std::make_unique<RecordingSink>(sink_), server), by_hand())));
  Writes writes = add_class("writes");
  Writes peers = add_class("peers");
  sink_->on(Call::commit, [&](const std::string&) {
    if (server.waited == Duration(0) && peers.try_push(1).ok()) {
      advance(300ms);
      server.waited = 290ms;
    }
    return Reply();
  });
  writes.push(1);
  tick();
  sink_->heal();
  tick();
  const JournalStats stats = journal_->stats();
  EXPECT_EQ(stats.foreign.lock_waits, 1U);
  EXPECT_EQ(stats.foreign.lock_wait_ns.max(), 290'000'000U);
  const WaitedBehind& behind = stats.classes[1].behind;
  EXPECT_EQ(behind.of(Obstacle::lock), 290ms);
  EXPECT_EQ(behind.classes[0], 10ms);
  EXPECT_EQ(stats.classes[0].held, 10ms);
  EXPECT_EQ(stats.server.name, "there");
  EXPECT_EQ(stats.server.connections, 3U);
}

TEST_F(Served, ALockThatAJobsStatementWaitedForIsNotTheJobsWork) {
  ToldServer server;
  journal_.emplace(ok(Journal::open(
      std::make_unique<ServedSink>(std::make_unique<RecordingSink>(sink_), server), by_hand())));
  Writes writes = add_class("writes");
  sink_->on(Call::execute, [&](const std::string&) {
    advance(300ms);
    server.waited += 290ms;
    return Reply();
  });
  const Receipt job = writes.submit_job([](Transaction& in) {
    const auto done = in.execute("sql");
    return done.ok() ? Result<Step>(Step::done) : done.status();
  });
  tick();
  EXPECT_EQ(end_of(job), "committed");
  const JournalStats stats = journal_->stats();
  EXPECT_EQ(stats.foreign.lock_wait_ns.max(), 290'000'000U);
  EXPECT_EQ(stats.classes[0].held, 10ms);
}

TEST_F(Served, LocksOfAttemptsThatLostAreCountedToo) {
  ToldServer server;
  journal_.emplace(ok(Journal::open(
      std::make_unique<ServedSink>(std::make_unique<RecordingSink>(sink_), server), by_hand())));
  Writes writes = add_class("writes");
  int commits = 0;
  sink_->on(Call::commit, [&](const std::string&) {
    advance(40ms);
    server.waited += 40ms;
    return ++commits == 3 ? Reply() : failure(Fault::conflict, Effect::ended);
  });
  writes.push(1);
  tick();
  EXPECT_EQ(commits, 3);
  EXPECT_EQ(journal_->stats().foreign.lock_wait_ns.max(), 120'000'000U);
  sink_->heal();
  tick();  // has nothing to do
  EXPECT_EQ(journal_->stats().foreign.lock_waits, 1U);
}

}  // namespace
}  // namespace onelane::test
