// That the conformance suite can fail: on SQLite's sink with one bug after another in front of it.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/conformance/sinks.h"

namespace onelane {
namespace {

using testing::conformance_cases;
using testing::ConformanceCase;
using testing::SinkUnderTest;
using testing::StoredThing;
using testing::StoreUnderTest;
using testing::Verdict;

using Bytes = std::span<const std::byte>;
using Rows = std::vector<ReturnedRow>;

// All parts are the sink's own.
class Forwarding : public Sink {
 public:
  explicit Forwarding(std::unique_ptr<Sink> sink) : sink_(std::move(sink)) {}

  Status add_statement(const StatementSpec& spec) override { return sink_->add_statement(spec); }
  Reply begin() override { return sink_->begin(); }
  Reply apply(Statement statement, Bytes row) final {
    Rows returned;
    return run(statement, row, returned);
  }
  Reply apply_returning(Statement statement, Bytes row, Rows& returned) final {
    return run(statement, row, returned);
  }
  Reply verify() override { return sink_->verify(); }
  Reply commit() override { return sink_->commit(); }
  Reply rollback() override { return sink_->rollback(); }
  Reply probe() override { return sink_->probe(); }
  bool commit_is_durable() const override { return sink_->commit_is_durable(); }
  Status close(CloseMode mode) override { return sink_->close(mode); }

  Savepoints* savepoints() noexcept override { return sink_->savepoints(); }
  JobStatements* job_statements() noexcept override { return sink_->job_statements(); }
  SchemaVersion* schema_version() noexcept override { return sink_->schema_version(); }
  Watermark* watermark() noexcept override { return sink_->watermark(); }
  AppliedPositions* applied_positions() noexcept override { return sink_->applied_positions(); }
  Log* log() noexcept override { return sink_->log(); }
  CommitSync* commit_sync() noexcept override { return sink_->commit_sync(); }

 protected:
  virtual Reply run(Statement statement, Bytes row, Rows& returned) {
    return sink_->apply_returning(statement, row, returned);
  }

  const std::unique_ptr<Sink> sink_;
};

class DropsARecord final : public Forwarding {
 public:
  using Forwarding::Forwarding;

 private:
  Reply run(Statement statement, Bytes row, Rows& returned) override {
    return ++applied_ % 50 == 0 ? Reply{.changes = 1} : Forwarding::run(statement, row, returned);
  }
  int applied_ = 0;
};

class KeepsWhatIsRolledBack final : public Forwarding {
 public:
  using Forwarding::Forwarding;
  Reply rollback() override {
    // The bug: what the journal rolls back is committed.
    return sink_->commit().ok() ? Reply() : sink_->rollback();
  }
};

class AppliesARecordTwice final : public Forwarding {
 public:
  using Forwarding::Forwarding;

 private:
  Reply run(Statement statement, Bytes row, Rows& returned) override {
    Reply reply = Forwarding::run(statement, row, returned);
    // Where a constraint does not stop it.
    if (reply.ok()) (void)Forwarding::run(statement, row, returned);
    return reply;
  }
};

class Reorders final : public Forwarding {
 public:
  using Forwarding::Forwarding;
  Reply commit() override {
    let_go();
    return sink_->commit();
  }
  Reply rollback() override {
    held_.reset();
    return sink_->rollback();
  }

 private:
  struct Held {
    Statement statement;
    std::vector<std::byte> row;
  };
  Reply run(Statement statement, Bytes row, Rows& returned) override {
    if (held_ == nullptr && ++applied_ % 20 == 0) {
      held_ = std::make_unique<Held>(Held{statement, {row.begin(), row.end()}});
      return {.changes = 1};
    }
    Reply reply = Forwarding::run(statement, row, returned);
    let_go();
    return reply;
  }
  void let_go() {
    const std::unique_ptr<Held> held = std::move(held_);
    if (held != nullptr) (void)sink_->apply(held->statement, held->row);
  }
  int applied_ = 0;
  std::unique_ptr<Held> held_;
};

class SaysUndoneAndKeepsTheGroup final : public Forwarding, private Savepoints {
 public:
  using Forwarding::Forwarding;
  Savepoints* savepoints() noexcept override { return this; }
  Reply savepoint() override { return sink_->savepoints()->savepoint(); }
  Reply release() override { return sink_->savepoints()->release(); }
  Reply rollback_to() override { return sink_->savepoints()->release(); }
};

class LosesACommit final : public Forwarding {
 public:
  using Forwarding::Forwarding;
  Reply commit() override { return ++commits_ % 10 == 0 ? sink_->rollback() : sink_->commit(); }

 private:
  int commits_ = 0;
};

class CallsARefusedRecordApplied final : public Forwarding {
 public:
  using Forwarding::Forwarding;

 private:
  Reply run(Statement statement, Bytes row, Rows& returned) override {
    Reply reply = Forwarding::run(statement, row, returned);
    return reply.fault == Fault::record ? Reply() : reply;
  }
};

class BlamesTheStoreForARefusedRecord final : public Forwarding {
 public:
  using Forwarding::Forwarding;

 private:
  Reply run(Statement statement, Bytes row, Rows& returned) override {
    Reply reply = Forwarding::run(statement, row, returned);
    if (reply.fault != Fault::record) return reply;
    reply.fault = Fault::environment;
    reply.cause = {Errc::storage, reply.cause.message()};
    return reply;
  }
};

class DoesNotVerify final : public Forwarding {
 public:
  using Forwarding::Forwarding;
  Reply verify() override { return {}; }
};

class CountsOneTooMany final : public Forwarding {
 public:
  using Forwarding::Forwarding;
  std::size_t apply_each(std::span<Application> records, Reply& failed) override {
    const std::size_t applied = sink_->apply_each(records, failed);
    return std::min(applied + 1, records.size());
  }
};

class NumbersRefusedStatements final : public Forwarding {
 public:
  using Forwarding::Forwarding;
  Status add_statement(const StatementSpec& spec) override {
    const Status status = sink_->add_statement(spec);
    // Its place is taken all the same.
    if (!status.ok()) (void)sink_->add_statement({.sql = "DELETE FROM samples"});
    return status;
  }
};

class LeavesATransactionBehindAProbe final : public Forwarding {
 public:
  using Forwarding::Forwarding;
  Reply probe() override { return sink_->begin(); }
};

class ForgetsTheWatermark final : public Forwarding, private Watermark {
 public:
  using Forwarding::Forwarding;
  Watermark* watermark() noexcept override { return this; }
  Reply mark(std::uint64_t) override { return {}; }
  std::uint64_t epoch() const noexcept override { return sink_->watermark()->epoch(); }
  Result<std::uint64_t> commits_of(std::uint64_t epoch) override {
    return sink_->watermark()->commits_of(epoch);
  }
};

class BrokenPositions : public Forwarding, protected AppliedPositions {
 public:
  using Forwarding::Forwarding;
  AppliedPositions* applied_positions() noexcept override { return this; }
  Reply advance(const ClassProgress& progress) override { return theirs().advance(progress); }
  Reply bury(const DeadLetter& letter) override { return theirs().bury(letter); }
  Result<std::optional<IntakeMark>> mark() override { return theirs().mark(); }
  Status set_mark(const IntakeMark& mark) override { return theirs().set_mark(mark); }
  Result<std::vector<FoundProgress>> found() override { return theirs().found(); }
  bool buries() const noexcept override { return true; }

 protected:
  AppliedPositions& theirs() { return *sink_->applied_positions(); }
};

class ForgetsPositions final : public BrokenPositions {
 public:
  using BrokenPositions::BrokenPositions;
  Reply advance(const ClassProgress&) override { return {}; }
};

class ForgetsWhatWaits final : public BrokenPositions {
 public:
  using BrokenPositions::BrokenPositions;
  Reply advance(const ClassProgress& progress) override {
    ClassProgress forgetful = progress;
    forgetful.waiting = {};
    return theirs().advance(forgetful);
  }
};

class LosesDeadLetters final : public BrokenPositions {
 public:
  using BrokenPositions::BrokenPositions;
  Reply bury(const DeadLetter&) override { return {}; }
};

class SwallowsWhatAVisitorThrows final : public Forwarding, private JobStatements {
 public:
  using Forwarding::Forwarding;
  JobStatements* job_statements() noexcept override { return this; }
  Reply execute(std::string_view sql, std::span<const std::byte> row,
                const RowVisitor& visit) override {
    try {
      return sink_->job_statements()->execute(sql, row, visit);
    } catch (...) {
      return {};
    }
  }
  void end_step() override { sink_->job_statements()->end_step(); }
};

using Break = std::function<std::unique_ptr<Sink>(std::unique_ptr<Sink>)>;

class BrokenStore final : public StoreUnderTest {
 public:
  BrokenStore(std::unique_ptr<StoreUnderTest> store, Break breaks)
      : store_(std::move(store)), break_(std::move(breaks)) {}

  Result<std::unique_ptr<Sink>> open() override {
    Result<std::unique_ptr<Sink>> opened = store_->open();
    if (!opened) return opened;
    return break_(*std::move(opened));
  }
  std::vector<StoredThing> things() override { return store_->things(); }
  std::optional<std::size_t> dead_letters() override { return store_->dead_letters(); }
  void break_next_commit() override { store_->break_next_commit(); }

 private:
  const std::unique_ptr<StoreUnderTest> store_;
  const Break break_;
};

// The first case of the group that fails, or of all groups but the histories.
template <class Bug>
std::string caught_in(const std::string& group) {
  SinkUnderTest broken = test::sqlite_under_test();
  broken.make_store = [make = broken.make_store] {
    return std::make_unique<BrokenStore>(
        make(), [](std::unique_ptr<Sink> sink) { return std::make_unique<Bug>(std::move(sink)); });
  };
  for (const ConformanceCase& each : conformance_cases()) {
    if (group.empty() ? each.group == "Histories" : each.group != group) continue;
    const Verdict verdict = run_case(each, broken);
    if (verdict.kind == Verdict::Kind::failed) return each.name + ": " + verdict.text;
  }
  return "";
}

TEST(BrokenSinks, NothingIsCaughtWhereNothingIsBroken) { EXPECT_EQ(caught_in<Forwarding>(""), ""); }

template <class Bug>
void expect_caught(const std::string& group) {
  EXPECT_NE(caught_in<Bug>(group), "") << "by no case of the group " << group;
}

TEST(BrokenSinks, ARecordThatIsDroppedIsCaught) {
  expect_caught<DropsARecord>("Order");
  expect_caught<DropsARecord>("Histories");
}
TEST(BrokenSinks, ATransactionThatIsCalledUndoneAndKeptIsCaught) {
  expect_caught<KeepsWhatIsRolledBack>("Sink");
  expect_caught<KeepsWhatIsRolledBack>("Outcomes");
  expect_caught<KeepsWhatIsRolledBack>("Histories");
}
TEST(BrokenSinks, ARecordThatIsAppliedTwiceIsCaught) {
  expect_caught<AppliesARecordTwice>("Values");
}
TEST(BrokenSinks, RecordsOutOfOrderAreCaught) {
  expect_caught<Reorders>("Order");
  expect_caught<Reorders>("Histories");
}
TEST(BrokenSinks, AGroupThatIsCalledUndoneAndKeptIsCaught) {
  expect_caught<SaysUndoneAndKeepsTheGroup>("Isolation");
  expect_caught<SaysUndoneAndKeepsTheGroup>("Histories");
}
TEST(BrokenSinks, ACommitThatIsLostIsCaught) {
  expect_caught<LosesACommit>("Order");
  expect_caught<LosesACommit>("Histories");
}
TEST(BrokenSinks, ARefusedRecordThatIsCalledAppliedIsCaught) {
  expect_caught<CallsARefusedRecordApplied>("Isolation");
}
TEST(BrokenSinks, ARefusedRecordThatIsBlamedOnTheStoreIsCaught) {
  expect_caught<BlamesTheStoreForARefusedRecord>("Isolation");
}
TEST(BrokenSinks, ADeferredViolationThatIsMissedIsCaught) { expect_caught<DoesNotVerify>("Sink"); }
TEST(BrokenSinks, ACountThatIsOneTooHighIsCaught) { expect_caught<CountsOneTooMany>("Sink"); }
TEST(BrokenSinks, AStatementWithAWrongNumberIsCaught) {
  expect_caught<NumbersRefusedStatements>("Sink");
}
TEST(BrokenSinks, AProbeThatLeavesATransactionIsCaught) {
  expect_caught<LeavesATransactionBehindAProbe>("Sink");
}
TEST(BrokenSinks, AWatermarkThatIsForgottenIsCaught) {
  expect_caught<ForgetsTheWatermark>("Outcomes");
}
TEST(BrokenSinks, PositionsThatAreForgottenAreCaught) { expect_caught<ForgetsPositions>("Intake"); }
TEST(BrokenSinks, WaitingPositionsThatAreForgottenAreCaught) {
  expect_caught<ForgetsWhatWaits>("Positions");
}
TEST(BrokenSinks, DeadLettersThatAreLostAreCaught) { expect_caught<LosesDeadLetters>("Intake"); }
TEST(BrokenSinks, AnExceptionThatIsSwallowedIsCaught) {
  expect_caught<SwallowsWhatAVisitorThrows>("JobStatements");
}

TEST(BrokenSinks, AStoreThatThrowsFailsTheCase) {
  SinkUnderTest throwing = test::memory_under_test();
  throwing.make_store = []() -> std::unique_ptr<StoreUnderTest> { throw 7; };
  const Verdict verdict = run_case(conformance_cases().front(), throwing);
  EXPECT_EQ(verdict.text, "thrown: what is no std::exception");
  EXPECT_EQ(verdict.kind, Verdict::Kind::failed);
}

TEST(BrokenSinks, AnAbsenceThatIsNotDeclaredIsCaught) {
  SinkUnderTest undeclared = test::memory_under_test();
  undeclared.absences.erase(undeclared.absences.begin());
  const Verdict verdict = run_case(conformance_cases().front(), undeclared);
  EXPECT_EQ(verdict.text, "the sink has no jobs, and SinkUnderTest::absences does not say why");
}

TEST(BrokenSinks, AnAbsenceThatIsNoneIsCaught) {
  SinkUnderTest wrong = test::memory_under_test();
  wrong.absences.push_back({testing::Ability::savepoints, "none"});
  const Verdict verdict = run_case(conformance_cases().front(), wrong);
  EXPECT_EQ(verdict.text,
            "SinkUnderTest::absences says that there is no savepoints, and the sink has it");
}

}  // namespace
}  // namespace onelane
