// The error value of onelane. Nothing in the public API throws, but for std::bad_alloc out of what
// has no other way to say so (stats, and putting a row together); every call that can fail returns
// a Status or a Result<T>. Both are values: copy, move and keep them as you like, from any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace onelane::inline v0 {

// What kind of failure it is, for a program to branch on. The message is for people.
enum class Errc : std::uint8_t {
  ok,
  invalid_argument,  // the caller's mistake: the message names the thing, its value, what is right
  full,              // the class is at its capacity and its policy (or the manual drive) says no
  would_block,       // the call would have to wait, and on a manual journal nobody else runs ticks
  timed_out,         // the time given ran out; what was waited for may still happen
  in_lane,           // waiting inside the lane (in a job's step) would wait for itself
  closed,            // the journal no longer takes writes
  poisoned,          // a failure that only reopening can cure; the first error is in the message
  forked,            // this process was forked after the journal was opened
  already_open,      // another journal, here or in another process, has this database
  locked,            // another connection holds SQLite's write lock
  record,            // the record's own fault: a constraint, a type, a size
  storage,           // the environment's fault: disk full, I/O error, out of memory, read-only
  corrupt,           // the database file is damaged, or is no database
  not_durable,       // it is committed, but a sync failed: a power cut may lose it
  internal,          // a broken invariant of onelane itself
};

// A stable, lower-case name of the code ("timed_out").
std::string_view name(Errc code) noexcept;

// Never throws: where there is no memory for a message, it is "out of memory", and the codes stay.
class [[nodiscard]] Status {
 public:
  Status() noexcept = default;                                                // ok
  Status(Errc code, std::string_view message, int sqlite_code = 0) noexcept;  // ok if code is
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
  const std::string& message() const noexcept;
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

// Raised by Result<T>::value() when there is none: the one place where a caller can ask for a
// throw.
[[noreturn]] void throw_bad_result(const Status& status);

// A value, or the reason why there is none. value() on an error throws std::runtime_error.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::move(value)) {}          // NOLINT(google-explicit-constructor)
  Result(Status status) : status_(std::move(status)) {}  // NOLINT(google-explicit-constructor)

  bool ok() const noexcept { return value_.has_value(); }
  explicit operator bool() const noexcept { return ok(); }
  const Status& status() const noexcept { return status_; }

  T& value() & {
    if (!ok()) throw_bad_result(status_);
    return *value_;
  }
  const T& value() const& {
    if (!ok()) throw_bad_result(status_);
    return *value_;
  }
  T&& value() && {
    if (!ok()) throw_bad_result(status_);
    return std::move(*value_);
  }
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
