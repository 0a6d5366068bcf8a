// Commits that fail, or of which nobody knows what they came to, and locks: what was pushed is
// applied once all the same, or its receipt says that nobody knows.
#include <string>

#include "tests/conformance/suite/bench.h"

namespace onelane::inline v0::testing::conformance {

namespace {

// Records, a group, and in the middle one that is refused.
void push_some(Bench& bench, Things& things) {
  things.put(1);
  things.group({bench.thing(2), bench.thing(3)});
  things.refused(bench.refusals().front(), 99);
  things.put(4);
}

void runs_again(Bench& bench, CommitFate fate) {
  bench.open();
  Things things = bench.add_class("things");
  push_some(bench, things);
  bench.line().next_commit(fate);
  bench.run();
  bench.expect_ends("committed committed rejected committed");
  bench.expect_things(Bench::numbered(1, 4));
  bench.expect_all_settled();
}

// The next opening tells by the watermark what the receipts could not.
void is_told_later(Bench& bench, CommitFate fate) {
  bench.need(Ability::watermark);
  bench.need(Ability::reopening);
  bench.open();
  Things things = bench.add_class("things");
  const Statement put = bench.statement(bench.specs().put());
  things.put(1);
  bench.run();
  bench.expect_ends("committed");
  const std::uint64_t epoch = bench.journal().stats().epoch;
  bench.require(epoch > 0, "the journal has no epoch");
  things.put(2);
  things.group({bench.thing(3), bench.thing(4)});
  bench.line().next_commit(fate);
  bench.run();
  bench.expect_ends("unknown unknown");
  const std::uint64_t commit = bench.outcome(2).commit;
  bench.expect(commit > bench.outcome(0).commit, "an unknown outcome names no commit");
  bench.expect(!things.handle().push(put, row_of(9, "x")).ok(), "a poisoned journal takes a push");
  bench.crash();
  bench.open();
  const std::uint64_t has = bench.value(bench.journal().commits_of(epoch), "commits_of");
  const bool committed = fate == CommitFate::lost_committed;
  bench.expect(committed == (has >= commit), "the watermark is " + std::to_string(has) +
                                                 ", and the commit number " +
                                                 std::to_string(commit));
  bench.expect_things(Bench::numbered(1, committed ? 4 : 1));
}

// Whether thing `id` was committed, in a commit that the store broke. A poisoned journal is opened
// again.
bool committed_all_the_same(Bench& bench, std::size_t unit) {
  if (bench.end_of(unit) == "committed") return true;
  bench.need(Ability::reopening);
  bench.expect_equal(bench.end_of(unit), "unknown", "the end of a unit in a broken commit");
  const std::uint64_t commit = bench.outcome(unit).commit;
  const std::uint64_t epoch = bench.journal().stats().epoch;
  bench.crash();
  bench.open();
  bench.need(Ability::watermark);
  return bench.value(bench.journal().commits_of(epoch), "commits_of") >= commit;
}

void outages(Cases& cases) {
  add_case(cases, "Outages", "AUnitOfACommitThatTheStoreBreaksIsAppliedOnceOrUnknown",
           [](Bench& bench) {
             bench.need(Ability::outages);
             bench.open();
             std::string must;
             for (std::int64_t id = 1; id <= 5; ++id) {
               const std::string thing = std::to_string(id) + ":x";
               Things things = bench.add_class("things" + std::to_string(id));
               bench.break_next_commit();
               const std::size_t unit = things.put(id);
               bench.run();
               if (committed_all_the_same(bench, unit)) must += (must.empty() ? "" : " ") + thing;
               bench.expect_things(must);
             }
           });

  add_case(cases, "Outages", "AJournaledUnitOfACommitThatTheStoreBreaksIsAppliedOnce",
           [](Bench& bench) {
             bench.need(Ability::outages);
             bench.need(Ability::reopening);
             for (std::int64_t id = 1; id <= 9; id += 3) {
               bench.open_with_intake();
               Things things = bench.add_journaled_class("things");
               for (std::int64_t each = id; each < id + 3; ++each) things.put(each);
               bench.break_next_commit();
               bench.run();
               bench.crash();
               bench.open_with_intake();
               bench.expect_things(Bench::numbered(1, id + 2));
               bench.close();
             }
           });
}

}  // namespace

void add_outcome_cases(Cases& cases) {
  outages(cases);
  add_case(cases, "Outcomes", "ALockAtTheBeginningIsWaitedFor", [](Bench& bench) {
    bench.open();
    Things things = bench.add_class("things");
    push_some(bench, things);
    bench.line().fail_begins(Fault::busy, 5);
    bench.run();
    bench.expect_ends("committed committed rejected committed");
    bench.expect_things(Bench::numbered(1, 4));
  });

  add_case(cases, "Outcomes", "AStoreThatIsAwayForAWhileLosesNothing", [](Bench& bench) {
    bench.open();
    Things things = bench.add_class("things");
    push_some(bench, things);
    bench.line().fail_begins(Fault::environment, 5);
    bench.run();
    bench.expect_ends("committed committed rejected committed");
    bench.expect_things(Bench::numbered(1, 4));
  });

  add_case(cases, "Outcomes", "ACommitThatWasUndoneRunsAgain",
           [](Bench& bench) { runs_again(bench, CommitFate::undone); });

  add_case(cases, "Outcomes", "AnUnknownCommitIsFencedAndItsUnitsAreAppliedOnce", [](Bench& bench) {
    bench.need(Ability::durability);
    runs_again(bench, CommitFate::unknown);
  });

  add_case(cases, "Outcomes", "CommitsMayFailAgainAndAgain", [](Bench& bench) {
    bench.open({.tick = {.records = 16}});
    Things things = bench.add_class("things");
    for (std::int64_t id = 1; id <= 64; ++id) {
      const bool unknown = id % 2 == 0 && bench.has(Ability::durability);
      things.put(id);
      bench.line().next_commit(unknown ? CommitFate::unknown : CommitFate::undone);
      if (id % 8 == 0) bench.run();
    }
    bench.run();
    bench.expect_things(Bench::numbered(1, 64));
    bench.expect_all_settled();
  });

  add_case(cases, "Outcomes", "OneThatIsLostIsUnknownAndTheWatermarkSaysThatItWasCommitted",
           [](Bench& bench) { is_told_later(bench, CommitFate::lost_committed); });
  add_case(cases, "Outcomes", "OneThatIsLostIsUnknownAndTheWatermarkSaysThatItWasUndone",
           [](Bench& bench) { is_told_later(bench, CommitFate::lost_undone); });
}

}  // namespace onelane::inline v0::testing::conformance
