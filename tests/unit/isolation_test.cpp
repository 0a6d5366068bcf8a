// A record that its statement refuses is rejected with its cause, and nobody else notices: whatever
// it takes along, wherever in the tick it stands.
#include <algorithm>
#include <cstdlib>
#include <deque>
#include <map>
#include <random>
#include <set>

#include "src/commit/committer.h"
#include "tests/support/poison.h"
#include "tests/support/scale.h"
#include "tests/support/sqlite_journal_fixture.h"

namespace onelane {
namespace {

using test::kPoisonKinds;
using test::kPoisonTables;
using test::PoisonKind;
using test::Takes;

constexpr std::size_t kKinds = kPoisonKinds.size();
constexpr std::size_t kTickUnits = 256;

struct Poison {
  std::size_t kind;
  std::size_t position;  // in its tick
};

// Every kind at every position, in a seeded order, again and again.
class Poisons {
 public:
  explicit Poisons(std::uint64_t seed) : random_(seed) { refill(); }

  // For one tick: all at different positions, and of those that end the transaction one less than
  // end the class's part of the tick.
  std::vector<Poison> take(std::size_t count) {
    std::vector<Poison> taken;
    std::size_t passed_over = 0;
    std::size_t enders = 0;
    while (taken.size() < count) {
      if (passed_over >= left_.size()) refill();
      const Poison next = left_.front();
      left_.pop_front();
      const bool ends = kPoisonKinds[next.kind].takes == Takes::transaction;
      const bool fits = std::none_of(taken.begin(), taken.end(), [&](const Poison& other) {
        return other.position == next.position;
      });
      if (fits && !(ends && enders + 1 == commit::Committer::kCulpritsMax)) {
        taken.push_back(next);
        enders += ends ? 1 : 0;
      } else {
        left_.push_back(next);
        ++passed_over;
      }
    }
    return taken;
  }
  // How often every kind was at every position, at least.
  std::size_t rounds() const { return refills_ - 1; }

 private:
  void refill() {
    ++refills_;
    for (std::size_t i = 0; i < kKinds * kTickUnits; ++i) {
      left_.push_back({.kind = i % kKinds, .position = i / kKinds});
    }
    std::shuffle(left_.begin(), left_.end(), random_);
  }

  std::mt19937_64 random_;
  std::deque<Poison> left_;
  std::size_t refills_ = 0;
};

class Isolation : public test::SqliteJournalFixture {
 protected:
  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(open(std::string(test::kPoisonSchema)));
    for (const PoisonKind& kind : kPoisonKinds) {
      const StatementSpec spec = test::spec_of(kind);
      statements_.push_back(add(spec.sql, spec.columns));
    }
  }

  struct Submitted {
    Receipt receipt;
    const PoisonKind* poison;       // null: healthy
    std::vector<std::int64_t> ids;  // of its rows, in order
  };

  // One record; it is poison if `poison` says so.
  void submit_record(std::size_t kind, const PoisonKind* poison) {
    const std::int64_t id = next_id(kind, poison == nullptr);
    const Row row = poison == nullptr ? test::healthy_row(id) : test::poison_row(*poison, id);
    submitted_.push_back({accepted(writes_->submit(statements_[kind], row)), poison, {id}});
  }
  // A group of four records; the one at `place` is poison if `poison` says so.
  void submit_group(const PoisonKind* poison, std::size_t place) {
    Group group;
    std::vector<std::int64_t> ids;
    for (std::size_t i = 0; i < 4; ++i) {
      const bool poisoned = poison != nullptr && i == place;
      const std::size_t kind = poisoned ? index_of(*poison) : any_kind();
      ids.push_back(next_id(kind, poison == nullptr));
      group.add(statements_[kind],
                poisoned ? test::poison_row(*poison, ids.back()) : test::healthy_row(ids.back()));
    }
    submitted_.push_back({submit(group), poison, std::move(ids)});
  }

  std::size_t any_kind() { return random_() % kKinds; }
  std::int64_t next_id(std::size_t kind, bool healthy) {
    kept_.push_back(healthy ? &kPoisonKinds[kind] : nullptr);
    return static_cast<std::int64_t>(kept_.size());
  }
  static std::size_t index_of(const PoisonKind& kind) {
    return static_cast<std::size_t>(&kind - kPoisonKinds.data());
  }

  static Result<std::uint64_t> execute(Transaction& step, const PoisonKind& kind, std::int64_t id) {
    return step.execute(kind.sql, id, test::first_word(id), test::second_word(id));
  }
  static Result<std::uint64_t> execute_bad(Transaction& step, const PoisonKind& kind,
                                           std::int64_t id) {
    return step.execute(kind.sql, id, test::first_word(id), kind.bad_word);
  }
  // Writes the first id; then the second, and the third, which is poison, in one step.
  static Job two_steps(const PoisonKind& poison, std::array<std::int64_t, 3> ids) {
    return {.name = "work", .step = [&poison, ids](Transaction& step) -> Result<Step> {
              if (step.steps() == 0) {
                EXPECT_TRUE(test::succeeded(execute(step, poison, ids[0])));
                return Step::more;
              }
              EXPECT_TRUE(test::succeeded(execute(step, poison, ids[1])));
              if (auto done = execute_bad(step, poison, ids[2]); !done) return done.status();
              return Step::done;
            }};
  }
  static void expect_incomplete(const Outcome& outcome, const PoisonKind& poison) {
    EXPECT_EQ(outcome.end, End::incomplete);
    EXPECT_EQ(outcome.steps, 1U);
    EXPECT_EQ(outcome.changes, 2U);
    EXPECT_EQ(outcome.cause.message(), "job \"work\": " + std::string(poison.message));
    EXPECT_EQ(outcome.cause.sqlite_code(), poison.sqlite_code);
  }

  // One tick takes all that was submitted, in as many attempts as allowed, and commits once.
  void run_one_tick(std::size_t extra_attempts) {
    const JournalStats before = journal_->stats();
    const TickReport report = tick();
    const JournalStats after = journal_->stats();
    ASSERT_EQ(report.units, submitted_.size());
    ASSERT_EQ(after.ticks, before.ticks + 1);
    ASSERT_EQ(after.committed, before.committed + 1);
    ASSERT_LE(after.attempts, before.attempts + 1 + extra_attempts);
    for (const Submitted& unit : submitted_) {
      ASSERT_NO_FATAL_FAILURE(expect_settled(unit, after.committed));
    }
    submitted_.clear();
  }

  static void expect_settled(const Submitted& unit, std::uint64_t commit) {
    const Outcome outcome = settled(unit.receipt);
    if (unit.poison == nullptr) {
      ASSERT_EQ(outcome.end, End::committed) << outcome.cause.to_string();
      ASSERT_EQ(outcome.commit, commit);
      ASSERT_EQ(outcome.changes, 2 * unit.ids.size());
      ASSERT_EQ(outcome.rowid, -unit.ids.back());
      return;
    }
    SCOPED_TRACE(unit.poison->name);
    ASSERT_EQ(outcome.end, End::rejected);
    ASSERT_EQ(outcome.commit, 0U);
    ASSERT_EQ(outcome.changes, 0U);
    ASSERT_FALSE(outcome.rowid.has_value());
    ASSERT_EQ(outcome.cause.code(), Errc::record);
    ASSERT_EQ(outcome.cause.sqlite_code(), unit.poison->sqlite_code);
    ASSERT_EQ(outcome.cause.message(), unit.poison->message);
  }

  // The database holds the rows of the healthy records, as they were sent, and no others.
  void expect_only_the_healthy_rows() {
    std::map<std::string_view, std::size_t> expected;
    for (const PoisonKind* kind : kept_) {
      if (kind != nullptr) expected[kind->table] += 2;
    }
    for (const std::string_view table : kPoisonTables) {
      EXPECT_EQ(check_rows(std::string(table)), expected[table]) << table;
    }
    EXPECT_EQ(outside("SELECT count(*) FROM audit"), std::to_string(expected["watched"]));
    EXPECT_EQ(outside("SELECT count(*) FROM audit a LEFT JOIN watched w USING(id, word) "
                      "WHERE w.id IS NULL"),
              "0");
    EXPECT_EQ(outside("PRAGMA integrity_check"), "ok");
    EXPECT_EQ(outside("PRAGMA foreign_key_check"), "");
  }
  // How many rows there are; each must be a healthy record's.
  std::size_t check_rows(const std::string& table) {
    test::OtherConnection connection(database_);
    sqlite3_stmt* rows = nullptr;
    const std::string sql = "SELECT id, word FROM " + table + " WHERE id <> 0";
    EXPECT_EQ(sqlite3_prepare_v2(connection.handle(), sql.c_str(), -1, &rows, nullptr), SQLITE_OK);
    std::size_t count = 0;
    for (; sqlite3_step(rows) == SQLITE_ROW; ++count) {
      const std::int64_t id = sqlite3_column_int64(rows, 0);
      const std::string word = reinterpret_cast<const char*>(sqlite3_column_text(rows, 1));
      const PoisonKind* kind = kept_.at(static_cast<std::size_t>(std::abs(id)) - 1);
      EXPECT_TRUE(kind != nullptr && kind->table == table) << table << " has " << id;
      EXPECT_EQ(word, id > 0 ? test::first_word(id) : test::second_word(-id));
    }
    sqlite3_finalize(rows);
    return count;
  }

  std::mt19937_64 random_{2};
  std::vector<Statement> statements_;  // by kind
  std::vector<Submitted> submitted_;
  std::vector<const PoisonKind*> kept_;  // by id - 1: the kind of a healthy record, else null
};

TEST_F(Isolation, ExactlyThePoisonOfATickIsRejectedWhateverItsKindAndPlace) {
  const std::size_t ticks = test::scaled(2000);
  Poisons poisons(1);
  for (std::size_t t = 0; t < ticks; ++t) {
    SCOPED_TRACE("tick " + std::to_string(t));
    std::array<const PoisonKind*, kTickUnits> at{};
    std::size_t culprits = 0;
    for (const Poison& poison : poisons.take(1 + t % 8)) {
      at[poison.position] = &kPoisonKinds[poison.kind];
      if (kPoisonKinds[poison.kind].takes != Takes::nothing) ++culprits;
    }
    for (const PoisonKind* poison : at) {
      submit_record(poison == nullptr ? any_kind() : index_of(*poison), poison);
    }
    ASSERT_NO_FATAL_FAILURE(run_one_tick(culprits));
  }
  EXPECT_TRUE(test::kSlowdown > 1 || poisons.rounds() >= 1);
  expect_only_the_healthy_rows();
}

TEST_F(Isolation, APoisonedGroupIsRejectedWholeAndItsNeighboursCommit) {
  for (std::size_t i = 0; i < kKinds * 4 * 8; ++i) {
    const PoisonKind& poison = kPoisonKinds[i % kKinds];
    const std::size_t position = i / kKinds / 4;
    for (std::size_t unit = 0; unit < 8; ++unit) {
      if (unit == position) {
        submit_group(&poison, i / kKinds % 4);
      } else if (unit % 3 == 0) {
        submit_group(nullptr, 0);
      } else {
        submit_record(any_kind(), nullptr);
      }
    }
    // The savepoint undoes what stayed, so only the end of the transaction costs an attempt.
    ASSERT_NO_FATAL_FAILURE(run_one_tick(poison.takes == Takes::transaction ? 1 : 0));
  }
  expect_only_the_healthy_rows();
}

TEST_F(Isolation, APoisonedStepIsUndoneAndTheStepsBeforeItAndTheNeighboursStay) {
  WriteClass jobs = add_class({.name = "jobs"});
  for (const PoisonKind& poison : kPoisonKinds) {
    SCOPED_TRACE(poison.name);
    const std::size_t kind = index_of(poison);
    const std::int64_t first = next_id(kind, true);
    const std::int64_t second = next_id(kind, false);
    const std::int64_t third = next_id(kind, false);
    Result<Receipt> receipt = jobs.submit(two_steps(poison, {first, second, third}));
    ASSERT_TRUE(test::succeeded(receipt));
    tick();
    for (std::size_t i = 0; i < 4; ++i) submit_record(any_kind(), nullptr);
    const std::uint64_t attempts = journal_->stats().attempts;
    tick();
    EXPECT_LE(journal_->stats().attempts,
              attempts + 1 + (poison.takes == Takes::transaction ? 1 : 0));
    expect_incomplete(settled(*receipt), poison);
    for (const Submitted& unit : submitted_) expect_settled(unit, journal_->stats().committed);
    submitted_.clear();
  }
  expect_only_the_healthy_rows();
}

TEST_F(Isolation, AStepThatShrugsAtAFailedStatementKeepsTheRestUnlessTheTransactionEnded) {
  for (const PoisonKind& poison : kPoisonKinds) {
    if (poison.name == "DeferredKey") continue;  // its statement succeeds, and the step fails
    SCOPED_TRACE(poison.name);
    const bool stands = poison.takes != Takes::transaction;
    const std::int64_t before = next_id(index_of(poison), stands);
    const std::int64_t failing = next_id(index_of(poison), false);
    const std::int64_t after = next_id(index_of(poison), stands);
    const Outcome outcome = this->outcome(submit_job([&](Transaction& step) -> Result<Step> {
      EXPECT_TRUE(execute(step, poison, before).ok());
      EXPECT_EQ(execute_bad(step, poison, failing).status().message(), poison.message);
      EXPECT_EQ(execute(step, poison, after).ok(), stands);
      return Step::done;
    }));
    EXPECT_EQ(outcome.end, stands ? End::committed : End::rejected);
    EXPECT_EQ(outcome.changes, stands ? 4U : 0U);
  }
  expect_only_the_healthy_rows();
}

TEST_F(Isolation, ATickOfNothingButPoisonCommitsNothing) {
  for (const PoisonKind& kind : kPoisonKinds) submit_record(index_of(kind), &kind);
  run();
  for (const Submitted& unit : submitted_) expect_settled(unit, 0);
  EXPECT_EQ(journal_->stats().committed, 0U);
  expect_only_the_healthy_rows();
}

}  // namespace
}  // namespace onelane
