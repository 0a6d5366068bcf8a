// How records get in: WriteClass takes untyped rows, groups and jobs from any thread; Producer<T>
// turns structs into rows and is for one thread.
#pragma once

#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <ranges>
#include <string_view>
#include <utility>

#include "onelane/job.h"
#include "onelane/options.h"
#include "onelane/receipt.h"
#include "onelane/record.h"
#include "onelane/status.h"

namespace onelane::inline v0 {

// A handle to a class of writes of one journal: cheap to copy, safe from any thread, valid after
// the journal is gone (pushes then fail as closed). It takes the statements of its own journal
// only; those of another, and pushes to a handle that was moved from, are invalid_argument. push is
// for writes that nobody waits for, submit gives a receipt, and write waits for the outcome. Pushes
// of one thread commit in order, and so do pushes of different threads where one began after the
// other had returned. Errors: invalid_argument, full, closed, poisoned, storage (while the store
// takes no commits), in_lane (a push from a job's step that would block, and any write there),
// would_block (a write on a manual journal), forked.
class WriteClass {
 public:
  std::string_view name() const;

  Status push(Statement statement, const Row& row, const PushOptions& options = {});
  Result<Receipt> submit(Statement statement, const Row& row, const PushOptions& options = {});

  // All or nothing, as one unit.
  Status push(const Group& group, const PushOptions& options = {});
  Result<Receipt> submit(const Group& group, const PushOptions& options = {});

  // submit and wait in one, and quicker: no thread is woken where the calling one can run the tick
  // itself. The outcome is any of the ends; on an error other than timed_out and not_durable
  // nothing was accepted. With PushOptions::deadline the wait ends there, too, or with the tick
  // that this thread runs by then: what no tick has taken ends as expired. What one has taken is
  // timed_out: it may still be committed, and this call will not know.
  Result<Outcome> write(Statement statement, const Row& row, const PushOptions& options = {});
  Result<Outcome> write(const Group& group, const PushOptions& options = {});

  // Runs the job's steps in the lane, in its turn in the class.
  Result<Receipt> submit(Job job, const PushOptions& options = {});

  // By the journal's clock, for PushOptions::deadline.
  TimePoint now() const;

 private:
  friend class Journal;
  WriteClass(std::shared_ptr<detail::Core> core, std::uint32_t index) noexcept;

  std::shared_ptr<detail::Core> core_;
  std::uint32_t index_ = 0;
};

// One per thread: it keeps a buffer in which rows are encoded.
template <Record T>
class Producer {
 public:
  Producer(WriteClass write_class, Statement statement)
      : class_(std::move(write_class)), statement_(statement) {}

  Status push(const T& record, const PushOptions& options = {}) {
    encode(row_, record);
    return class_.push(statement_, row_, options);
  }
  Result<Receipt> submit(const T& record, const PushOptions& options = {}) {
    encode(row_, record);
    return class_.submit(statement_, row_, options);
  }

  Result<Outcome> write(const T& record, const PushOptions& options = {}) {
    encode(row_, record);
    return class_.write(statement_, row_, options);
  }

  // A range of T, all or nothing.
  template <std::ranges::input_range Range>
  requires std::convertible_to < std::ranges::range_reference_t<Range>,
  const T& > Status push_group(const Range& records, const PushOptions& options = {}) {
    return class_.push(fill(records), options);
  }
  template <std::ranges::input_range Range>
  requires std::convertible_to < std::ranges::range_reference_t<Range>,
  const T& > Result<Receipt> submit_group(const Range& records, const PushOptions& options = {}) {
    return class_.submit(fill(records), options);
  }

  template <std::ranges::input_range Range>
  requires std::convertible_to < std::ranges::range_reference_t<Range>,
  const T& > Result<Outcome> write_group(const Range& records, const PushOptions& options = {}) {
    return class_.write(fill(records), options);
  }

  // Adds to a group of several record types, which WriteClass::push or submit then takes.
  void add_to(Group& group, const T& record) {
    encode(row_, record);
    group.add(statement_, row_);
  }

  const WriteClass& write_class() const noexcept { return class_; }
  Statement statement() const noexcept { return statement_; }

 private:
  template <class Range>
  const Group& fill(const Range& records) {
    group_.clear();
    for (const T& record : records) add_to(group_, record);
    return group_;
  }

  WriteClass class_;
  Statement statement_;
  Row row_;
  Group group_;
};

}  // namespace onelane::inline v0
