#include "onelane/status.h"

#include <stdexcept>

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
    case Errc::not_durable:
      return "not_durable";
    case Errc::internal:
      return "internal";
  }
  return "?";
}

Status::Status(Errc code, std::string message, int sqlite_code) {
  if (code == Errc::ok) return;
  failure_ = std::make_unique<Failure>(Failure{code, sqlite_code, std::move(message)});
}

std::unique_ptr<Status::Failure> Status::copy_of(const Failure& failure) {
  return std::make_unique<Failure>(failure);
}

const std::string& Status::message() const noexcept {
  static const std::string none;
  return ok() ? none : failure_->message;
}

std::string Status::to_string() const {
  std::string out(name(code()));
  if (!message().empty()) out += ": " + message();
  if (sqlite_code() != 0) out += " (sqlite " + std::to_string(sqlite_code()) + ")";
  return out;
}

void throw_bad_result(const Status& status) { throw std::runtime_error(status.to_string()); }

}  // namespace onelane::inline v0
