// What SQLite's program for a statement shows of it. EXPLAIN lists the program's opcodes, which
// differ between versions: an opcode that is not known here counts against the statement.
#pragma once

#include <sqlite3.h>

#include <string_view>

namespace onelane::inline v0::sqlite {

class Connection;

// What is known, as of the re-prepare count in `preparation`.
struct Program {
  // A failure by the record's fault comes before the statement's first write, so that it leaves
  // nothing behind, whatever the conflict clause.
  bool fails_before_it_writes = false;
  // The exception is SQLITE_TOOBIG: OR REPLACE deletes rows before the size of the new one is
  // known.
  bool may_outgrow_later = true;
  // A row that it changes is one that it inserts, into a table that has rowids.
  bool only_inserts = false;
  int preparation = -1;

  // SQLite prepares a statement anew within a step, when the schema has changed; the program that
  // then ran is not this one.
  bool is_of(sqlite3_stmt* statement) const noexcept {
    return preparation == preparation_of(statement);
  }
  static int preparation_of(sqlite3_stmt* statement) noexcept {
    return sqlite3_stmt_status(statement, SQLITE_STMTSTATUS_REPREPARE, 0);
  }
};

// SQLite undoes a failed statement only where it had opened a statement journal, and it opens none
// where no constraint aborts: a statement of several rows under OR IGNORE, OR REPLACE or OR FAIL
// can leave rows behind. A program is safe without one if no way leads from a write to an opcode
// that can refuse the record. Programs that run triggers or foreign key actions, or write to
// virtual tables, never count as safe.
//
// If the statement cannot be explained, nothing is known of it.
Program program_of(Connection& connection, sqlite3_stmt* statement);

}  // namespace onelane::inline v0::sqlite
