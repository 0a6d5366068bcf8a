// What an SQLSTATE of PostgreSQL means for a tick: one table, code or class -> fault.
//
// An error in a transaction aborts it, whatever its code. So what a failure left behind (Effect) is
// in no table: the call that failed knows whether a savepoint was there to roll back to.
#pragma once

#include <span>
#include <string_view>

#include "onelane/sink.h"

namespace onelane::inline v0::postgres {

struct FaultRow {
  std::string_view state;  // five characters, or the two of a class
  Fault fault;
  // What Status::constraint() is told by: SQLite's extended code of the same constraint; 0: none.
  int constraint = 0;
};

// A code comes before its class. A state without a row is a record's fault: functions raise them.
std::span<const FaultRow> fault_table() noexcept;

const FaultRow& row_of(std::string_view state) noexcept;
Errc errc_of(Fault fault) noexcept;

// Of a failure that `state` names. In a statement of ours no record is to blame: what would be a
// record's fault is the environment's there.
enum class Whose : unsigned char { a_units, ours };
Reply failure(std::string_view state, std::string_view message, Whose whose);

// A failure of our own making.
Reply reply_of(Fault fault, Effect effect, std::string_view message);

}  // namespace onelane::inline v0::postgres
