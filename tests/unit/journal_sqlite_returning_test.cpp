// What statements return goes to the receipt; bulk imports; columns of more types. On real SQLite.
#include <stdexcept>

#include "src/model/entry.h"
#include "tests/support/sqlite_journal_fixture.h"

namespace onelane {

namespace {

struct Sample {
  std::int64_t id = 0;
  std::string device;
};
struct Kept {
  std::vector<std::uint8_t> bytes;
  std::filesystem::path path;
  std::chrono::sys_time<std::chrono::milliseconds> when;
  std::optional<std::chrono::sys_seconds> maybe;
};

}  // namespace

template <>
struct RecordTraits<Sample> {
  static constexpr std::string_view sql = "INSERT INTO samples VALUES(?1, ?2)";
  static auto columns(const Sample& s) { return std::tie(s.id, s.device); }
};
template <>
struct RecordTraits<Kept> {
  static constexpr std::string_view sql = "INSERT INTO kept VALUES(?1, ?2, ?3, ?4)";
  static auto columns(const Kept& k) { return std::tie(k.bytes, k.path, k.when, k.maybe); }
};

namespace test {
namespace {

const Column kText{ColumnType::text, true};

// --- RETURNING.

class Returning : public SqliteJournalFixture {
 protected:
  Returning() {
    open("CREATE TABLE t(id INTEGER PRIMARY KEY, x); CREATE TABLE u(a, b, c, d, e)");
    insert_ = add("INSERT INTO t(x) VALUES(?1) RETURNING id, x", {kText});
  }
  // None, where there are none.
  static std::vector<ReturnedRow> rows(const Outcome& outcome) {
    return outcome.returned == nullptr ? std::vector<ReturnedRow>() : *outcome.returned;
  }

  Statement insert_;
};

TEST_F(Returning, ItsRowsComeWithTheOutcome) {
  const Outcome outcome = write(insert_, "one");
  ASSERT_TRUE(outcome.committed()) << outcome.to_string();
  EXPECT_EQ(rows(outcome), (std::vector<ReturnedRow>{{std::int64_t{1}, std::string("one")}}));
  EXPECT_EQ(outcome.rowid, 1);
}

TEST_F(Returning, EveryTypeComesAsItIs) {
  const Statement all = add("INSERT INTO u VALUES(NULL, 7, 1.5, 'text', x'00ff') RETURNING *");
  const std::vector<std::byte> blob{std::byte{0}, std::byte{0xff}};
  EXPECT_EQ(rows(write(all)), (std::vector<ReturnedRow>{{std::monostate(), std::int64_t{7}, 1.5,
                                                         std::string("text"), blob}}));
}

TEST_F(Returning, AGroupsRowsAreAllThereInOrder) {
  const Statement update = add("UPDATE t SET x = x || ?1 RETURNING x", {kText});
  Group group;
  Row row;
  group.add(insert_, row.text("a"));
  row.clear();
  group.add(insert_, row.text("b"));
  row.clear();
  group.add(update, row.text("!"));
  const Outcome outcome = this->outcome(submit(group));
  EXPECT_EQ(rows(outcome), (std::vector<ReturnedRow>{{std::int64_t{1}, std::string("a")},
                                                     {std::int64_t{2}, std::string("b")},
                                                     {std::string("a!")},
                                                     {std::string("b!")}}));
}

TEST_F(Returning, ManyInATickHaveEachItsOwn) {
  std::vector<Receipt> receipts;
  for (int i = 0; i < 100; ++i) receipts.push_back(submit(insert_, std::to_string(i)));
  run();
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(rows(settled(receipts[static_cast<std::size_t>(i)])),
              (std::vector<ReturnedRow>{{std::int64_t{i + 1}, std::to_string(i)}}));
  }
}

// A copy might find no memory, where the unit is committed already.
TEST_F(Returning, OutcomesOfAReceiptShareTheRows) {
  Receipt one = submit(insert_, "one");
  run();
  EXPECT_EQ(one.poll()->returned, one.wait()->returned);
  static_assert(noexcept(std::declval<const detail::Entry&>().outcome()));
}

TEST_F(Returning, NothingIsKeptOfARowThatIsRejectedOrPushed) {
  write(insert_, "one");
  const Statement twice = add("INSERT INTO t VALUES(1, ?1) RETURNING id", {kText});
  const Outcome refused = write(twice, "again");
  EXPECT_EQ(refused.end, End::rejected);
  EXPECT_EQ(refused.returned, nullptr);
  EXPECT_EQ(refused.status().constraint(), Constraint::unique);
  Row row;
  EXPECT_TRUE(writes_->push(insert_, row.text("two")).ok());
  run();
  EXPECT_EQ(outside("SELECT x FROM t"), "one two");
}

TEST_F(Returning, MoreThanIsKeptIsTheUnitsOwnFaultAndTheOthersCommit) {
  const std::string large(kReturnedBytesMax, 'x');
  Receipt before = submit(insert_, "before");
  Receipt too_much = submit(insert_, large);
  Receipt after = submit(insert_, "after");
  Receipt last = submit(insert_, "last");  // in the place of the one that was refused
  run();
  EXPECT_EQ(settled(too_much).end, End::rejected);
  EXPECT_NE(settled(too_much).cause.message().find("65536 bytes"), std::string::npos);
  EXPECT_TRUE(settled(before).committed());
  EXPECT_TRUE(settled(after).committed());
  EXPECT_EQ(rows(settled(last)).size(), 1U) << settled(last).to_string();
  EXPECT_EQ(outside("SELECT x FROM t"), "before after last");
  Row row;
  EXPECT_TRUE(writes_->push(insert_, row.text(large)).ok());  // for nobody
  run();
  EXPECT_EQ(outside("SELECT count(*) FROM t"), "4");
}

TEST_F(Returning, AStatementThatWritesNothingIsRefusedWhenItIsAdded) {
  for (const char* sql : {"SELECT 1", "PRAGMA user_version", "EXPLAIN INSERT INTO t(x) VALUES(1)",
                          "VALUES(1)", "-- nothing", ""}) {
    const Status refused = journal_->add_statement({.sql = sql}).status();
    EXPECT_EQ(refused.code(), Errc::invalid_argument) << sql;
  }
  EXPECT_TRUE(says(journal_->add_statement({.sql = "SELECT x FROM t"}).status(),
                   Errc::invalid_argument, {"writes nothing", "SELECT x FROM t"}));
}

// --- Columns.

TEST_F(Returning, BytesPathsAndTimePointsAreColumns) {
  journal_.reset();
  open("CREATE TABLE kept(bytes, path, at, maybe)");
  const Kept kept{.bytes = {0, 1, 255},
                  .path = "/a/b",
                  .when = std::chrono::sys_time<std::chrono::milliseconds>(
                      std::chrono::milliseconds(1'234'567)),
                  .maybe = {}};
  auto producer = journal_->producer<Kept>(*writes_);
  ASSERT_TRUE(succeeded(producer));
  EXPECT_TRUE(status_of(producer->write(kept)).ok());
  EXPECT_EQ(outside("SELECT hex(bytes), path, at, maybe FROM kept"), "0001FF|/a/b|1234567|NULL");
  EXPECT_EQ(outside("SELECT typeof(bytes), typeof(path), typeof(at) FROM kept"),
            "blob|text|integer");
}

// --- Imports.

class Imports : public SqliteJournalFixture {
 protected:
  Imports() { open("CREATE TABLE samples(id INTEGER PRIMARY KEY, device); CREATE TABLE done(n)"); }
  static std::vector<Sample> samples(std::int64_t count) {
    std::vector<Sample> out;
    for (std::int64_t i = 1; i <= count; ++i) out.push_back({i, "device"});
    return out;
  }
  Receipt import(Import<Sample> what) {
    return accepted(writes_->submit(import_job<Sample>(std::move(what))));
  }
};

TEST_F(Imports, ARangeIsWrittenInStepsOfTheirBytes) {
  Receipt receipt = import({.name = "all", .next = next_of(samples(1000)), .bytes_per_step = 2100});
  const Outcome outcome = this->outcome(std::move(receipt));
  EXPECT_TRUE(outcome.committed()) << outcome.to_string();
  EXPECT_EQ(outcome.changes, 1000U);
  EXPECT_EQ(outcome.steps, 10U);  // 21 bytes a row; the last ends with the 1000th
  EXPECT_EQ(outside("SELECT count(*), sum(id) FROM samples"), "1000|500500");
}

TEST_F(Imports, WhatGoesBeforeAndAfterIsInTheFirstStepAndTheLast) {
  Receipt receipt = import(
      {.next = next_of(samples(100)),
       .before =
           [](Transaction& t) { return t.execute("INSERT INTO done VALUES('begun')").status(); },
       .after =
           [](Transaction& t, std::uint64_t written) {
             return t.execute("INSERT INTO done VALUES(?1)", written).status();
           },
       .bytes_per_step = 210});
  tick();
  EXPECT_EQ(outside("SELECT * FROM done"), "begun");
  EXPECT_TRUE(outcome(std::move(receipt)).committed());
  EXPECT_EQ(outside("SELECT * FROM done"), "begun 100");
}

TEST_F(Imports, ARefusedRecordEndsItUnlessSomebodyTakesIt) {
  std::vector<Sample> twice = samples(3);
  twice.push_back({2, "again"});
  twice.push_back({4, "device"});
  const Outcome refused = outcome(import({.name = "twice", .next = next_of(twice)}));
  EXPECT_EQ(refused.end, End::rejected);
  EXPECT_NE(refused.cause.message().find("UNIQUE"), std::string::npos);
  EXPECT_EQ(outside("SELECT count(*) FROM samples"), "0");
  std::vector<std::string> left_out;
  const Outcome taken = outcome(
      import({.next = next_of(twice), .refused = [&](const Sample& sample, const Status& why) {
                EXPECT_EQ(why.constraint(), Constraint::unique);
                left_out.push_back(sample.device);
                return true;
              }}));
  EXPECT_TRUE(taken.committed());
  EXPECT_EQ(left_out, std::vector<std::string>{"again"});
  EXPECT_EQ(outside("SELECT count(*) FROM samples"), "4");
}

TEST_F(Imports, WithoutAnInputItIsRefused) {
  EXPECT_TRUE(says(writes_->submit(import_job<Sample>({.name = "none"})).status(),
                   Errc::invalid_argument, {"\"none\" has no step"}));
}

}  // namespace
}  // namespace test
}  // namespace onelane
