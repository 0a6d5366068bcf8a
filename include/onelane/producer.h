// How records get in: WriteClass takes untyped rows, groups and jobs; Producer<T> turns structs
// into rows.
//
// push is for writes that nobody waits for, submit gives a receipt, and write waits for the
// outcome. A push that succeeds says that the unit is queued, in memory, and no more.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <ranges>
#include <string_view>
#include <type_traits>
#include <utility>

#include "onelane/job.h"
#include "onelane/options.h"
#include "onelane/receipt.h"
#include "onelane/record.h"
#include "onelane/status.h"

namespace onelane::inline v0 {

// A handle to a class of writes of one journal: cheap to copy, safe from any thread, valid after
// the journal is gone (pushes then fail as closed). It keeps the journal's core in memory. Of an
// empty handle, one that was not assigned to yet or was moved from, all calls are invalid_argument.
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
//   forked            in a child of the process that opened the journal
class WriteClass {
 public:
  // Empty: valid() is false.
  WriteClass() noexcept = default;
  bool valid() const noexcept { return core_ != nullptr; }

  // ClassOptions::name; valid as long as this handle or a copy of it. Empty if the handle is.
  std::string_view name() const;

  // One record.
  Status push(Statement statement, const Row& row, const PushOptions& options = {}) const;
  Result<Receipt> submit(Statement statement, const Row& row,
                         const PushOptions& options = {}) const;

  // All rows of the group or none, as one unit: it counts its rows against capacity_records.
  Status push(const Group& group, const PushOptions& options = {}) const;
  Result<Receipt> submit(const Group& group, const PushOptions& options = {}) const;

  // submit and wait in one, and quicker: no thread is woken where the calling one can run the tick
  // itself. Blocks until the unit is settled, and durable if so promised. The outcome is any of the
  // ends: ask Outcome::committed(), or status_of(). With a deadline or a timeout the wait ends
  // there, too, or with the tick that this thread runs by then: what no tick has taken ends as
  // expired. Three errors more:
  //   not_durable  it is committed, but its sync failed
  //   timed_out    a tick or the intake had taken it: it may still be committed, or will be, and
  //                this call will not know
  //   would_block  the journal is manual, and the unit's tick is not due yet: it was taken back
  Result<Outcome> write(Statement statement, const Row& row, const PushOptions& options = {}) const;
  Result<Outcome> write(const Group& group, const PushOptions& options = {}) const;

  // submit and Receipt::wait_journaled in one, for a class with an intake: blocks until the unit is
  // journaled, and no longer. The calling thread writes and syncs by itself where nobody else does.
  // Errors besides push's: those of wait_journaled. On a manual journal whose intake has no room,
  // would_block: it was taken back; or timed_out, if another thread has it in hand. What was not
  // written by its deadline ends as expired: not_journaled.
  Result<Journaled> journal(Statement statement, const Row& row,
                            const PushOptions& options = {}) const;
  Result<Journaled> journal(const Group& group, const PushOptions& options = {}) const;

  // Runs the job's steps in the lane, in its turn in the class (job.h). Also invalid_argument: a
  // job without a step, or with more bytes_per_step than the class may have in a tick; a class with
  // an intake.
  Result<Receipt> submit(Job job, const PushOptions& options = {}) const;

  // By the journal's clock, for PushOptions::deadline. 0 if the handle is empty.
  TimePoint now() const;

 private:
  friend class Journal;
  WriteClass(std::shared_ptr<detail::Core> core, std::uint32_t index) noexcept;

  std::shared_ptr<detail::Core> core_;
  std::uint32_t index_ = 0;
};

namespace detail {

// This thread's row to encode records in, so that a push makes none.
Row& encoding_row();

template <class Range, class T>
concept RangeOf = std::ranges::input_range<Range> &&
    bool(std::is_convertible_v<std::ranges::range_reference_t<Range>, const T&>);

}  // namespace detail

// Writes structs of one type to one class. Safe from any thread, and cheap to copy. The calls are
// WriteClass's, with its errors; encoding may throw std::bad_alloc, or what
// RecordTraits<T>::columns() throws, and then nothing was pushed. Each thread that encodes keeps a
// buffer of the size of its largest record.
template <Record T>
class Producer {
 public:
  // Empty, as a WriteClass may be.
  Producer() noexcept = default;
  // Mostly made by Journal::producer<T>(). The statement must take the columns of T, or all pushes
  // are invalid_argument.
  Producer(WriteClass write_class, Statement statement) noexcept
      : class_(std::move(write_class)), statement_(statement) {}
  bool valid() const noexcept { return class_.valid(); }

  // One record: queued, queued with a receipt, waited for, or journaled.
  Status push(const T& record, const PushOptions& options = {}) const {
    return class_.push(statement_, encoded(record), options);
  }
  Result<Receipt> submit(const T& record, const PushOptions& options = {}) const {
    return class_.submit(statement_, encoded(record), options);
  }
  Result<Outcome> write(const T& record, const PushOptions& options = {}) const {
    return class_.write(statement_, encoded(record), options);
  }
  Result<Journaled> journal(const T& record, const PushOptions& options = {}) const {
    return class_.journal(statement_, encoded(record), options);
  }

  // The same four with a range of T as one unit, all or nothing. An empty range is
  // invalid_argument.
  template <detail::RangeOf<T> Range>
  Status push_group(Range&& records, const PushOptions& options = {}) const {
    return class_.push(group_of(records), options);
  }
  template <detail::RangeOf<T> Range>
  Result<Receipt> submit_group(Range&& records, const PushOptions& options = {}) const {
    return class_.submit(group_of(records), options);
  }
  template <detail::RangeOf<T> Range>
  Result<Outcome> write_group(Range&& records, const PushOptions& options = {}) const {
    return class_.write(group_of(records), options);
  }
  template <detail::RangeOf<T> Range>
  Result<Journaled> journal_group(Range&& records, const PushOptions& options = {}) const {
    return class_.journal(group_of(records), options);
  }

  // Adds to a group of several record types, which WriteClass::push, submit, write or journal then
  // takes.
  void add_to(Group& group, const T& record) const { group.add(statement_, encoded(record)); }

  // Where the records go, and as what.
  const WriteClass& write_class() const noexcept { return class_; }
  Statement statement() const noexcept { return statement_; }

 private:
  static const Row& encoded(const T& record) {
    Row& row = detail::encoding_row();
    encode(row, record);
    return row;
  }
  template <class Range>
  Group group_of(Range& records) const {
    Group group;
    for (const T& record : records) add_to(group, record);
    return group;
  }

  WriteClass class_;
  Statement statement_;
};

}  // namespace onelane::inline v0
