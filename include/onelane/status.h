// The error values of onelane: Status says whether a call succeeded, and if not, why; Result<T> is
// a value or such a reason.
//
// Every call that can fail returns one of the two, and the journal's failures are never thrown.
// Exceptions come out of the public API in three cases only:
//   - std::bad_alloc from what builds a value and cannot return an error: rows and groups,
//     histograms, to_string(), stats(), close()'s report and co_await. All other calls then return
//     Errc::storage, "out of memory".
//   - std::runtime_error from value(), * and -> of a Result that holds an error.
//   - What your own RecordTraits<T>::columns() throws. Nothing was pushed then.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace onelane::inline v0 {

// What kind of failure it is, for a program to branch on. The message is for people, and may
// change.
enum class Errc : std::uint8_t {
  ok,
  // The caller's mistake. The message names the thing, its value and what would be right. Trying
  // again does not help.
  invalid_argument,
  // The class is at its capacity: its WhenFull says reject, block_timeout is over, or the journal
  // is manual and cannot wait. Also a flush while 4,096 others wait. Later there may be room.
  full,
  // The call would have to wait, and on a manual journal nobody else runs ticks.
  would_block,
  // The time given ran out. What was waited for goes on, and may still happen.
  timed_out,
  // The unit's deadline came before a tick took it: it will never happen.
  expired,
  // The call would wait for the thread that makes it: in a job's step, on a thread of the journal's
  // own, within its close(), or in the handler of its events.
  in_lane,
  // The journal takes no more writes.
  closed,
  // A failure that only reopening can cure. The first error is in the message and in
  // JournalStats::poison. What was committed before stays committed.
  poisoned,
  // This process was forked after the journal was opened: the database is the parent's.
  forked,
  // Another journal, in this process or another, has this database.
  already_open,
  // Another connection holds SQLite's write lock.
  locked,
  // The record's own fault: a constraint, a type, a size; or what a job's step returned or threw.
  record,
  // The environment's fault: disk full, I/O error, out of memory, read-only. A journal goes on
  // trying; pushes are refused with this code while the store takes no commits at all.
  storage,
  // The database file is damaged, or is no database.
  corrupt,
  // The unit ended, but not as committed, and neither rejected, expired nor closed: Outcome::end
  // says how.
  not_committed,
  // It is committed, but a sync failed: a power cut may lose it.
  not_durable,
  // A unit of a class with an intake ended before it was journaled: its receipt says how.
  not_journaled,
  // A broken invariant of onelane itself: a bug.
  internal,
};

// The code's name as it is written above ("timed_out"). Stable. Of a number that is no code: "?".
std::string_view name(Errc code) noexcept;

// Which of a table's constraints refused a record. SQLite's codes have more kinds than a program
// tells apart.
enum class Constraint : std::uint8_t {
  none,         // no constraint did
  unique,       // UNIQUE, PRIMARY KEY, or the rowid
  foreign_key,  // also one that is deferred
  not_null,
  check,
  type,   // a value that a column of a STRICT table does not take
  other,  // RAISE() in a trigger, for instance
};

// The constraint's name as it is written above ("foreign_key"). Stable.
std::string_view name(Constraint constraint) noexcept;

// Success, or a failure: its kind, a message and SQLite's code. An ok one holds no memory and costs
// as much as an integer; copies of a failure share it. Copying, moving and making one never throws:
// where there is no memory for a message, it is "out of memory", and the codes stay. A value:
// copies may be used by different threads, one object is one thread's at a time.
class [[nodiscard]] Status {
 public:
  Status() noexcept = default;  // ok
  // `sqlite_code` is SQLite's extended result code, 0 if SQLite is not the one that failed. With
  // Errc::ok the message and the code are dropped.
  Status(Errc code, std::string_view message, int sqlite_code = 0) noexcept;
  // A status that was moved from is ok.
  Status(Status&& other) noexcept : failure_(std::exchange(other.failure_, 0)) {}
  Status(const Status& other) noexcept : failure_(other.ok() ? 0 : other.share()) {}
  Status& operator=(Status&& other) noexcept {
    Status taken(std::move(other));
    std::swap(failure_, taken.failure_);
    return *this;
  }
  Status& operator=(const Status& other) noexcept { return *this = Status(other); }
  ~Status() {
    if (!ok()) drop();
  }

  bool ok() const noexcept { return failure_ == 0; }
  Errc code() const noexcept;
  // SQLite's extended result code where SQLite was the one to fail, else 0.
  int sqlite_code() const noexcept;
  // What sqlite_code() says of constraints.
  Constraint constraint() const noexcept;
  // In plain words, with the names and values that matter; empty if ok. Valid until this status is
  // assigned to or destroyed.
  const std::string& message() const noexcept;
  // For a log: kind, message and SQLite's code in one line,
  // "record: UNIQUE constraint failed: peers.id (sqlite 2067)", or "ok".
  std::string to_string() const;

 private:
  struct Failure;
  const Failure* failure() const noexcept;  // null if there was no memory for it
  std::uintptr_t share() const noexcept;
  void drop() noexcept;

  // 0 if ok, as nearly all are: then cheap to pass on. Else where the failure is, shared by all
  // copies; or, odd, the codes themselves.
  std::uintptr_t failure_ = 0;
};

namespace detail {
// Throws std::runtime_error with the status's to_string().
[[noreturn]] void throw_bad_result(const Status& status);
// What a Result is that was made of an ok status.
Status neither_value_nor_error() noexcept;
}  // namespace detail

// A T, or the reason why there is none. Check it, by ok() or as a condition, before asking for the
// value: value(), `*` and `->` of a failed Result all throw std::runtime_error, whose what() is the
// status as to_string() has it. None of them is undefined. Moving a Result moves its value and
// leaves ok() as it was. As thread-safe as a T.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::move(value)) {}  // NOLINT(google-explicit-constructor)
  // Of a failure. An ok status is none, and makes the Result an invalid_argument.
  Result(Status status)  // NOLINT(google-explicit-constructor)
      : status_(std::move(status)) {
    if (status_.ok()) [[unlikely]]
      status_ = detail::neither_value_nor_error();
  }

  // Whether there is a value.
  bool ok() const noexcept { return value_.has_value(); }
  explicit operator bool() const noexcept { return ok(); }
  // ok if there is a value, else why not.
  const Status& status() const noexcept { return status_; }

  // The value; throws if there is none.
  T& value() & {
    if (!ok()) detail::throw_bad_result(status_);
    return *value_;
  }
  const T& value() const& {
    if (!ok()) detail::throw_bad_result(status_);
    return *value_;
  }
  T&& value() && {
    if (!ok()) detail::throw_bad_result(status_);
    return std::move(*value_);
  }
  // The same, and as strict.
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }

 private:
  std::optional<T> value_;
  Status status_;
};

}  // namespace onelane::inline v0
