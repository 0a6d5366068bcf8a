#include "onelane/status.h"

#include <array>
#include <atomic>
#include <new>
#include <stdexcept>

#include "src/base/immortal.h"

namespace onelane::inline v0 {

std::string_view name(Errc code) noexcept {
  switch (code) {
    case Errc::ok:
      return "ok";
    case Errc::invalid_argument:
      return "invalid_argument";
    case Errc::full:
      return "full";
    case Errc::would_block:
      return "would_block";
    case Errc::timed_out:
      return "timed_out";
    case Errc::expired:
      return "expired";
    case Errc::in_lane:
      return "in_lane";
    case Errc::closed:
      return "closed";
    case Errc::poisoned:
      return "poisoned";
    case Errc::forked:
      return "forked";
    case Errc::already_open:
      return "already_open";
    case Errc::locked:
      return "locked";
    case Errc::record:
      return "record";
    case Errc::storage:
      return "storage";
    case Errc::corrupt:
      return "corrupt";
    case Errc::not_committed:
      return "not_committed";
    case Errc::not_durable:
      return "not_durable";
    case Errc::not_journaled:
      return "not_journaled";
    case Errc::internal:
      return "internal";
  }
  return "?";
}

std::string_view name(Constraint constraint) noexcept {
  constexpr auto kNames = std::to_array<std::string_view>(
      {"none", "unique", "foreign_key", "not_null", "check", "type", "other"});
  return kNames[static_cast<std::size_t>(constraint)];
}

struct Status::Failure {
  Errc code;
  int sqlite_code;
  std::string message;
  mutable std::atomic<std::uint32_t> references{1};
};

namespace {

// failure_ holds a Failure's address or, if there was no memory for one, the two codes. The lowest
// bit, which no address has, tells them apart.
constexpr std::uintptr_t kCodesOnly = 1;
constexpr int kErrcShift = 1;
constexpr int kSqliteShift = 8;
constexpr std::uintptr_t kErrcMask = 0x7f;
static_assert(static_cast<std::uintptr_t>(Errc::internal) <= kErrcMask);
static_assert(sizeof(std::uintptr_t) * 8 - kSqliteShift >= 24, "SQLite's codes have 16 bits");

std::uintptr_t codes_only(Errc code, int sqlite_code) noexcept {
  return kCodesOnly | static_cast<std::uintptr_t>(code) << kErrcShift |
         static_cast<std::uintptr_t>(sqlite_code) << kSqliteShift;
}

}  // namespace

Status::Status(Errc code, std::string_view message, int sqlite_code) noexcept {
  if (code == Errc::ok) return;
  try {
    failure_ = reinterpret_cast<std::uintptr_t>(
        new Failure{.code = code, .sqlite_code = sqlite_code, .message = std::string(message)});
  } catch (const std::bad_alloc&) {
    failure_ = codes_only(code, sqlite_code);
  }
}

const Status::Failure* Status::failure() const noexcept {
  if (ok() || (failure_ & kCodesOnly) != 0) return nullptr;
  return reinterpret_cast<const Failure*>(failure_);  // NOLINT(performance-no-int-to-ptr)
}

std::uintptr_t Status::share() const noexcept {
  const Failure* shared = failure();
  if (shared != nullptr) shared->references.fetch_add(1, std::memory_order_relaxed);
  return failure_;
}

void Status::drop() noexcept {
  const Failure* shared = failure();
  if (shared == nullptr) return;
  if (shared->references.fetch_sub(1, std::memory_order_acq_rel) == 1) delete shared;
}

Errc Status::code() const noexcept {
  if (const Failure* known = failure(); known != nullptr) return known->code;
  return static_cast<Errc>(failure_ >> kErrcShift & kErrcMask);
}

int Status::sqlite_code() const noexcept {
  if (const Failure* known = failure(); known != nullptr) return known->sqlite_code;
  return static_cast<int>(failure_ >> kSqliteShift);
}

// SQLITE_CONSTRAINT | kind << 8. Such codes never change, and this floor does not know sqlite3.h.
Constraint Status::constraint() const noexcept {
  constexpr int kConstraint = 19;
  const int code = sqlite_code();
  if ((code & 0xff) != kConstraint) return Constraint::none;
  switch (code >> 8) {
    case 1:
      return Constraint::check;
    case 3:
      return Constraint::foreign_key;
    case 5:
      return Constraint::not_null;
    case 6:   // PRIMARY KEY
    case 8:   // UNIQUE
    case 10:  // rowid
      return Constraint::unique;
    case 12:
      return Constraint::type;
    default:
      return Constraint::other;
  }
}

const std::string& Status::message() const noexcept {
  if (const Failure* known = failure(); known != nullptr) return known->message;
  // Both are short enough for the string object itself, so they allocate nothing.
  static const base::Immortal<std::string> none;
  static const base::Immortal<std::string> no_memory("out of memory");
  return ok() ? *none : *no_memory;
}

std::string Status::to_string() const {
  std::string out(name(code()));
  if (!message().empty()) out += ": " + message();
  if (sqlite_code() != 0) out += " (sqlite " + std::to_string(sqlite_code()) + ")";
  return out;
}

namespace detail {

void throw_bad_result(const Status& status) { throw std::runtime_error(status.to_string()); }

Status neither_value_nor_error() noexcept {
  return {Errc::invalid_argument, "a Result was made of a status that is ok: it has no value"};
}

}  // namespace detail

}  // namespace onelane::inline v0
