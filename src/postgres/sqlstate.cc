#include "src/postgres/sqlstate.h"

#include <algorithm>
#include <array>

namespace onelane::inline v0::postgres {

namespace {

using enum Fault;

// SQLITE_CONSTRAINT | kind << 8: numbers that never change.
constexpr int kConstraint = 19;
constexpr int kCheck = kConstraint | 1 << 8;
constexpr int kForeignKey = kConstraint | 3 << 8;
constexpr int kNotNull = kConstraint | 5 << 8;
constexpr int kTrigger = kConstraint | 7 << 8;
constexpr int kUnique = kConstraint | 8 << 8;
constexpr int kDatatype = kConstraint | 12 << 8;

constexpr std::array kTable = std::to_array<FaultRow>({
    {"08P01", record},          // a number of parameters that the statement does not have
    {"08", environment},        // the connection
    {"22", record, kDatatype},  // a value that its type does not take
    {"23001", record, kForeignKey},
    {"23502", record, kNotNull},
    {"23503", record, kForeignKey},
    {"23505", record, kUnique},
    {"23514", record, kCheck},
    {"23", record, kTrigger},  // also exclusion constraints
    {"25006", read_only},      // a standby, or default_transaction_read_only
    {"25P02", environment},    // the transaction is aborted: its cause was told before
    {"25P03", environment},    // idle in a transaction for too long: the connection is gone
    {"26000", environment},    // a prepared statement is gone: begin() makes a new connection
    {"28", environment},       // authorization
    {"40001", conflict},       // serialization failure
    {"40P01", conflict},       // deadlock
    {"40002", record, kTrigger},
    {"40", environment},
    {"44", record, kCheck},       // WITH CHECK OPTION
    {"53", environment},          // disk full, out of memory, too many connections
    {"55P03", busy},              // lock_timeout
    {"55006", busy},              // an object is in use
    {"57014", environment},       // statement_timeout, or somebody cancelled it
    {"57", environment},          // shutdown, crash, cannot connect now, database dropped
    {"58P01", environment},       // a file is missing
    {"58", environment},          // I/O errors
    {"72000", busy},              // snapshot too old
    {"F0", environment},          // the server's configuration
    {"HV", environment},          // a foreign server
    {"P0001", record, kTrigger},  // RAISE
    {"XX001", corrupt},
    {"XX002", corrupt},
    {"XX", environment},  // "internal error", of which many pass
});
constexpr FaultRow kOther{"", record};
// What libpq says itself has none: the connection is lost, or there is no memory.
constexpr FaultRow kNone{"", environment};

}  // namespace

std::span<const FaultRow> fault_table() noexcept { return kTable; }

const FaultRow& row_of(std::string_view state) noexcept {
  if (state.empty()) return kNone;
  const FaultRow* of_class = &kOther;
  for (const FaultRow& row : kTable) {
    if (row.state == state) return row;
    if (row.state.size() == 2 && state.starts_with(row.state)) of_class = &row;
  }
  return *of_class;
}

Errc errc_of(Fault fault) noexcept {
  switch (fault) {
    case none:
      return Errc::ok;
    case record:
      return Errc::record;
    case busy:
    case conflict:
      return Errc::locked;
    case corrupt:
      return Errc::corrupt;
    case internal:
      return Errc::internal;
    case environment:
    case read_only:
    case sync:
      break;
  }
  return Errc::storage;
}

Reply failure(std::string_view state, std::string_view message, Whose whose) {
  const FaultRow& row = row_of(state);
  const bool ours = whose == Whose::ours && row.fault == record;
  Reply reply;
  reply.fault = ours ? environment : row.fault;
  reply.effect = Effect::ended;
  std::string words(message);
  if (!state.empty()) words += " (SQLSTATE " + std::string(state) + ")";
  reply.cause = {errc_of(reply.fault), words, ours ? 0 : row.constraint};
  return reply;
}

Reply reply_of(Fault fault, Effect effect, std::string_view message) {
  Reply reply;
  reply.fault = fault;
  reply.effect = effect;
  reply.cause = {errc_of(fault), message};
  return reply;
}

}  // namespace onelane::inline v0::postgres
