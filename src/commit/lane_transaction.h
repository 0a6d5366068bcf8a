// What a job's step sees of the transaction it runs in.
#pragma once

#include "onelane/job.h"
#include "onelane/sink.h"
#include "src/model/entry.h"

namespace onelane::commit {

class LaneTransaction final : public Transaction {
 public:
  // The run's counters must be those of this attempt. All three must outlive the transaction.
  // Without `statements` each statement is refused.
  LaneTransaction(JobStatements* statements, const Clock& clock, const detail::JobRun& run,
                  Duration step_time);

  // Once, when the step has returned or thrown.
  void end_step() {
    if (statements_ != nullptr) statements_->end_step();
  }

  // ok, or the failure after which the step cannot stand whatever it returns: not the record's own
  // fault, or one that was not undone.
  const Reply& failure() const { return failure_; }
  std::uint64_t changes() const { return changes_; }

 private:
  Result<std::uint64_t> run(std::string_view sql, const RowVisitor& visit) override;

  JobStatements* const statements_;
  Reply failure_;
  std::uint64_t changes_ = 0;
};

}  // namespace onelane::commit
