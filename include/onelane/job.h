// A job is a callback that runs inside the lane, in one step or many. Each step is atomic; the job
// is not. Nothing else of its class starts before the job ends.
//
// A step that was rolled back through no fault of its own is called again and told which attempt it
// is; what it did outside the Transaction is its own business. A step must not wait for receipts
// (Errc::in_lane) and should return soon after yield_due(): everybody else waits meanwhile. The
// pages that it changes stay in memory until COMMIT.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "onelane/clock.h"
#include "onelane/record.h"
#include "onelane/status.h"

namespace onelane::inline v0 {

class Transaction {
 public:
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  // Runs one SQL statement with ?1, ?2, ... bound to the values; gives the number of rows changed.
  // Prepared once per step. COMMIT, ROLLBACK, SAVEPOINT, ATTACH and writing PRAGMAs are refused. A
  // failed statement leaves the step's earlier work; the step fails by returning an error or
  // throwing.
  template <class... Values>
  Result<std::uint64_t> execute(std::string_view sql, const Values&... values) {
    return query(sql, {}, values...);
  }
  // The same, and calls visit for each result row.
  template <class... Values>
  Result<std::uint64_t> query(std::string_view sql, const RowVisitor& visit,
                              const Values&... values) {
    row_.clear();
    put(row_, values...);
    return run(sql, visit);
  }

  std::uint32_t attempt() const noexcept { return attempt_; }  // of this step, from 1
  std::uint32_t steps() const noexcept { return steps_; }      // committed before this one
  // True once the step has used up its share of the tick.
  bool yield_due() const noexcept;

 protected:
  Transaction() = default;
  ~Transaction() = default;
  virtual Result<std::uint64_t> run(std::string_view sql, const RowVisitor& visit) = 0;

  Row row_;
  std::uint32_t attempt_ = 1;
  std::uint32_t steps_ = 0;
  const Clock* clock_ = nullptr;
  TimePoint yield_at_{};
};

enum class Step : std::uint8_t { more, done };

// Called inside the lane until it returns Step::done or an error. May throw: the step is rolled
// back and the job ends as rejected (or incomplete, after a committed step) with the exception's
// what().
using StepFunction = std::function<Result<Step>(Transaction&)>;

struct Job {
  std::string name{};  // for statistics and errors
  StepFunction step{};
  // What one step writes, roughly, for planning: its share of the tick's bytes. At most what a tick
  // may hold of the class (Budget::bytes), or the job is refused: a step that is larger than the
  // class's guarantee waits ceil(bytes_per_step / guarantee.bytes) ticks beside busy classes.
  std::uint64_t bytes_per_step = 0;
};

}  // namespace onelane::inline v0
