// A tick that is sent to a PostgreSQL server in one piece: what it costs, and who is blamed for
// what the server says at its end.
#include <memory>
#include <stdexcept>

#include "tests/support/cutting_proxy.h"
#include "tests/support/postgres_journal_fixture.h"
#include "tests/support/temp_directory.h"

namespace onelane::test {
namespace {

// The sink's conversation goes through a proxy, which counts its round trips.
class PostgresPipelined : public PostgresJournal {
 protected:
  void SetUp() override {
    PostgresJournal::SetUp();
    if (server_ == nullptr) return;
    direct_ = conninfo_;
    const std::string name = "/.s.PGSQL.5432";
    const std::string socket = direct_.substr(5, direct_.find(' ') - 5);
    proxy_ = std::make_unique<CuttingProxy>(folder_.path().native() + name, socket + name);
    conninfo_.replace(5, socket.size(), folder_.path().native());
  }
  void TearDown() override {
    journal_ = {};
    sink_ = {};
  }

  // Ticks until all is settled. How many round trips that took.
  std::uint64_t trips() {
    const std::uint64_t before = proxy_->syncs();
    tick_until_idle();
    return proxy_->syncs() - before;
  }
  template <class... All>
  static std::vector<Receipt> receipts_of(All... all) {
    std::vector<Receipt> out;
    (out.push_back(std::move(all)), ...);
    return out;
  }
  Receipt submit_job(StepFunction step) {
    return peers_.submit(Job{.name = "job", .step = std::move(step)}).value();
  }
  static std::string ends(const std::vector<Receipt>& receipts) {
    std::string out;
    for (const Receipt& each : receipts) out += end_of(each) == "committed" ? '+' : '-';
    return out;
  }
  std::string stored(const std::string& sql = "SELECT id FROM peers ORDER BY at") {
    return Neighbour(direct_).ask(sql);
  }

  // --- A sink without a journal.

  void open_sink(const std::string& schema) {
    auto opened = postgres::open_sink(conninfo_, {.schema = schema});
    ASSERT_TRUE(opened.ok()) << opened.status().to_string();
    sink_ = std::move(opened).value();
  }
  Statement add_to_sink(const std::string& sql, ColumnType type = ColumnType::integer) {
    const Status status = sink_->add_statement({.sql = sql, .columns = {{type, false}}});
    EXPECT_TRUE(status.ok()) << status.to_string();
    return {.index = added_++};
  }
  void apply(Statement statement, std::int64_t id) {
    EXPECT_TRUE(sink_->apply(statement, row(id).bytes()).ok());
  }
  void apply_group(const std::vector<std::pair<Statement, std::int64_t>>& records) {
    EXPECT_TRUE(sink_->savepoints()->savepoint().ok());
    for (const auto& [statement, id] : records) apply(statement, id);
    EXPECT_TRUE(sink_->verify().ok());
    EXPECT_TRUE(sink_->savepoints()->release().ok());
  }

  TempDirectory folder_;
  std::string direct_;  // past the proxy
  std::unique_ptr<CuttingProxy> proxy_;
  std::unique_ptr<Sink> sink_;
  std::uint16_t added_ = 0;
};

TEST_F(PostgresPipelined, ATickIsOneRoundTrip) {
  open(by_hand());
  std::vector<Receipt> receipts;
  for (std::int64_t id = 101; id <= 340; id += 6) {
    for (std::int64_t lone = id; lone < id + 4; ++lone) receipts.push_back(submit(lone));
    receipts.push_back(submit_group({id + 4, id + 5}));
  }
  EXPECT_EQ(trips(), 1U);
  EXPECT_EQ(ends(receipts), std::string(200, '+'));
  for (std::size_t i = 0; i < receipts.size(); ++i) {
    EXPECT_EQ(receipts[i].poll()->changes, i % 5 == 4 ? 2U : 1U) << i;
  }
  EXPECT_EQ(stored("SELECT count(*), bool_and(id = at + 100) FROM peers"), "240|t");
  EXPECT_EQ(receipts.back().poll()->commit, 1U);
}

TEST_F(PostgresPipelined, TheCulpritIsRejectedWhereverItStandsAndTheTickRunsOnceMore) {
  open(by_hand());
  std::int64_t id = 100;
  for (const std::size_t bad : {0U, 5U, 9U}) {
    std::vector<Receipt> receipts;
    for (std::size_t i = 0; i < 10; ++i) receipts.push_back(submit(i == bad ? 13 : ++id));
    EXPECT_LE(trips(), 5U);  // the tick, ROLLBACK, what is before and behind it, COMMIT
    std::string must(10, '+');
    must[bad] = '-';
    EXPECT_EQ(ends(receipts), must);
    EXPECT_EQ(receipts[bad].poll()->cause.constraint(), Constraint::check);
  }
  EXPECT_EQ(stored("SELECT count(*) FROM peers"), "27");
}

TEST_F(PostgresPipelined, AGroupIsRejectedForAnyOfItsRecords) {
  open(by_hand());
  std::int64_t id = 100;
  for (std::size_t bad = 0; bad < 3; ++bad) {
    std::vector<std::int64_t> group{++id, ++id, ++id};
    group[bad] = 13;
    std::vector<Receipt> receipts;
    receipts.push_back(submit(1000 + id));
    receipts.push_back(submit_group(group));
    receipts.push_back(submit(2000 + id));
    tick_until_idle();
    EXPECT_EQ(ends(receipts), "+-+");
  }
  EXPECT_EQ(stored("SELECT count(*) FROM peers WHERE id < 1000"), "0");
  EXPECT_EQ(stored("SELECT count(*) FROM peers WHERE id > 1000"), "6");
}

TEST_F(PostgresPipelined, EachOfTwoCulpritsIsRejectedForItsOwnCause) {
  open(by_hand());
  std::vector<Receipt> receipts;
  for (const std::int64_t id : {1, 2, 13, 3, 2, 4}) receipts.push_back(submit(id));
  tick_until_idle();
  EXPECT_EQ(ends(receipts), "++-+-+");
  EXPECT_EQ(receipts[2].poll()->cause.constraint(), Constraint::check);
  EXPECT_EQ(receipts[4].poll()->cause.constraint(), Constraint::unique);
  EXPECT_EQ(stored(), "1 2 3 4");
}

TEST_F(PostgresPipelined, AJobIsNotToBlameForARecordThatWasSentBeforeIt) {
  open(by_hand());
  int calls = 0;
  Receipt first = submit(1);
  Receipt bad = submit(13);
  Receipt job = submit_job([&calls](Transaction& transaction) {
    ++calls;
    transaction.execute("INSERT INTO peers VALUES($1)", 40).value();
    return Step::done;
  });
  const std::vector<Receipt> receipts =
      receipts_of(std::move(first), std::move(bad), std::move(job), submit(2));
  tick_until_idle();
  EXPECT_EQ(ends(receipts), "+-++");
  EXPECT_EQ(calls, 2);
  EXPECT_EQ(stored(), "1 40 2");
}

TEST_F(PostgresPipelined, AJobsViolationAtItsEndIsItsOwn) {
  open(by_hand(), {.schema = "CREATE TABLE team(id bigint PRIMARY KEY); CREATE TABLE member(team "
                             "bigint REFERENCES team DEFERRABLE INITIALLY DEFERRED)"});
  Receipt first = submit(1);
  Receipt job = submit_job([](Transaction& transaction) {
    transaction.execute("INSERT INTO member VALUES(7)").value();
    return Step::done;
  });
  const std::vector<Receipt> receipts = receipts_of(std::move(first), std::move(job), submit(2));
  tick_until_idle();
  EXPECT_EQ(ends(receipts), "+-+");
  EXPECT_EQ(receipts[1].poll()->cause.constraint(), Constraint::foreign_key);
  EXPECT_EQ(stored(), "1 2");
}

TEST_F(PostgresPipelined, WhatStatementsReturnComesWithTheirOwnOutcomes) {
  open(by_hand());
  const Statement returning = add("INSERT INTO peers VALUES($1) RETURNING id * 2");
  Group pair;
  pair.add(returning, row(30));
  pair.add(insert_, row(31));
  pair.add(returning, row(32));
  Receipt first = submit(1);
  Receipt second = peers_.submit(returning, row(20)).value();
  Receipt third = peers_.submit(pair).value();
  const std::vector<Receipt> receipts =
      receipts_of(std::move(first), std::move(second), std::move(third), submit(2));
  tick_until_idle();
  EXPECT_EQ(ends(receipts), "++++");
  using Rows = std::vector<ReturnedRow>;
  EXPECT_EQ(receipts[0].poll()->returned, nullptr);
  EXPECT_EQ(*receipts[1].poll()->returned, (Rows{{std::int64_t{40}}}));
  EXPECT_EQ(*receipts[2].poll()->returned, (Rows{{std::int64_t{60}}, {std::int64_t{64}}}));
  EXPECT_EQ(receipts[2].poll()->changes, 3U);
  EXPECT_EQ(receipts[3].poll()->returned, nullptr);
}

TEST_F(PostgresPipelined, AJournaledTickIsOneRoundTripWithItsPositions) {
  peers_options_.promise = Promise::journaled;
  peers_options_.intake = true;
  peers_options_.guarantee = {.records = 512, .bytes = kMiB};
  JournalOptions options = by_hand();
  options.intake.folder = folder_ / "intake";
  options.intake.dead_letters = "dead";
  open(options);
  std::vector<Receipt> receipts;
  for (std::int64_t id = 101; id <= 150; ++id) receipts.push_back(submit(id));
  EXPECT_EQ(trips(), 1U);
  EXPECT_EQ(stored("SELECT position, waiting FROM onelane_positions WHERE class = 'peers'"),
            "50|-");
  receipts.push_back(submit(13));
  receipts.push_back(submit(151));
  tick_until_idle();
  EXPECT_EQ(ends(receipts), std::string(50, '+') + "-+");
  EXPECT_EQ(stored("SELECT position FROM onelane_dead_letters"), "51");
  EXPECT_EQ(stored("SELECT position FROM onelane_positions WHERE class = 'peers'"), "52");
}

// A COMMIT that warns is confirmed by another one, but not for what a trigger has to say.
TEST_F(PostgresPipelined, AWarningOfARecordIsNotTakenForOneOfCommit) {
  open(by_hand(), {.schema = "CREATE FUNCTION warn() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
                             "RAISE WARNING 'careful'; RETURN NEW; END $$; CREATE TRIGGER warn "
                             "BEFORE INSERT ON peers FOR EACH ROW EXECUTE FUNCTION warn()"});
  const std::vector<Receipt> receipts = receipts_of(submit(1));
  EXPECT_EQ(trips(), 1U);
  EXPECT_EQ(ends(receipts), "+");
}

TEST_F(PostgresPipelined, WhereverATickIsCutItIsCommittedOnce) {
  open(by_hand());
  std::int64_t id = 100;
  std::vector<Receipt> receipts;
  const auto cut_at = [&](CuttingProxy::Way way, std::int64_t bytes) {
    const std::uint64_t before = proxy_->cuts();
    for (int i = 0; i < 20; ++i) receipts.push_back(submit(++id));
    receipts.push_back(submit_group({id + 1, id + 2}));
    id += 2;
    proxy_->cut_after(way, bytes);
    tick_until_idle();
    proxy_->cut_no_more();
    return proxy_->cuts() != before;
  };
  std::int64_t sent = 0;
  while (cut_at(CuttingProxy::Way::to_server, sent)) sent += 47;
  std::int64_t got = 0;
  while (cut_at(CuttingProxy::Way::to_client, got)) got += 29;
  EXPECT_GT(sent, 1000);
  EXPECT_GT(got, 500);
  EXPECT_EQ(ends(receipts), std::string(receipts.size(), '+'));
  EXPECT_EQ(stored("SELECT count(*) = max(id) - 100, bool_and(id = rank + 100) FROM (SELECT id, "
                   "rank() OVER (ORDER BY at) FROM peers) AS r"),
            "t|t");
  EXPECT_EQ(stored("SELECT max(commits) FROM onelane_commits"),
            std::to_string(receipts.back().poll()->commit));
}

// --- Without a journal.

TEST_F(PostgresPipelined, AViolationAtAGroupsEndNamesItsLastRecord) {
  open_sink(
      "CREATE TABLE team(id bigint PRIMARY KEY); CREATE TABLE member(team bigint REFERENCES "
      "team DEFERRABLE INITIALLY DEFERRED)");
  const Statement team = add_to_sink("INSERT INTO team VALUES($1)");
  const Statement member = add_to_sink("INSERT INTO member VALUES($1)");
  EXPECT_TRUE(sink_->begin().ok());
  apply_group({{member, 1}, {team, 1}});
  apply_group({{team, 2}, {member, 3}, {team, 4}});
  apply(team, 5);
  const Reply reply = sink_->commit();
  EXPECT_EQ(reply.fault, Fault::record);
  EXPECT_EQ(reply.effect, Effect::ended);
  EXPECT_EQ(reply.cause.constraint(), Constraint::foreign_key);
  EXPECT_EQ(sink_->pipelined_calls()->failed_record(), 4U);
  EXPECT_TRUE(sink_->rollback().ok());
  EXPECT_EQ(stored("SELECT count(*) FROM team"), "0");
}

TEST_F(PostgresPipelined, APositionThatSomebodyElseHasChangedUndoesTheWholeTick) {
  open_sink("CREATE TABLE t(id bigint)");
  const Statement insert = add_to_sink("INSERT INTO t VALUES($1)");
  AppliedPositions& positions = *sink_->applied_positions();
  ASSERT_TRUE(positions.set_mark({}).ok());
  const auto commit = [&](std::uint64_t expected, std::uint64_t position) {
    EXPECT_TRUE(sink_->begin().ok());
    apply(insert, static_cast<std::int64_t>(position));
    EXPECT_TRUE(
        positions
            .advance(
                {.name = "c", .expected = expected, .position = position, .journaled = position})
            .ok());
    return sink_->commit();
  };
  EXPECT_TRUE(commit(0, 1).ok());
  EXPECT_TRUE(commit(1, 2).ok());
  for (const std::uint64_t wrong : {0U, 1U, 3U}) {
    const Reply reply = commit(wrong, 4);
    EXPECT_EQ(reply.fault, Fault::corrupt) << wrong;
    EXPECT_EQ(reply.cause.message(),
              "table public.\"onelane_positions\": class \"c\" is not at position " +
                  std::to_string(wrong) + " any more: somebody else has changed it");
    EXPECT_FALSE(sink_->pipelined_calls()->failed_record());
    EXPECT_TRUE(sink_->rollback().ok());
  }
  EXPECT_EQ(stored("SELECT id FROM t ORDER BY id"), "1 2");
}

TEST_F(PostgresPipelined, AGroupThatHearsOfAnEarlierFailureIsNotToBlame) {
  open_sink("CREATE TABLE t(id bigint CHECK (id <> 13))");
  const Statement insert = add_to_sink("INSERT INTO t VALUES($1)");
  EXPECT_TRUE(sink_->begin().ok());
  apply(insert, 12);
  apply(insert, 13);
  sink_->pipelined_calls()->wait_for_each(true);
  EXPECT_TRUE(sink_->savepoints()->savepoint().ok());
  const Reply reply = sink_->apply(insert, row(14).bytes());
  EXPECT_EQ(reply.fault, Fault::record);
  EXPECT_EQ(reply.effect, Effect::ended);
  EXPECT_EQ(sink_->pipelined_calls()->failed_record(), 1U);
  EXPECT_TRUE(sink_->rollback().ok());
}

// The answers to all records take 26 bytes each, and the server sends them whenever it has 8 KiB.
// So what comes after 24 KiB it sends after COMMIT.
TEST_F(PostgresPipelined, NobodyIsToBlameForAnswersThatAreLostAfterTheCommit) {
  open_sink("CREATE TABLE t(id bigint)");
  const Statement insert = add_to_sink("INSERT INTO t VALUES($1)");
  proxy_->cut_after(CuttingProxy::Way::to_client, 25'000);
  EXPECT_TRUE(sink_->begin().ok());
  for (std::int64_t id = 1; id <= 1000; ++id) apply(insert, id);
  const Reply reply = sink_->commit();
  EXPECT_EQ(proxy_->cuts(), 1U);
  EXPECT_TRUE(reply.ok()) << reply.cause.to_string();
  EXPECT_FALSE(sink_->pipelined_calls()->failed_record());
  const std::span<AppliedRecord> applied = sink_->pipelined_calls()->applied();
  ASSERT_EQ(applied.size(), 1000U);
  EXPECT_EQ(applied.front().changes, 1U);
  EXPECT_EQ(applied.back().changes, 0U);
  EXPECT_EQ(stored("SELECT count(*) FROM t"), "1000");
}

TEST_F(PostgresPipelined, AfterATurnThatFailedTheNextOneIsWritten) {
  open_sink(
      "CREATE TABLE t(id bigint); CREATE SEQUENCE tries; CREATE FUNCTION once() RETURNS "
      "trigger LANGUAGE plpgsql AS $$ BEGIN IF nextval('tries') = 1 THEN RAISE 'once'; END "
      "IF; RETURN NEW; END $$; CREATE TRIGGER once BEFORE UPDATE ON onelane_commits FOR EACH "
      "ROW EXECUTE FUNCTION once()");
  const Statement insert = add_to_sink("INSERT INTO t VALUES($1)");
  const auto commit = [&] {
    EXPECT_TRUE(sink_->begin().ok());
    apply(insert, 1);
    const Reply reply = sink_->commit();
    EXPECT_TRUE(sink_->rollback().ok());
    return reply;
  };
  const Reply first = commit();
  EXPECT_EQ(first.fault, Fault::environment);
  EXPECT_FALSE(sink_->pipelined_calls()->failed_record());
  const Reply second = commit();
  EXPECT_TRUE(second.ok()) << second.cause.to_string();
  EXPECT_EQ(stored("SELECT id FROM t"), "1");
}

TEST_F(PostgresPipelined, ARecordThatCannotBeSentIsRefusedAlone) {
  open_sink("CREATE TABLE t(text text)");
  const Statement insert = add_to_sink("INSERT INTO t VALUES($1)", ColumnType::text);
  const std::vector<Row> rows{row(std::string_view("a")), row(std::string_view("b\0c", 3)),
                              row(std::string_view("d"))};
  std::vector<Application> records(3);
  for (std::size_t i = 0; i < 3; ++i) {
    records[i].statement = insert;
    records[i].row = rows[i].bytes();
  }
  EXPECT_TRUE(sink_->begin().ok());
  Reply failed;
  EXPECT_EQ(sink_->apply_each(records, failed), 1U);
  EXPECT_EQ(failed.fault, Fault::record);
  EXPECT_EQ(failed.effect, Effect::undone);
  EXPECT_EQ(sink_->apply_each(std::span(records).last(1), failed), 1U);
  EXPECT_TRUE(sink_->commit().ok());
  EXPECT_EQ(sink_->pipelined_calls()->applied().size(), 2U);
  EXPECT_EQ(stored("SELECT text FROM t"), "a d");
}

TEST_F(PostgresPipelined, AnAbandonedTransactionThatFailsLateKeepsTheConnection) {
  open_sink("CREATE TABLE t(id bigint CHECK (id <> 13))");
  const Statement insert = add_to_sink("INSERT INTO t VALUES($1)");
  const std::string backend =
      "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND database = "
      "(SELECT oid FROM pg_database WHERE datname = current_database())";
  const std::string before = stored(backend);
  EXPECT_TRUE(sink_->begin().ok());
  apply(insert, 13);
  EXPECT_TRUE(sink_->rollback().ok());
  EXPECT_EQ(stored(backend), before);
  EXPECT_TRUE(sink_->begin().ok());
  apply(insert, 14);
  EXPECT_TRUE(sink_->commit().ok());
  EXPECT_EQ(stored("SELECT id FROM t"), "14");
}

// 40 MiB there and back, which no buffer between holds: neither side may wait for the other.
TEST_F(PostgresPipelined, ALargeTickWhoseRowsNobodyWantsComesThrough) {
  conninfo_ = direct_;
  open_sink("CREATE TABLE t(text text)");
  const Statement insert = add_to_sink("INSERT INTO t VALUES($1) RETURNING text", ColumnType::text);
  const std::string text(10'000, 'x');
  const Row record = row(std::string_view(text));
  constexpr std::size_t kRecords = 2'000;
  EXPECT_TRUE(sink_->begin().ok());
  for (std::size_t i = 0; i < kRecords; ++i) {
    EXPECT_TRUE(sink_->apply(insert, record.bytes()).ok());
  }
  const Reply reply = sink_->commit();
  EXPECT_TRUE(reply.ok()) << reply.cause.to_string();
  EXPECT_EQ(sink_->pipelined_calls()->applied().size(), kRecords);
  EXPECT_EQ(stored("SELECT count(*) FROM t"), std::to_string(kRecords));
}

}  // namespace
}  // namespace onelane::test
