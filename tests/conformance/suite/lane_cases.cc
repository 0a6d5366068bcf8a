// What every journal promises of units: their order, exactly one end, deadlines, coalescing, close.
#include "tests/conformance/suite/bench.h"

namespace onelane::inline v0::testing::conformance {

using std::chrono::milliseconds;
using std::chrono::seconds;

void add_lane_cases(Cases& cases) {
  add_case(cases, "Order", "RecordsOfAClassCommitInTheOrderOfTheirPushes", [](Bench& bench) {
    bench.open({.tick = {.records = 64}});
    Things things = bench.add_class("things");
    for (std::int64_t id = 1; id <= 200; ++id) things.put(id);
    bench.run();
    bench.expect_things(Bench::numbered(1, 200));
    bench.expect_all_settled();
  });

  add_case(cases, "Order", "NumbersOfCommitsFollowTheOrderOfPushes", [](Bench& bench) {
    bench.open({.tick = {.records = 16}});
    Things things = bench.add_class("things");
    for (std::int64_t id = 1; id <= 64; ++id) things.put(id);
    bench.run();
    for (std::size_t unit = 1; unit < 64; ++unit) {
      bench.expect(bench.outcome(unit - 1).commit <= bench.outcome(unit).commit,
                   "unit " + std::to_string(unit) + " is in an older commit than the one before");
    }
    bench.expect(bench.outcome(0).commit < bench.outcome(63).commit, "all is in one commit");
  });

  add_case(cases, "Deadlines", "AUnitThatNoTickTookInTimeIsNotApplied", [](Bench& bench) {
    bench.open();
    Things things = bench.add_class("things");
    things.put(1, PushOptions{.timeout = milliseconds(5)});
    things.put(2, PushOptions{.timeout = milliseconds(50)});
    things.put(3);
    bench.advance(milliseconds(5));
    bench.run();
    bench.expect_ends("expired committed committed");
    bench.expect_things("2:x 3:x");
  });

  add_case(cases, "Close", "WhatWasQueuedIsCommittedByAClose", [](Bench& bench) {
    bench.open();
    Things things = bench.add_class("things");
    things.put(1);
    things.put(2);
    bench.close();
    bench.expect_ends("committed committed");
    bench.expect_things("1:x 2:x");
  });

  add_case(cases, "Close", "AnotherOpeningGoesOnWhereACloseEnded", [](Bench& bench) {
    bench.need(Ability::reopening);
    bench.open();
    bench.add_class("things").put(1);
    bench.close();
    bench.open();
    bench.add_class("things").put(2);
    bench.run();
    bench.expect_ends("committed");
    bench.expect_things("1:x 2:x");
  });
}

}  // namespace onelane::inline v0::testing::conformance
