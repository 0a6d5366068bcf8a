// Text in a database that keeps it as UTF-16.
#include "src/sqlite/sink/text.h"
#include "tests/support/sqlite_journal_fixture.h"

namespace onelane {
namespace {

constexpr Column kText{ColumnType::text};
constexpr const char* kRefused[] = {"\xff\xfe\x80",     "\xc0\x80",         "\xe2\x82",
                                    "\xed\xa0\x80",     "\xef\xbf\xbe",     "\xef\xbf\xbf",
                                    "\xf4\x90\x80\x80", "\xf8\x88\x80\x80", "a\x80"};
constexpr const char* kKept[] = {"",
                                 "abc",
                                 "\xc3\xbc",
                                 "\xe2\x82\xac",
                                 "\xef\xbf\xbd",
                                 "\xef\xbb\xbfx",
                                 "\xf0\x9f\x98\x80",
                                 "\xf4\x8f\xbf\xbf"};

TEST(SqliteText, OnlyWhatUtf16CanCarrySurvivesIt) {
  for (const char* text : kRefused) EXPECT_FALSE(sqlite::survives_utf16(text)) << text;
  for (const char* text : kKept) EXPECT_TRUE(sqlite::survives_utf16(text)) << text;
}

class SqliteUtf16 : public test::SqliteJournalFixture {
 protected:
  void SetUp() override {
    sqlite3* made = nullptr;
    ASSERT_EQ(sqlite3_open(database_.c_str(), &made), SQLITE_OK);
    ASSERT_EQ(test::query(made, "PRAGMA encoding='UTF-16le'"), "");
    ASSERT_EQ(test::query(made, "CREATE TABLE t(k TEXT PRIMARY KEY)"), "");
    sqlite3_close(made);
    ASSERT_NO_FATAL_FAILURE(open());
    ASSERT_EQ(outside("PRAGMA encoding"), "UTF-16le");
  }
};

TEST_F(SqliteUtf16, TextThatItWouldChangeIsRejectedAndNamed) {
  const Statement insert = add("INSERT INTO t VALUES(?1)", {kText});
  for (const char* text : kRefused) {
    EXPECT_TRUE(test::says(write(insert, text).cause, Errc::record, {"column 1", "UTF-16"}));
    const Outcome step = outcome(submit_job([text](Transaction& in) -> Result<Step> {
      const Result<std::uint64_t> done = in.execute("INSERT INTO t VALUES(?1)", text);
      return done.ok() ? Result<Step>(Step::done) : done.status();
    }));
    EXPECT_EQ(step.end, End::rejected);
  }
  EXPECT_EQ(outside("SELECT count(*) FROM t"), "0");
}

TEST_F(SqliteUtf16, AllOtherTextIsKept) {
  const Statement insert = add("INSERT INTO t VALUES(?1)", {kText});
  for (const char* text : kKept) EXPECT_TRUE(write(insert, text).committed());
  for (const char* text : kKept) {
    EXPECT_EQ(outside(std::string("SELECT count(*) FROM t WHERE k = '") + text + "'"), "1") << text;
  }
}

}  // namespace
}  // namespace onelane
