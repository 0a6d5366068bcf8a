// onelane move where it could undo what somebody wrote, or say that all is equal when it is not.
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <functional>
#include <string>

#include "onelane/onelane.h"
#include "onelane/postgres.h"
#include "tests/support/move_fixture.h"
#include "tools/move/server.h"

namespace onelane::test {
namespace {

class MoveInDanger : public MoveTest {
 protected:
  // Runs `meanwhile` while a move waits for the lock of table p, which is there on both sides.
  Ended move_and(const std::function<void()>& meanwhile) {
    Neighbour neighbour(conninfo_);
    neighbour.ask("BEGIN");
    neighbour.ask("LOCK TABLE p");
    Command command(both());
    const auto waits = [this] {
      return ask("SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'p'::regclass") ==
             "1";
    };
    for (int i = 0; i < 2000 && !waits(); ++i) pause();
    meanwhile();
    neighbour.ask("COMMIT");
    return command.wait();
  }
  void make_p() {
    lite("CREATE TABLE p(id INTEGER PRIMARY KEY, n INTEGER); INSERT INTO p VALUES(1, 10), (2, 20)");
    ask("CREATE TABLE p(id bigint PRIMARY KEY, n bigint)");
  }
  // A journal's commit that SQLite does not have.
  void commit_a_row(const postgres::Options& with = {}) {
    Journal journal = postgres::open(conninfo_, {.drive = Drive::manual}, with).value();
    WriteClass writes = journal.add_class({.name = "p"}).value();
    const Statement insert = journal
                                 .add_statement({.sql = "INSERT INTO p VALUES($1)",
                                                 .columns = {{ColumnType::integer, false}}})
                                 .value();
    EXPECT_TRUE(writes.push(insert, row(std::int64_t{100})).ok());
    EXPECT_TRUE(journal.flush().ok());
  }
  static constexpr int kMoreThanAreRemembered = 70;
};

// --- Commits that would be undone.

TEST_F(MoveInDanger, IsRefusedHoweverOftenItIsTried) {
  make_p();
  move();
  commit_a_row();
  const std::string epochs = ask("SELECT count(*), max(epoch) FROM onelane_commits");
  for (int i = 0; i < kMoreThanAreRemembered; ++i) {
    ASSERT_NE(refusal(), "") << i;
  }
  EXPECT_EQ(ask("SELECT count(*), max(epoch) FROM onelane_commits"), epochs);
  EXPECT_EQ(ask("SELECT id FROM p ORDER BY id"), "1 2 100");
}

TEST_F(MoveInDanger, IsRefusedHoweverOftenAJournalWasOpenedSince) {
  make_p();
  commit_a_row();
  for (int i = 0; i < kMoreThanAreRemembered; ++i) {
    ASSERT_TRUE(postgres::open_sink(conninfo_).ok());
  }
  expect_contains(refusal(), "commits in PostgreSQL, which SQLite does not have");
  EXPECT_EQ(ask("SELECT id FROM p"), "100");
}

TEST_F(MoveInDanger, IsRefusedWhereAJournalOfAnotherPrefixIsOpenOrWrote) {
  make_p();
  postgres::Options peers;
  peers.prefix = "peers";
  {
    const auto sink = postgres::open_sink(conninfo_, peers).value();
    expect_contains(refusal(), "another prefix, peers, has PostgreSQL's tables open");
  }
  EXPECT_EQ(in_words(move()), "p: 2 rows, 2 copied, 0 changed, 0 deleted");  // it wrote nothing
  commit_a_row(peers);
  expect_contains(refusal(), "another prefix, peers, has made ");
  tools::MoveOptions again = options();
  again.prefix.overwrite = tools::Overwrite::yes;
  expect_contains(complaint([&] { tools::move_database(again); }), "--beside peers");
  EXPECT_EQ(ask("SELECT id FROM p ORDER BY id"), "1 2 100");
  const Ended beside = Command("--beside peers " + both()).wait();
  EXPECT_EQ(beside.code, 0) << beside.said;
  EXPECT_EQ(ask("SELECT id FROM p ORDER BY id"), "1 2");
  EXPECT_NE(ask("SELECT sum(turn) FROM peers_commits"), "0");
}

TEST_F(MoveInDanger, IsUndoneIfItsLockIsLost) {
  make_p();
  const Ended ended = move_and([this] {
    EXPECT_EQ(ask("SELECT pg_terminate_backend(pid, 5000) FROM pg_locks WHERE locktype = "
                  "'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = "
                  "current_database())"),
              "t");
  });
  EXPECT_EQ(ended.code, 1) << ended.said;
  expect_contains(ended.said, "kept journals with the prefix onelane away was lost; nothing was");
  EXPECT_EQ(ask("SELECT count(*) FROM p"), "0");
}

// A journal that has the lock by then cannot commit anything before the move ends.
TEST_F(MoveInDanger, LetsNoJournalCommitBeforeItEnds) {
  make_p();
  const Ended ended = move_and([this] {
    EXPECT_EQ(ask("SELECT count(*) FROM pg_locks WHERE granted AND relation = "
                  "'onelane_commits'::regclass AND mode = 'ShareRowExclusiveLock'"),
              "1");
  });
  EXPECT_EQ(ended.code, 0) << ended.said;
}

// --- Rows and tables that would be overlooked.

TEST_F(MoveInDanger, NamesTheTablesThatItTakesForOnelanesOwn) {
  lite(
      "CREATE TABLE mine(epoch INTEGER PRIMARY KEY, commits); INSERT INTO mine VALUES(1, 'x');"
      "CREATE TABLE dead(class, position, statement, row, cause, time)");
  const tools::Move moved = move();
  EXPECT_TRUE(has(moved.notes, "table mine: not moved, since it looks like "));
  EXPECT_TRUE(has(moved.notes, "table dead: taken for IntakeOptions::dead_letters"));
  lite("CREATE TABLE older(class, position, statement, row, cause, time)");
  expect_contains(refusal(), "tables dead and older both look like onelane's dead_letters");
}

TEST_F(MoveInDanger, IsRefusedWhereAPolicyHidesRows) {
  make_p();
  ask("CREATE ROLE limited; GRANT CREATE ON SCHEMA public TO limited; GRANT ALL ON p TO limited;"
      "CREATE POLICY below ON p USING (id < 100) WITH CHECK (true);"
      "ALTER TABLE p ENABLE ROW LEVEL SECURITY; INSERT INTO p VALUES(1, 10), (200, 0)");
  tools::MoveOptions as_limited = options();
  as_limited.conninfo += " options='-c role=limited'";
  expect_contains(complaint([&] { tools::move_database(as_limited); }), "row-level security");
  EXPECT_EQ(ask("SELECT id FROM p ORDER BY id"), "1 200");
  ask("DROP OWNED BY limited; DROP ROLE limited");
}

// --- Rows that would lose what only PostgreSQL has.

TEST_F(MoveInDanger, DoesNotDeleteRowsThatExchangeAUniqueValueWhereMoreWouldGo) {
  lite(
      "CREATE TABLE u(id INTEGER PRIMARY KEY, rank INTEGER); INSERT INTO u VALUES(1, 10), (2, 20)");
  ask("CREATE TABLE u(id bigint PRIMARY KEY, rank bigint CONSTRAINT one UNIQUE, extra text)");
  move();
  ask("UPDATE u SET extra = 'mine'");
  lite("UPDATE u SET rank = 30 - rank");
  expect_contains(refusal(), "PostgreSQL's column extra does not survive");
  ask("ALTER TABLE u DROP COLUMN extra; CREATE TABLE c(of bigint CONSTRAINT child REFERENCES u ON "
      "DELETE CASCADE); INSERT INTO c VALUES(1)");
  expect_contains(refusal(), "PostgreSQL's foreign key child of c does not survive");
  EXPECT_EQ(ask("SELECT id, rank FROM u ORDER BY id"), "1|10 2|20");
  ask("ALTER TABLE u DROP CONSTRAINT one, ADD UNIQUE(rank) DEFERRABLE");
  EXPECT_EQ(in_words(move()), "u: 2 rows, 0 copied, 2 changed, 0 deleted");
  EXPECT_EQ(ask("SELECT id, rank, of FROM u LEFT JOIN c ON id = of ORDER BY id"), "1|20|1 2|10|-");
}

TEST_F(MoveInDanger, NamesATableWhoseKeyIsNotUnique) {
  make_p();
  ask("ALTER TABLE p DROP CONSTRAINT p_pkey; INSERT INTO p VALUES(1, 10), (1, 10), (2, 20)");
  expect_contains(refusal(), "it has rows with the same key, so make its primary key");
  EXPECT_EQ(ask("SELECT count(*) FROM p"), "3");
}

// --- Numbers that rows would get twice.

TEST_F(MoveInDanger, LeavesSequencesAsTheyWereIfItIsRefused) {
  lite("CREATE TABLE p(id INTEGER PRIMARY KEY); INSERT INTO p VALUES(1)");
  move();
  ask("INSERT INTO p SELECT FROM generate_series(1, 100)");
  ask("ALTER TABLE onelane_positions ADD CHECK (class <> 'refused')");
  lite(
      "CREATE TABLE positions(class, position, waiting, journaled);"
      "INSERT INTO positions VALUES('refused', 1, NULL, 1)");
  expect_contains(refusal(), "violates check constraint");
  EXPECT_EQ(ask("INSERT INTO p DEFAULT VALUES RETURNING id"), "102");
}

TEST_F(MoveInDanger, SetsSequencesAlsoIfNoRowDiffers) {
  lite("CREATE TABLE p(id INTEGER PRIMARY KEY AUTOINCREMENT, n); INSERT INTO p VALUES(1, 1)");
  move();
  lite("INSERT INTO p(n) VALUES(2), (3), (4); DELETE FROM p WHERE id > 1");
  EXPECT_EQ(in_words(move()), "p: 1 rows, 0 copied, 0 changed, 0 deleted");
  EXPECT_EQ(ask("INSERT INTO p(n) VALUES(5) RETURNING id"), "5");
}

TEST_F(MoveInDanger, LeavesASequenceThatHasNoMoreNumbersAtItsEnd) {
  lite(
      "CREATE TABLE p(id INTEGER PRIMARY KEY); INSERT INTO p VALUES(9223372036854775807);"
      "CREATE TABLE q(id INTEGER PRIMARY KEY); INSERT INTO q VALUES(7)");
  ask("CREATE SEQUENCE tens INCREMENT 10; CREATE TABLE q(id bigint PRIMARY KEY DEFAULT "
      "nextval('tens')); ALTER SEQUENCE tens OWNED BY q.id");
  move();
  EXPECT_EQ(ask("SELECT last_value FROM p_id_seq"), "9223372036854775807");
  EXPECT_EQ(ask("INSERT INTO q DEFAULT VALUES RETURNING id"), "17");
}

// --- Rows that SQLite had more.

TEST_F(MoveInDanger, IsRefusedIfAFileAtRestWasWritten) {
  make_p();
  for (const char* mode : {"DELETE", "WAL"}) {
    lite("PRAGMA journal_mode = " + std::string(mode));
    const Ended ended = move_and([this] { lite("UPDATE p SET n = n + 1 WHERE id = 1"); });
    EXPECT_EQ(ended.code, 1) << mode << ": " << ended.said;
    expect_contains(ended.said, "somebody opened or wrote it while it was read; nothing was");
  }
  EXPECT_EQ(ask("SELECT count(*) FROM p"), "0");
  const Ended ended = move_and([this] { lite("SELECT n FROM p"); });
  EXPECT_EQ(ended.code, 0) << ended.said;
  expect_contains(ended.said, "final: yes");
}

TEST_F(MoveInDanger, IsNotFinalIfAnybodyWroteMeanwhile) {
  make_p();
  lite("PRAGMA journal_mode = WAL");
  sqlite3* db = nullptr;
  ASSERT_EQ(sqlite3_open(file().c_str(), &db), SQLITE_OK);
  const auto run = [db](const char* sql) {
    EXPECT_EQ(sqlite3_exec(db, sql, nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(db);
  };
  run("INSERT INTO p VALUES(3, 30)");
  const Ended first = move_and([&] { run("SELECT n FROM p; PRAGMA wal_checkpoint"); });
  EXPECT_EQ(first.code, 0) << first.said;
  expect_contains(first.said, "final: yes");
  const Ended ended = move_and([&] { run("INSERT INTO p VALUES(4, 40)"); });
  sqlite3_close(db);
  EXPECT_EQ(ended.code, 0) << ended.said;
  expect_contains(ended.said, "final: no");
  EXPECT_EQ(ask("SELECT id FROM p ORDER BY id"), "1 2 3");
}

TEST_F(MoveInDanger, TellsACommitThatTheServerMadeARollback) {
  tools::Server server(conninfo_);
  EXPECT_NE(complaint([&] { server.run("SELECT wrong"); }), "");
  expect_contains(complaint([&] { server.commit(); }), "the transaction had failed");
}

}  // namespace
}  // namespace onelane::test
