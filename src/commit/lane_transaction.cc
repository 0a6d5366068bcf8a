#include "src/commit/lane_transaction.h"

#include "src/commit/sheltered.h"

namespace onelane::inline v0 {

bool Transaction::yield_due() const noexcept {
  return (bytes_most_ != 0 && bytes_ >= bytes_most_) || clock_->now() >= yield_at_;
}

}  // namespace onelane::inline v0

namespace onelane::inline v0::commit {

LaneTransaction::LaneTransaction(JobStatements* statements, const Clock& clock,
                                 const detail::JobRun& run, Duration step_time)
    : statements_(statements) {
  attempt_ = run.attempt;
  steps_ = run.steps;
  bytes_most_ = run.job.bytes_per_step;
  clock_ = &clock;
  yield_at_ = clock.now() + step_time;
}

Result<std::uint64_t> LaneTransaction::run(std::string_view sql, const RowVisitor& visit) {
  if (!failure_.ok()) return failure_.cause;
  if (!row_.status().ok()) return row_.status();
  bytes_ += row_.bytes().size();
  if (statements_ == nullptr) {
    return Status(Errc::invalid_argument, "the journal's sink runs no statements of jobs");
  }
  Reply reply =
      sheltered(Effect::kept, [&] { return statements_->execute(sql, row_.bytes(), visit); });
  if (reply.ok()) {
    changes_ += reply.changes;
    return reply.changes;
  }
  const Status cause = reply.cause;
  if (reply.fault != Fault::record || reply.effect != Effect::undone) failure_ = std::move(reply);
  return cause;
}

}  // namespace onelane::inline v0::commit
