// How records get in: WriteClass takes untyped rows, groups and jobs from any thread; Producer<T>
// turns structs into rows and is for one thread.
//
// push is for writes that nobody waits for, submit gives a receipt, and write waits for the
// outcome. A push that succeeds says that the unit is queued, in memory, and no more.
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
// the journal is gone (pushes then fail as closed). It keeps the journal's core in memory. Of a
// handle that was moved from all calls are invalid_argument.
//
// Order: pushes of one thread commit in order, and so do pushes of different threads where one
// began after the other had returned. Between classes nothing is promised.
//
// What is passed is read before the call returns. A push does not wait, unless the class is full
// and its policy is WhenFull::block. On an error nothing was accepted. Errors of all three:
//   invalid_argument  the row or the group is not valid, or not of the statement's types; the
//                     statement is another journal's; the unit is larger than the class's capacity
//   full              see WhenFull
//   closed, poisoned  for good
//   storage           the store takes no commits at the moment, or there is no memory
//   in_lane           from a job's step: a push that would block, and any write
//   would_block       a write on a manual journal
//   forked            in a child of the process that opened the journal
class WriteClass {
 public:
  // ClassOptions::name; valid as long as this handle or a copy of it. Empty if it was moved from.
  std::string_view name() const;

  // One record.
  Status push(Statement statement, const Row& row, const PushOptions& options = {});
  Result<Receipt> submit(Statement statement, const Row& row, const PushOptions& options = {});

  // All rows of the group or none, as one unit: it counts its rows against capacity_records.
  Status push(const Group& group, const PushOptions& options = {});
  Result<Receipt> submit(const Group& group, const PushOptions& options = {});

  // submit and wait in one, and quicker: no thread is woken where the calling one can run the tick
  // itself. Blocks until the unit is settled, and durable if so promised. The outcome is any of the
  // ends: ask Outcome::committed(). Two errors more: not_durable (it is committed, but its sync
  // failed) and timed_out. With PushOptions::deadline the wait ends there, too, or with the tick
  // that this thread runs by then: what no tick has taken ends as expired. What one has taken is
  // timed_out: it may still be committed, and this call will not know.
  Result<Outcome> write(Statement statement, const Row& row, const PushOptions& options = {});
  Result<Outcome> write(const Group& group, const PushOptions& options = {});

  // submit and Receipt::wait_journaled in one, for a class with an intake: blocks until the unit is
  // journaled, and no longer. The calling thread writes and syncs by itself where nobody else does.
  // Errors besides push's: those of wait_journaled. With PushOptions::deadline what was not written
  // by then ends as expired: not_journaled.
  Result<Journaled> journal(Statement statement, const Row& row, const PushOptions& options = {});
  Result<Journaled> journal(const Group& group, const PushOptions& options = {});

  // Runs the job's steps in the lane, in its turn in the class (job.h). Also invalid_argument: a
  // job without a step, or with more bytes_per_step than the class may have in a tick; a class with
  // an intake.
  Result<Receipt> submit(Job job, const PushOptions& options = {});

  // By the journal's clock, for PushOptions::deadline. 0 if this handle was moved from.
  TimePoint now() const;

 private:
  friend class Journal;
  WriteClass(std::shared_ptr<detail::Core> core, std::uint32_t index) noexcept;

  std::shared_ptr<detail::Core> core_;
  std::uint32_t index_ = 0;
};

// Writes structs of one type to one class. One per thread: it keeps a buffer in which rows are
// encoded, so that a push makes none. Copies are independent. The calls are WriteClass's, with its
// errors; encoding may throw std::bad_alloc, or what RecordTraits<T>::columns() throws, and then
// nothing was pushed.
template <Record T>
class Producer {
 public:
  // Mostly made by Journal::producer<T>(). The statement must take the columns of T, or all pushes
  // are invalid_argument.
  Producer(WriteClass write_class, Statement statement)
      : class_(std::move(write_class)), statement_(statement) {}

  // One record: queued, queued with a receipt, or waited for.
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
  Result<Journaled> journal(const T& record, const PushOptions& options = {}) {
    encode(row_, record);
    return class_.journal(statement_, row_, options);
  }

  // The same four with a range of T as one unit, all or nothing. An empty range is
  // invalid_argument.
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

  template <std::ranges::input_range Range>
  requires std::convertible_to < std::ranges::range_reference_t<Range>,
  const T& >
      Result<Journaled> journal_group(const Range& records, const PushOptions& options = {}) {
    return class_.journal(fill(records), options);
  }

  // Adds to a group of several record types, which WriteClass::push, submit, write or journal then
  // takes.
  void add_to(Group& group, const T& record) {
    encode(row_, record);
    group.add(statement_, row_);
  }

  // Where the records go, and as what.
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
