// A journal on a PostgreSQL server: what becomes of records, groups and jobs.
#include <filesystem>
#include <fstream>

#include "tests/support/postgres_journal_fixture.h"

namespace onelane::test {
namespace {

TEST_F(PostgresJournal, AThousandRecordsArriveInOrder) {
  open();
  std::vector<Receipt> receipts;
  for (std::int64_t id = 101; id <= 1100; ++id) receipts.push_back(submit(id));
  ASSERT_TRUE(journal_.flush(30s).ok());
  for (Receipt& each : receipts) EXPECT_TRUE(each.wait()->committed());
  EXPECT_EQ(ask("SELECT count(*), bool_and(id = at + 100) FROM peers"), "1000|t");
  EXPECT_EQ(journal_.commits_of(journal_.stats().epoch).value(), journal_.stats().committed);
  EXPECT_TRUE(journal_.close(5s).status.ok());
}

TEST_F(PostgresJournal, OnlyTheCulpritsOfATickAreRejected) {
  open(by_hand());
  std::vector<Receipt> receipts;
  for (const std::int64_t id : {1, 2, 13, 3, 2, 13, 13, 13, 13, 4}) receipts.push_back(submit(id));
  tick_until_idle();
  std::string ends;
  for (Receipt& each : receipts) ends += end_of(each) + ' ';
  EXPECT_EQ(ends,
            "committed committed rejected committed rejected rejected rejected rejected rejected "
            "committed ");
  EXPECT_EQ(receipts[2].poll()->cause.constraint(), Constraint::check);
  EXPECT_EQ(receipts[4].poll()->cause.constraint(), Constraint::unique);
  EXPECT_EQ(ids(), "1 2 3 4");
}

TEST_F(PostgresJournal, AGroupIsAppliedWholeOrNotAtAll) {
  open(by_hand());
  Receipt first = submit(1);
  Receipt bad = submit_group({2, 3, 13});
  Receipt good = submit_group({4, 5});
  tick_until_idle();
  EXPECT_EQ(end_of(first) + end_of(bad) + end_of(good), "committedrejectedcommitted");
  EXPECT_EQ(good.poll()->changes, 2U);
  EXPECT_EQ(ids(), "1 4 5");
}

TEST_F(PostgresJournal, ADeferredKeyIsCheckedAtTheEndOfItsUnit) {
  open(by_hand(),
       {.schema = "CREATE TABLE team(id bigint PRIMARY KEY); CREATE TABLE member(team bigint "
                  "REFERENCES team DEFERRABLE INITIALLY DEFERRED)"});
  const Statement team = add("INSERT INTO team VALUES($1)");
  const Statement member = add("INSERT INTO member VALUES($1)");
  Group whole;  // the key is there at its end
  whole.add(member, row(1));
  whole.add(team, row(1));
  Group broken;
  broken.add(team, row(2));
  broken.add(member, row(3));
  Receipt first = peers_.submit(whole).value();
  Receipt second = peers_.submit(broken).value();
  Receipt alone = peers_.submit(member, row(4)).value();
  Receipt last = peers_.submit(team, row(5)).value();
  tick_until_idle();
  EXPECT_EQ(end_of(first) + end_of(second) + end_of(alone) + end_of(last),
            "committedrejectedrejectedcommitted");
  EXPECT_EQ(second.poll()->cause.constraint(), Constraint::foreign_key);
  EXPECT_EQ(ask("SELECT id FROM team ORDER BY id"), "1 5");
}

TEST_F(PostgresJournal, AJobReadsWhatItWroteAndGoesOnAfterAFailure) {
  open(by_hand());
  const Receipt before = submit(7);
  std::string seen;
  Receipt job =
      peers_
          .submit(Job{.name = "job",
                      .step = [&](Transaction& t) -> Result<Step> {
                        seen += number(t.execute("INSERT INTO peers VALUES($1)", 8));
                        seen += t.execute("INSERT INTO peers VALUES($1)", 8).status().ok()
                                    ? "again"
                                    : " refused";
                        const auto visit = [&](const ResultRow& found) {
                          seen += ' ' + std::to_string(found.integer(0));
                          // Another statement while this one's rows are visited.
                          (void)t.query(
                              "SELECT $1 + 1",
                              [&](const ResultRow& r) { seen += '+' + std::string(r.text(0)); },
                              found.integer(0));
                        };
                        seen += number(t.query("SELECT id FROM peers ORDER BY id", visit));
                        return Step::done;
                      }})
          .value();
  tick_until_idle();
  EXPECT_EQ(end_of(job), "committed");
  EXPECT_EQ(job.poll()->changes, 1U);
  EXPECT_EQ(seen, "1 refused 7+8 8+90");
  EXPECT_EQ(ids(), "7 8");
}

TEST_F(PostgresJournal, AJobCannotEndItsTransaction) {
  open(by_hand());
  std::string refused;
  Receipt job = peers_
                    .submit(Job{.name = "job",
                                .step = [&](Transaction& t) -> Result<Step> {
                                  for (const char* sql :
                                       {"COMMIT", " /* */ rollback", "END", "BEGIN", "SET x.y = 1",
                                        "PREPARE TRANSACTION 'a'", "COPY peers FROM STDIN",
                                        "DEALLOCATE ALL", "DO 'BEGIN COMMIT; END'"}) {
                                    refused += t.execute(sql).status().ok() ? sql : ".";
                                  }
                                  return t.execute("INSERT INTO peers VALUES(1)").status().ok()
                                             ? Result<Step>(Step::done)
                                             : Status(Errc::record, "no");
                                }})
                    .value();
  tick_until_idle();
  EXPECT_EQ(refused, ".........");
  EXPECT_EQ(end_of(job), "committed") << job.poll()->cause.to_string();
}

TEST_F(PostgresJournal, MigrationsRunOnceEachInATransactionOfTheirOwn) {
  for (int opening = 0; opening < 2; ++opening) {
    JournalOptions options = by_hand();
    options.migrations = {{.version = 1, .sql = "CREATE TABLE a(i bigint); CREATE TABLE b(i int)"},
                          {.version = 2, .sql = "INSERT INTO a VALUES(1)"}};
    open(options);
    journal_ = {};
  }
  EXPECT_EQ(ask("SELECT count(*), (SELECT version FROM onelane_version) FROM a"), "1|2");
  JournalOptions options = by_hand();
  options.migrations = {{.version = 3, .sql = "CREATE TABLE c(i bigint); CREATE TABLE a(i int)"}};
  const Result<Journal> failed = postgres::open(conninfo_, options);
  EXPECT_EQ(failed.status().code(), Errc::invalid_argument);
  EXPECT_NE(failed.status().message().find("relation \"a\" already exists"), std::string::npos);
  EXPECT_EQ(ask("SELECT to_regclass('c') IS NULL, (SELECT version FROM onelane_version)"), "t|2");
}

TEST_F(PostgresJournal, TwoJournalsThatConflictUnderSerializableLoseNoUpdate) {
  constexpr int kUpdates = 100;
  conninfo_ += " options='-c default_transaction_isolation=serializable'";
  open({}, {.schema = "CREATE TABLE counter(n bigint); INSERT INTO counter VALUES(0)"});
  Journal other = postgres::open(conninfo_, {}, {.prefix = "other"}).value();
  const WriteClass others = other.add_class({.name = "others"}).value();
  const std::string sql = "UPDATE counter SET n = (SELECT max(n) FROM counter) + $1";
  const Statement mine = add(sql);
  const Statement theirs =
      other.add_statement({.sql = sql, .columns = {{ColumnType::integer, false}}}).value();
  for (int i = 0; i < kUpdates; ++i) {
    EXPECT_TRUE(peers_.push(mine, row(1)).ok());
    EXPECT_TRUE(others.push(theirs, row(1)).ok());
    if (i % 10 == 0) pause();
  }
  ASSERT_TRUE(journal_.flush(60s).ok());
  ASSERT_TRUE(other.flush(60s).ok());
  EXPECT_EQ(ask("SELECT n FROM counter"), std::to_string(2 * kUpdates));
}

TEST_F(PostgresJournal, SomebodyElsesLockIsNoRecordsFault) {
  open(by_hand(), {.lock_timeout = 50ms});
  Neighbour neighbour(conninfo_);
  neighbour.ask("BEGIN; LOCK TABLE peers IN EXCLUSIVE MODE");
  Receipt receipt = submit(1);
  ASSERT_TRUE(journal_.tick().ok());
  EXPECT_EQ(end_of(receipt), "in flight");
  neighbour.ask("COMMIT");
  tick_until_idle();
  EXPECT_EQ(end_of(receipt), "committed");
}

TEST_F(PostgresJournal, WhatAStatementReturnsReachesItsReceipt) {
  open(by_hand());
  const Statement returning = add("INSERT INTO peers VALUES($1) RETURNING id * 2, 'x'");
  Receipt receipt = peers_.submit(returning, row(21)).value();
  tick_until_idle();
  const auto returned = receipt.poll()->returned;
  ASSERT_NE(returned, nullptr);
  EXPECT_EQ(*returned, (std::vector<ReturnedRow>{{std::int64_t{42}, std::string("x")}}));
}

TEST_F(PostgresJournal, WhatCannotBeOpenedSaysWhyWithoutThePassword) {
  ask("DROP ROLE IF EXISTS secretive; CREATE ROLE secretive LOGIN PASSWORD 'right'");
  const std::filesystem::path rules = server_->data() / "pg_hba.conf";
  std::ofstream(rules) << "local all secretive scram-sha-256\nlocal all all trust\n";
  ask("SELECT pg_reload_conf()");
  const std::string secret = " password=hunter2";
  const std::vector<std::pair<std::string, std::string>> all{
      {conninfo_ + "x" + secret, "does not exist"},
      {conninfo_ + " port=1" + secret, "port=1"},
      {conninfo_ + " user=secretive" + secret, "password authentication failed"},
      {"host=127.0.0.1 port=1" + secret, "127.0.0.1"}};
  for (const auto& [conninfo, words] : all) {
    const Result<Journal> opened = postgres::open(conninfo);
    EXPECT_EQ(opened.status().code(), Errc::storage);
    const std::string message = opened.status().to_string();
    EXPECT_NE(message.find(words), std::string::npos) << message;
    EXPECT_EQ(message.find("hunter2"), std::string::npos) << message;
  }
  std::ofstream(rules) << "local all all trust\n";
}

TEST_F(PostgresJournal, ASchemaThatIsWrongOpensNothing) {
  const Result<Journal> opened =
      postgres::open(conninfo_, {.schema = "CREATE TABLE a(i int); CREATE TABEL b(i int)"});
  EXPECT_EQ(opened.status().code(), Errc::invalid_argument);
  EXPECT_NE(opened.status().message().find("syntax error"), std::string::npos);
  EXPECT_EQ(ask("SELECT to_regclass('a') IS NULL"), "t");
}

TEST_F(PostgresJournal, OptionsOutsideTheirLimitsAreNamed) {
  EXPECT_EQ(postgres::validate({.prefix = "Big"}).message(),
            "postgres::Options::prefix is \"Big\"; right are 1 to 40 lower-case letters, digits "
            "and _, no digit first");
  EXPECT_EQ(postgres::validate({.connect_timeout = 0s}).message(),
            "postgres::Options::connect_timeout is 0 ns; right is 1 ms to 1 h");
  EXPECT_EQ(postgres::validate({.reply_timeout = 1s}).message(),
            "postgres::Options::statement_timeout is longer than reply_timeout");
}

}  // namespace
}  // namespace onelane::test
