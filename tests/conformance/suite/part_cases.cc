// The parts that a sink may have, called by themselves.
#include <algorithm>
#include <array>
#include <vector>

#include "tests/conformance/suite/direct.h"

namespace onelane::inline v0::testing::conformance {

namespace {

void savepoints(Cases& cases) {
  add_case(cases, "Savepoints", "OneUndoesWhatCameSinceItAndNoMore", [](Bench& bench) {
    bench.need(Ability::savepoints);
    Direct direct(bench);
    Savepoints& part = *direct.sink().savepoints();
    direct.begin();
    direct.put(1);
    bench.expect_ok(part.savepoint(), "savepoint");
    direct.put(2);
    direct.put(3);
    bench.expect_ok(part.rollback_to(), "rollback_to");
    direct.put(4);
    bench.expect_ok(part.savepoint(), "a second savepoint");
    direct.put(5);
    direct.verify();
    bench.expect_ok(part.release(), "release");
    bench.expect_ok(part.savepoint(), "a third savepoint");
    bench.expect_ok(part.rollback_to(), "rollback_to of nothing");
    direct.commit();
    bench.expect_things("1:x 4:x 5:x");
  });

  add_case(cases, "Savepoints", "ATransactionGoesOnAfterARefusedUnit", [](Bench& bench) {
    bench.need(Ability::savepoints);
    bench.need(Ability::check);
    Direct direct(bench);
    Savepoints& part = *direct.sink().savepoints();
    direct.begin();
    direct.put(1);
    for (std::int64_t id = 2; id <= 4; ++id) {
      bench.expect_ok(part.savepoint(), "savepoint");
      direct.put(id);
      const Reply refused = direct.apply(id + 10, "refused");
      bench.expect_failed(refused, Fault::record, "what the store refuses");
      bench.require(refused.effect != Effect::ended, "the transaction ends at a refused statement");
      bench.expect_ok(part.rollback_to(), "rollback_to");
    }
    direct.put(5);
    direct.commit();
    bench.expect_things("1:x 5:x");
  });

  add_case(cases, "Savepoints", "ARollbackEndsWhatIsOpenUnderOne", [](Bench& bench) {
    bench.need(Ability::savepoints);
    Direct direct(bench);
    direct.begin();
    bench.expect_ok(direct.sink().savepoints()->savepoint(), "savepoint");
    direct.put(1);
    direct.rollback();
    direct.commit_one(2);
    bench.expect_things("2:x");
  });
}

// A step with its savepoint, if there are any, around what `work` does.
template <class Work>
void step(Bench& bench, Direct& direct, const Work& work) {
  Savepoints* const savepoints = direct.sink().savepoints();
  direct.begin();
  if (savepoints != nullptr) bench.expect_ok(savepoints->savepoint(), "savepoint");
  work(*direct.sink().job_statements());
  direct.sink().job_statements()->end_step();
  direct.verify();
  if (savepoints != nullptr) bench.expect_ok(savepoints->release(), "release");
  direct.commit();
}

void jobs(Cases& cases) {
  add_case(cases, "JobStatements", "AStepSeesWhatItHasWritten", [](Bench& bench) {
    bench.need(Ability::jobs);
    Direct direct(bench);
    std::string seen;
    step(bench, direct, [&](JobStatements& part) {
      for (std::int64_t id = 1; id <= 3; ++id) {
        const Reply put = part.execute(bench.specs().sql.put, row_of(id, "x").bytes(), {});
        bench.expect_ok(put, "an insert");
        if (bench.has(Ability::changes)) bench.expect(put.changes == 1, "it changes no row");
      }
      bench.expect_ok(part.execute(bench.select(), Row().bytes(),
                                   [&](const ResultRow& row) {
                                     seen += std::to_string(row.integer(0)) + ":" +
                                             std::string(row.text(1)) + " ";
                                     bench.expect(row.columns() == 2 && !row.is_null(0),
                                                  "a row is not of two columns");
                                   }),
                      "a query");
    });
    bench.expect_equal(seen, "1:x 2:x 3:x ", "what the step sees");
    bench.expect_things("1:x 2:x 3:x");
  });

  add_case(cases, "JobStatements", "WhatAVisitorThrowsComesOutAndTheStepGoesOn", [](Bench& bench) {
    bench.need(Ability::jobs);
    Direct direct(bench);
    direct.commit_one(1);
    direct.commit_one(2);
    int seen = 0;
    step(bench, direct, [&](JobStatements& part) {
      bool thrown = false;
      try {
        (void)part.execute(bench.select(), Row().bytes(), [&](const ResultRow&) {
          ++seen;
          throw 7;
        });
      } catch (int) {
        thrown = true;
      }
      bench.expect(thrown && seen == 1, "what the visitor throws does not come out");
      bench.expect_ok(part.execute(bench.specs().sql.put, row_of(3, "x").bytes(), {}),
                      "an insert after that");
    });
    bench.expect_things("1:x 2:x 3:x");
  });

  add_case(cases, "JobStatements", "AStepReadsValuesOfEachType", [](Bench& bench) {
    bench.need(Ability::jobs);
    bench.need(Ability::returning);
    Direct direct(bench);
    const std::string& put_values = bench.specs().sql.put_values;
    const std::vector<std::byte> bytes{std::byte{0}, std::byte{0xFF}, std::byte{'\\'}};
    int rows = 0;
    step(bench, direct, [&](JobStatements& part) {
      const Row all = row_of(-5, 2.5, "it's", std::span<const std::byte>(bytes));
      bench.expect_ok(part.execute(put_values, all.bytes(),
                                   [&](const ResultRow& row) {
                                     ++rows;
                                     const std::span<const std::byte> blob = row.blob(3);
                                     bench.expect(row.integer(0) == -5, "another integer");
                                     bench.expect(row.real(1) == 2.5, "another real");
                                     bench.expect(row.text(2) == "it's", "another text");
                                     bench.expect(std::equal(blob.begin(), blob.end(),
                                                             bytes.begin(), bytes.end()),
                                                  "another blob");
                                   }),
                      "values of each type");
      const Row nulls = Row().null().null().null().null();
      bench.expect_ok(part.execute(put_values, nulls.bytes(),
                                   [&](const ResultRow& row) {
                                     ++rows;
                                     for (std::size_t i = 0; i < row.columns(); ++i) {
                                       bench.expect(row.is_null(i), "a NULL is none");
                                     }
                                     bench.expect(row.integer(0) == 0 && row.text(2).empty(),
                                                  "a NULL does not read as 0 or empty");
                                   }),
                      "NULL of each type");
    });
    bench.expect_equal(std::to_string(rows), "2", "how many rows were visited");
  });

  add_case(cases, "JobStatements", "AMistakeIsTheStepsFault", [](Bench& bench) {
    bench.need(Ability::jobs);
    Direct direct(bench);
    JobStatements& part = *direct.sink().job_statements();
    const auto fails = [&](const std::string& sql, const Row& row) {
      bench.about(sql);
      direct.begin();
      bench.expect_failed(part.execute(sql, row.bytes(), {}), Fault::record, "it");
      part.end_step();
      direct.rollback();
    };
    fails("no statement", Row());
    fails(bench.specs().sql.put, row_of(1));
    fails(bench.specs().sql.put, row_of(1, "x", "y"));
    if (bench.has(Ability::check)) fails(bench.specs().sql.put, row_of(1, "refused"));
    direct.commit_one(2);
    bench.expect_things("2:x");
  });
}

void watermark(Cases& cases) {
  add_case(cases, "Watermark", "AMarkIsCommittedAndUndoneWithItsUnits", [](Bench& bench) {
    bench.need(Ability::watermark);
    Direct direct(bench);
    Watermark& part = *direct.sink().watermark();
    const std::uint64_t epoch = part.epoch();
    const auto expect_commits = [&](std::uint64_t must, const std::string& when) {
      const std::uint64_t is = bench.value(part.commits_of(epoch), "commits_of");
      bench.expect_equal(std::to_string(is), std::to_string(must), "the mark " + when);
    };
    bench.expect(epoch > 0, "the epoch is 0");
    expect_commits(0, "of an opening that committed nothing");
    const auto mark = [&](std::int64_t id, std::uint64_t commit) {
      direct.begin();
      direct.put(id);
      bench.expect_ok(part.mark(commit), "mark");
    };
    mark(1, 1);
    direct.commit();
    expect_commits(1, "after a commit");
    mark(2, 2);
    direct.rollback();
    expect_commits(1, "after a rollback");
    mark(3, 2);
    direct.commit();
    expect_commits(2, "after another commit");
    bench.expect(part.commits_of(epoch + 1000).status().code() == Errc::invalid_argument,
                 "an unknown epoch is no invalid_argument");
    bench.expect(part.epoch() == epoch, "the epoch changes");
  });

  add_case(cases, "Watermark", "LaterOpeningsHaveHigherEpochsAndKnowTheEarlierOnes",
           [](Bench& bench) {
             bench.need(Ability::watermark);
             Direct direct(bench);
             std::vector<std::uint64_t> epochs;
             for (std::uint64_t opening = 1; opening <= 4; ++opening) {
               Watermark& part = *direct.sink().watermark();
               bench.expect(epochs.empty() || part.epoch() > epochs.back(),
                            "an epoch is not above the one before");
               epochs.push_back(part.epoch());
               for (std::uint64_t commit = 1; commit <= opening; ++commit) {
                 direct.begin();
                 direct.put(static_cast<std::int64_t>(opening * 10 + commit));
                 bench.expect_ok(part.mark(commit), "mark");
                 direct.commit();
               }
               direct.reopen(opening % 2 == 0 ? CloseMode::healthy : CloseMode::poisoned);
             }
             for (std::size_t i = 0; i < epochs.size(); ++i) {
               const std::uint64_t commits =
                   bench.value(direct.sink().watermark()->commits_of(epochs[i]), "commits_of");
               bench.expect_equal(std::to_string(commits), std::to_string(i + 1),
                                  "the mark of opening " + std::to_string(i + 1));
             }
           });
}

// As text: "things 3 [1,2] 5".
std::string progress_of(Bench& bench, AppliedPositions& part) {
  std::string out;
  for (const FoundProgress& each : bench.value(part.found(), "found")) {
    out += (out.empty() ? "" : ", ") + each.name + " " + std::to_string(each.position) + " [";
    for (const std::uint64_t waiting : each.waiting) out += std::to_string(waiting) + " ";
    out += "] " + std::to_string(each.journaled);
  }
  return out;
}

IntakeMark mark_of(int uuid) {
  IntakeMark mark;
  mark.uuid.fill(static_cast<std::byte>(uuid));
  return mark;
}

void positions(Cases& cases) {
  add_case(cases, "Positions", "TheyAdvanceInTheCommitOfTheirUnits", [](Bench& bench) {
    bench.need(Ability::positions);
    Direct direct(bench);
    bench.expect(!bench.value(direct.sink().applied_positions()->mark(), "mark").has_value(),
                 "a store that never had an intake has a mark");
    bench.expect_ok(direct.sink().applied_positions()->set_mark(mark_of(1)), "set_mark");
    const std::array<std::uint64_t, 2> waiting{2, 3};
    direct.begin();
    direct.put(1);
    bench.expect_ok(direct.sink().applied_positions()->advance(
                        {.name = "things", .position = 4, .waiting = waiting, .journaled = 7}),
                    "advance");
    direct.commit();
    direct.begin();
    direct.put(2);
    bench.expect_ok(direct.sink().applied_positions()->advance(
                        {.name = "things", .expected = 4, .position = 5, .journaled = 7}),
                    "advance");
    direct.rollback();
    const std::string must = "things 4 [2 3 ] 7";
    bench.expect_equal(progress_of(bench, *direct.sink().applied_positions()), must, "positions");
    bench.expect_things("1:x");
    direct.reopen(CloseMode::poisoned);
    AppliedPositions& again = *direct.sink().applied_positions();
    bench.expect_equal(progress_of(bench, again), must, "positions of the next opening");
    direct.begin();
    bench.expect_ok(again.advance({.name = "things", .expected = 4, .position = 9, .journaled = 9}),
                    "advance");
    direct.commit();
    bench.expect_equal(progress_of(bench, again), "things 9 [] 9", "positions after it");
  });

  add_case(cases, "Positions", "OneThatSomebodyElseHasChangedIsCorrupt", [](Bench& bench) {
    bench.need(Ability::positions);
    Direct direct(bench);
    AppliedPositions& part = *direct.sink().applied_positions();
    bench.expect_ok(part.set_mark(mark_of(1)), "set_mark");
    direct.begin();
    bench.expect_ok(part.advance({.name = "things", .position = 4, .journaled = 4}), "advance");
    direct.commit();
    for (const std::uint64_t expected : {std::uint64_t{0}, std::uint64_t{3}, std::uint64_t{5}}) {
      direct.begin();
      bench.expect_failed(
          part.advance(
              {.name = "things", .expected = expected, .position = expected + 1, .journaled = 9}),
          Fault::corrupt, "an advance from " + std::to_string(expected));
      direct.rollback();
    }
    bench.expect_equal(progress_of(bench, part), "things 4 [] 4", "positions");
  });

  add_case(cases, "Positions", "TheMarkIsKeptAndAnotherIntakeBeginsWhereTheOldOneEnded",
           [](Bench& bench) {
             bench.need(Ability::positions);
             Direct direct(bench);
             IntakeMark mark = mark_of(1);
             mark.opening = true;
             bench.expect_ok(direct.sink().applied_positions()->set_mark(mark), "set_mark");
             direct.begin();
             bench.expect_ok(direct.sink().applied_positions()->advance(
                                 {.name = "things", .position = 4, .journaled = 7}),
                             "advance");
             direct.commit();
             direct.reopen();
             AppliedPositions& part = *direct.sink().applied_positions();
             const std::optional<IntakeMark> found = bench.value(part.mark(), "mark");
             bench.require(found.has_value(), "the next opening finds no mark");
             bench.expect(found->uuid == mark.uuid && found->opening && !found->clean,
                          "the next opening finds another mark");
             bench.expect_ok(part.set_mark(mark), "the same mark once more");
             bench.expect_equal(progress_of(bench, part), "things 4 [] 7", "positions of it");
             IntakeMark other = mark_of(2);
             other.clean = true;
             bench.expect_ok(part.set_mark(other), "another intake's mark");
             bench.expect_equal(progress_of(bench, part), "things 7 [] 7", "positions after that");
             bench.expect(bench.value(part.mark(), "mark")->clean, "the mark is not clean");
           });

  add_case(cases, "Positions", "DeadLettersAreBuriedInTheCommit", [](Bench& bench) {
    bench.need(Ability::positions);
    Direct direct(bench);
    AppliedPositions& part = *direct.sink().applied_positions();
    bench.expect_ok(part.set_mark(mark_of(1)), "set_mark");
    const Status cause(Errc::record, "it's refused");
    const Row row = row_of(1, "it's", 2.5);
    for (const bool commits : {false, true}) {
      direct.begin();
      bench.expect_ok(
          part.bury(
              {.name = "things", .position = 1, .sql = "sql", .row = row.bytes(), .cause = cause}),
          "bury");
      commits ? direct.commit() : direct.rollback();
      const std::optional<std::size_t> letters = bench.dead_letters();
      bench.expect(!letters || *letters == (commits ? 1U : 0U),
                   std::to_string(letters.value_or(0)) + " dead letters after a " +
                       (commits ? "commit" : "rollback"));
    }
  });
}

void pipelining(Cases& cases) {
  add_case(cases, "Pipelining", "WhatBecameOfEachRecordIsKnownAfterTheCommit", [](Bench& bench) {
    bench.need(Ability::pipelining);
    Direct direct(bench);
    PipelinedCalls& part = *direct.sink().pipelined_calls();
    for (std::int64_t id = 1; id <= 6; id += 3) {
      direct.begin_sending();
      direct.put(id);
      direct.put(id + 1);
      part.wait_for_each(true);
      direct.put(id + 2);
      direct.verify();
      direct.commit();
      bench.expect(part.applied().size() == 3,
                   std::to_string(part.applied().size()) + " of 3 records are told of");
      if (!bench.has(Ability::changes)) continue;
      for (const AppliedRecord& each : part.applied()) {
        bench.expect(each.changes == 1,
                     "a record has " + std::to_string(each.changes) + " changes in the place of 1");
      }
    }
    bench.expect_things("1:x 2:x 3:x 4:x 5:x 6:x");
  });

  add_case(cases, "Pipelining", "AFailureThatComesLateNamesItsRecord", [](Bench& bench) {
    bench.need(Ability::pipelining);
    bench.need(Ability::check);
    Direct direct(bench);
    PipelinedCalls& part = *direct.sink().pipelined_calls();
    for (std::size_t bad = 0; bad < 3; ++bad) {
      direct.begin_sending();
      Reply reply;
      for (std::size_t i = 0; i < 3 && reply.ok(); ++i) {
        reply = direct.apply(static_cast<std::int64_t>(i) + 1, i == bad ? "refused" : "x");
      }
      if (reply.ok()) reply = direct.sink().verify();
      if (reply.ok()) reply = direct.sink().commit();
      bench.expect_failed(reply, Fault::record, "what the store refuses");
      bench.expect(reply.effect == Effect::ended, "a transaction goes on after a late failure");
      bench.expect(part.failed_record() == bad, "the failure names another record");
      direct.rollback();
    }
    direct.commit_one(9);
    bench.expect_things("9:x");
  });

  add_case(cases, "Pipelining", "ARecordThatWantsShelterIsAnsweredAtOnce", [](Bench& bench) {
    bench.need(Ability::pipelining);
    bench.need(Ability::savepoints);
    bench.need(Ability::check);
    Direct direct(bench);
    PipelinedCalls& part = *direct.sink().pipelined_calls();
    direct.begin_sending();
    direct.put(1);
    const Filled refused = bench.thing(2, "refused");
    Application record{.statement = Statement{}, .row = refused.row.bytes(), .shelter = true};
    Reply reply;
    const std::size_t applied = direct.sink().apply_each(std::span(&record, 1), reply);
    bench.expect(applied == 0 && reply.fault == Fault::record && reply.effect == Effect::undone,
                 "a refused record under shelter is not undone by itself");
    bench.expect(!part.failed_record(), "a failure that came at once is told to be late");
    direct.put(3);
    direct.commit();
    bench.expect(part.applied().size() == 2, "a refused record counts as applied");
    bench.expect_things("1:x 3:x");
  });
}

}  // namespace

void add_part_cases(Cases& cases) {
  savepoints(cases);
  jobs(cases);
  pipelining(cases);
  watermark(cases);
  positions(cases);
}

}  // namespace onelane::inline v0::testing::conformance
