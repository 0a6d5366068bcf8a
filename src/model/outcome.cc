#include <string>

#include "onelane/receipt.h"

namespace onelane::inline v0 {

namespace {

std::string steps_of(const Outcome& outcome) {
  return outcome.steps == 0 ? "" : " after " + std::to_string(outcome.steps) + " steps";
}

}  // namespace

Status Outcome::status() const {
  switch (end) {
    case End::committed:
    case End::rejected:
      return cause;
    case End::expired:
      return {Errc::expired, "the deadline came before a tick took the unit"};
    case End::closed:
      return cause.ok() ? Status(Errc::closed, "the journal ended before the unit was started")
                        : cause;
    case End::superseded:
    case End::dropped:
    case End::cancelled:
    case End::incomplete:
    case End::unknown:
    case End::carried:
      break;
  }
  return {Errc::not_committed, "the unit ended as " + to_string(), cause.sqlite_code()};
}

std::string Outcome::to_string() const {
  std::string out(name(end));
  if (committed()) out += " in commit " + std::to_string(commit);
  out += steps_of(*this);
  if (!cause.ok()) out += ": " + cause.to_string();
  return out;
}

Status status_of(const Result<Outcome>& written) {
  return written ? written->status() : written.status();
}

}  // namespace onelane::inline v0
