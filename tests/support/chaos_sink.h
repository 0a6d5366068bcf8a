// A sink that fails at random in every way that the Sink's contract allows, and keeps a ledger of
// what it really committed. It also holds the committer to the contract: one transaction at a time,
// calls that never overlap, nothing applied outside a transaction.
//
// The first column of each row and of each job's statement is the unit's id. On demand it keeps
// positions, so that classes may have an intake.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <unordered_map>
#include <vector>

#include "onelane/sink.h"

namespace onelane::test {

// What became of one unit's rows.
struct Fate {
  std::uint32_t committed = 0;  // rows
  std::uint32_t in_doubt = 0;   // rows of a commit whose outcome nobody was told
  std::uint32_t refused = 0;    // times that a call which concerned it failed
  std::uint64_t commit = 0;     // number of the last commit that holds a row
};

struct Ledger {
  std::unordered_map<std::int64_t, Fate> fates;
  std::uint64_t commits = 0;
  std::uint64_t broken_rules = 0;  // calls that the contract does not allow
  bool closed = false;
};

class ChaosSink final : public Sink, private Savepoints, private JobStatements {
 public:
  enum class Keeps : std::uint8_t { units, positions };
  // Of ten thousand calls of each kind about `rate` fail. The ledger outlives the sink and may be
  // read once the journal is closed.
  ChaosSink(std::shared_ptr<Ledger> ledger, std::uint64_t seed, std::uint32_t rate,
            Keeps keeps = Keeps::units);

  Status add_statement(const StatementSpec&) override { return {}; }
  Reply begin() override;
  Reply apply(Statement statement, std::span<const std::byte> row) override;
  Reply verify() override;
  Reply savepoint() override;
  Reply release() override;
  Reply rollback_to() override;
  Reply execute(std::string_view sql, std::span<const std::byte> row,
                const RowVisitor& visit) override;
  void end_step() override {}
  Reply commit() override;
  Reply rollback() override;
  Reply probe() override;
  Savepoints* savepoints() noexcept override { return this; }
  JobStatements* job_statements() noexcept override { return this; }
  Status close(CloseMode mode) override;
  AppliedPositions* applied_positions() noexcept override {
    return keeps_ == Keeps::positions ? &positions_ : nullptr;
  }
  bool commit_is_durable() const override { return keeps_ == Keeps::positions; }

 private:
  class Call;
  // In the transaction of the units.
  class Positions final : public AppliedPositions {
   public:
    explicit Positions(ChaosSink& sink) : sink_(sink) {}
    void end(bool committed);
    bool any() const { return buried_ || !moved_.empty(); }

    Reply advance(const ClassProgress& progress) override;
    Reply bury(const DeadLetter&) override;
    Result<std::optional<IntakeMark>> mark() override { return mark_; }
    // A commit of its own, which the journal counts but for the last, at its close.
    Status set_mark(const IntakeMark& mark) override {
      mark_ = mark;
      if (!mark.clean) ++sink_.ledger_->commits;
      return {};
    }
    Result<std::vector<FoundProgress>> found() override { return std::vector<FoundProgress>(); }
    bool buries() const noexcept override { return true; }

   private:
    ChaosSink& sink_;
    std::unordered_map<std::string, std::uint64_t> positions_, moved_;
    bool buried_ = false;
    std::optional<IntakeMark> mark_;
  };

  bool fails(std::uint32_t part_of_rate);
  void require(bool kept);
  void end_transaction(bool committed = false);
  void blame_all();
  Reply failed_commit();

  std::shared_ptr<Ledger> ledger_;
  std::mt19937_64 random_;
  const std::uint32_t rate_;
  std::atomic<bool> busy_{false};
  bool open_ = false;
  std::vector<std::int64_t> rows_;  // of the open transaction
  std::optional<std::size_t> savepoint_;
  const Keeps keeps_;
  Positions positions_{*this};
};

}  // namespace onelane::test
