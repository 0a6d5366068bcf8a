// A job is a callback that runs inside the lane, in one step or many. Each step is atomic, and
// commits with the tick that it ran in; the job as a whole is not atomic. Nothing else of its class
// starts before the job ends. Other classes go on between its steps.
//
// A step that was rolled back through no fault of its own is called again and told which attempt it
// is; what it did outside the Transaction is its own business.
//
// A step runs on the committer thread, or on that of a caller who runs the tick, one at a time. It
// may push, submit and cancel, and ask for stats(). Calls that wait for the lane return
// Errc::in_lane there. A step should return soon after yield_due(): everybody else waits meanwhile.
// The pages that it changes stay in memory until COMMIT.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "onelane/clock.h"
#include "onelane/record.h"
#include "onelane/status.h"

namespace onelane::inline v0 {

// What a step sees of the transaction that it runs in. Valid during that call of the step, and on
// its thread only.
class Transaction {
 public:
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  // Runs one SQL statement with ?1, ?2, ... bound to the values, which are of the same types as a
  // record's columns (record.h). Gives the number of rows inserted, updated or deleted, triggers
  // not counted: 0 for a query. Prepared once per step. COMMIT, ROLLBACK, SAVEPOINT, ATTACH and
  // writing PRAGMAs are refused.
  //
  // A statement that fails leaves the step's earlier work: the step may go on, and fails by
  // returning an error or throwing. Errors: record (SQL, a constraint, another number of values
  // than parameters); invalid_argument (a value that no row can hold). After any other error, or
  // where the statement could not be undone, the step cannot succeed: all further statements return
  // that error, and it is rolled back whatever it returns. It is called again if the fault was the
  // store's.
  template <class... Values>
  Result<std::uint64_t> execute(std::string_view sql, const Values&... values) {
    return query(sql, {}, values...);
  }
  // The same, and calls `visit` for each result row, in order. `visit` may run other statements of
  // this transaction. An exception that it throws ends the statement and comes out of query(); a
  // step that catches it may go on, and keeps what a writing statement (RETURNING) has written.
  // std::bad_alloc alone does not come out: it counts as the store's lack of memory. query() then
  // returns Errc::storage, and the step is run again later. An empty `visit` drops the rows.
  template <class... Values>
  Result<std::uint64_t> query(std::string_view sql, const RowVisitor& visit,
                              const Values&... values) {
    row_.clear();
    put(row_, values...);
    return run(sql, visit);
  }

  // One record, with its type's SQL.
  template <Record T>
  Result<std::uint64_t> execute(const T& record) {
    encode(row_, record);
    return run(std::string_view(RecordTraits<T>::sql), {});
  }

  // Which call of this step it is, from 1: more if earlier ones were rolled back.
  std::uint32_t attempt() const noexcept { return attempt_; }
  // How many of the job's steps were committed before this one: 0 in the first.
  std::uint32_t steps() const noexcept { return steps_; }
  // True once the step has used up its share of the tick's hold, by the journal's clock, or has run
  // statements with Job::bytes_per_step of values, if there is such a limit. Nothing ends a step
  // that goes on: one that takes longer than a tick is counted as JournalStats::overlong_steps.
  bool yield_due() const noexcept;
  // Whether the job should come to an end, for it will get no further step, or perhaps none: its
  // receipt was cancelled, or the journal closes. What a step does about it is its own business.
  virtual bool stop_requested() const noexcept = 0;

 protected:
  Transaction() = default;
  ~Transaction() = default;
  virtual Result<std::uint64_t> run(std::string_view sql, const RowVisitor& visit) = 0;

  Row row_;
  std::uint32_t attempt_ = 1;
  std::uint32_t steps_ = 0;
  const Clock* clock_ = nullptr;
  TimePoint yield_at_{};
  std::uint64_t bytes_ = 0;       // of values, bound in this call of the step
  std::uint64_t bytes_most_ = 0;  // 0: no limit
};

// What a step that succeeded returns: whether the job has another one.
enum class Step : std::uint8_t {
  more,  // commit this, and call again in a later tick
  done,  // commit this, and the job has ended
};

// Called inside the lane until it returns Step::done or an error. It may throw anything, which is
// an error, too: the step is rolled back, and the job ends as rejected, or as incomplete after a
// committed step. Outcome::cause is then Errc::record with the job's name and the error's message,
// or the exception's what().
//
// The function is copied or moved until the job is accepted, and destroyed once it has ended,
// outside the lane, on any thread that runs ticks. Its destructor must not throw.
using StepFunction = std::function<Result<Step>(Transaction&)>;

// What WriteClass::submit takes. One job takes the room of one record in its class.
struct Job {
  // For statistics and errors. Any text; need not be unique.
  std::string name{};
  // Must not be empty.
  StepFunction step{};
  // What one step writes, roughly, for planning: its share of the tick's bytes. At most what a tick
  // may hold of the class (Budget::bytes), or the job is refused: a step that is larger than the
  // class's guarantee waits ceil(bytes_per_step / guarantee.bytes) ticks beside busy classes. 0
  // counts as no bytes, and is no limit for yield_due(); a step's time is learned.
  std::uint64_t bytes_per_step = 0;
};

}  // namespace onelane::inline v0
