// What the SQLite sink says of failures: whose fault, and what is left of the transaction. The
// cases are those in which SQLite itself differs.
#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "src/sqlite/connection/fault.h"
#include "tests/sim/disk_vfs.h"
#include "tests/support/faulty_vfs.h"
#include "tests/support/sink_fixture.h"

namespace onelane {
namespace {

namespace fs = std::filesystem;
using sqlite::Place;
using test::contains;
using test::FaultyVfs;
using test::Repeat;
using test::succeeded;
using test::VfsCall;
using test::VfsFile;

// The table.

constexpr int kPrimaryCodes[] = {
    SQLITE_ERROR,   SQLITE_INTERNAL, SQLITE_PERM,     SQLITE_ABORT,      SQLITE_BUSY,
    SQLITE_LOCKED,  SQLITE_NOMEM,    SQLITE_READONLY, SQLITE_INTERRUPT,  SQLITE_IOERR,
    SQLITE_CORRUPT, SQLITE_NOTFOUND, SQLITE_FULL,     SQLITE_CANTOPEN,   SQLITE_PROTOCOL,
    SQLITE_EMPTY,   SQLITE_SCHEMA,   SQLITE_TOOBIG,   SQLITE_CONSTRAINT, SQLITE_MISMATCH,
    SQLITE_MISUSE,  SQLITE_NOLFS,    SQLITE_AUTH,     SQLITE_FORMAT,     SQLITE_RANGE,
    SQLITE_NOTADB,  SQLITE_NOTICE,   SQLITE_WARNING,  SQLITE_ROW,        SQLITE_DONE,
};

struct Expected {
  int code;
  Fault statement;
  Fault control;
  Fault commit;
};

using enum Fault;

// Written down a second time on purpose, with every extended code that SQLite 3.40 can return.
constexpr Expected kExpected[] = {
    {SQLITE_OK, none, none, none},
    {SQLITE_ERROR, record, internal, internal},
    {SQLITE_ERROR_MISSING_COLLSEQ, record, internal, internal},
    {SQLITE_ERROR_RETRY, record, internal, internal},
    {SQLITE_ERROR_SNAPSHOT, record, internal, internal},
    {SQLITE_INTERNAL, internal, internal, internal},
    {SQLITE_PERM, read_only, read_only, read_only},
    {SQLITE_ABORT, record, internal, internal},
    {SQLITE_ABORT_ROLLBACK, record, internal, internal},
    {SQLITE_BUSY, busy, busy, busy},
    {SQLITE_BUSY_RECOVERY, busy, busy, busy},
    {SQLITE_BUSY_SNAPSHOT, busy, busy, busy},
    {SQLITE_BUSY_TIMEOUT, busy, busy, busy},
    {SQLITE_LOCKED, record, busy, busy},
    {SQLITE_LOCKED_SHAREDCACHE, record, busy, busy},
    {SQLITE_LOCKED_VTAB, record, busy, busy},
    {SQLITE_NOMEM, environment, environment, environment},
    {SQLITE_READONLY, read_only, read_only, read_only},
    {SQLITE_READONLY_RECOVERY, read_only, read_only, read_only},
    {SQLITE_READONLY_CANTLOCK, read_only, read_only, read_only},
    {SQLITE_READONLY_ROLLBACK, read_only, read_only, read_only},
    {SQLITE_READONLY_DBMOVED, read_only, read_only, read_only},
    {SQLITE_READONLY_CANTINIT, read_only, read_only, read_only},
    {SQLITE_READONLY_DIRECTORY, read_only, read_only, read_only},
    {SQLITE_INTERRUPT, environment, environment, environment},
    {SQLITE_IOERR, environment, environment, environment},
    {SQLITE_IOERR_READ, environment, environment, environment},
    {SQLITE_IOERR_SHORT_READ, environment, environment, environment},
    {SQLITE_IOERR_WRITE, environment, environment, environment},
    {SQLITE_IOERR_FSYNC, sync, sync, sync},
    {SQLITE_IOERR_DIR_FSYNC, sync, sync, sync},
    {SQLITE_IOERR_TRUNCATE, environment, environment, environment},
    {SQLITE_IOERR_FSTAT, environment, environment, environment},
    {SQLITE_IOERR_UNLOCK, environment, environment, environment},
    {SQLITE_IOERR_RDLOCK, environment, environment, environment},
    {SQLITE_IOERR_DELETE, environment, environment, environment},
    {SQLITE_IOERR_BLOCKED, environment, environment, environment},
    {SQLITE_IOERR_NOMEM, environment, environment, environment},
    {SQLITE_IOERR_ACCESS, environment, environment, environment},
    {SQLITE_IOERR_CHECKRESERVEDLOCK, environment, environment, environment},
    {SQLITE_IOERR_LOCK, environment, environment, environment},
    {SQLITE_IOERR_CLOSE, environment, environment, environment},
    {SQLITE_IOERR_DIR_CLOSE, environment, environment, environment},
    {SQLITE_IOERR_SHMOPEN, environment, environment, environment},
    {SQLITE_IOERR_SHMSIZE, environment, environment, environment},
    {SQLITE_IOERR_SHMLOCK, environment, environment, environment},
    {SQLITE_IOERR_SHMMAP, environment, environment, environment},
    {SQLITE_IOERR_SEEK, environment, environment, environment},
    {SQLITE_IOERR_DELETE_NOENT, environment, environment, environment},
    {SQLITE_IOERR_MMAP, environment, environment, environment},
    {SQLITE_IOERR_GETTEMPPATH, environment, environment, environment},
    {SQLITE_IOERR_CONVPATH, environment, environment, environment},
    {SQLITE_IOERR_VNODE, environment, environment, environment},
    {SQLITE_IOERR_AUTH, environment, environment, environment},
    {SQLITE_IOERR_BEGIN_ATOMIC, environment, environment, environment},
    {SQLITE_IOERR_COMMIT_ATOMIC, environment, environment, environment},
    {SQLITE_IOERR_ROLLBACK_ATOMIC, environment, environment, environment},
    {SQLITE_IOERR_DATA, corrupt, corrupt, corrupt},
    {SQLITE_IOERR_CORRUPTFS, corrupt, corrupt, corrupt},
    {SQLITE_CORRUPT, corrupt, corrupt, corrupt},
    {SQLITE_CORRUPT_VTAB, record, environment, record},
    {SQLITE_CORRUPT_SEQUENCE, record, corrupt, corrupt},
    {SQLITE_CORRUPT_INDEX, corrupt, corrupt, corrupt},
    {SQLITE_NOTFOUND, internal, internal, internal},
    {SQLITE_FULL, environment, environment, environment},
    {SQLITE_CANTOPEN, environment, environment, environment},
    {SQLITE_CANTOPEN_NOTEMPDIR, environment, environment, environment},
    {SQLITE_CANTOPEN_ISDIR, environment, environment, environment},
    {SQLITE_CANTOPEN_FULLPATH, environment, environment, environment},
    {SQLITE_CANTOPEN_CONVPATH, environment, environment, environment},
    {SQLITE_CANTOPEN_SYMLINK, environment, environment, environment},
    {SQLITE_PROTOCOL, environment, environment, environment},
    {SQLITE_EMPTY, internal, internal, internal},
    {SQLITE_SCHEMA, environment, environment, environment},
    {SQLITE_TOOBIG, record, internal, internal},
    {SQLITE_CONSTRAINT, record, internal, record},
    {SQLITE_CONSTRAINT_CHECK, record, internal, record},
    {SQLITE_CONSTRAINT_COMMITHOOK, internal, internal, internal},
    {SQLITE_CONSTRAINT_FOREIGNKEY, record, internal, record},
    {SQLITE_CONSTRAINT_FUNCTION, record, internal, record},
    {SQLITE_CONSTRAINT_NOTNULL, record, internal, record},
    {SQLITE_CONSTRAINT_PRIMARYKEY, record, internal, record},
    {SQLITE_CONSTRAINT_TRIGGER, record, internal, record},
    {SQLITE_CONSTRAINT_UNIQUE, record, internal, record},
    {SQLITE_CONSTRAINT_VTAB, record, internal, record},
    {SQLITE_CONSTRAINT_ROWID, record, internal, record},
    {SQLITE_CONSTRAINT_PINNED, record, internal, record},
    {SQLITE_CONSTRAINT_DATATYPE, record, internal, record},
    {SQLITE_MISMATCH, record, internal, internal},
    {SQLITE_MISUSE, internal, internal, internal},
    {SQLITE_NOLFS, environment, environment, environment},
    {SQLITE_AUTH, record, internal, internal},
    {SQLITE_AUTH_USER, record, internal, internal},
    {SQLITE_FORMAT, internal, internal, internal},
    {SQLITE_RANGE, record, internal, internal},
    {SQLITE_NOTADB, corrupt, corrupt, corrupt},
    {SQLITE_NOTICE, internal, internal, internal},
    {SQLITE_WARNING, internal, internal, internal},
    {SQLITE_ROW, internal, internal, internal},
    {SQLITE_DONE, internal, internal, internal},
};

TEST(SqliteFaultTable, EveryCodeHasItsFaultAtEveryPlace) {
  for (const Expected& expected : kExpected) {
    EXPECT_EQ(sqlite::fault_of(expected.code, Place::statement), expected.statement)
        << expected.code;
    EXPECT_EQ(sqlite::fault_of(expected.code, Place::control), expected.control) << expected.code;
    EXPECT_EQ(sqlite::fault_of(expected.code, Place::commit), expected.commit) << expected.code;
  }
}

TEST(SqliteFaultTable, EveryRowIsTestedAboveAndEveryPrimaryCodeHasOne) {
  for (const sqlite::FaultRow& row : sqlite::fault_table()) {
    EXPECT_TRUE(std::any_of(std::begin(kExpected), std::end(kExpected),
                            [&](const Expected& expected) { return expected.code == row.code; }))
        << row.code;
  }
  const auto rows = sqlite::fault_table();
  for (const int code : kPrimaryCodes) {
    EXPECT_EQ(std::count_if(rows.begin(), rows.end(),
                            [&](const sqlite::FaultRow& row) { return row.code == code; }),
              1)
        << code;
  }
}

TEST(SqliteFaultTable, ACodeOfALaterSqliteIsLikeItsPrimaryCodeOrInternal) {
  EXPECT_EQ(sqlite::fault_of(SQLITE_IOERR | (99 << 8), Place::commit), environment);
  EXPECT_EQ(sqlite::fault_of(77, Place::statement), internal);
}

TEST(SqliteFaultTable, EveryFaultHasItsErrorCode) {
  constexpr Errc kCodes[] = {Errc::ok,      Errc::record,  Errc::locked,
                             Errc::locked,  Errc::storage, Errc::storage,
                             Errc::storage, Errc::corrupt, Errc::internal};
  static_assert(std::size(kCodes) == kFaultCount);
  for (std::size_t i = 0; i < kFaultCount; ++i) {
    EXPECT_EQ(sqlite::errc_of(static_cast<Fault>(i)), kCodes[i]) << i;
  }
}

// A statement that fails.

struct Failure {
  const char* name;
  const char* schema;  // beside t, whose v is unique and holds 'first'
  const char* sql;
  Effect effect;
  int code;
};

void PrintTo(const Failure& failure, std::ostream* out) { *out << failure.name; }

class SqliteFailure : public test::SinkFixture, public ::testing::WithParamInterface<Failure> {
 protected:
  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(open("CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT UNIQUE);" +
                                 std::string(GetParam().schema)));
    statement_ = add(GetParam().sql);
    ASSERT_TRUE(succeeded(sink_->begin()));
    ASSERT_TRUE(succeeded(execute("INSERT INTO t(v) VALUES('first')")));
  }
  // The rows beside the first.
  std::string others() { return inside("SELECT v FROM t WHERE v <> 'first' ORDER BY id"); }

  Statement statement_;
};

TEST_P(SqliteFailure, IsTheRecordsFaultAndTheEffectIsTheTruth) {
  const Failure& failure = GetParam();
  for (const bool as_record : {true, false}) {
    const Reply reply = as_record ? apply(statement_) : execute(std::string(failure.sql) + " ");
    EXPECT_TRUE(test::failed(reply, record, failure.effect, failure.code));
    EXPECT_EQ(reply.cause.code(), Errc::record);
    EXPECT_FALSE(reply.cause.message().empty());
    if (failure.effect == Effect::ended) {
      EXPECT_TRUE(test::failed(savepoints().savepoint(), internal, Effect::ended, 0));
    } else {
      EXPECT_EQ(inside("SELECT count(*) FROM t WHERE v = 'first'"), "1");
      EXPECT_EQ(others().empty(), failure.effect == Effect::undone) << others();
    }
    ASSERT_TRUE(succeeded(sink_->rollback()));
    ASSERT_TRUE(succeeded(sink_->begin()));
    ASSERT_EQ(inside("SELECT * FROM t"), "");
    ASSERT_TRUE(succeeded(execute("INSERT INTO t(v) VALUES('first')")));
  }
}

constexpr const char* kTwoRows = "INSERT INTO t(v) VALUES('new'), ('first')";

const Failure kFailures[] = {
    {"Unique", "", kTwoRows, Effect::undone, SQLITE_CONSTRAINT_UNIQUE},
    {"PrimaryKey", "CREATE TABLE u(k PRIMARY KEY) WITHOUT ROWID; INSERT INTO u VALUES(1);",
     "INSERT INTO u VALUES(2), (1)", Effect::undone, SQLITE_CONSTRAINT_PRIMARYKEY},
    {"Rowid", "", "INSERT INTO t VALUES(9, 'new'), (9, 'other')", Effect::undone,
     SQLITE_CONSTRAINT_PRIMARYKEY},
    {"Check", "CREATE TABLE c(x CHECK(x > 0));", "INSERT INTO c VALUES(1), (0)", Effect::undone,
     SQLITE_CONSTRAINT_CHECK},
    {"NotNull", "CREATE TABLE c(x NOT NULL);", "INSERT INTO c VALUES(1), (NULL)", Effect::undone,
     SQLITE_CONSTRAINT_NOTNULL},
    {"StrictType", "CREATE TABLE c(x INT) STRICT;", "INSERT INTO c VALUES(1), ('x')",
     Effect::undone, SQLITE_CONSTRAINT_DATATYPE},
    {"ForeignKey", "CREATE TABLE c(x REFERENCES t(id));", "INSERT INTO c VALUES(NULL), (99)",
     Effect::undone, SQLITE_CONSTRAINT_FOREIGNKEY},
    {"Mismatch", "", "INSERT INTO t VALUES(9, 'new'), ('nine', 'other')", Effect::undone,
     SQLITE_MISMATCH},
    {"TooBig", "", "INSERT INTO t(v) VALUES('new'), (zeroblob(2000000000))", Effect::undone,
     SQLITE_TOOBIG},
    {"RuntimeError", "", "INSERT INTO t(v) VALUES('new'), (abs(-9223372036854775807 - 1))",
     Effect::undone, SQLITE_ERROR},
    {"RaiseAbort",
     "CREATE TRIGGER g AFTER INSERT ON t WHEN new.v = 'bad' BEGIN SELECT RAISE(ABORT, 'no'); END;",
     "INSERT INTO t(v) VALUES('new'), ('bad')", Effect::undone, SQLITE_CONSTRAINT_TRIGGER},
    {"Vacuum", "", "VACUUM", Effect::undone, SQLITE_ERROR},

    {"OrFailAfterARow", "", "INSERT OR FAIL INTO t(v) VALUES('new'), ('first')", Effect::undone,
     SQLITE_CONSTRAINT_UNIQUE},
    {"OrFailAtTheFirstRow", "", "INSERT OR FAIL INTO t(v) VALUES('first'), ('new')", Effect::undone,
     SQLITE_CONSTRAINT_UNIQUE},
    {"SchemasOnConflictFail",
     "CREATE TABLE f(k UNIQUE ON CONFLICT FAIL); INSERT INTO f VALUES(1);"
     "CREATE TRIGGER g AFTER INSERT ON f BEGIN INSERT INTO t(v) VALUES('new' || new.k); END;",
     "INSERT INTO f VALUES(2), (1)", Effect::undone, SQLITE_CONSTRAINT_UNIQUE},
    {"RaiseFailInTheRowsOwnTrigger",
     "CREATE TRIGGER g AFTER INSERT ON t WHEN new.v = 'new' BEGIN SELECT RAISE(FAIL, 'no'); END;",
     "INSERT INTO t(v) VALUES('new')", Effect::undone, SQLITE_CONSTRAINT_TRIGGER},
    {"RaiseFailAfterTheTriggerWrote",
     "CREATE TABLE f(x); CREATE TRIGGER g BEFORE INSERT ON f BEGIN INSERT INTO t(v) VALUES('new');"
     "SELECT RAISE(FAIL, 'no'); END;",
     "INSERT INTO f VALUES(1)", Effect::undone, SQLITE_CONSTRAINT_TRIGGER},
    {"RaiseFailBeforeAnyWrite",
     "CREATE TRIGGER g BEFORE INSERT ON t WHEN new.v = 'new' BEGIN SELECT RAISE(FAIL, 'no'); END;",
     "INSERT INTO t(v) VALUES('new')", Effect::undone, SQLITE_CONSTRAINT_TRIGGER},

    {"OrRollback", "", "INSERT OR ROLLBACK INTO t(v) VALUES('new'), ('first')", Effect::ended,
     SQLITE_CONSTRAINT_UNIQUE},
    {"SchemasOnConflictRollback",
     "CREATE TABLE f(k UNIQUE ON CONFLICT ROLLBACK); INSERT INTO f VALUES(1);",
     "INSERT INTO f VALUES(1)", Effect::ended, SQLITE_CONSTRAINT_UNIQUE},
    {"RaiseRollback",
     "CREATE TRIGGER g AFTER INSERT ON t WHEN new.v = 'new' BEGIN SELECT RAISE(ROLLBACK, 'no'); "
     "END;",
     "INSERT INTO t(v) VALUES('new')", Effect::ended, SQLITE_CONSTRAINT_TRIGGER},
};

INSTANTIATE_TEST_SUITE_P(Of, SqliteFailure, ::testing::ValuesIn(kFailures),
                         [](const auto& failure) { return failure.param.name; });

class SqliteFaults : public test::SinkFixture {
 protected:
  static std::string value(int i, std::size_t size) {
    return std::to_string(i) + std::string(size, 'x');
  }
  // Runs statements until one fails.
  Reply grow(const std::string& sql) {
    Reply reply;
    for (int i = 0; i < 100 && reply.ok(); ++i) {
      reply = execute(sql, value(i, 200'000));
    }
    return reply;
  }
  // To what the database has and 100 more; the guard would refuse it.
  void limit_pages(sqlite3* db) {
    sqlite3_set_authorizer(db, nullptr, nullptr);
    ASSERT_EQ(test::query(db, "PRAGMA max_page_count = 100"), "100");
  }
  std::string log() const { return database_.native() + "-wal"; }
};

TEST_F(SqliteFaults, ADeferredKeyIsFoundWithItsUnitAndRollbackToCuresIt) {
  ASSERT_NO_FATAL_FAILURE(
      open("CREATE TABLE t(v); CREATE TABLE p(id INTEGER PRIMARY KEY);"
           "CREATE TABLE c(p REFERENCES p DEFERRABLE INITIALLY DEFERRED)"));
  begin_with_first();
  EXPECT_TRUE(succeeded(sink_->verify()));
  ASSERT_TRUE(succeeded(savepoints().savepoint()));
  ASSERT_TRUE(succeeded(execute("INSERT INTO c VALUES(7)")));
  const Reply reply = sink_->verify();
  EXPECT_TRUE(test::failed(reply, record, Effect::kept, SQLITE_CONSTRAINT_FOREIGNKEY));
  EXPECT_TRUE(contains(reply.cause.message(), "FOREIGN KEY"));
  ASSERT_TRUE(succeeded(savepoints().rollback_to()));
  EXPECT_TRUE(succeeded(sink_->verify()));
  ASSERT_TRUE(succeeded(execute("INSERT INTO c VALUES(7)")));
  ASSERT_TRUE(succeeded(execute("INSERT INTO p VALUES(7)")));
  EXPECT_TRUE(succeeded(sink_->verify()));
  EXPECT_TRUE(succeeded(sink_->commit()));
}

TEST_F(SqliteFaults, ACommitWithADeferredKeyLeavesTheTransactionOpen) {
  ASSERT_NO_FATAL_FAILURE(
      open("CREATE TABLE t(v); CREATE TABLE p(id INTEGER PRIMARY KEY);"
           "CREATE TABLE c(p REFERENCES p DEFERRABLE INITIALLY DEFERRED)"));
  begin_with_first();
  ASSERT_TRUE(succeeded(execute("INSERT INTO c VALUES(7)")));
  EXPECT_TRUE(test::failed(sink_->commit(), record, Effect::kept, SQLITE_CONSTRAINT_FOREIGNKEY));
  ASSERT_TRUE(succeeded(execute("INSERT INTO p VALUES(7)")));
  EXPECT_TRUE(succeeded(sink_->commit()));
  EXPECT_EQ(outside("SELECT v FROM t"), "first");
}

TEST_F(SqliteFaults, AFullDiskInAStatementWithoutAJournalOfItsOwnEndsTheTransaction) {
  const test::ConnectionSpy spy;
  ASSERT_NO_FATAL_FAILURE(open("CREATE TABLE t(id INTEGER PRIMARY KEY, v)"));
  limit_pages(spy.writer());
  begin_with_first();
  ASSERT_TRUE(succeeded(savepoints().savepoint()));
  EXPECT_TRUE(
      test::failed(grow("INSERT INTO t(v) VALUES(?1)"), environment, Effect::ended, SQLITE_FULL));
  EXPECT_TRUE(test::failed(savepoints().savepoint(), internal, Effect::ended, 0));
  ASSERT_TRUE(succeeded(sink_->rollback()));
  ASSERT_NO_FATAL_FAILURE(commit_row("after"));
  EXPECT_EQ(outside("SELECT v FROM t"), "after");
}

TEST_F(SqliteFaults, AFullDiskInAStatementWithAJournalOfItsOwnUndoesTheStatement) {
  const test::ConnectionSpy spy;
  ASSERT_NO_FATAL_FAILURE(open(kTable));
  limit_pages(spy.writer());
  begin_with_first();
  EXPECT_TRUE(test::failed(grow("INSERT INTO t(v) VALUES('1' || ?1), ('2' || ?1)"), environment,
                           Effect::undone, SQLITE_FULL));
  EXPECT_EQ(inside("SELECT count(*) % 2 FROM t"), "1") << "the first, and whole pairs";
  ASSERT_TRUE(succeeded(sink_->rollback()));
  limit_pages(spy.writer());
  begin_with_first();
  EXPECT_TRUE(test::failed(grow("INSERT INTO t(id) VALUES(length(?1) * 0) ON CONFLICT DO UPDATE "
                                "SET v = ifnull(v, '') || ?1"),
                           environment, Effect::ended, SQLITE_FULL));
}

TEST_F(SqliteFaults, AnIoErrorOrLackOfMemoryInAStatementIsTheEnvironments) {
  for (const int code : {SQLITE_IOERR_READ, SQLITE_NOMEM, SQLITE_IOERR_NOMEM, SQLITE_INTERRUPT}) {
    FaultyVfs vfs;
    ASSERT_NO_FATAL_FAILURE(open("CREATE TABLE IF NOT EXISTS t(id INTEGER PRIMARY KEY, v)"));
    ASSERT_TRUE(succeeded(sink_->begin()));
    ASSERT_TRUE(succeeded(execute("DELETE FROM t")));
    for (int i = 0; i < 20; ++i) {  // more than the cache holds
      ASSERT_TRUE(succeeded(execute("INSERT INTO t(v) VALUES(?1)", value(i, 200'000))));
    }
    ASSERT_TRUE(succeeded(sink_->commit()));
    begin_with_first();
    vfs.fail({.call = VfsCall::read, .file = VfsFile::log, .code = code});
    const Reply reply = execute("UPDATE t SET v = v || 'x'");
    EXPECT_EQ(reply.fault, environment) << reply.cause.to_string();
    EXPECT_EQ(reply.effect, Effect::ended) << code;
    ASSERT_TRUE(succeeded(sink_->rollback()));
    EXPECT_EQ(outside("SELECT count(*) FROM t"), "20");
    sink_.reset();
  }
}

TEST_F(SqliteFaults, AnInterruptedWriteEndsTheTransaction) {
  const test::ConnectionSpy spy;
  ASSERT_NO_FATAL_FAILURE(open(kTable));
  const Statement second = add("INSERT INTO t(v) VALUES('second')");
  begin_with_first();
  sqlite3_progress_handler(
      spy.writer(), 1, [](void*) { return 1; }, nullptr);
  EXPECT_TRUE(test::failed(apply(second), environment, Effect::ended, SQLITE_INTERRUPT));
  sqlite3_progress_handler(spy.writer(), 0, nullptr, nullptr);
  ASSERT_NO_FATAL_FAILURE(commit_row("after"));
  EXPECT_EQ(outside("SELECT v FROM t"), "after");
}

TEST_F(SqliteFaults, RollbackEndsTheTransactionAlsoWhileAStatementIsInterrupted) {
  const test::ConnectionSpy spy;
  ASSERT_NO_FATAL_FAILURE(open(kTable));
  begin_with_first();
  Reply reply;
  int visits = 0;
  const Reply query =
      job_statements().execute("SELECT 1 UNION ALL SELECT 2", Row().bytes(), [&](const ResultRow&) {
        if (++visits > 1) return;
        sqlite3_interrupt(spy.writer());
        reply = sink_->rollback();
      });
  EXPECT_TRUE(succeeded(reply));
  EXPECT_TRUE(test::failed(query, record, Effect::ended, 0));
  EXPECT_EQ(visits, 1);
  EXPECT_NE(sqlite3_get_autocommit(spy.writer()), 0);
  ASSERT_NO_FATAL_FAILURE(commit_row("after"));
  EXPECT_EQ(outside("SELECT v FROM t"), "after");
}

TEST_F(SqliteFaults, AQueryWhoseVisitorEndedTheTransactionFails) {
  ASSERT_NO_FATAL_FAILURE(open(kTable));
  begin_with_first();
  const Reply reply = job_statements().execute("SELECT 1", Row().bytes(), [&](const ResultRow&) {
    EXPECT_EQ(execute("INSERT OR ROLLBACK INTO t(v) VALUES('first')").effect, Effect::ended);
  });
  EXPECT_EQ(reply.fault, record);
  EXPECT_EQ(reply.effect, Effect::ended);
}

TEST_F(SqliteFaults, ATableThatIsBeingReadCannotBeDroppedAndNobodyIsWaitedFor) {
  ASSERT_NO_FATAL_FAILURE(open(kTable));
  begin_with_first();
  Reply reply;
  ASSERT_TRUE(
      succeeded(job_statements().execute("SELECT v FROM t", Row().bytes(), [&](const ResultRow&) {
        reply = execute("DROP TABLE t");
      })));
  EXPECT_TRUE(test::failed(reply, record, Effect::undone, SQLITE_LOCKED));
}

TEST_F(SqliteFaults, DamageInTheFileIsCalledCorrupt) {
  FaultyVfs vfs;
  ASSERT_NO_FATAL_FAILURE(open(kTable));
  ASSERT_NO_FATAL_FAILURE(commit_row("first"));
  ASSERT_TRUE(close_healthy().ok());
  ASSERT_NO_FATAL_FAILURE(open());
  ASSERT_TRUE(succeeded(sink_->begin()));
  vfs.fail({.call = VfsCall::read,
            .file = VfsFile::database,
            .code = SQLITE_IOERR_CORRUPTFS,
            .repeat = Repeat::always});
  EXPECT_EQ(execute("SELECT * FROM t").fault, corrupt);
  sink_.reset();
}

TEST_F(SqliteFaults, APageThatCannotBeReadForOnceIsNot) {
  FaultyVfs vfs;
  ASSERT_NO_FATAL_FAILURE(open(kTable));
  ASSERT_NO_FATAL_FAILURE(commit_row("first"));
  ASSERT_TRUE(close_healthy().ok());
  ASSERT_NO_FATAL_FAILURE(open());
  ASSERT_TRUE(succeeded(sink_->begin()));
  vfs.fail({.call = VfsCall::read, .file = VfsFile::database, .code = SQLITE_IOERR_CORRUPTFS});
  EXPECT_TRUE(test::failed(execute("SELECT * FROM t"), environment, Effect::ended, SQLITE_CORRUPT));
  EXPECT_EQ(vfs.failures(), 1U);
}

TEST_F(SqliteFaults, ADamagedPageIsCalledCorrupt) {
  ASSERT_NO_FATAL_FAILURE(open(kTable));
  ASSERT_NO_FATAL_FAILURE(commit_row("first"));
  ASSERT_TRUE(close_healthy().ok());
  {
    std::FILE* file = std::fopen(database_.c_str(), "r+b");
    std::fseek(file, 4096, SEEK_SET);
    const std::string garbage(4096, '\x7f');
    EXPECT_EQ(std::fwrite(garbage.data(), 1, garbage.size(), file), garbage.size());
    std::fclose(file);
  }
  ASSERT_NO_FATAL_FAILURE(open());
  ASSERT_TRUE(succeeded(sink_->begin()));
  const Reply reply = execute("INSERT INTO t(v) VALUES('second')");
  EXPECT_EQ(reply.fault, corrupt) << reply.cause.to_string();
  EXPECT_EQ(reply.cause.code(), Errc::corrupt);
}

// COMMIT that fails.

TEST_F(SqliteFaults, AFailedCommitIsUnknown) {
  for (const int code : {SQLITE_IOERR_WRITE, SQLITE_NOMEM, SQLITE_FULL}) {
    FaultyVfs vfs;
    ASSERT_NO_FATAL_FAILURE(open("CREATE TABLE IF NOT EXISTS t(id INTEGER PRIMARY KEY, v)"));
    begin_with_first();
    vfs.fail({.call = VfsCall::write, .file = VfsFile::log, .code = code});
    const Reply reply = sink_->commit();
    EXPECT_TRUE(test::failed(reply, environment, Effect::unknown, code));
    EXPECT_TRUE(contains(reply.cause.message(), "COMMIT"));
    EXPECT_EQ(outside("SELECT count(*) FROM t"), "0");
    EXPECT_TRUE(succeeded(sink_->begin()));
    sink_.reset();
  }
}

// What makes a failed COMMIT unknown: all frames are in the log, only its index could not grow.
TEST_F(SqliteFaults, ACommitThatFailedAfterItsFramesWereWrittenComesBackInARecovery) {
  FaultyVfs vfs;
  ASSERT_NO_FATAL_FAILURE(open(kTable));
  vfs.fail({.call = VfsCall::shm_map, .code = SQLITE_IOERR_SHMMAP, .repeat = Repeat::always});
  Reply reply;
  int committed = -1;
  for (; reply.ok() && committed < 50; ++committed) {
    ASSERT_TRUE(succeeded(sink_->begin()));
    ASSERT_TRUE(succeeded(execute("INSERT INTO t(v) VALUES(?1)", value(committed, 1'000'000))));
    reply = sink_->commit();
  }
  EXPECT_TRUE(test::failed(reply, environment, Effect::unknown, SQLITE_IOERR_SHMMAP));
  vfs.heal();
  EXPECT_EQ(outside("SELECT count(*) FROM t"), std::to_string(committed));
  EXPECT_EQ(recovered("SELECT count(*) FROM t"), std::to_string(committed + 1));
  sink_.reset();
}

// A full disk lets a part of the frame with the commit mark through, and the rest is there already:
// it is as it was when the same page lay at the same place, before the WAL was restarted.
TEST_F(SqliteFaults, ACommitThatFoundTheDiskFullComesBackInARecoveryWhereOldBytesCompleteIt) {
  test::DiskVfs vfs("disk", test::DiskVfs::Use::by_default);
  const std::shared_ptr<test::Disk> disk = test::Disk::make();
  vfs.mount(disk);
  ASSERT_NO_FATAL_FAILURE(open("CREATE TABLE t(id INTEGER PRIMARY KEY, v)"));
  const auto update = [&](const std::string& sql) {
    test::OtherConnection(database_).query("PRAGMA wal_checkpoint");
    ASSERT_TRUE(succeeded(sink_->begin()));
    ASSERT_TRUE(succeeded(execute(sql)));
  };
  update("INSERT INTO t VALUES(1, zeroblob(3000)), (2, 'first')");
  ASSERT_TRUE(succeeded(sink_->commit()));
  update("UPDATE t SET v = 'later' WHERE id = 2");
  ASSERT_TRUE(succeeded(sink_->commit()));
  update("UPDATE t SET v = 'never' WHERE id = 2");
  // After the log's header: half of the frame.
  disk->fail({.call = VfsCall::write, .file = VfsFile::log, .code = SQLITE_FULL, .after = 1});
  EXPECT_TRUE(test::failed(sink_->commit(), environment, Effect::unknown, SQLITE_FULL));
  EXPECT_EQ(outside("SELECT v FROM t WHERE id = 2"), "later");
  vfs.mount(test::Disk::make(disk->content()));
  EXPECT_EQ(outside("SELECT v FROM t WHERE id = 2"), "never");
  sink_.reset();
}

TEST_F(SqliteFaults, ACommitThatIsBusyLeavesTheTransactionOpen) {
  FaultyVfs vfs;
  ASSERT_NO_FATAL_FAILURE(open(kTable));
  begin_with_first();
  vfs.fail({.call = VfsCall::write, .file = VfsFile::log, .code = SQLITE_BUSY});
  EXPECT_TRUE(test::failed(sink_->commit(), busy, Effect::kept, SQLITE_BUSY));
  EXPECT_TRUE(succeeded(sink_->commit()));
  EXPECT_EQ(outside("SELECT v FROM t"), "first");
  sink_.reset();
}

TEST_F(SqliteFaults, AFailedSyncAtCommitIsASyncFaultAndNothingBeginsAfterIt) {
  FaultyVfs vfs;
  options_.synchronous = Synchronous::full;
  ASSERT_NO_FATAL_FAILURE(open(kTable));
  begin_with_first();
  vfs.fail({.call = VfsCall::sync, .file = VfsFile::log, .code = SQLITE_IOERR_FSYNC});
  EXPECT_TRUE(test::failed(sink_->commit(), sync, Effect::unknown, SQLITE_IOERR_FSYNC));
  EXPECT_TRUE(test::failed(sink_->begin(), sync, Effect::ended, SQLITE_IOERR_FSYNC));
  EXPECT_TRUE(test::failed(sink_->probe(), sync, Effect::ended, SQLITE_IOERR_FSYNC));
  EXPECT_EQ(sink_->close(CloseMode::healthy).sqlite_code(), SQLITE_IOERR_FSYNC);
  EXPECT_TRUE(fs::exists(log()));
}

TEST_F(SqliteFaults, ACommitUnderNormalDoesNotSyncAndUnderFullItDoes) {
  for (const Synchronous level : {Synchronous::normal, Synchronous::full}) {
    FaultyVfs vfs;
    options_.synchronous = level;
    ASSERT_NO_FATAL_FAILURE(open("CREATE TABLE IF NOT EXISTS t(id INTEGER PRIMARY KEY, v)"));
    const auto before = vfs.calls(VfsCall::sync);
    ASSERT_NO_FATAL_FAILURE(commit_row("x"));
    EXPECT_EQ(vfs.calls(VfsCall::sync), before + (sink_->commit_is_durable() ? 1 : 0));
    sink_.reset();
  }
}

// The probe and the end.

TEST_F(SqliteFaults, AProbeFailsWhileTheDiskIsFullAndSucceedsAfterwards) {
  FaultyVfs vfs;
  ASSERT_NO_FATAL_FAILURE(open(kTable));
  vfs.fail({.call = VfsCall::write,
            .file = VfsFile::log,
            .code = SQLITE_FULL,
            .repeat = Repeat::always});
  EXPECT_TRUE(test::failed(sink_->probe(), environment, Effect::ended, SQLITE_FULL));
  vfs.heal();
  EXPECT_TRUE(succeeded(sink_->probe()));
  ASSERT_NO_FATAL_FAILURE(commit_row("after"));
  sink_.reset();
}

TEST_F(SqliteFaults, AProbeThatIsBusyLeavesNoTransactionOpen) {
  FaultyVfs vfs;
  ASSERT_NO_FATAL_FAILURE(open(kTable));
  vfs.fail({.call = VfsCall::write, .file = VfsFile::log, .code = SQLITE_BUSY});
  EXPECT_TRUE(test::failed(sink_->probe(), busy, Effect::ended, SQLITE_BUSY));
  ASSERT_NO_FATAL_FAILURE(commit_row("after"));
  sink_.reset();
}

TEST_F(SqliteFaults, AHealthyCloseLeavesTheFileCompleteByItself) {
  ASSERT_NO_FATAL_FAILURE(open(kTable));
  ASSERT_NO_FATAL_FAILURE(commit_row("first"));
  ASSERT_TRUE(close_healthy().ok());
  EXPECT_FALSE(fs::exists(log()));
  const fs::path copy = directory_ / "copy.db";
  test::copy_file(database_, copy);
  EXPECT_EQ(test::query(copy, "SELECT v FROM t"), "first");
}

TEST_F(SqliteFaults, AHealthyCloseWithReadersElsewhereIsFine) {
  ASSERT_NO_FATAL_FAILURE(open(kTable));
  ASSERT_NO_FATAL_FAILURE(commit_row("first"));
  test::OtherConnection other(database_);
  ASSERT_EQ(other.query("BEGIN"), "");
  ASSERT_EQ(other.query("SELECT v FROM t"), "first");
  EXPECT_TRUE(close_healthy().ok());
  EXPECT_EQ(other.query("SELECT v FROM t"), "first");
}

TEST_F(SqliteFaults, ACloseWhoseCheckpointFailsSaysSoAndLeavesTheLog) {
  const struct {
    VfsCall call;
    int code;
  } cases[] = {{VfsCall::sync, SQLITE_IOERR_FSYNC}, {VfsCall::write, SQLITE_FULL}};
  for (const auto& each : cases) {
    FaultyVfs vfs;
    ASSERT_NO_FATAL_FAILURE(open("CREATE TABLE IF NOT EXISTS t(id INTEGER PRIMARY KEY, v)"));
    ASSERT_NO_FATAL_FAILURE(commit_row("x"));
    vfs.fail({.call = each.call, .file = VfsFile::database, .code = each.code});
    const Status status = close_healthy();
    EXPECT_EQ(status.code(), Errc::storage);
    EXPECT_EQ(status.sqlite_code(), each.code);
    EXPECT_TRUE(fs::exists(log()));
  }
  EXPECT_EQ(outside("SELECT count(*) FROM t"), "2");
}

TEST_F(SqliteFaults, ACloseAfterPoisonLeavesTheFilesAsTheyAre) {
  ASSERT_NO_FATAL_FAILURE(open(kTable));
  ASSERT_NO_FATAL_FAILURE(commit_row("first"));
  const auto size = fs::file_size(database_);
  const auto log_size = fs::file_size(log());
  EXPECT_TRUE(sink_->close(CloseMode::poisoned).ok());
  EXPECT_EQ(fs::file_size(database_), size);
  EXPECT_EQ(fs::file_size(log()), log_size);
  sink_.reset();
  EXPECT_EQ(fs::file_size(log()), log_size);
  ASSERT_NO_FATAL_FAILURE(open());
  EXPECT_EQ(outside("SELECT v FROM t"), "first");
}

}  // namespace
}  // namespace onelane
