// What is seen of the server: whose lock it waits for, how often a tick lost to another
// transaction, how often the connection was made.
#include "src/postgres/connection.h"
#include "tests/support/fake_clock.h"
#include "tests/support/postgres_journal_fixture.h"
#include "tests/support/temp_directory.h"
#include "tests/support/unix_socket.h"

namespace onelane::test {
namespace {

class PostgresServerSide : public PostgresJournal {
 protected:
  static constexpr int kPausesMax = 4000;

  // Until it is so; the test fails if it never is.
  template <class Condition>
  static void wait_until(const Condition& condition) {
    for (int i = 0; i < kPausesMax && !condition(); ++i) pause();
    EXPECT_TRUE(condition());
  }
  bool somebody_waits() {
    return ask("SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype <> 'advisory'") != "0";
  }
  // Raises 40001 for the record 2, as often as that; each try is counted in the sequence.
  static std::string failing(const std::string& times) {
    return "CREATE SEQUENCE tries; CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ "
           "BEGIN IF nextval('tries') <= " +
           times +
           " THEN RAISE EXCEPTION 'conflict' USING ERRCODE = '40001'; END IF; RETURN NEW; END $$; "
           "CREATE TRIGGER fail BEFORE INSERT ON peers FOR EACH ROW WHEN (NEW.id = 2) EXECUTE "
           "FUNCTION fail()";
  }
};

TEST_F(PostgresServerSide, ATickThatLosesRunsAgainAsItIsWithoutATickInBetween) {
  open(by_hand(), {.schema = failing("4")});
  std::vector<Receipt> receipts;
  for (const std::int64_t id : {1, 2, 3}) receipts.push_back(submit(id));
  receipts.push_back(submit_group({4, 5}));
  ASSERT_TRUE(journal_.tick().ok());
  for (Receipt& each : receipts) EXPECT_EQ(end_of(each), "committed");
  EXPECT_EQ(ids(), "1 2 3 4 5");
  const JournalStats stats = journal_.stats();
  EXPECT_EQ(stats.conflicts, 4U);
  EXPECT_EQ(stats.attempts, 5U);
}

TEST_F(PostgresServerSide, AJobsStepThatLosesRunsAgain) {
  open(by_hand(), {.schema = failing("2")});
  int runs = 0;
  Receipt job = peers_
                    .submit(Job{.name = "loses",
                                .step =
                                    [&runs](Transaction& in) {
                                      ++runs;
                                      const auto done = in.execute("INSERT INTO peers VALUES(2)");
                                      return done.ok() ? Result<Step>(Step::done) : done.status();
                                    }})
                    .value();
  ASSERT_TRUE(journal_.tick().ok());
  EXPECT_EQ(end_of(job), "committed");
  EXPECT_EQ(runs, 3);
  EXPECT_EQ(ids(), "2");
}

TEST_F(PostgresServerSide, WhatLosesForEverIsRejectedAfterBoundedTriesAndTheOthersAreCommitted) {
  auto clock = std::make_shared<FakeClock>();
  JournalOptions options = by_hand();
  options.clock = clock;
  open(options, {.schema = failing("1000000000")});
  std::vector<Receipt> receipts;
  for (const std::int64_t id : {1, 2, 3}) receipts.push_back(submit(id));
  for (int i = 0; i < 1000 && end_of(receipts[1]) == "in flight"; ++i) {
    ASSERT_TRUE(journal_.tick().ok());
    clock->advance(256ms);
  }
  EXPECT_EQ(end_of(receipts[1]), "rejected");
  tick_until_idle();
  EXPECT_EQ(ids(), "1 3");
  EXPECT_LT(std::stoi(ask("SELECT last_value FROM tries")), 2000);
}

TEST_F(PostgresServerSide, AnUpdateThatLosesToANeighbourUnderSerializableIsDoneOnce) {
  conninfo_ += " options='-c default_transaction_isolation=serializable'";
  open({}, {.schema = "CREATE TABLE counter(n bigint); INSERT INTO counter VALUES(0)"});
  const Statement add_to = add("UPDATE counter SET n = n + $1");
  Neighbour neighbour(conninfo_);
  neighbour.ask("BEGIN; UPDATE counter SET n = n + 1000");
  Receipt receipt = peers_.submit(add_to, row(1)).value();
  wait_until([this] { return somebody_waits(); });
  neighbour.ask("COMMIT");
  ASSERT_TRUE(receipt.wait_for(60s).ok());
  EXPECT_EQ(end_of(receipt), "committed");
  EXPECT_EQ(ask("SELECT n FROM counter"), "1001");
  EXPECT_EQ(journal_.stats().conflicts, 1U);
}

TEST_F(PostgresServerSide, ADeadlockWithANeighbourEndsInBothWritesOnce) {
  open({}, {.schema = "CREATE TABLE two(id int, n bigint); INSERT INTO two VALUES(1, 0), (2, 0);"
                      "SET deadlock_timeout = '2s'",
            .lock_timeout = 20s});
  const Statement add_to = add("UPDATE two SET n = n + 1 WHERE id = $1");
  Neighbour neighbour(conninfo_);
  neighbour.ask("SET deadlock_timeout = '60s'; BEGIN; UPDATE two SET n = n + 10 WHERE id = 2");
  Group group;
  group.add(add_to, row(1));
  group.add(add_to, row(2));
  Receipt receipt = peers_.submit(group).value();
  wait_until([this] { return somebody_waits(); });
  neighbour.send("UPDATE two SET n = n + 10 WHERE id = 1; COMMIT");
  wait_until([&neighbour] { return neighbour.done(); });
  ASSERT_TRUE(receipt.wait_for(60s).ok());
  EXPECT_EQ(end_of(receipt), "committed");
  EXPECT_EQ(ask("SELECT n FROM two ORDER BY id"), "11 11");
  EXPECT_GE(journal_.stats().attempts, 2U);
}

TEST_F(PostgresServerSide, WhoseLockTheLaneWaitsForIsNamedWhileItWaits) {
  open();
  Neighbour neighbour(conninfo_ + " application_name=offender");
  const std::string pid = neighbour.ask("SELECT pg_backend_pid()");
  neighbour.ask("BEGIN; LOCK TABLE peers IN EXCLUSIVE MODE");
  Receipt receipt = submit(1);
  wait_until([this] { return !journal_.stats().server.lock_holders.empty(); });
  neighbour.ask("COMMIT");
  ASSERT_TRUE(receipt.wait_for(60s).ok());
  const JournalStats stats = journal_.stats();
  ASSERT_EQ(stats.server.lock_holders.size(), 1U);
  EXPECT_EQ(stats.server.lock_holders[0].name, "offender");
  EXPECT_EQ(std::to_string(stats.server.lock_holders[0].pid), pid);
  EXPECT_EQ(stats.foreign.lock_waits, 1U);
  EXPECT_GE(stats.foreign.lock_wait_ns.max(), 100'000'000U);
  EXPECT_LE(stats.foreign.lock_wait_ns.max(), stats.hold_ns.max());
}

TEST_F(PostgresServerSide, WhoWaitsForAShortTimeIsNotHeldUpByTheServer) {
  open();
  Neighbour neighbour(conninfo_);
  neighbour.ask("BEGIN; LOCK TABLE peers IN EXCLUSIVE MODE");
  const auto began = steady_clock().now();
  const auto written = peers_.write(insert_, row(1), {.deadline = journal_.now() + 50ms});
  EXPECT_EQ(written.status().code(), Errc::timed_out);
  Receipt receipt = submit(2);
  EXPECT_EQ(receipt.wait_for(50ms).status().code(), Errc::timed_out);
  EXPECT_LT(steady_clock().now() - began, 3s);  // lock_timeout is 5 s
  neighbour.ask("COMMIT");
  ASSERT_TRUE(receipt.wait_for(60s).ok());
  EXPECT_EQ(end_of(receipt), "committed");
}

TEST_F(PostgresServerSide, ASlowStatementIsNoWaitForALock) {
  open({}, {.schema = "CREATE TABLE slow(n bigint); CREATE FUNCTION slow() RETURNS trigger "
                      "LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.4); RETURN NEW; END $$; "
                      "CREATE TRIGGER slow BEFORE INSERT ON slow FOR EACH ROW EXECUTE FUNCTION "
                      "slow()"});
  const Statement slow = add("INSERT INTO slow VALUES($1)");
  ASSERT_TRUE(peers_.submit(slow, row(1)).value().wait_for(60s).ok());
  const JournalStats stats = journal_.stats();
  EXPECT_EQ(stats.foreign.lock_waits, 0U);
  EXPECT_TRUE(stats.server.lock_holders.empty());
  EXPECT_GE(stats.server.answer_ns.max(), 400'000'000U);
}

TEST_F(PostgresServerSide, ConnectionsThatWereMadeAreCounted) {
  open(by_hand());
  EXPECT_EQ(journal_.stats().server.connections, 1U);
  EXPECT_NE(journal_.stats().server.name.find("dbname=test"), std::string::npos);
  ask("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND "
      "datname = current_database()");
  Receipt receipt = submit(1);
  tick_until_idle();
  EXPECT_EQ(end_of(receipt), "committed");
  EXPECT_EQ(journal_.stats().server.connections, 2U);
  EXPECT_GT(journal_.stats().server.answer_ns.count(), 2U);
}

// Where it has no answer to wait for, whoever looks for locks has nothing to look for.
TEST(PostgresConnection, IsAskedForOnceIfItIsNotMadeInTime) {
  const TempDirectory folder;
  const UnixListener silent(folder / ".s.PGSQL.5432");
  const auto conninfo =
      postgres::Conninfo::read("host=" + folder.path().native() + " user=a dbname=b").value();
  postgres::ServerView view(conninfo);
  EXPECT_FALSE(postgres::Connection::open(conninfo, view, 50ms).ok());
  int asked = 0;
  for (pollfd next{silent.socket(), POLLIN, 0}; ::poll(&next, 1, 0) > 0; ++asked) {
    ::close(::accept(silent.socket(), nullptr, nullptr));
  }
  EXPECT_EQ(asked, 1);
  EXPECT_EQ(view.stats().connections, 0U);
}

}  // namespace
}  // namespace onelane::test
