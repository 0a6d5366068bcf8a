// Jobs on real SQLite: what a step may do, what it may not, and that the lane is whole afterwards.
#include <new>
#include <stdexcept>

#include "tests/support/sqlite_journal_fixture.h"

namespace onelane {
namespace {

using test::says;
using test::succeeded;

constexpr const char* kSchema =
    "CREATE TABLE IF NOT EXISTS peers(id INTEGER PRIMARY KEY, name TEXT UNIQUE, seen INTEGER)";
constexpr Column kText{ColumnType::text};

class JournalJobs : public test::SqliteJournalFixture {
 protected:
  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(open(kSchema));
    insert_ = add("INSERT INTO peers(name) VALUES(?1)", {kText});
  }
  // Runs a job of one step that ends as done whatever happened in it.
  template <class Body>
  Outcome run_step(Body body) {
    return outcome(submit_job([&](Transaction& step) -> Result<Step> {
      body(step);
      return Step::done;
    }));
  }
  std::string names() { return outside("SELECT name FROM peers ORDER BY id"); }
  std::string pragma(const std::string& name) {
    std::string value;
    run_step([&](Transaction& step) {
      EXPECT_TRUE(succeeded(
          step.query("PRAGMA " + name, [&](const ResultRow& row) { value = row.text(0); })));
    });
    return value;
  }

  Statement insert_;
};

// --- Steps.

TEST_F(JournalJobs, AStepReadsWhatItWritesFromWhatItRead) {
  write(insert_, "ada");
  write(insert_, "bob");
  const Outcome outcome = run_step([](Transaction& step) {
    std::int64_t count = 0;
    EXPECT_TRUE(succeeded(step.query("SELECT count(*) FROM peers",
                                     [&](const ResultRow& row) { count = row.integer(0); })));
    const Result<std::uint64_t> changed = step.execute("UPDATE peers SET seen = ?1", count);
    EXPECT_EQ(*changed, 2U);
  });
  EXPECT_TRUE(outcome.committed());
  EXPECT_EQ(outcome.changes, 2U);
  EXPECT_EQ(outside("SELECT seen FROM peers"), "2 2");
}

TEST_F(JournalJobs, AQueryGivesEveryTypeToItsVisitor) {
  run_step([](Transaction& step) {
    EXPECT_TRUE(succeeded(step.query(
        "SELECT ?1, ?2, ?3, x'6100', NULL",
        [](const ResultRow& row) {
          ASSERT_EQ(row.columns(), 5U);
          EXPECT_EQ(row.integer(0), -5);
          EXPECT_EQ(row.real(1), 0.5);
          EXPECT_EQ(row.text(2), "ü");
          EXPECT_EQ(row.blob(3).size(), 2U);
          EXPECT_TRUE(row.is_null(4));
          EXPECT_FALSE(row.is_null(0));
        },
        -5, 0.5, "ü")));
  });
}

TEST_F(JournalJobs, EachStepIsACommitOfItsOwn) {
  const Receipt receipt = submit_job([](Transaction& step) -> Result<Step> {
    const auto done =
        step.execute("INSERT INTO peers(name) VALUES(?1)", "step" + std::to_string(step.steps()));
    if (!done) return done.status();
    return step.steps() == 2 ? Step::done : Step::more;
  });
  tick();
  EXPECT_EQ(names(), "step0");
  EXPECT_FALSE(receipt.poll().has_value());
  tick();
  EXPECT_EQ(names(), "step0 step1");
  run();
  EXPECT_EQ(names(), "step0 step1 step2");
  const Outcome outcome = settled(receipt);
  EXPECT_TRUE(outcome.committed());
  EXPECT_EQ(outcome.steps, 3U);
  EXPECT_EQ(outcome.changes, 3U);
  EXPECT_EQ(outcome.commit, 3U);
}

TEST_F(JournalJobs, NothingOfItsClassStartsBeforeTheJobEnds) {
  const Receipt job = submit_job([](Transaction& step) -> Result<Step> {
    return step.steps() == 1 ? Step::done : Step::more;
  });
  const Receipt record = submit(insert_, "after");
  tick();
  EXPECT_FALSE(record.poll().has_value());
  run();
  EXPECT_GT(settled(record).commit, 0U);
  EXPECT_GE(settled(record).commit, settled(job).commit);
}

TEST_F(JournalJobs, AStepThatReturnsAnErrorIsUndoneWhole) {
  const Outcome outcome = this->outcome(submit_job([](Transaction& step) -> Result<Step> {
    EXPECT_TRUE(succeeded(step.execute("INSERT INTO peers(name) VALUES('ada')")));
    return Status(Errc::invalid_argument, "no more peers");
  }));
  EXPECT_EQ(outcome.end, End::rejected);
  EXPECT_EQ(outcome.cause.message(), "job \"work\": no more peers");
  EXPECT_EQ(names(), "");
}

TEST_F(JournalJobs, AStepThatThrowsIsUndoneWholeAndSaysWhat) {
  const Outcome thrown = this->outcome(submit_job([](Transaction& step) -> Result<Step> {
    EXPECT_TRUE(succeeded(step.execute("INSERT INTO peers(name) VALUES('ada')")));
    throw std::runtime_error("out of peers");
  }));
  EXPECT_EQ(thrown.end, End::rejected);
  EXPECT_EQ(thrown.cause.message(), "job \"work\": out of peers");
  const Outcome odd = this->outcome(submit_job([](Transaction&) -> Result<Step> { throw 7; }));
  EXPECT_EQ(odd.end, End::rejected);
  EXPECT_EQ(names(), "");
}

TEST_F(JournalJobs, AVisitorThatThrowsEndsTheStepAndNotTheLane) {
  write(insert_, "ada");
  const Outcome outcome = this->outcome(submit_job([](Transaction& step) -> Result<Step> {
    (void)step.query("SELECT name FROM peers",
                     [](const ResultRow&) { throw std::runtime_error("enough"); });
    return Step::done;
  }));
  EXPECT_TRUE(says(outcome.cause, Errc::record, {"enough"}));
  EXPECT_TRUE(write(insert_, "bob").committed());
}

TEST_F(JournalJobs, AStepThatCatchesWhatItsVisitorThrewGoesOnAndKeepsWhatWasWritten) {
  const Outcome outcome = this->outcome(submit_job([](Transaction& step) -> Result<Step> {
    try {
      (void)step.query("INSERT INTO peers(name) VALUES('ada'), ('bob') RETURNING name",
                       [](const ResultRow&) { throw std::runtime_error("enough"); });
      ADD_FAILURE() << "nothing was thrown";
    } catch (const std::runtime_error&) {
    }
    EXPECT_TRUE(succeeded(step.execute("INSERT INTO peers(name) VALUES('eve')")));
    return Step::done;
  }));
  EXPECT_TRUE(outcome.committed());
  EXPECT_EQ(names(), "ada bob eve");
}

TEST_F(JournalJobs, WhatAVisitorHasNoMemoryForIsTheStoresFaultAndTheStepRunsAgain) {
  write(insert_, "ada");
  std::uint32_t attempts = 0;
  const Receipt receipt = submit_job([&attempts](Transaction& step) -> Result<Step> {
    attempts = step.attempt();
    const auto all = step.query("SELECT name FROM peers", [&step](const ResultRow&) {
      if (step.attempt() == 1) throw std::bad_alloc();
    });
    if (step.attempt() == 1) {
      EXPECT_EQ(all.status().code(), Errc::storage);
    }
    return Step::done;
  });
  run();
  EXPECT_FALSE(receipt.poll().has_value());
  clock_->advance(std::chrono::seconds(1));
  run();
  EXPECT_TRUE(settled(receipt).committed());
  EXPECT_EQ(attempts, 2U);
}

TEST_F(JournalJobs, AColumnThatThereIsNotReadsAsNull) {
  run_step([](Transaction& step) {
    (void)step.query("SELECT 7, 'text'", [](const ResultRow& row) {
      for (const std::size_t beyond : {row.columns(), std::size_t{1} << 40}) {
        EXPECT_TRUE(row.is_null(beyond));
        EXPECT_EQ(row.integer(beyond), 0);
        EXPECT_EQ(row.real(beyond), 0);
        EXPECT_TRUE(row.text(beyond).empty());
        EXPECT_TRUE(row.blob(beyond).empty());
      }
    });
  });
}

TEST_F(JournalJobs, AFailedStatementLeavesTheStepsEarlierWork) {
  write(insert_, "ada");
  run_step([](Transaction& step) {
    EXPECT_TRUE(succeeded(step.execute("INSERT INTO peers(name) VALUES('bob')")));
    EXPECT_TRUE(says(step.execute("INSERT INTO peers(name) VALUES('ada')").status(), Errc::record,
                     {"UNIQUE constraint failed: peers.name"}));
    EXPECT_TRUE(says(step.execute("INSERT INTO nowhere VALUES(1)").status(), Errc::record,
                     {"no such table: nowhere"}));
    EXPECT_TRUE(succeeded(step.execute("INSERT INTO peers(name) VALUES('cyd')")));
  });
  EXPECT_EQ(names(), "ada bob cyd");
}

TEST_F(JournalJobs, StatementsThatChangeNoRowsByTheirNatureCountNone) {
  const Outcome outcome = run_step([](Transaction& step) {
    EXPECT_EQ(*step.execute("INSERT INTO peers(name) VALUES('ada'), ('bob')"), 2U);
    EXPECT_EQ(*step.execute("CREATE TABLE calls(peer)"), 0U);
    EXPECT_EQ(*step.execute("SELECT * FROM peers"), 0U);
  });
  EXPECT_EQ(outcome.changes, 2U);
}

TEST_F(JournalJobs, AWrongNumberOfValuesIsNamedWithBothNumbers) {
  run_step([](Transaction& step) {
    EXPECT_TRUE(says(step.execute("INSERT INTO peers(name) VALUES(?1)", "ada", 2).status(),
                     Errc::record, {"1 parameters", "2 values"}));
  });
}

TEST_F(JournalJobs, AValueThatSqliteCannotKeepIsRefusedInAStepToo) {
  run_step([](Transaction& step) {
    EXPECT_TRUE(says(step.execute("UPDATE peers SET seen = ?1", UINT64_MAX).status(),
                     Errc::invalid_argument, {"?1", "2^63 - 1"}));
  });
}

TEST_F(JournalJobs, AStepIsDueToYieldOnceItsShareOfTheTickIsOver) {
  run_step([&](Transaction& step) {
    EXPECT_FALSE(step.yield_due());
    clock_->advance(options_.tick.hold);
    EXPECT_TRUE(step.yield_due());
  });
}

TEST_F(JournalJobs, WaitingAndTickingInsideTheLaneAreErrorsAtOnce) {
  Receipt queued = submit(insert_, "ada");
  WriteClass others = add_class({.name = "others"});
  Result<Receipt> job = others.submit(
      Job{.name = "waiter", .step = [&](Transaction&) -> Result<Step> {
            EXPECT_EQ(journal_->tick().status().code(), Errc::in_lane);
            EXPECT_EQ(journal_->flush().code(), Errc::in_lane);
            EXPECT_EQ(journal_->close(Duration(0)).status.code(), Errc::in_lane);
            EXPECT_EQ(journal_->add_class({.name = "new"}).status().code(), Errc::in_lane);
            EXPECT_EQ(queued.wait().status().code(), Errc::in_lane);
            return Step::done;
          }});
  ASSERT_TRUE(succeeded(job));
  run();
  EXPECT_TRUE(settled(*job).committed());
}

TEST_F(JournalJobs, APushFromAStepLandsInALaterTick) {
  run_step([&](Transaction&) {
    Row row;
    put(row, "pushed");
    EXPECT_TRUE(succeeded(writes_->push(insert_, row)));
  });
  EXPECT_EQ(names(), "pushed");
}

// --- What a step may not do.

struct Forbidden {
  std::string sql;
  std::string named;  // in the refusal
};

class ForbiddenInTheLane : public JournalJobs, public ::testing::WithParamInterface<Forbidden> {};

TEST_P(ForbiddenInTheLane, IsRefusedByNameAndTheStepAndTheLaneGoOn) {
  const Outcome outcome = run_step([](Transaction& step) {
    EXPECT_TRUE(succeeded(step.execute("INSERT INTO peers(name) VALUES('before')")));
    EXPECT_TRUE(says(step.execute(GetParam().sql).status(), Errc::record, {GetParam().named}));
    EXPECT_TRUE(succeeded(step.execute("INSERT INTO peers(name) VALUES('after')")));
  });
  EXPECT_TRUE(outcome.committed());
  EXPECT_TRUE(write(insert_, "next").committed());
  EXPECT_EQ(journal_->stats().committed, 2U);
  EXPECT_EQ(names(), "before after next");
  EXPECT_EQ(pragma("journal_mode") + pragma("synchronous") + pragma("foreign_keys"), "wal11");
  EXPECT_EQ(pragma("database_list"), "0");
}

TEST_P(ForbiddenInTheLane, IsNoStatementEither) {
  EXPECT_TRUE(says(journal_->add_statement({.sql = GetParam().sql}).status(),
                   Errc::invalid_argument, {GetParam().sql}));
}

INSTANTIATE_TEST_SUITE_P(
    Sql, ForbiddenInTheLane,
    ::testing::Values(Forbidden{"COMMIT", "COMMIT is not allowed"},
                      Forbidden{"END", "COMMIT is not allowed"},
                      Forbidden{"ROLLBACK", "ROLLBACK is not allowed"},
                      Forbidden{"BEGIN", "BEGIN is not allowed"},
                      Forbidden{"SAVEPOINT mine", "SAVEPOINT is not allowed"},
                      Forbidden{"RELEASE onelane", "RELEASE is not allowed"},
                      Forbidden{"ROLLBACK TO onelane", "ROLLBACK TO is not allowed"},
                      Forbidden{"ATTACH 'other.db' AS other", "ATTACH is not allowed"},
                      Forbidden{"DETACH main", "DETACH is not allowed"},
                      Forbidden{"PRAGMA journal_mode = DELETE", "PRAGMA journal_mode"},
                      Forbidden{"PRAGMA synchronous = OFF", "PRAGMA synchronous"},
                      Forbidden{"PRAGMA foreign_keys = OFF", "PRAGMA foreign_keys"},
                      Forbidden{"PRAGMA defer_foreign_keys = ON", "PRAGMA defer_foreign_keys"},
                      Forbidden{"PRAGMA user_version = 7", "PRAGMA user_version"},
                      Forbidden{"PRAGMA wal_checkpoint", "PRAGMA wal_checkpoint"},
                      Forbidden{"PRAGMA wal_autocheckpoint = 10", "PRAGMA wal_autocheckpoint"},
                      Forbidden{"PRAGMA writable_schema = ON", "PRAGMA writable_schema"},
                      Forbidden{"SELECT load_extension('evil')", "load_extension"}),
    [](const auto& named) {
      std::string name;
      for (const char c : named.param.sql) {
        if (std::isalnum(static_cast<unsigned char>(c)) != 0) name += c;
      }
      return name;
    });

// The second net: should SQL that ends the transaction ever get past the authorizer.
TEST_F(JournalJobs, AStatementThatSucceedsWhileTheTransactionEndsUnderItIsItsStepsFault) {
  close();
  test::ConnectionSpy spy;
  SetUp();
  sqlite3_set_authorizer(spy.writer(), nullptr, nullptr);
  const Outcome outcome = run_step([&](Transaction& step) {
    EXPECT_TRUE(succeeded(step.execute("INSERT INTO peers(name) VALUES('before')")));
    EXPECT_FALSE(succeeded(step.query("SELECT 1", [&](const ResultRow&) {
      EXPECT_EQ(test::query(spy.writer(), "ROLLBACK"), "");
    })));
    EXPECT_FALSE(succeeded(step.execute("INSERT INTO peers(name) VALUES('after')")));
  });
  EXPECT_EQ(outcome.end, End::rejected);
  EXPECT_TRUE(write(insert_, "next").committed());
  EXPECT_EQ(names(), "next");
}

TEST_F(JournalJobs, VacuumFailsInsideATransactionAndTheLaneGoesOn) {
  run_step([](Transaction& step) {
    for (const char* sql : {"VACUUM", "VACUUM INTO 'copy.db'"}) {
      const std::string message = step.execute(sql).status().message();
      EXPECT_TRUE(message.ends_with("VACUUM from within a transaction")) << message;
    }
  });
  EXPECT_TRUE(write(insert_, "next").committed());
}

TEST_F(JournalJobs, PragmasThatOnlyReadAreAllowed) {
  std::string columns;
  run_step([&](Transaction& step) {
    EXPECT_TRUE(succeeded(step.query("PRAGMA table_info(peers)", [&](const ResultRow& row) {
      columns += std::string(row.text(1)) + ' ';
    })));
  });
  EXPECT_EQ(columns, "id name seen ");
  EXPECT_EQ(pragma("user_version"), "0");
}

// --- Changes of the schema.

TEST_F(JournalJobs, AStatementOfADroppedTableIsRejectedUntilTheTableIsBack) {
  ASSERT_EQ(outside("CREATE TABLE calls(peer)"), "");
  const Statement call = add("INSERT INTO calls VALUES(?1)", {kText});
  run_step([](Transaction& step) { EXPECT_TRUE(succeeded(step.execute("DROP TABLE calls"))); });
  const Receipt before = submit(insert_, "ada");
  const Receipt lost = submit(call, "ada");
  const Receipt after = submit(insert_, "bob");
  run();
  EXPECT_TRUE(says(settled(lost).cause, Errc::record, {"no such table", "calls"}));
  EXPECT_EQ(settled(lost).end, End::rejected);
  EXPECT_EQ(settled(before).commit, settled(after).commit);
  EXPECT_EQ(names(), "ada bob");
  run_step([](Transaction& step) {
    EXPECT_TRUE(succeeded(step.execute("CREATE TABLE calls(peer, at DEFAULT 5)")));
  });
  EXPECT_EQ(write(call, "ada").end, End::rejected);  // two columns now
  run_step([](Transaction& step) {
    EXPECT_TRUE(succeeded(step.execute("ALTER TABLE calls DROP COLUMN at")));
  });
  EXPECT_TRUE(write(call, "ada").committed());
  EXPECT_EQ(outside("SELECT * FROM calls"), "ada");
}

TEST_F(JournalJobs, ASchemaThatChangesWithinATickIsMetByTheRecordsThatFollowInIt) {
  WriteClass changes = add_class({.name = "changes"});
  const Receipt before = submit(insert_, "ada");
  Result<Receipt> change =
      changes.submit(Job{.name = "migrate", .step = [](Transaction& step) -> Result<Step> {
                           auto done =
                               step.execute("ALTER TABLE peers ADD COLUMN colour DEFAULT 'red'");
                           if (!done) return done.status();
                           return Step::done;
                         }});
  ASSERT_TRUE(succeeded(change));
  tick();
  EXPECT_EQ(settled(before).commit, settled(*change).commit);
  EXPECT_TRUE(write(insert_, "bob").committed());
  EXPECT_EQ(outside("SELECT name, colour FROM peers"), "ada|red bob|red");
}

TEST_F(JournalJobs, ASchemaThatAnotherProgramChangesIsMetByTheNextTick) {
  write(insert_, "ada");
  ASSERT_EQ(outside("ALTER TABLE peers ADD COLUMN colour DEFAULT 'red'"), "");
  EXPECT_TRUE(write(insert_, "bob").committed());
  EXPECT_EQ(outside("SELECT name, colour FROM peers"), "ada|red bob|red");
}

TEST_F(JournalJobs, ASchemaChangeOfAStepThatFailsIsUndone) {
  const Receipt job = submit_job([](Transaction& step) -> Result<Step> {
    EXPECT_TRUE(succeeded(step.execute("DROP TABLE peers")));
    return Status(Errc::record, "on second thoughts");
  });
  EXPECT_TRUE(write(insert_, "ada").committed());
  EXPECT_EQ(names(), "ada");
}

}  // namespace
}  // namespace onelane
