// What every journal promises of units: their order, exactly one end, deadlines, coalescing, close.
#include <atomic>
#include <thread>
#include <vector>

#include "tests/conformance/suite/bench.h"

namespace onelane::inline v0::testing::conformance {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

void order(Cases& cases) {
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

  add_case(cases, "Order", "RecordsAndGroupsOfDifferentStatementsKeepTheirOrder", [](Bench& bench) {
    bench.need(Ability::updates);
    bench.open({.tick = {.records = 16}});
    Things things = bench.add_class("things");
    const SpecOf specs = bench.specs();
    std::string must;
    for (std::int64_t id = 1; id <= 60; ++id) {
      things.put(id, "old");
      const Filled newer{specs.set(), row_of(id, "new")};
      if (id % 3 == 0) {
        things.group({{specs.remove(), row_of(id)}, bench.thing(id, "again")});
      } else {
        things.submit(newer);
      }
      must += (id == 1 ? "" : " ") + std::to_string(id) + (id % 3 == 0 ? ":again" : ":new");
    }
    bench.run();
    bench.expect_things(must);
    bench.expect_all_settled();
  });

  add_case(cases, "Order", "ARecordSeesTheOneBeforeIt", [](Bench& bench) {
    bench.need(Ability::updates);
    bench.open();
    Things things = bench.add_class("things");
    things.put(1, "a");
    things.submit({bench.specs().remove(), row_of(1)});
    things.put(1, "b");
    things.submit({bench.specs().set(), row_of(1, "c")});
    bench.run();
    bench.expect_ends("committed committed committed committed");
    bench.expect_things("1:c");
  });

  // More than what lies between a sink and its store can hold, in both directions.
  add_case(cases, "Order", "ATickOfManyLargeRecordsThatReturnRowsCommits", [](Bench& bench) {
    constexpr std::int64_t kRecords = 2000;
    const std::string large(2000, 'l');
    bench.open();
    Things things = bench.add_class("things");
    const bool returns = bench.has(Ability::returning);
    for (std::int64_t id = 1; id <= kRecords; ++id) {
      things.put(id, large);
      if (!returns) continue;
      things.submit(
          {bench.specs().put_values(), row_of(id, 0.5, large, std::as_bytes(std::span(large)))});
    }
    bench.run();
    std::size_t committed = 0;
    for (std::size_t unit = 0; unit < bench.receipts().size(); ++unit) {
      if (bench.end_of(unit) == "committed") ++committed;
    }
    bench.expect_equal(std::to_string(committed), std::to_string(bench.receipts().size()),
                       "how many are committed");
    bench.expect(bench.stored().size() >= static_cast<std::size_t>(kRecords),
                 "the store has " + std::to_string(bench.stored().size()) + " things");
    if (!returns) return;
    const Outcome last = bench.outcome(bench.receipts().size() - 1);
    bench.require(last.returned != nullptr && last.returned->size() == 1, "the last returned none");
    bench.expect(
        (*last.returned)[0][0] == Value(kRecords) && (*last.returned)[0][2] == Value(large),
        "the last returned another row");
  });

  add_case(cases, "Order", "EachClassKeepsItsOwnOrder", [](Bench& bench) {
    bench.open({.tick = {.records = 32}});
    Things odd = bench.add_class("odd");
    Things even = bench.add_class("even");
    for (std::int64_t id = 1; id <= 100; id += 2) odd.put(id, "odd");
    for (std::int64_t id = 2; id <= 100; id += 2) even.put(id, "even");
    bench.run();
    const std::string all = bench.things();
    std::size_t at = 0;
    std::size_t odd_at = 0;
    for (std::int64_t id = 1; id <= 100; ++id) {
      const std::string thing = std::to_string(id) + (id % 2 == 0 ? ":even" : ":odd");
      std::size_t& before = id % 2 == 0 ? at : odd_at;
      const std::size_t found = (" " + all + " ").find(" " + thing + " ");
      bench.require(found != std::string::npos, thing + " is not stored");
      bench.expect(id <= 2 || found > before, thing + " is stored before an older one");
      before = found;
    }
    bench.expect_all_settled();
  });
}

// Each call of the sink may come from another thread.
void threads(Cases& cases) {
  add_case(cases, "Threads", "EachThreadsWritesAreCommittedOnceAndInOrder", [](Bench& bench) {
    constexpr std::int64_t kThreads = 8;
    constexpr std::int64_t kWrites = 25;
    bench.open_with_threads();
    Things things = bench.add_class("things");
    const Statement put = bench.statement(bench.specs().put());
    const bool durable = bench.has(Ability::durability);
    std::atomic<int> failed{0};
    std::vector<std::thread> writers;
    for (std::int64_t writer = 0; writer < kThreads; ++writer) {
      writers.emplace_back([&, writer] {
        for (std::int64_t i = 1; i <= kWrites; ++i) {
          PushOptions options;
          if (durable && i % 5 == 0) options.promise = Promise::durable;
          const auto written = things.handle().write(put, row_of(writer * 100 + i, "x"), options);
          if (!written.ok() || !written->committed()) ++failed;
        }
      });
    }
    for (std::thread& each : writers) each.join();
    bench.expect(failed == 0, std::to_string(failed) + " writes are not committed");
    std::vector<std::int64_t> newest(kThreads);
    for (const StoredThing& each : bench.stored()) {
      std::int64_t& last = newest[static_cast<std::size_t>(each.id / 100)];
      bench.expect(each.id % 100 == last + 1,
                   "thing " + std::to_string(each.id) + " is not where it should be");
      last = each.id % 100;
    }
    for (const std::int64_t last : newest) bench.expect(last == kWrites, "a thread's last is lost");
    bench.close();
  });
}

void deadlines(Cases& cases) {
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

  add_case(cases, "Deadlines", "OneThatComesWhileTheStoreTakesNoCommitsEndsTheUnit",
           [](Bench& bench) {
             bench.open();
             Things things = bench.add_class("things");
             things.put(1, PushOptions{.timeout = milliseconds(5)});
             things.put(2);
             bench.line().fail_begins(Fault::busy, 3);
             bench.tick();
             bench.advance(milliseconds(5));
             bench.run();
             bench.expect_ends("expired committed");
             bench.expect_things("2:x");
           });

  add_case(cases, "Cancelling", "ACancelledUnitIsNotAppliedAndACommittedOneIsNotCancelled",
           [](Bench& bench) {
             bench.open();
             Things things = bench.add_class("things");
             things.put(1);
             const std::size_t cancelled = things.put(2);
             things.put(3);
             bench.expect(bench.receipts()[cancelled].cancel(), "a queued unit is not cancelled");
             bench.run();
             bench.expect(!bench.receipts()[0].cancel(), "a committed unit is cancelled");
             bench.expect_ends("committed cancelled committed");
             bench.expect_things("1:x 3:x");
           });
}

ClassOptions newest_only() { return {.name = "things", .guarantee = kGuarantee, .coalesce = true}; }

void coalescing(Cases& cases) {
  add_case(cases, "Coalescing", "OnlyTheNewestRecordOfAKeyIsApplied", [](Bench& bench) {
    bench.open();
    Things things = bench.add_class(newest_only());
    things.put(1, "a");
    things.put(2, "a");
    things.put(1, "b");
    things.put(1, "c");
    bench.run();
    bench.expect_ends("superseded committed superseded committed");
    bench.expect_things("2:a 1:c");
  });

  add_case(cases, "Coalescing", "AnOlderRecordTakesOverFromARefusedOne", [](Bench& bench) {
    bench.open();
    Things things = bench.add_class(newest_only());
    std::int64_t id = 0;
    std::string must;
    for (const Ability kind : bench.refusals()) {
      if (kind != Ability::check && kind != Ability::not_null) continue;  // the others' keys differ
      bench.about(std::string(name(kind)));
      for (int chain = 0; chain < 3; ++chain) {
        things.put(++id, "a");
        things.put(id, "b");
        things.refused(kind, id);
        must += (id == 1 ? "" : " ") + std::to_string(id) + ":b";
      }
      things.refused(kind, 1000 + id);
      bench.run();
      bench.expect_ends(
          "superseded committed rejected superseded committed rejected superseded committed "
          "rejected rejected");
      bench.expect_things(must);
    }
  });

  add_case(cases, "Coalescing", "RefusedRecordsAreSupersededByANewerOneThatIsNot",
           [](Bench& bench) {
             bench.need(Ability::check);
             bench.open();
             Things things = bench.add_class(newest_only());
             things.put(1, "refused");
             things.put(1, "refused");
             things.put(1, "c");
             things.put(2, "refused");
             things.put(2, "refused");
             bench.run();
             bench.expect_ends("superseded superseded committed rejected rejected");
             bench.expect_things("1:c");
             bench.expect_all_settled();
           });
}

void closing(Cases& cases) {
  add_case(cases, "Close", "WhatWasQueuedIsCommittedByAClose", [](Bench& bench) {
    bench.open();
    Things things = bench.add_class("things");
    const Statement put = bench.statement(bench.specs().put());
    things.put(1);
    things.put(2);
    bench.close();
    bench.expect_ends("committed committed");
    bench.expect_things("1:x 2:x");
    bench.expect(!things.handle().push(put, row_of(3, "x")).ok(), "a closed journal takes a push");
  });

  add_case(cases, "Close", "OneWithoutTimeAppliesNothingOfWhatWasQueued", [](Bench& bench) {
    bench.open();
    Things things = bench.add_class("things");
    things.put(1);
    bench.run();
    things.put(2);
    (void)bench.close_within(Duration(0));
    bench.expect_ends("committed closed");
    bench.expect_things("1:x");
  });

  add_case(cases, "Close", "AnotherOpeningGoesOnWhereACloseEnded", [](Bench& bench) {
    bench.need(Ability::reopening);
    for (std::int64_t id = 1; id <= 4; ++id) {
      bench.open();
      bench.add_class("things").put(id);
      bench.run();
      bench.expect_ends("committed");
      bench.close();
    }
    bench.expect_things("1:x 2:x 3:x 4:x");
  });

  add_case(cases, "Close", "ACrashKeepsWhatWasCommittedAndNothingElse", [](Bench& bench) {
    bench.need(Ability::reopening);
    bench.open();
    Things things = bench.add_class("things");
    things.put(1);
    bench.run();
    bench.expect_ends("committed");
    things.put(2);
    bench.crash();
    bench.expect_things("1:x");
    bench.open();
    bench.add_class("things").put(3);
    bench.run();
    bench.expect_things("1:x 3:x");
  });

  add_case(cases, "Durable", "ACommitIsDurableOnceThatIsWaitedFor", [](Bench& bench) {
    bench.need(Ability::durability);
    bench.open();
    Things things = bench.add_class("things");
    things.put(1, PushOptions{.promise = Promise::durable});
    bench.run();
    const Result<Outcome> waited = bench.receipts()[0].wait_durable();
    bench.expect(waited.ok() && waited->durable, "waiting: " + waited.status().to_string());
    bench.expect_ok(bench.journal().sync(), "a sync of all");
    bench.expect_things("1:x");
  });

  add_case(cases, "Migrations", "EachRunsOnceAndOneThatFailsLeavesNothing", [](Bench& bench) {
    bench.need(Ability::migrations);
    bench.need(Ability::jobs);
    bench.need(Ability::reopening);
    const std::string put = bench.specs().sql.put;
    const auto migration = [&put](std::int32_t version, const char* text) {
      return Migration{.version = version, .step = [&put, version, text](Transaction& step) {
                         return step.execute(put, version, text).status();
                       }};
    };
    JournalOptions options{.migrations = {migration(10, "x"), migration(20, "x")}};
    bench.expect_ok(bench.try_open(options), "two migrations");
    bench.close();
    options.migrations.push_back(migration(30, "x"));
    bench.expect_ok(bench.try_open(options), "one more");
    bench.close();
    if (bench.has(Ability::check)) {
      options.migrations.push_back(migration(40, "refused"));
      bench.expect(!bench.try_open(options).ok(), "a migration that fails is no error");
      options.migrations.pop_back();
      bench.expect_ok(bench.try_open(options), "without it");
      bench.close();
    }
    bench.expect_things("10:x 20:x 30:x");
    options.migrations.resize(1);
    bench.expect(!bench.try_open(options).ok(), "an older program opens a newer store");
  });
}

}  // namespace

void add_lane_cases(Cases& cases) {
  order(cases);
  threads(cases);
  deadlines(cases);
  coalescing(cases);
  closing(cases);
}

}  // namespace onelane::inline v0::testing::conformance
