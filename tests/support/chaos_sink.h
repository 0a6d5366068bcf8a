// A sink that fails at random in every way that the Sink's contract allows, and keeps a ledger of
// what it really committed. It also holds the committer to the contract: one transaction at a time,
// calls that never overlap, nothing applied outside a transaction.
//
// The first column of each row and of each job's statement is the unit's id.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
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
  // Of ten thousand calls of each kind about `rate` fail. The ledger outlives the sink and may be
  // read once the journal is closed.
  ChaosSink(std::shared_ptr<Ledger> ledger, std::uint64_t seed, std::uint32_t rate);

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

 private:
  class Call;

  bool fails(std::uint32_t part_of_rate);
  void require(bool kept);
  void end_transaction();
  void blame_all();
  Reply failed_commit();

  std::shared_ptr<Ledger> ledger_;
  std::mt19937_64 random_;
  const std::uint32_t rate_;
  std::atomic<bool> busy_{false};
  bool open_ = false;
  std::vector<std::int64_t> rows_;  // of the open transaction
  std::optional<std::size_t> savepoint_;
};

}  // namespace onelane::test
