// The sink by itself: its five functions, and those with defaults.
#include <limits>
#include <vector>

#include "tests/conformance/suite/direct.h"

namespace onelane::inline v0::testing::conformance {

namespace {

void transactions(Cases& cases) {
  add_case(cases, "Sink", "WhatIsCommittedOthersSeeInTheOrderInWhichItWasApplied",
           [](Bench& bench) {
             Direct direct(bench);
             direct.begin();
             for (std::int64_t id = 9; id >= 1; --id) direct.put(id);
             direct.commit();
             direct.commit_one(10);
             bench.expect_things("9:x 8:x 7:x 6:x 5:x 4:x 3:x 2:x 1:x 10:x");
           });

  add_case(cases, "Sink", "WhatIsNotCommittedNobodySees", [](Bench& bench) {
    Direct direct(bench);
    direct.commit_one(1);
    direct.begin();
    direct.put(2);
    bench.expect_things("1:x");
    direct.commit();
    bench.expect_things("1:x 2:x");
  });

  add_case(cases, "Sink", "ARollbackUndoesAllOfItsTransaction", [](Bench& bench) {
    Direct direct(bench);
    direct.commit_one(1);
    direct.begin();
    direct.put(2);
    direct.put(3);
    direct.rollback();
    direct.commit_one(4);
    bench.expect_things("1:x 4:x");
  });

  add_case(cases, "Sink", "ARollbackMayComeAfterAnyCall", [](Bench& bench) {
    Direct direct(bench);
    direct.rollback();
    direct.begin();
    direct.rollback();
    direct.begin();
    direct.put(1);
    direct.verify();
    direct.rollback();
    direct.rollback();
    direct.commit_one(2);
    direct.rollback();
    bench.expect_ok(direct.sink().probe(), "probe");
    direct.rollback();
    if (bench.has(Ability::check)) {
      direct.begin();
      bench.expect_failed(direct.apply(3, "refused"), Fault::record, "what the store refuses");
      direct.rollback();
    }
    direct.commit_one(4);
    bench.expect_things("2:x 4:x");
  });

  add_case(cases, "Sink", "ATransactionWithoutUnitsCommits", [](Bench& bench) {
    Direct direct(bench);
    direct.begin();
    direct.commit();
    direct.commit_one(1);
    bench.expect_things("1:x");
  });

  add_case(cases, "Sink", "AProbeCommitsNothingAndLeavesNoTransaction", [](Bench& bench) {
    Direct direct(bench);
    bench.expect_ok(direct.sink().probe(), "probe");
    bench.expect_ok(direct.sink().probe(), "another probe");
    bench.expect_things("");
    direct.commit_one(1);
    bench.expect_ok(direct.sink().probe(), "a probe after a commit");
    bench.expect_things("1:x");
  });
}

void refusals(Cases& cases) {
  add_case(cases, "Sink", "ARefusedStatementIsItsRecordsFault", [](Bench& bench) {
    Direct direct(bench);
    std::string things = "-1:taken";
    std::int64_t id = 0;
    direct.begin();
    direct.put(-1, "taken");
    direct.commit();
    for (const Ability kind : bench.refusals()) {
      if (kind == Ability::deferred) continue;
      bench.about(std::string(name(kind)));
      const Filled refused = bench.refused(kind, ++id);
      const Statement statement = direct.add(refused.spec);
      direct.begin();
      direct.put(++id);
      const Reply reply = direct.apply(statement, refused.row);
      bench.expect(reply.cause.code() == Errc::record, "it is " + reply.cause.to_string());
      if (!direct.goes_on_after(reply)) continue;
      direct.put(++id);
      direct.commit();
      things += " " + Bench::numbered(id - 1, id);
    }
    bench.expect_equal(bench.all_things(), things, "the store");
  });

  add_case(cases, "Sink", "AStatementThatDoesNotPrepareAddsNothing", [](Bench& bench) {
    bench.need(Ability::preparing);
    Direct direct(bench);
    Sink& sink = direct.sink();
    const StatementSpec put = bench.specs().put();
    const auto refused = [&](StatementSpec spec, const std::string& what) {
      const Status status = sink.add_statement(spec);
      bench.expect(status.code() == Errc::invalid_argument, what + ": " + status.to_string());
    };
    refused({.sql = "no statement", .columns = put.columns}, "what is no statement");
    refused({.sql = put.sql, .columns = {{ColumnType::integer}}}, "too few columns");
    refused({.sql = "", .columns = {}}, "an empty text");
    const Statement next = direct.add(put);
    direct.begin();
    bench.expect_ok(direct.apply(next, row_of(1, "x")), "the statement after those");
    direct.commit();
    bench.expect_things("1:x");
  });

  add_case(cases, "Sink", "AViolationThatIsDeferredIsFoundByVerify", [](Bench& bench) {
    bench.need(Ability::deferred);
    Direct direct(bench);
    const Statement child = direct.add(bench.specs().put_child());
    Savepoints* const part = direct.sink().savepoints();
    const auto begin_group = [&] {
      direct.begin();
      if (part != nullptr) bench.expect_ok(part->savepoint(), "savepoint");
    };
    begin_group();
    bench.expect_ok(direct.apply(child, row_of(1, 2)), "a child before its parent");
    const Reply reply = direct.sink().verify();
    bench.expect_failed(reply, Fault::record, "verify without the parent");
    bench.expect(reply.effect == Effect::kept, "the effect is not Effect::kept");
    direct.rollback();
    begin_group();
    bench.expect_ok(direct.apply(child, row_of(3, 4)), "a child before its parent");
    direct.put(4);
    direct.verify();
    if (part != nullptr) bench.expect_ok(part->release(), "release");
    direct.commit();
    bench.expect_things("3:child 4:x");
  });
}

std::vector<Application> applications(const std::vector<Row>& rows, bool shelter) {
  std::vector<Application> out;
  for (const Row& row : rows) out.push_back({.row = row.bytes(), .shelter = shelter});
  return out;
}

void series(Cases& cases) {
  add_case(cases, "Sink", "ASeriesOfRecordsIsAppliedUpToTheFirstThatFails", [](Bench& bench) {
    bench.need(Ability::check);
    Direct direct(bench);
    std::vector<Row> rows;
    for (std::int64_t id = 1; id <= 5; ++id) rows.push_back(row_of(id, id == 4 ? "refused" : "x"));
    for (const bool shelter : {false, true}) {
      bench.about(shelter ? "sheltered" : "not sheltered");
      std::vector<Application> records = applications(rows, shelter);
      Reply failed;
      direct.begin();
      const std::size_t applied = direct.sink().apply_each(records, failed);
      bench.expect_equal(std::to_string(applied), "3", "how many it says were applied");
      bench.expect_failed(failed, Fault::record, "what it says of the fourth");
      if (shelter && bench.has(Ability::savepoints)) {
        bench.expect(failed.effect == Effect::undone || failed.effect == Effect::ended,
                     "a sheltered record leaves something behind");
      }
      if (failed.effect != Effect::undone) {
        direct.rollback();
        bench.expect_things("");
        continue;
      }
      bench.expect_equal(
          std::to_string(direct.sink().apply_each(std::span(records).subspan(4), failed)), "1",
          "how many it says of the rest");
      if (!shelter) {
        direct.rollback();
        continue;
      }
      direct.commit();
      bench.expect_things("1:x 2:x 3:x 5:x");
    }
  });

  add_case(cases, "Sink", "RowsThatAStatementChangesAreCounted", [](Bench& bench) {
    bench.need(Ability::changes);
    bench.need(Ability::updates);
    Direct direct(bench);
    const Statement set = direct.add(bench.specs().set());
    const Statement remove = direct.add(bench.specs().remove());
    direct.begin();
    const auto expect_changes = [&bench](const Reply& reply, std::uint64_t must, const char* what) {
      bench.expect_ok(reply, what);
      bench.expect_equal(std::to_string(reply.changes), std::to_string(must), what);
    };
    expect_changes(direct.apply(1), 1, "an insert");
    expect_changes(direct.apply(set, row_of(1, "y")), 1, "an update");
    expect_changes(direct.apply(remove, row_of(1)), 1, "a delete");
    expect_changes(direct.apply(remove, row_of(1)), 0, "a delete of nothing");
    direct.commit();
  });

  add_case(cases, "Sink", "AnInsertTellsTheRowsNumber", [](Bench& bench) {
    bench.need(Ability::rowids);
    Direct direct(bench);
    direct.begin();
    const Reply first = direct.apply(7);
    const Reply second = direct.apply(8);
    direct.commit();
    bench.require(first.rowid && second.rowid, "an insert has no rowid");
    bench.expect(*first.rowid < *second.rowid, "the second row's number is not the higher one");
  });
}

// A whole real may come back as an integer, as SQLite's RETURNING has it.
bool alike(const ReturnedRow& is, const ReturnedRow& must) {
  if (is.size() != must.size()) return false;
  for (std::size_t i = 0; i < is.size(); ++i) {
    const auto* const real = std::get_if<double>(&must[i]);
    const auto* const integer = std::get_if<std::int64_t>(&is[i]);
    const bool whole = real != nullptr && integer != nullptr;
    if (whole ? static_cast<double>(*integer) != *real : is[i] != must[i]) return false;
  }
  return true;
}

void values(Cases& cases) {
  add_case(cases, "Values", "TextsAreStoredByteForByte", [](Bench& bench) {
    Direct direct(bench);
    const std::string large(1U << 20U, 'l');
    direct.begin();
    direct.put(1, "");
    direct.put(2, "it's;--\"quoted\"$1?1\\n");
    direct.put(3, "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x9A\x82");
    direct.put(4, large);
    direct.commit();
    const std::string things = bench.things();
    bench.expect(
        things == "1: 2:it's;--\"quoted\"$1?1\\n 3:\xC3\xA9\xE2\x82\xAC\xF0\x9F\x9A\x82 4:" + large,
        "the store has other texts: " + things.substr(0, 200));
  });

  add_case(cases, "Values", "NumbersOf64BitsAreStoredWhole", [](Bench& bench) {
    using Limits = std::numeric_limits<std::int64_t>;
    Direct direct(bench);
    direct.begin();
    direct.put(Limits::max());
    direct.put(Limits::min());
    direct.commit();
    bench.expect_things(std::to_string(Limits::max()) + ":x " + std::to_string(Limits::min()) +
                        ":x");
  });

  add_case(cases, "Values", "WhatAStatementReturnsIsWhatItWasGiven", [](Bench& bench) {
    bench.need(Ability::returning);
    Direct direct(bench);
    const Statement samples = direct.add(bench.specs().put_values());
    const std::vector<std::byte> bytes{std::byte{0}, std::byte{255}, std::byte{'\''}};
    const std::vector<ReturnedRow> given{
        {std::int64_t{-1}, 0.1, std::string("text"), bytes},
        {std::monostate(), std::monostate(), std::monostate(), std::monostate()},
        {std::numeric_limits<std::int64_t>::max(), -1.5e300, std::string(),
         std::vector<std::byte>()},
        {std::int64_t{0}, 4.0, std::string("\xC3\xA9"),
         std::vector<std::byte>(5000, std::byte{7})}};
    std::vector<ReturnedRow> returned;
    direct.begin();
    for (const ReturnedRow& each : given) {
      Row row;
      for (const Value& value : each) {
        if (std::holds_alternative<std::monostate>(value)) row.null();
        if (const auto* integer = std::get_if<std::int64_t>(&value)) row.integer(*integer);
        if (const auto* real = std::get_if<double>(&value)) row.real(*real);
        if (const auto* text = std::get_if<std::string>(&value)) row.text(*text);
        if (const auto* blob = std::get_if<std::vector<std::byte>>(&value)) row.blob(*blob);
      }
      bench.expect_ok(direct.sink().apply_returning(samples, row.bytes(), returned), "a sample");
    }
    direct.commit();
    bench.require(returned.size() == given.size(),
                  std::to_string(returned.size()) + " rows are returned");
    for (std::size_t i = 0; i < given.size(); ++i) {
      bench.expect(alike(returned[i], given[i]), "sample " + std::to_string(i) + " is changed");
    }
  });
}

void endings(Cases& cases) {
  add_case(cases, "Sink", "AHealthyCloseKeepsWhatIsCommitted", [](Bench& bench) {
    Direct direct(bench);
    direct.commit_one(1);
    direct.reopen(CloseMode::healthy);
    direct.commit_one(2);
    bench.expect_things("1:x 2:x");
  });

  add_case(cases, "Sink", "APoisonedCloseKeepsWhatIsCommittedAndNoMore", [](Bench& bench) {
    Direct direct(bench);
    direct.commit_one(1);
    direct.begin();
    direct.put(9);
    direct.rollback();
    direct.reopen(CloseMode::poisoned);
    direct.commit_one(2);
    bench.expect_things("1:x 2:x");
  });
}

}  // namespace

void add_sink_cases(Cases& cases) {
  transactions(cases);
  refusals(cases);
  series(cases);
  values(cases);
  endings(cases);
}

}  // namespace onelane::inline v0::testing::conformance
