// Jobs: each step is atomic, whatever its function does, and the job's end says how far it came.
#include <array>
#include <stdexcept>
#include <string>

#include "tests/conformance/suite/bench.h"

namespace onelane::inline v0::testing::conformance {

namespace {

// A step's function can make a mistake in these ways.
enum class Mistake : std::uint8_t { returned, thrown, wrong_sql, refused_row };
constexpr std::array kMistakes{Mistake::returned, Mistake::thrown, Mistake::wrong_sql,
                               Mistake::refused_row};

Result<Step> make(Mistake mistake, Transaction& step, const Bench& bench) {
  switch (mistake) {
    case Mistake::returned:
      return Status(Errc::record, "the step gives up");
    case Mistake::thrown:
      throw std::runtime_error("the step gives up");
    case Mistake::wrong_sql:
      return step.execute("no statement").status();
    case Mistake::refused_row:
      return step.execute(bench.specs().sql.put, 999, "refused").status();
  }
  return Step::done;
}

void need_jobs(const Bench& bench) {
  bench.need(Ability::jobs);
  bench.need(Ability::check);
}

}  // namespace

void add_job_cases(Cases& cases) {
  add_case(cases, "Jobs", "StepsCommitOneByOneBetweenTheWritesAroundThem", [](Bench& bench) {
    need_jobs(bench);
    bench.open();
    Things things = bench.add_class("things");
    things.put(1);
    std::string seen;
    things.job([&](Transaction& step) -> Result<Step> {
      const std::int64_t id = 10 + step.steps();
      auto put = step.execute(bench.specs().sql.put, id, "step");
      if (!put) return put.status();
      seen.clear();
      auto asked = step.query(bench.select(), [&](const ResultRow& row) {
        if (row.integer(0) > 0) seen += std::to_string(row.integer(0)) + " ";
      });
      if (!asked) return asked.status();
      return step.steps() == 2 ? Step::done : Step::more;
    });
    things.put(2);
    bench.run();
    bench.expect_ends("committed committed committed");
    bench.expect_things("1:x 10:step 11:step 12:step 2:x");
    bench.expect_equal(seen, "1 10 11 12 ", "what the last step sees");
    bench.expect(bench.outcome(1).steps == 3, "the outcome does not count three steps");
  });

  add_case(cases, "Jobs", "AStepThatFailsLeavesNothingAndOthersDoNotNotice", [](Bench& bench) {
    need_jobs(bench);
    bench.open();
    Things things = bench.add_class("things");
    std::int64_t id = 0;
    for (const Mistake mistake : kMistakes) {
      // Of records and jobs.
      for (const std::string units : {"jrrr", "rrjr", "rrrj", "rjjr", "jjj", "j"}) {
        bench.about("mistake " + std::to_string(static_cast<int>(mistake)) + ", " + units);
        std::string ends;
        for (const char unit : units) {
          ends += (ends.empty() ? "" : " ") + std::string(unit == 'j' ? "rejected" : "committed");
          if (unit == 'r') {
            things.put(++id);
            continue;
          }
          things.job([&bench, mistake](Transaction& step) -> Result<Step> {
            auto put = step.execute(bench.specs().sql.put, 998, "step");
            return put ? make(mistake, step, bench) : Result<Step>(put.status());
          });
        }
        bench.run();
        bench.expect_ends(ends);
        bench.expect_things(Bench::numbered(1, id));
      }
    }
  });

  add_case(cases, "Jobs", "AFailureAfterACommittedStepKeepsThatStep", [](Bench& bench) {
    need_jobs(bench);
    bench.open();
    Things things = bench.add_class("things");
    std::int64_t first = 0;
    std::string must;
    for (const Mistake mistake : kMistakes) {
      bench.about("mistake " + std::to_string(static_cast<int>(mistake)));
      first += 10;
      things.job([&bench, mistake, first](Transaction& step) -> Result<Step> {
        auto put = step.execute(bench.specs().sql.put, first + step.steps(), "x");
        if (!put) return put.status();
        return step.steps() == 2 ? make(mistake, step, bench) : Result<Step>(Step::more);
      });
      bench.run();
      bench.expect_ends("incomplete");
      must += (must.empty() ? "" : " ") + Bench::numbered(first, first + 1);
      bench.expect_things(must);
    }
  });

  add_case(cases, "Jobs", "AStepThatIsOrphanedAtItsEndIsRefused", [](Bench& bench) {
    bench.need(Ability::jobs);
    bench.need(Ability::deferred);
    bench.open();
    Things things = bench.add_class("things");
    things.put(1);
    things.job([&](Transaction& step) -> Result<Step> {
      auto put = step.execute(bench.specs().sql.put_child, 2, 99);
      return put ? Result<Step>(Step::done) : Result<Step>(put.status());
    });
    things.job([&](Transaction& step) -> Result<Step> {
      auto put = step.execute(bench.specs().sql.put_child, 3, 4);
      if (put) put = step.execute(bench.specs().sql.put, 4, "x");
      return put ? Result<Step>(Step::done) : Result<Step>(put.status());
    });
    things.put(5);
    bench.run();
    bench.expect_ends("committed rejected committed committed");
    bench.expect_things("1:x 3:child 4:x 5:x");
  });

  // Where a statement cannot be undone by itself, the step cannot succeed: then nothing is left.
  add_case(cases, "Jobs", "AStepThatGoesOnAfterAMistakeKeepsTheRestOrNothing", [](Bench& bench) {
    need_jobs(bench);
    bench.open();
    Things things = bench.add_class("things");
    things.job([&](Transaction& step) -> Result<Step> {
      const std::string& put = bench.specs().sql.put;
      (void)step.execute(put, 1, "x");
      bench.expect(!step.execute(put, 2, "refused").ok(), "a refused row is no error");
      const auto last = step.execute(put, 3, "x");
      return last ? Result<Step>(Step::done) : Result<Step>(last.status());
    });
    things.put(4);
    bench.run();
    const bool kept = bench.end_of(0) == "committed";
    bench.expect_ends(kept ? "committed committed" : "rejected committed");
    bench.expect_things(kept ? "1:x 3:x 4:x" : "4:x");
  });

  add_case(cases, "Jobs", "AStepThatWasUndoneIsCalledAgainAndAppliedOnce", [](Bench& bench) {
    bench.need(Ability::jobs);
    bench.open();
    Things things = bench.add_class("things");
    std::int64_t id = 0;
    for (const CommitFate fate : {CommitFate::undone, CommitFate::unknown}) {
      if (fate == CommitFate::unknown) bench.need(Ability::durability);
      ++id;
      std::uint32_t attempts = 0;
      things.job([&](Transaction& step) -> Result<Step> {
        attempts = step.attempt();
        auto put = step.execute(bench.specs().sql.put, id, "x");
        return put ? Result<Step>(Step::done) : Result<Step>(put.status());
      });
      bench.line().next_commit(fate);
      bench.run();
      bench.expect_ends("committed");
      bench.expect_things(Bench::numbered(1, id));
      bench.expect(attempts == 2, std::to_string(attempts) + " attempts");
    }
  });
}

}  // namespace onelane::inline v0::testing::conformance
