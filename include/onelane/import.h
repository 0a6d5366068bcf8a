// A bulk import: many records, written by a job in steps of its own, so that the other classes go
// on between them.
//
//   auto receipt = bulk.submit(onelane::import_job<Sample>({.name = "import", .next = ...}));
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <ranges>
#include <string>
#include <utility>
#include <vector>

#include "onelane/job.h"
#include "onelane/options.h"
#include "onelane/record.h"
#include "onelane/status.h"

namespace onelane::inline v0 {

// What import_job takes. Each function is called in the lane, on whichever thread runs the tick,
// one call at a time; everybody waits meanwhile. An exception that one throws fails the step, as
// one of a job's step does.
template <Record T>
struct Import {
  // For statistics and errors.
  std::string name{};
  // The next record, or none at the end. It is asked once for each, whatever is rolled back, and
  // should have it at hand. Must not be empty. See next_of().
  std::function<std::optional<T>()> next{};
  // Whether to go on without a record that the database refuses. Called again for it if the step
  // has to be run again. Empty: the first such record ends the import.
  std::function<bool(const T&, const Status& why)> refused{};
  // In the transaction of the first step, before the first record: an error ends the import with
  // nothing written. Empty: nothing.
  std::function<Status(Transaction&)> before{};
  // In that of the last step, with the number of records that were written. Empty: nothing.
  std::function<Status(Transaction&, std::uint64_t written)> after{};
  // A step ends with the record that reaches so much of values, or once its time is over; 0: only
  // by time. As Job::bytes_per_step.
  std::uint64_t bytes_per_step = 256 * kKiB;
};

namespace detail {

template <Record T>
class ImportRun {
 public:
  explicit ImportRun(Import<T> import) : import_(std::move(import)) {}

  Result<Step> step(Transaction& transaction) {
    begin_attempt(transaction.steps());
    if (transaction.steps() == 0 && import_.before) {
      if (Status why = import_.before(transaction); !why.ok()) return why;
    }
    while (const T* record = current()) {
      if (Status why = write(transaction, *record); !why.ok()) return why;
      ++done_;
      if (transaction.yield_due() && current() != nullptr) return Step::more;
    }
    if (import_.after) {
      if (Status why = import_.after(transaction, written_); !why.ok()) return why;
    }
    return Step::done;
  }

 private:
  // A higher number of the step says that the one before is committed.
  void begin_attempt(std::uint32_t step) {
    if (step != step_) {
      taken_.erase(taken_.begin(), taken_.begin() + static_cast<std::ptrdiff_t>(done_));
      committed_ = written_;
      step_ = step;
    }
    done_ = 0;
    written_ = committed_;
  }

  const T* current() {
    if (done_ == taken_.size() && !ended_) {
      std::optional<T> record = import_.next();
      ended_ = !record;
      if (record) taken_.push_back(*std::move(record));
    }
    return done_ < taken_.size() ? &taken_[done_] : nullptr;
  }

  Status write(Transaction& transaction, const T& record) {
    const Result<std::uint64_t> executed = transaction.execute(record);
    if (executed) {
      ++written_;
      return {};
    }
    const Errc code = executed.status().code();
    const bool its_own = code == Errc::record || code == Errc::invalid_argument;
    const bool goes_on = its_own && import_.refused && import_.refused(record, executed.status());
    return goes_on ? Status() : executed.status();
  }

  const Import<T> import_;
  std::vector<T> taken_;       // from the input, and not known to be committed
  std::size_t done_ = 0;       // of these, in this attempt
  bool ended_ = false;         // the input
  std::uint64_t written_ = 0;  // records, in this attempt, too
  std::uint64_t committed_ = 0;
  std::uint32_t step_ = 0;
};

}  // namespace detail

// The job of an import, for WriteClass::submit.
template <Record T>
Job import_job(Import<T> import) {
  if (!import.next) return {.name = std::move(import.name)};  // which submit refuses
  Job job{.name = import.name, .bytes_per_step = import.bytes_per_step};
  job.step = [run = std::make_shared<detail::ImportRun<T>>(std::move(import))](
                 Transaction& transaction) { return run->step(transaction); };
  return job;
}

// Import::next of a range, which is moved or copied into it. Of a view, such as std::views::all
// gives, what it looks at must outlive the job.
template <std::ranges::input_range Range>
std::function<std::optional<std::ranges::range_value_t<Range>>()> next_of(Range range) {
  struct Place {
    explicit Place(Range all) : range(std::move(all)), at(std::ranges::begin(range)) {}
    Range range;
    std::ranges::iterator_t<Range> at;
  };
  return [place = std::make_shared<Place>(
              std::move(range))]() -> std::optional<std::ranges::range_value_t<Range>> {
    if (place->at == std::ranges::end(place->range)) return std::nullopt;
    std::optional<std::ranges::range_value_t<Range>> next(*place->at);
    ++place->at;
    return next;
  };
}

}  // namespace onelane::inline v0
