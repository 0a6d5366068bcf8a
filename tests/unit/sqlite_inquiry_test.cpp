// Whose fault a failed statement is, where SQLite's code alone does not tell.
#include <sqlite3.h>

#include <cstdio>
#include <filesystem>

#include "tests/support/sink_fixture.h"

namespace onelane::test {
namespace {

namespace fs = std::filesystem;

// An SQL function answer(code) on every connection: a statement of it fails so.
void answer(sqlite3_context* context, int, sqlite3_value** arguments) {
  sqlite3_result_error_code(context, sqlite3_value_int(arguments[0]));
}
int add_answer(sqlite3* db, char**, const struct sqlite3_api_routines*) {
  return sqlite3_create_function_v2(db, "answer", 1, SQLITE_UTF8, nullptr, answer, nullptr, nullptr,
                                    nullptr);
}
void (*entry_point())() { return reinterpret_cast<void (*)()>(add_answer); }

class SqliteInquiry : public SinkFixture {
 protected:
  SqliteInquiry() { sqlite3_auto_extension(entry_point()); }
  ~SqliteInquiry() override { sqlite3_cancel_auto_extension(entry_point()); }

  Reply fail_with(int code) {
    Reply reply = execute("INSERT INTO t(v) VALUES(answer(?1))", std::int64_t{code});
    EXPECT_EQ(reply.cause.sqlite_code(), code) << "it is to fail so";
    return reply;
  }
  LogState log() { return sink_->log()->state(); }
  void overwrite(long at, const std::string& bytes) {
    std::FILE* file = std::fopen(database_.c_str(), fs::exists(database_) ? "r+b" : "wb");
    ASSERT_NE(file, nullptr);
    std::fseek(file, at, SEEK_SET);
    EXPECT_EQ(std::fwrite(bytes.data(), 1, bytes.size(), file), bytes.size());
    std::fclose(file);
  }
};

// --- FULL.

TEST_F(SqliteInquiry, AUsedUpAutoincrementIsTheRecordsFaultAndNoFullDisk) {
  options_.ballast_bytes = kMiB;
  ASSERT_NO_FATAL_FAILURE(
      open("CREATE TABLE ids(id INTEGER PRIMARY KEY AUTOINCREMENT, v);"
           "INSERT INTO ids VALUES(9223372036854775807, 'last')"));
  ASSERT_TRUE(succeeded(sink_->begin()));
  const Reply reply = execute("INSERT INTO ids(v) VALUES('one more')");
  EXPECT_TRUE(failed(reply, Fault::record, reply.effect, SQLITE_FULL));
  EXPECT_EQ(reply.cause.code(), Errc::record);
  EXPECT_EQ(reply.cause.message(), "the AUTOINCREMENT keys of ids are used up");
  EXPECT_FALSE(log().full);
  EXPECT_EQ(log().ballast_bytes, kMiB);
}

TEST_F(SqliteInquiry, AnyOtherFullInAStatementIsTheEnvironmentsAndNotTheDatabasesDisk) {
  options_.ballast_bytes = kMiB;
  ASSERT_NO_FATAL_FAILURE(open(kTable));
  begin_with_first();
  const Reply reply = fail_with(SQLITE_FULL);
  EXPECT_TRUE(failed(reply, Fault::environment, reply.effect, SQLITE_FULL));
  EXPECT_TRUE(contains(reply.cause.message(), "not the database's disk"));
  EXPECT_TRUE(contains(reply.cause.message(), "temporary files"));
  EXPECT_FALSE(log().full);
  EXPECT_EQ(log().ballast_bytes, kMiB);
}

TEST_F(SqliteInquiry, ADatabaseAtItsLargestSizeSaysSo) {
  ConnectionSpy spy;
  ASSERT_NO_FATAL_FAILURE(open(kTable));
  ASSERT_TRUE(succeeded(sink_->begin()));
  ASSERT_EQ(sqlite3_set_authorizer(spy.writer(), nullptr, nullptr), SQLITE_OK);
  ASSERT_EQ(query(spy.writer(), "PRAGMA max_page_count=4"), "4");
  const Reply reply = execute("INSERT INTO t(v) VALUES(zeroblob(100000))");
  EXPECT_TRUE(failed(reply, Fault::environment, reply.effect, SQLITE_FULL));
  EXPECT_EQ(reply.cause.message(),
            "database or disk is full: the database has 3 of its max_page_count of 4");
}

// --- CORRUPT.

TEST_F(SqliteInquiry, CorruptOfAVirtualTableIsTheRecordsFault) {
  ASSERT_NO_FATAL_FAILURE(open(kTable));
  begin_with_first();
  const Reply reply = fail_with(SQLITE_CORRUPT_VTAB);
  EXPECT_TRUE(failed(reply, Fault::record, Effect::undone, SQLITE_CORRUPT_VTAB));
}

TEST_F(SqliteInquiry, CorruptWhileTheFileIsSoundIsNoDamageAndIsWaitedOut) {
  ASSERT_NO_FATAL_FAILURE(open(kTable));
  for (const int code : {SQLITE_CORRUPT, SQLITE_CORRUPT_INDEX}) {
    begin_with_first();
    EXPECT_TRUE(failed(fail_with(code), Fault::environment, Effect::ended, code));
    ASSERT_TRUE(succeeded(sink_->rollback()));
    ASSERT_NO_FATAL_FAILURE(commit_row("after " + std::to_string(code)));
  }
  EXPECT_EQ(outside("SELECT count(*) FROM t"), "2");
}

TEST_F(SqliteInquiry, CorruptWhileAnotherTableIsDamagedIsDamage) {
  ASSERT_NO_FATAL_FAILURE(open("CREATE TABLE t(v); CREATE TABLE other(v)"));
  ASSERT_TRUE(close_healthy().ok());
  ASSERT_NO_FATAL_FAILURE(overwrite(2 * 4096, std::string(4096, '\x7f')));
  ASSERT_NO_FATAL_FAILURE(open());
  ASSERT_TRUE(succeeded(sink_->begin()));
  EXPECT_EQ(fail_with(SQLITE_CORRUPT).fault, Fault::corrupt);
}

TEST_F(SqliteInquiry, AFileTooLargeToBeLookedThroughIsBelievedToBeDamaged) {
  ASSERT_NO_FATAL_FAILURE(open("CREATE TABLE t(v); INSERT INTO t VALUES(zeroblob(17000000))"));
  ASSERT_TRUE(succeeded(sink_->begin()));
  EXPECT_EQ(fail_with(SQLITE_CORRUPT).fault, Fault::corrupt);
}

// --- What is no database of this SQLite's.

TEST_F(SqliteInquiry, AFileThatIsNoDatabaseIsCalledThatAndNoPragmaIsBlamed) {
  for (const Synchronous level : {Synchronous::normal, Synchronous::paranoid}) {
    options_.synchronous = level;
    overwrite(0, std::string(4096, 'x'));
    const Status status = open_status();
    EXPECT_EQ(status.code(), Errc::corrupt);
    EXPECT_EQ(status.message(), database_.string() + ": file is not a database");
  }
}

TEST_F(SqliteInquiry, ADatabaseOfANewerFormatIsCalledThat) {
  constexpr long kWriteFormatAt = 18, kReadFormatAt = 19, kSchemaFormatEnd = 47;
  for (const long at : {kWriteFormatAt, kReadFormatAt, kSchemaFormatEnd}) {
    fs::remove(database_);
    ASSERT_NO_FATAL_FAILURE(open(kTable));
    ASSERT_TRUE(close_healthy().ok());
    overwrite(at, "\x07");
    const Status status = open_status();
    EXPECT_EQ(status.code(), Errc::storage) << status.to_string();
    EXPECT_TRUE(contains(status.message(), "newer format than SQLite"));
    EXPECT_TRUE(
        contains(status.message(), at == kSchemaFormatEnd ? "schema format 7" : "file format 7"));
  }
}

// --- What needs no temporary file cannot fail for one.

TEST_F(SqliteInquiry, StatementsKeepTheirTemporaryFilesInMemory) {
  ConnectionSpy spy;
  ASSERT_NO_FATAL_FAILURE(open(kTable));
  sqlite3_set_authorizer(spy.writer(), nullptr, nullptr);
  EXPECT_EQ(query(spy.writer(), "PRAGMA temp_store"), "2");
}

}  // namespace
}  // namespace onelane::test
