// A statement that a journal was given, prepared, and what is known of it.
#pragma once

#include "onelane/record.h"
#include "src/sqlite/connection/connection.h"
#include "src/sqlite/sink/program.h"

namespace onelane::inline v0::sqlite {

struct Registered {
  StatementSpec spec;
  Prepared prepared;
  int columns = 0;
  bool returns = false;  // rows
  Program program;
  // Whether a row of it may leave a deferred violation behind, as of the same preparation.
  bool may_defer = false;
};

// Prepares it, and compares its parameters with the columns of the spec.
Result<Registered> register_statement(Connection& connection, const StatementSpec& spec);

}  // namespace onelane::inline v0::sqlite
