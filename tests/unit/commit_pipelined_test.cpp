// A sink that sends calls on before the store has answered: a tick is one round trip, and what the
// store says late finds the unit that it is about. On real SQLite, behind a queue of calls.
#include <stdexcept>
#include <string>
#include <vector>

#include "src/sqlite/sink/sqlite_sink.h"
#include "tests/support/sending_sink.h"
#include "tests/support/sqlite_journal_fixture.h"

namespace onelane::test {
namespace {

const Column kInteger{ColumnType::integer, true};

class SentOn : public SqliteJournalFixture {
 protected:
  SentOn() {
    options_.schema =
        "CREATE TABLE t(id INTEGER PRIMARY KEY, x CHECK(x >= 0));"
        "CREATE TABLE child(id REFERENCES t DEFERRABLE INITIALLY DEFERRED);"
        "CREATE TABLE keyed(k INTEGER PRIMARY KEY, x CHECK(x >= 0))";
    Result<std::unique_ptr<Sink>> sink = sqlite::open_sink(database_, options_);
    EXPECT_TRUE(succeeded(sink));
    options_.schema.clear();
    Result<Journal> opened =
        Journal::open(std::make_unique<SendingSink>(*std::move(sink), &trips_), options_);
    EXPECT_TRUE(succeeded(opened));
    journal_.emplace(*std::move(opened));
    writes_.emplace(add_class({.name = "writes", .guarantee = {.records = 512, .bytes = kMiB}}));
    insert_ = add("INSERT INTO t(x) VALUES(?1)", {kInteger});
  }

  Group group(const std::vector<std::int64_t>& values) const {
    Group out;
    for (const std::int64_t value : values) {
      Row row;
      put(row, value);
      out.add(insert_, row);
    }
    return out;
  }
  std::string stored() {
    return outside("SELECT group_concat(x) FROM (SELECT x FROM t ORDER BY id)");
  }
  template <class... Receipts>
  static std::string ends(const Receipts&... receipts) {
    std::string out;
    ((out += (out.empty() ? "" : " ") + std::string(name(settled(receipts).end))), ...);
    return out;
  }

  std::size_t trips_ = 0;
  Statement insert_;
};

TEST_F(SentOn, ATickIsOneRoundTrip) {
  std::vector<Receipt> receipts;
  for (std::int64_t i = 0; i < 200; ++i) receipts.push_back(submit(insert_, i));
  receipts.push_back(submit(group({200, 201})));
  trips_ = 0;
  EXPECT_EQ(tick().units, 201U);
  EXPECT_EQ(trips_, 1U);
  EXPECT_EQ(outside("SELECT count(*) FROM t"), "202");
  EXPECT_EQ(settled(receipts[7]).changes, 1U);
  EXPECT_EQ(settled(receipts[7]).rowid, 8);
  EXPECT_EQ(settled(receipts[200]).changes, 2U);
  EXPECT_EQ(settled(receipts[200]).rowid, 202);
}

TEST_F(SentOn, WhatStatementsReturnComesWithTheirOwnOutcomes) {
  const Statement returning = add("INSERT INTO t(x) VALUES(?1) RETURNING id, x", {kInteger});
  const Receipt one = submit(returning, 5);
  const Receipt none = submit(insert_, 6);
  Group both;
  for (const std::int64_t x : {7, 8}) {
    Row row;
    put(row, x);
    both.add(returning, row);
  }
  const Receipt two = submit(both);
  run();
  using Rows = std::vector<ReturnedRow>;
  EXPECT_EQ(*settled(one).returned, (Rows{{std::int64_t{1}, std::int64_t{5}}}));
  EXPECT_EQ(settled(none).returned, nullptr);
  EXPECT_EQ(*settled(two).returned,
            (Rows{{std::int64_t{3}, std::int64_t{7}}, {std::int64_t{4}, std::int64_t{8}}}));
}

TEST_F(SentOn, TheRecordThatFailedIsRejectedWhereverItStands) {
  for (std::size_t place = 0; place < 3; ++place) {
    std::vector<Receipt> receipts;
    for (std::size_t i = 0; i < 3; ++i) receipts.push_back(submit(insert_, i == place ? -1 : 1));
    run();
    for (std::size_t i = 0; i < 3; ++i) {
      EXPECT_EQ(settled(receipts[i]).end, i == place ? End::rejected : End::committed);
    }
    EXPECT_NE(settled(receipts[place]).cause.message().find("CHECK"), std::string::npos);
  }
  EXPECT_EQ(stored(), "1,1,1,1,1,1");
}

TEST_F(SentOn, AGroupWithARecordThatFailsIsRejectedAsAWhole) {
  const Receipt first = submit(insert_, 1);
  const Receipt bad = submit(group({2, -1, 3}));
  const Receipt last = submit(group({4, 5}));
  run();
  EXPECT_EQ(ends(first, bad, last), "committed rejected committed");
  EXPECT_EQ(stored(), "1,4,5");
  EXPECT_EQ(settled(last).changes, 2U);
}

TEST_F(SentOn, AfterItsFirstCulpritAClassWaitsForEachAnswerAndTheTickRunsOnceMore) {
  std::vector<Receipt> receipts;
  for (std::int64_t i = 1; i <= 20; ++i) receipts.push_back(submit(insert_, i % 2 == 0 ? -1 : i));
  receipts.push_back(submit(group({21, -1})));
  receipts.push_back(submit(group({23})));
  const std::uint64_t before = journal_->stats().attempts;
  EXPECT_FALSE(tick().more);
  EXPECT_EQ(journal_->stats().attempts - before, 2U);
  EXPECT_EQ(stored(), "1,3,5,7,9,11,13,15,17,19,23");
  EXPECT_EQ(settled(receipts[18]).rowid, 10);
}

TEST_F(SentOn, AJobThatMeetsAnEarlierFailureIsNotToBlame) {
  const Receipt bad = submit(insert_, -1);
  int calls = 0;
  const Receipt job = submit_job([&calls](Transaction& transaction) {
    ++calls;
    transaction.execute("INSERT INTO t(x) VALUES(?1)", 40).value();
    return Step::done;
  });
  const Receipt last = submit(insert_, 2);
  run();
  EXPECT_EQ(ends(bad, job, last), "rejected committed committed");
  EXPECT_EQ(calls, 2);
  EXPECT_EQ(stored(), "40,2");
}

TEST_F(SentOn, AJobThatThrowsIsRejectedAndWhatWasSentBeforeItIsKept) {
  const Receipt first = submit(insert_, 1);
  const Receipt job = submit_job([](Transaction& transaction) -> Step {
    transaction.execute("INSERT INTO t(x) VALUES(99)").value();
    throw std::runtime_error("no");
  });
  run();
  EXPECT_EQ(ends(first, job), "committed rejected");
  EXPECT_EQ(stored(), "1");
}

TEST_F(SentOn, WhatAJobLeavesDeferredIsNotBlamedOnTheRecordBeforeIt) {
  const Receipt first = submit(insert_, 1);
  const Receipt job = submit_job([](Transaction& transaction) {
    transaction.execute("INSERT INTO child VALUES(77)").value();
    return Step::done;
  });
  EXPECT_FALSE(tick().more);
  EXPECT_EQ(ends(first, job), "committed rejected");
}

TEST_F(SentOn, WhatAGroupLeavesDeferredIsItsOwn) {
  const Statement child = add("INSERT INTO child VALUES(?1)", {kInteger});
  const Receipt first = submit(insert_, 1);
  Group orphan;
  Row row;
  put(row, std::int64_t{77});
  orphan.add(child, row);
  const Receipt bad = submit(orphan);
  const Receipt last = submit(insert_, 2);
  EXPECT_FALSE(tick().more);
  EXPECT_EQ(ends(first, bad, last), "committed rejected committed");
}

TEST_F(SentOn, ARecordThatFailedGivesWayToTheOlderOneOfItsKey) {
  WriteClass keyed = add_class({.name = "keyed", .coalesce = true});
  const Statement upsert = *journal_->add_statement(
      {"INSERT OR REPLACE INTO keyed VALUES(?1, ?2)", {kInteger, kInteger}, {0}});
  const auto put_seven = [&](std::int64_t x) {
    Row row;
    put(row, std::int64_t{7}, x);
    return accepted(keyed.submit(upsert, row));
  };
  const Receipt oldest = put_seven(1), older = put_seven(2), newest = put_seven(-1);
  run();
  EXPECT_EQ(ends(oldest, older, newest), "superseded committed rejected");
  EXPECT_EQ(outside("SELECT x FROM keyed"), "2");
}

}  // namespace
}  // namespace onelane::test
