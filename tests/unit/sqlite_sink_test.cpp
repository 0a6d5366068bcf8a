// The SQLite sink while all goes well: transactions, values, row ids, jobs' statements.
#include <limits>
#include <stdexcept>

#include "tests/support/sink_fixture.h"

namespace onelane {
namespace {

using test::contains;
using test::failed;
using test::kBlob;
using test::kInteger;
using test::kReal;
using test::kText;
using test::succeeded;

constexpr const char* kPeers = "CREATE TABLE peers(id INTEGER PRIMARY KEY, name TEXT UNIQUE)";
constexpr const char* kInsert = "INSERT INTO peers(id, name) VALUES(?1, ?2)";

class SqliteSink : public test::SinkFixture {
 protected:
  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(open(kPeers));
    insert_ = add(kInsert, {kInteger, kText});
  }
  Reply insert(std::int64_t id, const std::string& name) { return apply(insert_, id, name); }
  std::string names() { return outside("SELECT name FROM peers ORDER BY id"); }

  Statement insert_;
};

TEST_F(SqliteSink, WhatWasCommittedIsSeenByOthers) {
  ASSERT_TRUE(succeeded(sink_->begin()));
  ASSERT_TRUE(succeeded(insert(1, "ada")));
  EXPECT_EQ(names(), "");
  ASSERT_TRUE(succeeded(sink_->commit()));
  EXPECT_EQ(names(), "ada");
}

TEST_F(SqliteSink, WhatWasRolledBackIsGoneAndTheSinkGoesOn) {
  ASSERT_TRUE(succeeded(sink_->begin()));
  ASSERT_TRUE(succeeded(insert(1, "ada")));
  ASSERT_TRUE(succeeded(sink_->rollback()));
  ASSERT_TRUE(succeeded(sink_->begin()));
  ASSERT_TRUE(succeeded(insert(2, "bob")));
  ASSERT_TRUE(succeeded(sink_->commit()));
  EXPECT_EQ(names(), "bob");
}

TEST_F(SqliteSink, RollbackWithoutATransactionIsFine) { EXPECT_TRUE(succeeded(sink_->rollback())); }

TEST_F(SqliteSink, CallsThatNeedATransactionSayThatThereIsNone) {
  for (const Reply& reply : {sink_->commit(), savepoints().savepoint(), savepoints().release(),
                             savepoints().rollback_to(), insert(1, "ada")}) {
    EXPECT_TRUE(failed(reply, Fault::internal, Effect::ended, 0));
  }
  EXPECT_TRUE(failed(execute("DELETE FROM peers"), Fault::record, Effect::ended, 0));
  EXPECT_EQ(names(), "");
}

TEST_F(SqliteSink, BeginInsideATransactionIsRefusedAndLeavesIt) {
  ASSERT_TRUE(succeeded(sink_->begin()));
  ASSERT_TRUE(succeeded(insert(1, "ada")));
  EXPECT_TRUE(failed(sink_->begin(), Fault::internal, Effect::kept, 0));
  ASSERT_TRUE(succeeded(sink_->commit()));
  EXPECT_EQ(names(), "ada");
}

TEST_F(SqliteSink, RollbackToUndoesTheUnitAndNothingElse) {
  ASSERT_TRUE(succeeded(sink_->begin()));
  ASSERT_TRUE(succeeded(insert(1, "ada")));
  ASSERT_TRUE(succeeded(savepoints().savepoint()));
  ASSERT_TRUE(succeeded(insert(2, "bob")));
  ASSERT_TRUE(succeeded(savepoints().rollback_to()));
  ASSERT_TRUE(succeeded(savepoints().savepoint()));
  ASSERT_TRUE(succeeded(insert(3, "cyd")));
  ASSERT_TRUE(succeeded(savepoints().release()));
  ASSERT_TRUE(succeeded(sink_->commit()));
  EXPECT_EQ(names(), "ada cyd");
}

TEST_F(SqliteSink, RollbackToLeavesNoSavepointBehind) {
  ASSERT_TRUE(succeeded(sink_->begin()));
  ASSERT_TRUE(succeeded(savepoints().savepoint()));
  ASSERT_TRUE(succeeded(savepoints().rollback_to()));
  EXPECT_TRUE(failed(savepoints().release(), Fault::internal, Effect::kept, SQLITE_ERROR));
}

TEST_F(SqliteSink, EveryTypeArrivesAsItself) {
  const Statement all =
      add("INSERT INTO peers(name) VALUES(typeof(?1) || quote(?1) || typeof(?2) || quote(?2) || "
          "typeof(?3) || quote(?3) || typeof(?4) || quote(?4) || typeof(?5))",
          {kInteger, kReal, kText, kBlob, kText});
  const std::vector<std::byte> blob{std::byte{0}, std::byte{255}};
  ASSERT_TRUE(succeeded(sink_->begin()));
  ASSERT_TRUE(
      succeeded(apply(all, std::numeric_limits<std::int64_t>::min(), 0.5, "ü",
                      std::span<const std::byte>(blob), std::optional<std::string_view>())));
  ASSERT_TRUE(succeeded(sink_->commit()));
  EXPECT_EQ(names(), "integer-9223372036854775808real0.5text'ü'blobX'00FF'null");
}

TEST_F(SqliteSink, EmptyTextAndEmptyBlobsAreNotNull) {
  const Statement typed =
      add("INSERT INTO peers(name) VALUES(typeof(?1) || typeof(?2))", {kText, kBlob});
  ASSERT_TRUE(succeeded(sink_->begin()));
  ASSERT_TRUE(succeeded(apply(typed, std::string_view(), std::span<const std::byte>())));
  ASSERT_TRUE(succeeded(execute("INSERT INTO peers(name) SELECT typeof(?1) || typeof(?2) || '2'",
                                std::string_view(), std::span<const std::byte>())));
  ASSERT_TRUE(succeeded(sink_->commit()));
  EXPECT_EQ(names(), "textblob textblob2");
}

TEST_F(SqliteSink, NothingOfARowIsLeftForTheNext) {
  const Statement two =
      add("INSERT INTO peers(id, name) VALUES(?1, ifnull(?2, 'none'))", {kInteger, kText});
  ASSERT_TRUE(succeeded(sink_->begin()));
  ASSERT_TRUE(succeeded(apply(two, 1, "ada")));
  ASSERT_TRUE(succeeded(apply(two, 2, std::optional<std::string_view>())));
  ASSERT_TRUE(succeeded(sink_->commit()));
  EXPECT_EQ(names(), "ada none");
}

TEST_F(SqliteSink, ChangesAreTheRowsOfTheStatementItself) {
  const Statement update = add("UPDATE peers SET name = name || '!'");
  const Statement ddl = add("CREATE INDEX by_name ON peers(name)");
  ASSERT_TRUE(succeeded(sink_->begin()));
  EXPECT_EQ(insert(1, "ada").changes, 1U);
  EXPECT_EQ(insert(2, "bob").changes, 1U);
  EXPECT_EQ(apply(update).changes, 2U);
  EXPECT_EQ(apply(ddl).changes, 0U);
  EXPECT_EQ(execute("DELETE FROM peers WHERE id = ?1", 7).changes, 0U);
}

TEST_F(SqliteSink, AnInsertTellsItsRowidAndAnUpdateHasNone) {
  const Statement upsert =
      add("INSERT INTO peers VALUES(?1, ?2) ON CONFLICT(id) DO UPDATE SET name = excluded.name",
          {kInteger, kText});
  const Statement ignore = add("INSERT OR IGNORE INTO peers VALUES(?1, ?2)", {kInteger, kText});
  ASSERT_TRUE(succeeded(sink_->begin()));
  EXPECT_EQ(apply(upsert, 7, "ada").rowid, 7);
  EXPECT_EQ(apply(upsert, 7, "bob").rowid, std::nullopt);
  EXPECT_EQ(apply(ignore, 7, "cyd").rowid, std::nullopt);
  EXPECT_EQ(apply(ignore, 0, "dee").rowid, 0);
  EXPECT_EQ(apply(ignore, -1, "eve").rowid, -1);
}

TEST_F(SqliteSink, AJobSeesTheRowidOfItsOwnInsert) {
  ASSERT_TRUE(succeeded(sink_->begin()));
  ASSERT_TRUE(succeeded(execute("INSERT INTO peers VALUES(41, 'ada')")));
  ASSERT_TRUE(succeeded(execute("INSERT INTO peers VALUES(last_insert_rowid() + 1, 'bob')")));
  EXPECT_EQ(inside("SELECT id FROM peers"), "41 42");
}

TEST_F(SqliteSink, ARowThatDoesNotFitItsStatementIsRejectedUnexecuted) {
  ASSERT_TRUE(succeeded(sink_->begin()));
  for (const Reply& reply : {apply(insert_, 1), apply(insert_, 1, "ada", 3)}) {
    EXPECT_TRUE(failed(reply, Fault::record, Effect::undone, 0));
  }
  const std::byte garbage[] = {std::byte{1}, std::byte{3}, std::byte{255}};
  EXPECT_TRUE(failed(sink_->apply(insert_, garbage), Fault::record, Effect::undone, 0));
  EXPECT_TRUE(failed(job_statements().execute("INSERT INTO peers DEFAULT VALUES", garbage, {}),
                     Fault::record, Effect::undone, 0));
  EXPECT_EQ(inside("SELECT count(*) FROM peers"), "0");
}

TEST_F(SqliteSink, AnUnknownStatementIsOurFault) {
  ASSERT_TRUE(succeeded(sink_->begin()));
  EXPECT_TRUE(
      failed(sink_->apply(Statement{9}, Row().bytes()), Fault::internal, Effect::undone, 0));
}

TEST_F(SqliteSink, AStatementThatReturnsRowsRunsToItsEnd) {
  const Statement returning =
      add("INSERT INTO peers(name) VALUES(?1), (?1 || '2') RETURNING id", {kText});
  ASSERT_TRUE(succeeded(sink_->begin()));
  EXPECT_EQ(apply(returning, "ada").changes, 2U);
  ASSERT_TRUE(succeeded(sink_->commit()));
  EXPECT_EQ(names(), "ada ada2");
}

TEST_F(SqliteSink, WhatIsNotOneStatementIsNotAdded) {
  for (const char* sql : {"", "  -- nothing\n", ";", "DELETE FROM peers; DELETE FROM peers",
                          "DELETE FROM peers; oops", "oops", "SELECT 1"}) {
    const Status status = sink_->add_statement({sql, {}, {}});
    EXPECT_EQ(status.code(), Errc::invalid_argument) << sql;
  }
  EXPECT_EQ(sink_->add_statement({std::string("DELETE FROM peers\0, 2", 21), {}, {}}).code(),
            Errc::invalid_argument);
  EXPECT_TRUE(sink_->add_statement({"DELETE FROM peers; -- one\n ;", {}, {}}).ok());
}

TEST_F(SqliteSink, AWrongNumberOfColumnsIsNamedWithTheSqlAndBothNumbers) {
  const Status status = sink_->add_statement({kInsert, {kInteger}, {}});
  EXPECT_EQ(status.code(), Errc::invalid_argument);
  EXPECT_TRUE(contains(status.message(), "2 parameters"));
  EXPECT_TRUE(contains(status.message(), "1 columns"));
  EXPECT_TRUE(contains(status.message(), kInsert));
}

TEST_F(SqliteSink, AStatementThatWasNotAddedTakesNoIndex) {
  EXPECT_TRUE(contains(sink_->add_statement({"oops", {}, {}}).message(), "syntax error"));
  const Statement rename = add("UPDATE peers SET name = 'x'");
  ASSERT_TRUE(succeeded(sink_->begin()));
  ASSERT_TRUE(succeeded(insert(1, "ada")));
  EXPECT_EQ(apply(rename).changes, 1U);
}

TEST_F(SqliteSink, AWrongNumberOfValuesOfAJobIsNamedWithTheSqlAndBothNumbers) {
  ASSERT_TRUE(succeeded(sink_->begin()));
  const std::string sql = "INSERT INTO peers VALUES(?1, ?2)";
  for (const Reply& reply : {execute(sql, 1), execute(sql, 1, "ada", 3), execute(kInsert, 1)}) {
    EXPECT_TRUE(failed(reply, Fault::record, Effect::undone, 0));
    EXPECT_TRUE(contains(reply.cause.message(), "2 parameters"));
  }
  EXPECT_TRUE(contains(execute(sql, 1).cause.message(), "1 values"));
  EXPECT_EQ(inside("SELECT count(*) FROM peers"), "0");
}

TEST_F(SqliteSink, AJobsStatementIsPreparedOncePerStep) {
  ASSERT_TRUE(close_healthy().ok());
  test::ConnectionSpy spy;
  open();
  const auto prepared = [&spy] {
    std::size_t count = 0;
    for (auto* s = sqlite3_next_stmt(spy.writer(), nullptr); s;
         s = sqlite3_next_stmt(spy.writer(), s)) {
      ++count;
    }
    return count;
  };
  const std::size_t ours = prepared();
  ASSERT_TRUE(succeeded(sink_->begin()));
  ASSERT_TRUE(succeeded(execute("INSERT INTO peers(name) VALUES(?1)", "ada")));
  ASSERT_TRUE(succeeded(execute("INSERT INTO peers(name) VALUES(?1)", "bob")));
  EXPECT_EQ(prepared(), ours + 1);
  job_statements().end_step();
  EXPECT_EQ(prepared(), ours);
}

TEST_F(SqliteSink, AJobMayRunARegisteredStatementsSql) {
  ASSERT_TRUE(succeeded(sink_->begin()));
  EXPECT_EQ(execute(kInsert, 1, "ada").changes, 1U);
  job_statements().end_step();
  ASSERT_TRUE(succeeded(insert(2, "bob")));
  EXPECT_EQ(inside("SELECT name FROM peers"), "ada bob");
}

TEST_F(SqliteSink, AQueryGivesEveryRowWithItsTypes) {
  ASSERT_TRUE(succeeded(sink_->begin()));
  std::size_t rows = 0;
  const Reply reply = job_statements().execute("SELECT 7, 0.5, 'text', x'0102', NULL, zeroblob(0)",
                                               Row().bytes(), [&](const ResultRow& row) {
                                                 ++rows;
                                                 EXPECT_EQ(row.columns(), 6U);
                                                 EXPECT_EQ(row.integer(0), 7);
                                                 EXPECT_EQ(row.real(1), 0.5);
                                                 EXPECT_EQ(row.text(2), "text");
                                                 EXPECT_EQ(row.blob(3).size(), 2U);
                                                 EXPECT_EQ(row.blob(3)[1], std::byte{2});
                                                 EXPECT_TRUE(row.is_null(4));
                                                 EXPECT_FALSE(row.is_null(5));
                                                 EXPECT_TRUE(row.blob(5).empty());
                                                 EXPECT_TRUE(row.is_null(6))
                                                     << "a column that is not there";
                                               });
  EXPECT_TRUE(succeeded(reply));
  EXPECT_EQ(rows, 1U);
}

TEST_F(SqliteSink, AVisitorMayRunStatementsAndTheSameQueryAgain) {
  ASSERT_TRUE(succeeded(sink_->begin()));
  ASSERT_TRUE(succeeded(insert(1, "ada")));
  ASSERT_TRUE(succeeded(insert(2, "bob")));
  const std::string sql = "SELECT id, ?1 FROM peers WHERE id <= 2";
  Row row;
  put(row, "a value longer than any small string, which a visitor writes over");
  std::string seen;
  const RowVisitor inner = [&](const ResultRow& r) { seen += 'i' + std::to_string(r.integer(0)); };
  const RowVisitor outer = [&](const ResultRow& r) {
    if (seen.size() > 100) return;  // the query began anew
    seen += 'o' + std::to_string(r.integer(0)) + std::string(r.text(1).substr(0, 7));
    EXPECT_TRUE(succeeded(insert(r.integer(0) + 10, std::to_string(r.integer(0)))));
    row.clear();
    put(row, "inner");
    EXPECT_TRUE(succeeded(job_statements().execute(sql, row.bytes(), inner)));
  };
  EXPECT_TRUE(succeeded(job_statements().execute(sql, row.bytes(), outer)));
  EXPECT_EQ(seen, "o1a valuei1i2o2a valuei1i2");
  ASSERT_TRUE(succeeded(sink_->commit()));
  EXPECT_EQ(names(), "ada bob 1 2");
}

TEST_F(SqliteSink, AVisitorThatThrowsLeavesNoStatementRunning) {
  ASSERT_TRUE(succeeded(sink_->begin()));
  ASSERT_TRUE(succeeded(insert(1, "ada")));
  EXPECT_THROW(
      (void)job_statements().execute("SELECT * FROM peers", Row().bytes(),
                                     [](const ResultRow&) { throw std::runtime_error("no"); }),
      std::runtime_error);
  ASSERT_TRUE(succeeded(sink_->commit()));
  EXPECT_EQ(names(), "ada");
}

TEST_F(SqliteSink, CommitWhileAStatementRunsIsRefusedAndNamesIt) {
  ASSERT_TRUE(succeeded(sink_->begin()));
  ASSERT_TRUE(succeeded(insert(1, "ada")));
  Reply reply;
  ASSERT_TRUE(succeeded(job_statements().execute(
      "SELECT id FROM peers", Row().bytes(), [&](const ResultRow&) { reply = sink_->commit(); })));
  EXPECT_TRUE(failed(reply, Fault::internal, Effect::kept, 0));
  EXPECT_TRUE(contains(reply.cause.message(), "SELECT id FROM peers"));
  EXPECT_EQ(names(), "");
}

TEST_F(SqliteSink, AChangedSchemaThatIsRolledBackLeavesEveryStatementUsable) {
  ASSERT_TRUE(succeeded(sink_->begin()));
  ASSERT_TRUE(succeeded(savepoints().savepoint()));
  ASSERT_TRUE(succeeded(execute("CREATE TABLE more(x)")));
  job_statements().end_step();
  ASSERT_TRUE(succeeded(savepoints().rollback_to()));
  ASSERT_TRUE(succeeded(execute("ALTER TABLE peers ADD COLUMN seen")));
  ASSERT_TRUE(succeeded(sink_->rollback()));
  ASSERT_TRUE(succeeded(sink_->begin()));
  ASSERT_TRUE(succeeded(savepoints().savepoint()));
  ASSERT_TRUE(succeeded(insert(1, "ada")));
  ASSERT_TRUE(succeeded(savepoints().release()));
  ASSERT_TRUE(succeeded(sink_->commit()));
  EXPECT_EQ(names(), "ada");
}

TEST_F(SqliteSink, AProbeWritesAndChangesNothing) {
  ASSERT_TRUE(close_healthy().ok());
  outside("PRAGMA user_version = 42");
  open();
  const auto log_bytes = [this] { return std::filesystem::file_size(directory_ / "test.db-wal"); };
  const auto before = log_bytes();
  ASSERT_TRUE(succeeded(sink_->probe()));
  EXPECT_GT(log_bytes(), before);
  EXPECT_EQ(outside("PRAGMA user_version"), "42");
  EXPECT_TRUE(succeeded(sink_->begin()));
}

TEST_F(SqliteSink, ACommitIsDurableUnderFullOnly) {
  EXPECT_FALSE(sink_->commit_is_durable());
  ASSERT_TRUE(close_healthy().ok());
  options_.synchronous = Synchronous::full;
  open();
  EXPECT_TRUE(sink_->commit_is_durable());
}

}  // namespace
}  // namespace onelane
