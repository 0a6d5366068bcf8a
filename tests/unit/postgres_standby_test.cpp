// A server and its standby: what a receipt says of both, and a failover from one to the other.
#include "tests/support/postgres_journal_fixture.h"
#include "tests/support/temp_directory.h"

namespace onelane::test {
namespace {

using How = PostgresServer::How;
using postgres::SynchronousCommit;

class PostgresStandby : public PostgresJournal {
 protected:
  void SetUp() override {
#ifdef ONELANE_POSTGRES_SERVER
    primary_ = std::make_unique<PostgresServer>(ONELANE_POSTGRES_SERVER);
    standby_ = std::make_unique<PostgresServer>(ONELANE_POSTGRES_SERVER, *primary_);
    conninfo_ = primary_->conninfo() + " dbname=postgres";
    on_standby_ = standby_->conninfo() + " dbname=postgres";
#else
    GTEST_SKIP() << "there is no PostgreSQL server here to start";
#endif
  }
  void TearDown() override {
    receipts_.clear();
    journal_ = {};
  }

  // COMMITs wait for the standby from now on.
  void synchronous() {
    ask("ALTER SYSTEM SET synchronous_standby_names = 'standby'");
    ask("SELECT pg_reload_conf()");
    while (ask("SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'") != "1") {
      pause();
    }
  }
  std::string both(const std::string& more) const {
    return "host=" + primary_->host().native() + ',' + standby_->host().native() +
           " user=postgres dbname=postgres" + more;
  }
  void open_at(const std::string& conninfo, const JournalOptions& options = {},
               postgres::Options server = {}) {
    const std::string before = std::exchange(conninfo_, conninfo);
    open(options, std::move(server));
    conninfo_ = before;
  }
  void push(std::int64_t first, std::int64_t last) {
    for (std::int64_t id = first; id <= last; ++id) {
      Result<Receipt> pushed = peers_.submit(insert_, row(id));
      if (pushed.ok()) receipts_.emplace_back(id, *std::move(pushed));
    }
  }
  void promote() {
    primary_->stop(How::killed);
    EXPECT_EQ(Neighbour(on_standby_).ask("SELECT pg_promote()"), "t");
  }
  std::string on_standby(const std::string& sql) { return Neighbour(on_standby_).ask(sql); }
  // Until the standby has all that the primary has.
  void await_standby() {
    while (ask("SELECT count(*) FROM pg_stat_replication WHERE replay_lsn = "
               "pg_current_wal_lsn()") != "1") {
      pause();
    }
  }
  // The COMMIT of a tick waits for the standby; and so does whoever runs that tick, on a thread of
  // the journal's: a caller that waits before would run it itself.
  void await_waiting_commit() {
    while (ask("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'") == "0") {
      pause();
    }
  }

  // What every receipt says, against what is there: `found` is its "id id id".
  void expect_as_answered(const std::string& found, std::uint64_t commits) {
    std::string expected;
    for (auto& [id, receipt] : receipts_) {
      const std::optional<Outcome> outcome = receipt.poll();
      ASSERT_TRUE(outcome.has_value()) << id;
      const bool there =
          outcome->committed() || (outcome->end == End::unknown && outcome->commit <= commits);
      if (there) expected += (expected.empty() ? "" : " ") + std::to_string(id);
    }
    EXPECT_EQ(found, expected);
  }

  std::unique_ptr<PostgresServer> primary_;
  std::unique_ptr<PostgresServer> standby_;
  std::string on_standby_;
  TempDirectory folder_;
  std::vector<std::pair<std::int64_t, Receipt>> receipts_;
};

const std::string kReadWrite = " target_session_attrs=read-write";
const std::string kIds = "SELECT id FROM peers ORDER BY id";

TEST_F(PostgresStandby, WithRemoteApplyARowIsThereWhenItIsAnswered) {
  synchronous();
  open({}, {.synchronous_commit = SynchronousCommit::remote_apply});
  Neighbour standby(on_standby_);
  for (std::int64_t id = 101; id <= 400; ++id) {
    ASSERT_TRUE(submit(id).wait_for(20s)->committed());
    ASSERT_EQ(standby.ask("SELECT count(*) FROM peers WHERE id = " + std::to_string(id)), "1");
  }
}

TEST_F(PostgresStandby, RemoteApplyWaitsForWhatTheStandbyHasButDoesNotShow) {
  synchronous();
  open({}, {.synchronous_commit = SynchronousCommit::remote_apply});
  on_standby("SELECT pg_wal_replay_pause()");
  Receipt receipt = submit(1);
  await_waiting_commit();
  EXPECT_EQ(receipt.wait_for(200ms).status().code(), Errc::timed_out);
  on_standby("SELECT pg_wal_replay_resume()");
  EXPECT_TRUE(receipt.wait_for(20s)->committed());
}

TEST_F(PostgresStandby, OnIsAnsweredBeforeTheStandbyShowsIt) {
  synchronous();
  open();
  on_standby("SELECT pg_wal_replay_pause()");
  EXPECT_TRUE(submit(1).wait_for(20s)->committed());
  on_standby("SELECT pg_wal_replay_resume()");
}

TEST_F(PostgresStandby, WhileTheStandbyIsAwayCommitsWait) {
  synchronous();
  open();
  ASSERT_TRUE(submit(1).wait_for(20s)->committed());
  standby_->stop();
  Receipt receipt = submit(2);
  await_waiting_commit();
  EXPECT_EQ(receipt.wait_for(300ms).status().code(), Errc::timed_out);
  standby_->start();
  EXPECT_TRUE(receipt.wait_for(20s)->committed());
  EXPECT_TRUE(submit(3).wait_for(20s)->committed());
  EXPECT_EQ(ids(), "1 2 3");
}

TEST_F(PostgresStandby, AfterReplyTimeoutNothingIsAnsweredThatNoStandbyHas) {
  synchronous();
  open({}, {.lock_timeout = 100ms, .statement_timeout = 200ms, .reply_timeout = 200ms});
  ASSERT_TRUE(submit(1).wait_for(20s)->committed());
  standby_->stop();
  Receipt receipt = submit(2);
  await_waiting_commit();
  const std::uint64_t backend =
      std::stoull(ask("SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'"));
  while (ask("SELECT count(*) FROM pg_stat_activity WHERE pid = " + std::to_string(backend)) !=
         "0") {
    pause();  // until its connection is given up
  }
  EXPECT_EQ(receipt.wait_for(1s).status().code(), Errc::timed_out);
  EXPECT_EQ(ids(), "1 2");  // it is committed here
  standby_->start();
  EXPECT_TRUE(receipt.wait_for(20s)->committed());
  EXPECT_TRUE(submit(3).wait_for(20s)->committed());
  await_standby();
  EXPECT_EQ(on_standby(kIds), "1 2 3");
}

TEST_F(PostgresStandby, AfterAFailoverTheNextOpeningHasAllThatWasAnswered) {
  synchronous();
  open();
  const std::uint64_t epoch = journal_.stats().epoch;
  push(101, 600);
  ASSERT_TRUE(receipts_[50].second.wait_for(20s).ok());
  primary_->stop(How::killed);
  push(601, 700);
  (void)journal_.close(0s);
  promote();
  open_at(on_standby_);
  expect_as_answered(on_standby(kIds), journal_.commits_of(epoch).value());
  EXPECT_TRUE(submit(1).wait_for(20s)->committed());
}

TEST_F(PostgresStandby, AfterAFailoverTheNextOpeningAppliesWhatWasJournaledOnce) {
  synchronous();
  open(with_intake(folder_ / "intake"));
  push(101, 600);
  ASSERT_TRUE(receipts_[50].second.wait_for(20s).ok());
  primary_->stop(How::killed);
  push(601, 700);
  ASSERT_TRUE(receipts_.back().second.wait_journaled_for(20s).ok());
  (void)journal_.close(0s);
  promote();
  open_at(on_standby_, with_intake(folder_ / "intake"));
  EXPECT_EQ(receipts_.size(), 600U);
  EXPECT_EQ(on_standby("SELECT count(*), bool_and(id = rank + 100) FROM (SELECT id, rank() OVER "
                       "(ORDER BY at) FROM peers) AS r"),
            "600|t");
}

TEST_F(PostgresStandby, WithBothHostsTheSameJournalGoesOn) {
  synchronous();
  open_at(both(kReadWrite));
  push(101, 600);
  ASSERT_TRUE(receipts_[50].second.wait_for(20s).ok());
  promote();
  for (auto& [id, receipt] : receipts_) {
    const Result<Outcome> outcome = receipt.wait_for(20s);
    ASSERT_TRUE(outcome.ok()) << id << ": " << outcome.status().to_string();
    EXPECT_TRUE(outcome->committed()) << outcome->to_string();
  }
  expect_as_answered(on_standby(kIds), 0);
  EXPECT_EQ(receipts_.size(), 500U);
}

TEST_F(PostgresStandby, WithBothHostsAndAnIntakeTheSameJournalGoesOn) {
  synchronous();
  open_at(both(kReadWrite), with_intake(folder_ / "intake"));
  push(101, 600);
  ASSERT_TRUE(receipts_[50].second.wait_for(20s).ok());
  primary_->stop(How::killed);
  push(601, 1100);
  promote();
  ASSERT_TRUE(journal_.flush(30s).ok());
  EXPECT_EQ(on_standby("SELECT count(*), bool_and(id = rank + 100) FROM (SELECT id, rank() OVER "
                       "(ORDER BY at) FROM peers) AS r"),
            "1000|t");
}

// The standby does not have what the primary answered: that is known, and nothing is answered any
// more that might be on neither.
TEST_F(PostgresStandby, AfterAFailoverThatLostCommitsTheJournalIsPoisoned) {
  open_at(both(kReadWrite));
  ASSERT_TRUE(submit(1).wait_for(20s)->committed());
  await_standby();
  standby_->stop();
  ASSERT_TRUE(submit(2).wait_for(20s)->committed());
  primary_->stop(How::killed);
  Receipt receipt = submit(3);
  standby_->start();
  promote();
  const Result<Outcome> outcome = receipt.wait_for(20s);
  ASSERT_TRUE(outcome.ok()) << outcome.status().to_string();
  EXPECT_FALSE(outcome->committed()) << outcome->to_string();
  EXPECT_EQ(peers_.push(insert_, row(4)).code(), Errc::poisoned);
  EXPECT_NE(outcome->cause.message().find("the server has lost commits"), std::string::npos)
      << outcome->to_string();
  EXPECT_EQ(on_standby(kIds), "1");
  open_at(on_standby_);
  EXPECT_TRUE(submit(4).wait_for(20s)->committed());
  EXPECT_EQ(on_standby(kIds), "1 4");
}

// A standby says nothing of a COMMIT that the primary may have carried out.
TEST_F(PostgresStandby, WhatAStandbyDoesNotHaveYetIsNotTakenForUndone) {
  synchronous();
  open_at(both(""), {}, {.connect_timeout = 500ms});
  ASSERT_TRUE(submit(1).wait_for(20s)->committed());
  standby_->stop();
  Receipt receipt = submit(2);
  await_waiting_commit();
  Receipt next = submit(3);
  primary_->stop();
  standby_->start();
  Status refused;
  const auto deadline = steady_clock().now() + 10s;
  while (refused.message().find("is a standby") == std::string::npos) {
    refused = peers_.push(insert_, row(std::int64_t{100}));
    ASSERT_LT(steady_clock().now(), deadline) << refused.to_string();
    pause();
  }
  primary_->start();
  EXPECT_TRUE(receipt.wait_for(20s)->committed()) << receipt.poll()->to_string();
  EXPECT_TRUE(next.wait_for(20s)->committed());
  EXPECT_EQ(ask("SELECT count(*) FROM peers WHERE id <= 3"), "3");
}

}  // namespace
}  // namespace onelane::test
