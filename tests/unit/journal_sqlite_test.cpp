// What a program meets that embeds the journal: records, groups and jobs on real SQLite, from the
// public API to the rows in the file.
#include <cstring>
#include <limits>

#include "tests/support/sqlite_journal_fixture.h"

namespace onelane {

// A record with every type of column, each also as one that may be missing.
struct Everything {
  enum class Colour : std::uint8_t { red, green };

  std::int64_t id = 0;
  std::uint32_t small = 0;
  std::uint64_t large = 0;
  bool flag = false;
  Colour colour = Colour::red;
  double ratio = 0;
  std::string name;
  std::vector<std::byte> body;
  std::optional<std::int32_t> maybe_number;
  std::optional<double> maybe_ratio;
  std::optional<std::string> maybe_name;
  std::optional<std::vector<std::byte>> maybe_body;
};

template <>
struct RecordTraits<Everything> {
  static constexpr std::string_view sql =
      "INSERT INTO everything VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
  static auto columns(const Everything& e) {
    return std::tuple(e.id, e.small, e.large, e.flag, e.colour, e.ratio, std::string_view(e.name),
                      std::span(e.body), e.maybe_number, e.maybe_ratio, e.maybe_name, e.maybe_body);
  }
};

namespace {

struct Peer {
  std::string name;
  std::int64_t seen = 0;
};

}  // namespace

template <>
struct RecordTraits<Peer> {
  static constexpr std::string_view sql =
      "INSERT INTO peers(name, seen) VALUES(?1, ?2) "
      "ON CONFLICT(name) DO UPDATE SET seen = excluded.seen";
  static auto columns(const Peer& peer) {
    return std::tuple(std::string_view(peer.name), peer.seen);
  }
};

namespace {

using test::says;
using test::succeeded;

constexpr const char* kEverything = "CREATE TABLE everything(a, b, c, d, e, f, g, h, i, j, k, l)";
constexpr const char* kPeers =
    "CREATE TABLE peers(id INTEGER PRIMARY KEY, name TEXT UNIQUE, seen INTEGER)";
constexpr Column kInteger{ColumnType::integer};
constexpr Column kText{ColumnType::text};

std::vector<std::byte> bytes(std::string_view text) {
  std::vector<std::byte> out(text.size());
  if (!text.empty()) std::memcpy(out.data(), text.data(), text.size());
  return out;
}

// --- Records.

class JournalRecords : public test::SqliteJournalFixture {
 protected:
  void SetUp() override { ASSERT_NO_FATAL_FAILURE(open(std::string(kEverything) + ";" + kPeers)); }
  template <class T>
  Producer<T> producer() {
    return *journal_->producer<T>(*writes_);
  }
  template <class T>
  Outcome write_record(const T& record) {
    return outcome(*producer<T>().submit(record));
  }
  std::string types() {
    std::string sql = "SELECT typeof(a)";
    for (char column = 'b'; column <= 'l'; ++column)
      sql += std::string("||' '||typeof(") + column + ")";
    return outside(sql + " FROM everything");
  }
};

TEST_F(JournalRecords, EveryTypeOfColumnArrivesAsItself) {
  write_record(Everything{.id = std::numeric_limits<std::int64_t>::min(),
                          .small = std::numeric_limits<std::uint32_t>::max(),
                          .large = std::numeric_limits<std::int64_t>::max(),
                          .flag = true,
                          .colour = Everything::Colour::green,
                          .ratio = 0.5,
                          .name = "ü",
                          .body = bytes("xyz"),
                          .maybe_number = -7,
                          .maybe_ratio = -0.25,
                          .maybe_name = "n",
                          .maybe_body = bytes("b")});
  EXPECT_EQ(types(),
            "integer integer integer integer integer real text blob "
            "integer real text blob");
  EXPECT_EQ(outside("SELECT * FROM everything"),
            "-9223372036854775808|4294967295|9223372036854775807|1|1|0.5|ü|xyz|-7|-0.25|n|b");
}

TEST_F(JournalRecords, MissingOptionalsAreNullAndEmptyValuesAreNot) {
  write_record(Everything{});
  EXPECT_EQ(types(), "integer integer integer integer integer real text blob null null null null");
  ASSERT_EQ(outside("DELETE FROM everything"), "");
  write_record(Everything{.maybe_name = "", .maybe_body = bytes("")});
  EXPECT_EQ(types(), "integer integer integer integer integer real text blob null null text blob");
  EXPECT_EQ(outside("SELECT length(g), length(h), length(k), length(l) FROM everything"),
            "0|0|0|0");
}

TEST_F(JournalRecords, TextWithANulByteIsKeptWhole) {
  write_record(Everything{.name = std::string("a\0b", 3)});
  EXPECT_EQ(outside("SELECT hex(g) FROM everything"), "610062");
}

TEST_F(JournalRecords, InfinityIsAValue) {
  write_record(Everything{.ratio = -std::numeric_limits<double>::infinity()});
  EXPECT_EQ(outside("SELECT f FROM everything"), "-Inf");
}

TEST_F(JournalRecords, AnUnsignedAboveTheLargestIntegerIsRefusedByColumn) {
  const Status status = producer<Everything>().push({.large = 9'223'372'036'854'775'808U});
  EXPECT_TRUE(says(status, Errc::invalid_argument, {"?3", "9223372036854775808", "2^63 - 1"}));
}

TEST_F(JournalRecords, NanIsRefusedByColumn) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_TRUE(
      says(producer<Everything>().push({.ratio = nan}), Errc::invalid_argument, {"?6", "NaN"}));
  EXPECT_TRUE(says(producer<Everything>().push({.maybe_ratio = nan}), Errc::invalid_argument,
                   {"?10", "NaN"}));
}

TEST_F(JournalRecords, ARefusedRecordIsCountedAndLeavesTheProducerUsable) {
  Producer<Everything> everything = producer<Everything>();
  EXPECT_FALSE(everything.push({.ratio = std::numeric_limits<double>::quiet_NaN()}).ok());
  EXPECT_TRUE(succeeded(everything.push({.id = 5})));
  run();
  EXPECT_EQ(outside("SELECT a FROM everything"), "5");
  const ClassStats stats = journal_->stats().classes.front();
  EXPECT_EQ(stats.offered, 2U);
  EXPECT_EQ(stats.refused, 1U);
  EXPECT_EQ(stats.accepted, 1U);
}

TEST_F(JournalRecords, AnInsertTellsItsRowidAndAnUpsertThatUpdatedHasNone) {
  const Outcome inserted = write_record(Peer{"ada", 1});
  EXPECT_EQ(inserted.rowid, 1);
  EXPECT_EQ(inserted.changes, 1U);
  const Outcome updated = write_record(Peer{"ada", 2});
  EXPECT_FALSE(updated.rowid.has_value());
  EXPECT_EQ(updated.changes, 1U);
  EXPECT_EQ(outside("SELECT * FROM peers"), "1|ada|2");
}

TEST_F(JournalRecords, ARowidOfAnEarlierRecordIsNoLaterOnesInTheSameTick) {
  Producer<Peer> peers = producer<Peer>();
  const Receipt inserted = *peers.submit({"ada", 1});
  const Receipt updated = *peers.submit({"ada", 2});
  run();
  EXPECT_EQ(settled(inserted).rowid, 1);
  EXPECT_FALSE(settled(updated).rowid.has_value());
}

TEST_F(JournalRecords, ChangesAreTheRowsOfTheStatementItself) {
  write_record(Peer{"ada", 1});
  write_record(Peer{"bob", 1});
  const Statement older = add("UPDATE peers SET seen = ?1 WHERE seen < ?1", {kInteger});
  EXPECT_EQ(write(older, 3).changes, 2U);
  const Outcome nothing = write(older, 3);
  EXPECT_TRUE(nothing.committed());
  EXPECT_EQ(nothing.changes, 0U);
}

TEST_F(JournalRecords, AStatementThatReturnsRowsRunsToItsEnd) {
  const Statement returning =
      add("INSERT INTO peers(name) VALUES(?1), (?1 || '2') RETURNING id", {kText});
  const Outcome outcome = write(returning, "ada");
  EXPECT_EQ(outcome.changes, 2U);
  EXPECT_EQ(outcome.rowid, 2);
  EXPECT_EQ(outside("SELECT name FROM peers"), "ada ada2");
}

// --- Statements and rows that do not fit each other.

TEST_F(JournalRecords, ParametersAndColumnsOfDifferentNumberAreBothNamed) {
  const auto added = journal_->add_statement(
      {.sql = "INSERT INTO peers(name, seen) VALUES(?1, ?2)", .columns = {kText}});
  EXPECT_TRUE(says(added.status(), Errc::invalid_argument,
                   {"2 parameters", "1 column", "INSERT INTO peers(name, seen)"}));
}

TEST_F(JournalRecords, SqlThatDoesNotPrepareIsRefusedWithSqlitesReason) {
  EXPECT_TRUE(says(journal_->add_statement({.sql = "INSERT INTO nowhere VALUES(1)"}).status(),
                   Errc::invalid_argument, {"no such table: nowhere", "INSERT INTO nowhere"}));
  EXPECT_TRUE(
      says(journal_->add_statement({.sql = "DELETE FROM peers; DELETE FROM peers"}).status(),
           Errc::invalid_argument, {"more than one"}));
}

TEST_F(JournalRecords, TheSameSqlAndColumnsGiveTheSameStatement) {
  const Statement first = add("DELETE FROM peers WHERE id = ?1", {kInteger});
  EXPECT_EQ(add("DELETE FROM peers WHERE id = ?1", {kInteger}), first);
  EXPECT_NE(add("DELETE FROM peers WHERE id = ?1", {kText}), first);
}

TEST_F(JournalRecords, AValueOfAnotherTypeIsRefusedByColumn) {
  const Statement named = add("INSERT INTO peers(name, seen) VALUES(?1, ?2)", {kText, kInteger});
  Row row;
  put(row, "ada", "yesterday");
  EXPECT_TRUE(
      says(writes_->push(named, row), Errc::invalid_argument, {"?2 is text", "takes integer"}));
  row.clear();
  row.null().integer(1);
  EXPECT_TRUE(says(writes_->push(named, row), Errc::invalid_argument, {"?1 is NULL"}));
  row.clear();
  put(row, "ada");
  EXPECT_TRUE(says(writes_->push(named, row), Errc::invalid_argument, {"1 columns", "takes 2"}));
}

TEST_F(JournalRecords, AStatementOfNoJournalIsRefused) {
  EXPECT_TRUE(says(writes_->push(Statement{77}, Row()), Errc::invalid_argument, {"77"}));
}

TEST_F(JournalRecords, AnInvalidRowMakesItsGroupInvalid) {
  Group group;
  Producer<Everything> everything = producer<Everything>();
  everything.add_to(group, {.ratio = std::numeric_limits<double>::quiet_NaN()});
  everything.add_to(group, {.id = 1});
  EXPECT_TRUE(says(writes_->push(group), Errc::invalid_argument, {"?6", "NaN"}));
}

// --- Groups.

TEST_F(JournalRecords, AGroupOverSeveralStatementsCommitsAsOne) {
  Group group;
  producer<Peer>().add_to(group, {"ada", 1});
  producer<Everything>().add_to(group, {.id = 9});
  producer<Peer>().add_to(group, {"bob", 2});
  const Outcome outcome = this->outcome(submit(group));
  EXPECT_TRUE(outcome.committed());
  EXPECT_EQ(outcome.changes, 3U);
  EXPECT_EQ(outcome.rowid, 2);
  EXPECT_EQ(outside("SELECT name FROM peers"), "ada bob");
  EXPECT_EQ(outside("SELECT a FROM everything"), "9");
}

TEST_F(JournalRecords, ARangeOfRecordsIsAGroup) {
  const std::vector<Peer> peers = {{"ada", 1}, {"bob", 2}, {"ada", 3}};
  const Outcome outcome = this->outcome(*producer<Peer>().submit_group(peers));
  EXPECT_EQ(outcome.changes, 3U);
  EXPECT_EQ(outside("SELECT name, seen FROM peers"), "ada|3 bob|2");
}

TEST_F(JournalRecords, AKeyThatTheGroupItselfResolvesIsNoViolation) {
  ASSERT_EQ(outside("CREATE TABLE calls(peer REFERENCES peers DEFERRABLE INITIALLY DEFERRED)"), "");
  const Statement call = add("INSERT INTO calls VALUES(?1)", {kInteger});
  Group group;
  Row row;
  put(row, 1);
  group.add(call, row);
  EXPECT_EQ(outcome(submit(group)).end, End::rejected);
  producer<Peer>().add_to(group, {"ada", 1});
  EXPECT_TRUE(outcome(submit(group)).committed());
  EXPECT_EQ(outside("SELECT peer FROM calls"), "1");
}

}  // namespace
}  // namespace onelane
