// Classes with an intake: what is journaled is committed exactly once, in order, or is a dead
// letter, whatever happens in between.
#include <string>
#include <vector>

#include "tests/conformance/suite/bench.h"

namespace onelane::inline v0::testing::conformance {

namespace {

constexpr Duration kForEver = std::chrono::hours(24);

void need_intake(const Bench& bench) {
  bench.need(Ability::positions);
  bench.need(Ability::reopening);
}

// Journaled, and not committed.
void journal(Bench& bench, Things& things, std::int64_t first, std::int64_t last) {
  const std::size_t from = bench.receipts().size();
  for (std::int64_t id = first; id <= last; ++id) things.put(id);
  bench.tick();
  for (std::size_t i = from; i < bench.receipts().size(); ++i) {
    bench.expect(bench.receipts()[i].poll_journaled().has_value(), "a unit is not journaled");
  }
}

void replay(Cases& cases) {
  add_case(cases, "Intake", "WhatWasJournaledAndNotCommittedIsAppliedByTheNextOpening",
           [](Bench& bench) {
             need_intake(bench);
             bench.open_with_intake();
             Things things = bench.add_journaled_class("things", kForEver);
             journal(bench, things, 1, 20);
             things.group({bench.thing(21), bench.thing(22)});
             bench.tick();
             bench.expect_things("");
             bench.crash();
             bench.open_with_intake();
             bench.expect_things(Bench::numbered(1, 22));
           });

  add_case(cases, "Intake", "WhatWasCommittedIsNotAppliedAgain", [](Bench& bench) {
    need_intake(bench);
    bench.open_with_intake();
    Things things = bench.add_journaled_class("things");
    for (std::int64_t id = 1; id <= 10; ++id) things.put(id);
    bench.run();
    bench.expect_things(Bench::numbered(1, 10));
    bench.crash();
    bench.open_with_intake();
    bench.expect_things(Bench::numbered(1, 10));
  });

  add_case(cases, "Intake", "CrashAfterCrashEachUnitIsAppliedOnceAndInOrder", [](Bench& bench) {
    need_intake(bench);
    std::int64_t id = 0;
    for (int opening = 0; opening < 6; ++opening) {
      bench.about("opening " + std::to_string(opening));
      bench.open_with_intake();
      bench.expect_things(id == 0 ? "" : Bench::numbered(1, id));
      // Some are committed before the crash, and some are not.
      Things things = bench.add_journaled_class("things", std::chrono::milliseconds(5));
      journal(bench, things, id + 1, id + 7);
      bench.run();
      bench.expect_things(Bench::numbered(1, id + 7));
      journal(bench, things, id + 8, id + 10);
      id += 10;
      if (opening % 3 == 2) {
        bench.close();
      } else {
        bench.crash();
      }
    }
    bench.open_with_intake();
    bench.expect_things(Bench::numbered(1, id));
  });

  add_case(cases, "Intake", "PositionsGoOnAcrossOpenings", [](Bench& bench) {
    need_intake(bench);
    std::uint64_t newest = 0;
    for (int opening = 0; opening < 4; ++opening) {
      bench.open_with_intake();
      Things things = bench.add_journaled_class("things", kForEver);
      const std::int64_t id = 1 + 2 * opening;
      journal(bench, things, id, id + 1);
      const std::uint64_t position = bench.receipts()[1].poll_journaled().value().position;
      bench.expect_equal(std::to_string(position), std::to_string(newest + 2), "a position");
      newest = position;
      opening % 2 == 0 ? bench.crash() : bench.close();
    }
  });

  add_case(cases, "Intake", "AnOpeningThatFailsHalfwayIsMadeUpForByTheNext", [](Bench& bench) {
    need_intake(bench);
    bench.open_with_intake();
    Things things = bench.add_journaled_class("things", kForEver);
    journal(bench, things, 1, 30);
    bench.crash();
    for (const CommitFate fate : {CommitFate::lost_undone, CommitFate::lost_committed}) {
      bench.fail_next_opening(fate);
      bench.expect(!bench.try_open_with_intake().ok(), "an opening whose commit is lost succeeds");
    }
    bench.open_with_intake();
    bench.expect_things(Bench::numbered(1, 30));
  });
}

void dead_letters(Cases& cases) {
  add_case(cases, "Intake", "WhatTheStoreRefusesInAReplayIsADeadLetter", [](Bench& bench) {
    need_intake(bench);
    const std::vector<Ability> kinds = bench.refusals();
    bench.open_with_intake();
    Things things = bench.add_journaled_class("things", kForEver);
    std::int64_t id = 0;
    for (const Ability kind : kinds) {
      things.put(++id);
      things.refused(kind, id + 1000);
      things.group({bench.refused(kind, id + 2000)});
    }
    things.put(++id);
    bench.tick();
    bench.crash();
    bench.open_with_intake();
    bench.expect_things(Bench::numbered(1, id));
    const std::optional<std::size_t> letters = bench.dead_letters();
    bench.expect(!letters || *letters == 2 * kinds.size(), std::to_string(letters.value_or(0)) +
                                                               " dead letters of " +
                                                               std::to_string(2 * kinds.size()));
    bench.crash();
    bench.open_with_intake();
    bench.expect(bench.dead_letters() == letters, "another opening changes the dead letters");
  });

  add_case(cases, "Intake", "ARecordThatCoalescesIsReplayedWithWhatWaitsBehindIt",
           [](Bench& bench) {
             need_intake(bench);
             bench.need(Ability::updates);
             bench.open_with_intake();
             Things things = bench.add_class({.name = "things",
                                              .guarantee = kGuarantee,
                                              .gather = kForEver,
                                              .coalesce = true,
                                              .promise = Promise::journaled,
                                              .intake = true});
             const SpecOf specs = bench.specs();
             for (const char* text : {"a", "b", "c"}) {
               for (std::int64_t id = 1; id <= 3; ++id) {
                 things.submit({specs.set(), row_of(id, text)});
               }
               bench.tick();
             }
             bench.crash();
             bench.open_with_intake();
             bench.expect_things("1:c 2:c 3:c");
           });
}

void lose_a_commit(Bench& bench, CommitFate fate) {
  need_intake(bench);
  bench.open_with_intake();
  Things things = bench.add_journaled_class("things");
  for (std::int64_t id = 1; id <= 5; ++id) things.put(id);
  things.refused(bench.refusals().front(), 1000);
  bench.line().next_commit(fate);
  bench.run();
  bench.expect_ends("carried carried carried carried carried carried");
  bench.crash();
  bench.open_with_intake();
  bench.expect_things(Bench::numbered(1, 5));
  const std::optional<std::size_t> letters = bench.dead_letters();
  bench.expect(!letters || *letters == 1, "there is not one dead letter");
}

void lost(Cases& cases) {
  add_case(cases, "Intake", "ALostCommitThatWasCommittedIsNotAppliedAgain",
           [](Bench& bench) { lose_a_commit(bench, CommitFate::lost_committed); });
  add_case(cases, "Intake", "ALostCommitThatWasUndoneIsAppliedByTheNextOpening",
           [](Bench& bench) { lose_a_commit(bench, CommitFate::lost_undone); });

  add_case(cases, "Intake", "AnUnknownCommitIsFencedAndAppliedOnce", [](Bench& bench) {
    need_intake(bench);
    bench.need(Ability::durability);
    bench.open_with_intake();
    Things things = bench.add_journaled_class("things");
    for (std::int64_t id = 1; id <= 5; ++id) things.put(id);
    bench.line().next_commit(CommitFate::unknown);
    bench.run();
    bench.expect_ends("committed committed committed committed committed");
    bench.crash();
    bench.open_with_intake();
    bench.expect_things(Bench::numbered(1, 5));
  });

  add_case(cases, "Intake", "WhileTheStoreIsAwayUnitsAreJournaledAllTheSame", [](Bench& bench) {
    need_intake(bench);
    bench.open_with_intake();
    Things things = bench.add_journaled_class("things");
    bench.line().fail_begins(Fault::environment, 1'000'000);
    journal(bench, things, 1, 10);
    bench.tick();
    bench.expect_things("");
    bench.crash();
    bench.open_with_intake();
    bench.expect_things(Bench::numbered(1, 10));
  });
}

}  // namespace

void add_intake_cases(Cases& cases) {
  replay(cases);
  dead_letters(cases);
  lost(cases);
}

}  // namespace onelane::inline v0::testing::conformance
