// Connections that are lost, and servers that are away: nothing is lost, nothing is applied twice.
#include <signal.h>

#include <random>

#include "tests/support/cutting_proxy.h"
#include "tests/support/postgres_journal_fixture.h"
#include "tests/support/temp_directory.h"

namespace onelane::test {
namespace {

class PostgresLost : public PostgresJournal {
 protected:
  void TearDown() override {
    journal_ = {};
    if (server_ != nullptr && server_->runs()) forget_standby();
  }
  // Ends the journal's connection, and returns once its backend is gone.
  void cut() {
    Neighbour neighbour(conninfo_);
    neighbour.ask(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_locks WHERE locktype = "
        "'advisory' AND granted AND database = (SELECT oid FROM pg_database WHERE "
        "datname = current_database())");
  }
  // The journal's.
  pid_t backend() {
    return std::stoi(
        ask("SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM "
            "pg_database WHERE datname = current_database())"));
  }
  // COMMITs wait for a standby that there is not, once they are on the disk here.
  void want_standby() {
    ask("ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
    ask("SELECT pg_reload_conf()");
    // The server's parts learn of it one after the other.
    Neighbour other(conninfo_);
    const auto waits = [&] {
      while (!commit_waits()) {
        if (other.done()) return false;
      }
      return true;
    };
    do {
      other.send("SELECT pg_logical_emit_message(true, 'test', '')");
    } while (!waits());
    ask("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'");
    while (!other.done()) pause();
  }
  void forget_standby() {
    ask("ALTER SYSTEM RESET synchronous_standby_names");
    ask("SELECT pg_reload_conf()");
    while (!ask("SHOW synchronous_standby_names").empty()) pause();
  }
  // Until the journal's COMMIT waits for it.
  void await_commit() {
    while (!commit_waits()) pause();
  }
  bool commit_waits() {
    return ask("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND datname = "
               "current_database()") != "0";
  }
  void open_with_intake() { open(with_intake(folder_ / "intake")); }

  TempDirectory folder_;
};

TEST_F(PostgresLost, BetweenTwoTicksNobodyNotices) {
  open(by_hand());
  Receipt first = submit(1);
  tick_until_idle();
  cut();
  Receipt second = submit(2);
  ASSERT_TRUE(journal_.tick().ok());
  EXPECT_EQ(end_of(second), "committed");
  EXPECT_EQ(ids(), "1 2");
  EXPECT_EQ(journal_.commits_of(journal_.stats().epoch).value(), 2U);
}

TEST_F(PostgresLost, InAStatementTheTickRunsAgain) {
  open(by_hand(), {.schema = "CREATE SEQUENCE tries; CREATE FUNCTION cut() RETURNS trigger "
                             "LANGUAGE plpgsql AS $$ BEGIN IF nextval('tries') <= 2 THEN PERFORM "
                             "pg_terminate_backend(pg_backend_pid()); END IF; RETURN NEW; END $$; "
                             "CREATE TRIGGER cut BEFORE INSERT ON peers FOR EACH ROW WHEN (NEW.id "
                             "= 2) EXECUTE FUNCTION cut()"});
  std::vector<Receipt> receipts;
  for (const std::int64_t id : {1, 2, 3}) receipts.push_back(submit(id));
  tick_until_idle();
  for (Receipt& each : receipts) EXPECT_EQ(end_of(each), "committed");
  EXPECT_EQ(ids(), "1 2 3");
}

TEST_F(PostgresLost, BeforeTheServerSeesCommitTheTickRunsAgain) {
  open(by_hand());
  // The mark goes with COMMIT.
  ask("CREATE SEQUENCE tries; CREATE FUNCTION cut() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
      "IF nextval('tries') <= 1 THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF; "
      "RETURN NEW; END $$; CREATE TRIGGER cut BEFORE UPDATE ON onelane_commits FOR EACH ROW "
      "EXECUTE FUNCTION cut()");
  Receipt receipt = submit(1);
  tick_until_idle();
  EXPECT_EQ(end_of(receipt), "committed");
  EXPECT_EQ(receipt.poll()->commit, 1U);
  EXPECT_EQ(ids(), "1");
}

TEST_F(PostgresLost, AfterTheServerHasCommittedNothingRunsAgain) {
  open({}, {.lock_timeout = 200ms, .statement_timeout = 1s, .reply_timeout = 1s});
  want_standby();
  Receipt receipt = submit(1);
  await_commit();
  cut();  // it is committed, and its reply is lost
  await_commit();
  EXPECT_EQ(end_of(receipt), "in flight");
  forget_standby();
  Receipt next = submit(2);
  EXPECT_TRUE(receipt.wait_for(20s)->committed());
  EXPECT_TRUE(next.wait_for(20s)->committed());
  EXPECT_EQ(ids(), "1 2");
  EXPECT_EQ(journal_.commits_of(journal_.stats().epoch).value(), next.poll()->commit);
}

TEST_F(PostgresLost, ACommitThatDidNotWaitForItsStandbyIsNotAnsweredBeforeOneHas) {
  open();
  want_standby();
  Receipt receipt = submit(1);
  for (int i = 0; i < 2; ++i) {  // it waits once more each time
    await_commit();
    ask("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'");
    EXPECT_EQ(receipt.wait_for(50ms).status().code(), Errc::timed_out);
  }
  forget_standby();
  EXPECT_TRUE(receipt.wait_for(20s)->committed());
  EXPECT_EQ(ids(), "1");
}

TEST_F(PostgresLost, AStatementCanBeAddedOnceTheServerIsBack) {
  open(by_hand());
  Receipt first = submit(1);
  tick_until_idle();
  cut();
  const Statement other = add("DELETE FROM peers WHERE id = $1");
  Receipt second = peers_.submit(other, row(1)).value();
  ASSERT_TRUE(journal_.tick().ok());
  EXPECT_EQ(second.poll()->changes, 1U);
  EXPECT_EQ(second.poll()->commit, 2U);
}

TEST_F(PostgresLost, AServerThatIsAwayInCommitIsAskedOnceItIsBack) {
  open({}, {.statement_timeout = 20s});
  want_standby();
  Receipt receipt = submit(1);
  await_commit();
  server_->stop();
  EXPECT_EQ(receipt.wait_for(100ms).status().code(), Errc::timed_out);
  server_->start();
  forget_standby();
  const Result<Outcome> outcome = receipt.wait_for(20s);
  ASSERT_TRUE(outcome.ok()) << outcome.status().to_string();
  EXPECT_TRUE(outcome->committed()) << outcome->to_string();
  EXPECT_EQ(ids(), "1");
  EXPECT_EQ(journal_.commits_of(journal_.stats().epoch).value(), outcome->commit);
  const Receipt next = submit(2);
  ASSERT_TRUE(journal_.flush(20s).ok());
  EXPECT_EQ(ids(), "1 2");
}

TEST_F(PostgresLost, AServerThatDoesNotAnswerIsGivenUpInTime) {
  open(by_hand(), {.connect_timeout = 1s,
                   .lock_timeout = 100ms,
                   .statement_timeout = 200ms,
                   .reply_timeout = 200ms});
  Receipt receipt = submit(1);
  const pid_t pid = backend();
  ASSERT_EQ(::kill(pid, SIGSTOP), 0);
  ASSERT_TRUE(journal_.tick().ok());
  EXPECT_EQ(end_of(receipt), "in flight");
  // While it stands still it has the lock, and nobody can say what it will do.
  ASSERT_TRUE(journal_.tick().ok());
  EXPECT_EQ(end_of(receipt), "in flight");
  ASSERT_EQ(::kill(pid, SIGCONT), 0);
  tick_until_idle();
  EXPECT_EQ(end_of(receipt), "committed");
  EXPECT_EQ(ids(), "1");
}

TEST_F(PostgresLost, AnotherJournalThatTookOverEndsTheOneBefore) {
  open(by_hand());
  Receipt first = submit(1);
  tick_until_idle();
  cut();
  {
    const auto successor = postgres::open_sink(conninfo_);
    ASSERT_TRUE(successor.ok()) << successor.status().to_string();
  }
  Receipt second = submit(2);
  EXPECT_EQ(journal_.tick().status().code(), Errc::poisoned);
  EXPECT_EQ(end_of(second), "closed");
  EXPECT_NE(second.poll()->cause.message().find("has taken over"), std::string::npos)
      << second.poll()->to_string();
  EXPECT_EQ(ids(), "1");
}

TEST_F(PostgresLost, WhileTheServerIsAwayRecordsAreJournaledAndThenAppliedOnce) {
  open_with_intake();
  std::vector<Receipt> receipts;
  for (std::int64_t id = 101; id <= 200; ++id) receipts.push_back(submit(id));
  ASSERT_TRUE(journal_.flush(20s).ok());
  server_->stop();
  for (std::int64_t id = 201; id <= 1100; ++id) {
    receipts.push_back(submit(id));
    if (id == 300) {  // the journal has found out
      while (journal_.health().ok()) pause();
    }
    if (id % 100 != 0) continue;
    EXPECT_TRUE(receipts.back().wait_journaled_for(20s).ok()) << id;
  }
  EXPECT_EQ(end_of(receipts.back()), "in flight");
  server_->start();
  ASSERT_TRUE(journal_.flush(30s).ok());
  for (Receipt& each : receipts) EXPECT_TRUE(each.wait()->committed());
  EXPECT_EQ(ask("SELECT count(*), bool_and(id = rank + 100) FROM (SELECT id, rank() OVER (ORDER BY "
                "at) FROM peers) AS r"),
            "1000|t");
}

// Each tick sends some 600 bytes, and gets some 150.
TEST_F(PostgresLost, WhereverATickIsCutItsRecordsAreCommittedOnce) {
  const std::string socket = "/.s.PGSQL.5432";
  const std::string folder = server_->conninfo().substr(5, server_->conninfo().find(' ') - 5);
  CuttingProxy proxy(folder_.path().native() + socket, folder + socket);
  conninfo_.replace(5, folder.size(), folder_.path().native());
  open(by_hand());
  std::int64_t id = 100;
  std::vector<Receipt> receipts;
  const auto cut_at = [&](CuttingProxy::Way way, std::int64_t bytes) {
    const std::uint64_t before = proxy.cuts();
    receipts.push_back(submit(++id));
    receipts.push_back(submit(++id));
    proxy.cut_after(way, bytes);
    tick_until_idle();
    proxy.cut_no_more();
    return proxy.cuts() != before;
  };
  std::int64_t sent = 0;
  while (cut_at(CuttingProxy::Way::to_server, sent)) sent += 9;
  std::int64_t got = 0;
  while (cut_at(CuttingProxy::Way::to_client, got)) got += 3;
  EXPECT_GT(sent, 300);
  EXPECT_GT(got, 60);
  for (Receipt& each : receipts) EXPECT_EQ(end_of(each), "committed");
  conninfo_.replace(5, folder_.path().native().size(), folder);
  EXPECT_EQ(ask("SELECT count(*) = max(id) - 100, bool_and(id = rank + 100) FROM (SELECT id, "
                "rank() OVER (ORDER BY at) FROM peers) AS r"),
            "t|t");
  EXPECT_EQ(ask("SELECT max(commits) FROM onelane_commits"),
            std::to_string(receipts.back().poll()->commit));
}

TEST_F(PostgresLost, ConnectionsThatAreCutAtRandomLoseNothingAndRepeatNothing) {
  constexpr std::int64_t kRecords = 2000;
  open_with_intake();
  std::mt19937_64 random(21);
  std::vector<Receipt> receipts;
  for (std::int64_t id = 101; id <= 100 + kRecords; ++id) {
    receipts.push_back(submit(id));
    if (random() % 40 == 0) cut();
    if (random() % 500 == 0) server_->restart();
  }
  ASSERT_TRUE(journal_.flush(60s).ok());
  for (Receipt& each : receipts) EXPECT_TRUE(each.wait()->committed());
  EXPECT_EQ(ask("SELECT count(*), count(DISTINCT id), bool_and(id = rank + 100) FROM (SELECT id, "
                "rank() OVER (ORDER BY at) FROM peers) AS r"),
            "2000|2000|t");
}

TEST_F(PostgresLost, ABackendThatIsKilledTakesTheServerThroughItsRecovery) {
  open_with_intake();
  std::vector<Receipt> receipts;
  for (std::int64_t id = 101; id <= 1100; ++id) {
    receipts.push_back(submit(id));
    if (id != 400) continue;
    ASSERT_EQ(::kill(backend(), SIGKILL), 0);
  }
  ASSERT_TRUE(journal_.flush(30s).ok());
  for (Receipt& each : receipts) EXPECT_TRUE(each.wait()->committed());
  EXPECT_EQ(ask("SELECT count(*), max(id) FROM peers"), "1000|1100");
}

TEST_F(PostgresLost, WithoutAnIntakeWritesAreRefusedWhileTheServerIsAway) {
  open();
  const Receipt first = submit(1);
  ASSERT_TRUE(journal_.flush(20s).ok());
  server_->stop();
  Receipt waits = submit(2);
  Status refused;
  for (std::int64_t id = 3; refused.ok(); ++id) {
    refused = peers_.push(insert_, row(id));
    pause();
  }
  EXPECT_EQ(refused.code(), Errc::storage);
  EXPECT_NE(refused.message().find("PostgreSQL at host="), std::string::npos) << refused.message();
  server_->start();
  EXPECT_TRUE(waits.wait_for(20s)->committed());
  EXPECT_EQ(ask("SELECT count(*) FROM peers WHERE id <= 2"), "2");
}

TEST_F(PostgresLost, WhatWasJournaledIsAppliedByTheNextOpening) {
  open_with_intake();
  const Receipt first = submit(1);
  ASSERT_TRUE(journal_.flush(20s).ok());
  server_->stop();
  Receipt second = submit(2);
  EXPECT_TRUE(second.wait_journaled_for(20s).ok());
  const CloseReport report = journal_.close(0s);
  EXPECT_EQ(end_of(second), "carried") << report.to_string();
  server_->start();
  open_with_intake();
  EXPECT_EQ(ids(), "1 2");
}

TEST_F(PostgresLost, AJournaledRecordThatIsRefusedIsAmongTheDeadLetters) {
  open_with_intake();
  Receipt bad = submit(13);
  Receipt good = submit(14);
  ASSERT_TRUE(journal_.flush(20s).ok());
  EXPECT_EQ(end_of(bad) + end_of(good), "rejectedcommitted");
  EXPECT_EQ(ask("SELECT class, position, statement, \"row\", cause LIKE '%peers_id_check%', time "
                "> now() - interval '1 minute' FROM onelane_dead_letters"),
            "peers|1|INSERT INTO peers VALUES($1)|13|t|t");
}

}  // namespace
}  // namespace onelane::test
