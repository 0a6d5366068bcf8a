// A statement that a journal was given, prepared, and what is known of it.
#pragma once

#include "onelane/record.h"
#include "src/sqlite/connection.h"

namespace onelane::sqlite {

struct Registered {
  StatementSpec spec;
  Prepared prepared;
  int columns = 0;
  // Whether a row of it may leave a deferred violation behind, as of its so-and-so-manieth
  // preparation.
  bool may_defer = false;
  int preparation = 0;

  // How often SQLite has prepared it anew by itself.
  int preparation_now() const noexcept {
    return sqlite3_stmt_status(prepared.get(), SQLITE_STMTSTATUS_REPREPARE, 0);
  }
};

// Prepares it, and holds it against what is said of its columns.
Result<Registered> register_statement(Connection& connection, const StatementSpec& spec);

// Only where foreign keys are enforced.
void look_for_deferred_keys(Connection& connection, Registered& registered);

}  // namespace onelane::sqlite
