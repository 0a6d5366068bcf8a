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
    case Errc::internal:
      return "internal";
  }
  return "?";
}

std::string Status::to_string() const {
  std::string out(name(code_));
  if (!message_.empty()) out += ": " + message_;
  if (sqlite_code_ != 0) out += " (sqlite " + std::to_string(sqlite_code_) + ")";
  return out;
}

void throw_bad_result(const Status& status) { throw std::runtime_error(status.to_string()); }

}  // namespace onelane::inline v0
