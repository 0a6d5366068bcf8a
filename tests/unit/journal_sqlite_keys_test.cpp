// Deferred keys: a record that is a unit by itself answers for those that it leaves open, whatever
// comes behind it in the same tick, and whenever the key was made.
#include "tests/support/sqlite_journal_fixture.h"

namespace onelane {
namespace {

const Column kInteger{ColumnType::integer};
constexpr const char* kDeferred = "REFERENCES peers DEFERRABLE INITIALLY DEFERRED";

class DeferredKeys : public test::SqliteJournalFixture {
 protected:
  void open_with(const std::string& calls) {
    ASSERT_NO_FATAL_FAILURE(open("CREATE TABLE peers(id INTEGER PRIMARY KEY);" + calls));
    peer_ = add("INSERT INTO peers VALUES(?1)", {kInteger});
    call_ = add("INSERT INTO calls VALUES(?1)", {kInteger});
  }

  // Of a call of a peer that only the record behind it makes.
  End early_call() {
    Receipt call = submit(call_, 7);
    Receipt peer = submit(peer_, 7);
    run();
    EXPECT_TRUE(settled(peer).committed());
    return settled(call).end;
  }

  Statement peer_, call_;
};

TEST_F(DeferredKeys, ARecordThatLeavesOneOpenIsRejectedThoughTheNextWouldResolveIt) {
  ASSERT_NO_FATAL_FAILURE(open_with(std::string("CREATE TABLE calls(peer ") + kDeferred + ")"));
  EXPECT_EQ(early_call(), End::rejected);
  EXPECT_EQ(outside("SELECT count(*) FROM calls"), "0");
  EXPECT_TRUE(write(call_, 7).committed());
}

TEST_F(DeferredKeys, OneThatSomebodyElseMakesLaterCounts) {
  ASSERT_NO_FATAL_FAILURE(open_with("CREATE TABLE calls(peer)"));
  EXPECT_TRUE(write(call_, 1).committed());
  ASSERT_EQ(outside("DROP TABLE calls"), "");
  ASSERT_EQ(outside(std::string("CREATE TABLE calls(peer ") + kDeferred + ")"), "");
  EXPECT_EQ(early_call(), End::rejected);
}

TEST_F(DeferredKeys, OneThatARecordOfTheSameTickMakesCounts) {
  ASSERT_NO_FATAL_FAILURE(open_with("CREATE TABLE calls(peer)"));
  Receipt table = submit(add(std::string("CREATE TABLE links(peer ") + kDeferred + ")"));
  Receipt trigger = submit(
      add("CREATE TRIGGER t AFTER INSERT ON calls BEGIN INSERT INTO links VALUES(new.peer); END"));
  EXPECT_EQ(early_call(), End::rejected);
  EXPECT_TRUE(settled(table).committed());
  EXPECT_TRUE(settled(trigger).committed());
}

TEST_F(DeferredKeys, OneOfATemporaryTableCounts) {
  ASSERT_NO_FATAL_FAILURE(open_with("CREATE TABLE calls(peer)"));
  EXPECT_TRUE(write(add("CREATE TEMP TABLE peers(id INTEGER PRIMARY KEY)")).committed());
  EXPECT_TRUE(
      write(add(std::string("CREATE TEMP TABLE calls(peer ") + kDeferred + ")")).committed());
  EXPECT_EQ(early_call(), End::rejected);
}

}  // namespace
}  // namespace onelane
