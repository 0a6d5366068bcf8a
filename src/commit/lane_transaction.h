// What a job's step sees of the transaction it runs in.
#pragma once

#include <atomic>
#include <exception>

#include "onelane/job.h"
#include "onelane/sink.h"
#include "src/model/entry.h"

namespace onelane::inline v0::commit {

class LaneTransaction final : public Transaction {
 public:
  // The run's counters must be those of this attempt. All three must outlive the transaction.
  // Without `statements` each statement is refused.
  LaneTransaction(JobStatements* statements, const Clock& clock, const detail::JobRun& run,
                  Duration step_time);

  // What stop_requested() asks. Both must outlive the transaction.
  void stop_on(const std::atomic<bool>& cancelled, const std::atomic<bool>* closing) {
    cancelled_ = &cancelled;
    closing_ = closing;
  }
  bool stop_requested() const noexcept override {
    return (cancelled_ != nullptr && cancelled_->load(std::memory_order_relaxed)) ||
           (closing_ != nullptr && closing_->load(std::memory_order_relaxed));
  }

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
  const std::atomic<bool>* cancelled_ = nullptr;
  const std::atomic<bool>* closing_ = nullptr;
  Reply failure_;
  std::uint64_t changes_ = 0;
};

// Calls a step of the program's; nothing that it throws crosses this line.
template <class Step>
auto call_step(const Step& step, Transaction& transaction) -> decltype(step(transaction)) {
  try {
    return step(transaction);
  } catch (const std::exception& error) {
    return Status(Errc::record, error.what());  // its own bad_alloc, too
  } catch (...) {
    return Status(Errc::record, "threw something that is not a std::exception");
  }
}

}  // namespace onelane::inline v0::commit
