// What SQL of users may not do inside the lane, and what it still may.
#include "tests/support/sink_fixture.h"

namespace onelane {
namespace {

using test::contains;
using test::succeeded;

struct Forbidden {
  const char* sql;
  const char* named;
};

constexpr Forbidden kForbidden[] = {
    {"BEGIN", "BEGIN"},
    {"BEGIN IMMEDIATE", "BEGIN"},
    {"COMMIT", "COMMIT"},
    {"END", "COMMIT"},
    {"EXPLAIN COMMIT", "COMMIT"},
    {"ROLLBACK", "ROLLBACK"},
    {"SAVEPOINT x", "SAVEPOINT"},
    {"RELEASE onelane", "RELEASE"},
    {"ROLLBACK TO onelane", "ROLLBACK TO"},
    {"ATTACH ':memory:' AS other", "ATTACH"},
    {"DETACH main", "DETACH"},
    {"SELECT load_extension('x')", "load_extension()"},
    {"PRAGMA synchronous = OFF", "PRAGMA synchronous"},
    {"PRAGMA Synchronous(0)", "PRAGMA Synchronous"},
    {"PRAGMA journal_mode = DELETE", "PRAGMA journal_mode"},
    {"PRAGMA main.journal_mode = DELETE", "PRAGMA journal_mode"},
    {"PRAGMA locking_mode = EXCLUSIVE", "PRAGMA locking_mode"},
    {"PRAGMA wal_checkpoint", "PRAGMA wal_checkpoint"},
    {"PRAGMA wal_checkpoint(TRUNCATE)", "PRAGMA wal_checkpoint"},
    {"PRAGMA wal_autocheckpoint = 1", "PRAGMA wal_autocheckpoint"},
    {"PRAGMA wal_autocheckpoint", "PRAGMA wal_autocheckpoint"},
    {"PRAGMA foreign_keys = OFF", "PRAGMA foreign_keys"},
    {"PRAGMA defer_foreign_keys = ON", "PRAGMA defer_foreign_keys"},
    {"PRAGMA writable_schema = ON", "PRAGMA writable_schema"},
    {"PRAGMA user_version = 3", "PRAGMA user_version"},
    {"PRAGMA schema_version = 3", "PRAGMA schema_version"},
    {"PRAGMA busy_timeout = 9", "PRAGMA busy_timeout"},
    {"PRAGMA cache_size = 9", "PRAGMA cache_size"},
    {"PRAGMA mmap_size = 9", "PRAGMA mmap_size"},
    {"PRAGMA max_page_count = 9", "PRAGMA max_page_count"},
    {"PRAGMA incremental_vacuum", "PRAGMA incremental_vacuum"},
    {"PRAGMA optimize", "PRAGMA optimize"},
    {"PRAGMA case_sensitive_like = ON", "PRAGMA case_sensitive_like"},
};

class SqliteGuard : public test::SinkFixture {};

class SqliteGuardAgainst : public SqliteGuard, public ::testing::WithParamInterface<Forbidden> {};

TEST_P(SqliteGuardAgainst, RefusesInAStatementInAJobAndInTheSchema) {
  const Forbidden& forbidden = GetParam();
  const std::string message = std::string(forbidden.named) + " is not allowed inside the lane";
  options_.schema = forbidden.sql;
  EXPECT_TRUE(contains(open_status().message(), message));
  EXPECT_EQ(open_status().code(), Errc::invalid_argument);

  ASSERT_NO_FATAL_FAILURE(open(kTable));
  const Status added = sink_->add_statement({forbidden.sql, {}, {}});
  EXPECT_EQ(added.code(), Errc::invalid_argument);
  EXPECT_TRUE(contains(added.message(), message));

  begin_with_first();
  ASSERT_TRUE(succeeded(savepoints().savepoint()));
  const Reply reply = execute(forbidden.sql);
  EXPECT_TRUE(test::failed(reply, Fault::record, Effect::undone, SQLITE_AUTH));
  EXPECT_TRUE(contains(reply.cause.message(), message));
  ASSERT_TRUE(succeeded(savepoints().release()));
  ASSERT_TRUE(succeeded(sink_->commit()));
  EXPECT_EQ(outside("SELECT v FROM t"), "first");
}

INSTANTIATE_TEST_SUITE_P(Of, SqliteGuardAgainst, ::testing::ValuesIn(kForbidden));

TEST_F(SqliteGuard, ReadingSettingsAndTheSchemaIsAllowed) {
  ASSERT_NO_FATAL_FAILURE(open(kTable));
  ASSERT_TRUE(succeeded(sink_->begin()));
  EXPECT_EQ(inside("PRAGMA user_version"), "0");
  EXPECT_EQ(inside("SELECT name FROM pragma_table_info('t')"), "id v");
  EXPECT_EQ(inside("PRAGMA integrity_check"), "ok");
  EXPECT_EQ(inside("PRAGMA main.quick_check(t)"), "ok");
  EXPECT_TRUE(succeeded(execute("PRAGMA Table_Info(t)")));
  EXPECT_TRUE(succeeded(execute("PRAGMA foreign_key_check(t)")));
  EXPECT_TRUE(succeeded(execute("CREATE INDEX i ON t(v DESC)")));
  EXPECT_TRUE(succeeded(execute("ANALYZE")));
  EXPECT_TRUE(succeeded(execute("REINDEX")));
}

TEST_F(SqliteGuard, ARefusalIsNotRememberedForTheNextError) {
  ASSERT_NO_FATAL_FAILURE(open(kTable));
  ASSERT_TRUE(succeeded(sink_->begin()));
  EXPECT_EQ(execute("COMMIT").fault, Fault::record);
  const Reply reply = execute("SELECT * FROM nowhere");
  EXPECT_TRUE(test::failed(reply, Fault::record, Effect::undone, SQLITE_ERROR));
  EXPECT_TRUE(contains(reply.cause.message(), "no such table: nowhere"));
}

// The second net, seen with the first one taken away.
TEST_F(SqliteGuard, ACommitThatNobodyArmedUndoesTheTransaction) {
  const test::ConnectionSpy spy;
  ASSERT_NO_FATAL_FAILURE(open(kTable));
  begin_with_first();
  sqlite3_set_authorizer(spy.writer(), nullptr, nullptr);
  EXPECT_TRUE(test::failed(execute("COMMIT"), Fault::internal, Effect::ended,
                           SQLITE_CONSTRAINT_COMMITHOOK));
  EXPECT_EQ(outside("SELECT * FROM t"), "");
  ASSERT_NO_FATAL_FAILURE(commit_row("after"));
  EXPECT_EQ(outside("SELECT v FROM t"), "after");
}

TEST_F(SqliteGuard, TheAuthorizerDoesNotMakeEveryStatementBePreparedAgain) {
  const test::ConnectionSpy spy;
  ASSERT_NO_FATAL_FAILURE(open(kTable));
  const Statement insert = add("INSERT INTO t(v) VALUES(?1)", {test::kText});
  ASSERT_TRUE(succeeded(sink_->begin()));
  for (const char* value : {"1", "2", "3"}) {
    ASSERT_TRUE(succeeded(apply(insert, value)));
    ASSERT_TRUE(succeeded(execute("DELETE FROM t WHERE v = 'none'")));
    job_statements().end_step();
  }
  ASSERT_TRUE(succeeded(sink_->commit()));
  for (auto* s = sqlite3_next_stmt(spy.writer(), nullptr); s;
       s = sqlite3_next_stmt(spy.writer(), s)) {
    EXPECT_EQ(sqlite3_stmt_status(s, SQLITE_STMTSTATUS_REPREPARE, 0), 0) << sqlite3_sql(s);
  }
}

}  // namespace
}  // namespace onelane
